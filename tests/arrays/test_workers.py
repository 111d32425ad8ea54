"""Threads that meet at every turn, and threads where the system gives less than was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from kcfg.arrays import cast as casting
from kcfg.arrays import files, workers
from kcfg.arrays import prod as multiplying
from kcfg.arrays.plan import plan_elementwise
from tests.support.probes import needs_fork

ADDRESSES = 1 << 30
"""Bytes that a process may map: room for numpy and a few threads, not for 500 of them."""


@pytest.fixture
def restless():
    """The interpreter goes from thread to thread as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(
    ("dtype", "shape", "axis"),
    [
        pytest.param("f8", (9000, 4), 0, id="parts-of-columns"),
        pytest.param("c8", (300, 60), 0, id="parts-of-complex-columns"),
        pytest.param("f4", (3, 9000), 1, id="a-few-rows"),
        pytest.param("i4", (30000,), None, id="one-run"),
    ],
)
def test_no_tile_is_taken_twice(tmp_path, monkeypatch, restless, dtype, shape, axis, threads):
    """Who has computed a tile may find the next one ready just as somebody else does."""
    monkeypatch.setattr(multiplying, "TILE_BYTES", 2000)
    path = str(tmp_path / "x.npy")
    away = np.random.default_rng(9).integers(-20, 20, shape)
    np.save(path, (1 + away * (2 if dtype == "i4" else 0.001)).astype(dtype))
    want = np.prod(np.load(path), axis=axis)
    for _ in range(30):
        got = multiplying.prod(path, axis=axis, threads=threads)
        assert got.tobytes() == want.tobytes()


class LateWithTheFirst(workers.Apart):
    """Who takes the first task goes on with it only when somebody else has failed."""

    def one_task(self, task, buffer, scratch):
        while task == 0 and not self.stopped:
            time.sleep(0.001)
        super().one_task(task, buffer, scratch)


def test_a_tile_that_was_taken_is_prepared_though_a_later_one_was_refused(tmp_path):
    path = str(tmp_path / "x.npy")
    np.save(path, np.full(100, 0.1, "f4"))
    plan = plan_elementwise(100, 10)
    with files.open_input(path) as source:
        dtypes = np.dtype("f4"), np.dtype("f2")
        job = casting.CastJob(
            plan, *dtypes, files.MemorySink(100, np.dtype("f2")), exact=True, where=path
        )
        running = LateWithTheFirst(plan, source, job, 2)
        running.in_threads(2, None)
    assert "element 0 " in str(running.error)


@needs_fork
@pytest.mark.parametrize(
    ("threads", "status", "more"), [("1", 0, 0), *(("500", 2, more) for more in range(6))]
)
def test_too_many_threads_for_the_machine_are_told_in_a_line(tmp_path, threads, status, more):
    import resource

    most = ADDRESSES + more * 1_300_000  # less than a stack, so that it ends at different places

    path, out = tmp_path / "x.npy", tmp_path / "o.npy"
    with path.open("wb") as file:
        fields = {"descr": "<f4", "fortran_order": False, "shape": (1 << 18, 1 << 10)}
        np.lib.format.write_array_header_1_0(file, fields)
        file.truncate(file.tell() + (4 << 28))
    command = ["prod", path, "--axis", "1", "-o", out, "--threads", threads]
    done = subprocess.run(
        [sys.executable, "-m", "kcfg", *command],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
    )
    assert done.returncode == status, done.stderr
    if status:
        assert done.stderr.startswith("kcfg: there is not enough ")
        assert done.stderr.endswith(" here for 500 threads; ask for fewer: --threads 1\n")
        assert os.listdir(tmp_path) == ["x.npy"]
    else:
        assert done.stderr == ""
        assert not np.load(out).any()


ALONE = """
import resource, sys, threading
from kcfg.arrays import executor, plan, workers

def leave_free(mebibytes):
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + (mebibytes << 20),) * 2)

class Source:
    sequential = stopped = False
    reads = 0

    def read(self, start, into):
        self.reads += 1

class Job:
    itemsize = parts = 1

    def prepare(self, *_): pass
    def compute(self, *_): pass
    def settled(self, _): return False
    def finish(self, *_): pass
    def stop(self): pass
"""
"""A process that takes its own memory away."""


@needs_fork
@pytest.mark.parametrize(("mebibytes", "starts"), [(100, False), (200, True)])
def test_no_thread_starts_that_might_lack_memory_as_it_begins(mebibytes, starts):
    """Its stack and its heap may leave it nothing: then it would end unseen, and be waited for."""
    code = f"""
leave_free({mebibytes})
workers._start([threading.Thread(target=lambda: print("began"))])
"""
    ran = subprocess.run(
        [sys.executable, "-c", ALONE + code], capture_output=True, text=True, timeout=30
    )
    assert ran.stdout == ("began\n" if starts else "")
    assert ("KcfgError: there is not enough room here" in ran.stderr) is not starts


@needs_fork
def test_no_thread_begins_before_all_are_started():
    code = """
leave_free(1000)
source = Source()
tiles = plan.plan_elementwise(1 << 20, 1 << 8)
try:
    executor.run(tiles, source, Job(), threads=500, progress=None)
except workers.KcfgError:
    print(source.reads)
"""
    ran = subprocess.run(
        [sys.executable, "-c", ALONE + code], capture_output=True, text=True, timeout=30
    )
    assert (ran.stdout, ran.stderr) == ("0\n", "")


def test_a_buffer_that_no_machine_has_is_a_lack_of_memory():
    with pytest.raises(MemoryError):
        workers.memory(1 << 62)


def test_a_buffer_can_be_written_and_starts_empty():
    buffer = workers.memory(5 << 20)
    assert len(buffer) == 5 << 20
    assert not any(buffer[:: 1 << 12])
    buffer[-1] = 7
    assert buffer[-1] == 7
