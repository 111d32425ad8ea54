"""A cluster in the middle of its work: workers, schedulers and clients that end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.arrays.support import bits, numbers, zeros
from tests.support.cluster import COLUMNS, ROWS, finished, has_open, needs_dask
from tests.support.command import is_one_line
from tests.support.home import ROOT, coverage_variables
from tests.support.runs import wait_for

pytestmark = needs_dask


DEADLY = """
import os, signal

def reading(real):
    def read(fd, into, offset, *rest):
        if offset > 1_000_000:  # in the middle of a task; a look at the file before work goes well
            os.kill(os.getpid(), signal.SIGKILL)
        return real(fd, into, offset, *rest)
    return read

os.pread, os.preadv = reading(os.pread), reading(os.preadv)
"""
"""The `sitecustomize` of a worker that dies while it works, however fast the machine is."""


@pytest.mark.parametrize(
    ("factors", "arguments"),
    [
        pytest.param([1, -1], ["--axis", "1", "--dtype", "complex128", "-o", "OUT"], id="written"),
        pytest.param([1, -1, 3], ["--dtype", "int64"], id="parts-that-travel"),
    ],
)
def test_a_killed_worker_costs_only_its_tasks(tmp_path, own, start, factors, arguments):
    rows = np.random.default_rng(0).choice(np.array(factors, "i1"), (500, 100_000))
    np.save(tmp_path / "x.npy", rows)
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(DEADLY)
    dies = own.worker("dies", PYTHONPATH=f"{site}{os.pathsep}{ROOT}")
    own.worker("stays")
    own.has_workers(2)
    given = [str(tmp_path / "o.npy") if part == "OUT" else part for part in arguments]
    running = start("prod", tmp_path / "x.npy", *given, "--json", "--cluster", own.address)
    done = finished(running)
    assert done.returncode == 0, done.stderr
    assert dies.wait(30) == -signal.SIGKILL
    said = json.loads(done.stdout)
    assert said["workers"] == 2
    if "-o" in given:
        want = np.prod(rows, axis=1, dtype=np.complex128)
        assert bits(np.load(tmp_path / "o.npy")) == bits(want)
    else:
        assert said["data"] == int(np.prod(rows, dtype=np.int64))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_gives_the_cluster_back(tmp_path, own, large, number, start):
    worker = own.worker("1")
    own.has_workers(1)
    out = large.parent / "o.npy"
    running = start("prod", large, "--axis", "1", "-o", out, "--cluster", own.address)
    wait_for(lambda: has_open(worker, large), 30, "it never worked")
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    other = start("prod", tmp_path / "x.npy", "--axis", "0", "--cluster", own.address)
    os.killpg(running.pid, number)
    done = finished(running, 15)
    assert (done.returncode, done.stderr) == (-number, "")
    assert os.listdir(large.parent) == ["large.npy"]
    wait_for(lambda: not has_open(worker, large), 10, "the worker goes on")
    assert finished(other).returncode == 0, "another client was disturbed"
    wait_for(lambda: own.under_way() == ({"1": 0}, 0), 10, "tasks stay")
    again = start("prod", tmp_path / "x.npy", "--cluster", own.address)
    assert finished(again).returncode == 0


@pytest.mark.slow
def test_a_scheduler_that_dies_is_one_line(tmp_path, own, large, start):
    worker = own.worker("1")
    own.has_workers(1)
    out = large.parent / "o.npy"
    running = start("prod", large, "--axis", "1", "-o", out, "--cluster", own.address)
    wait_for(lambda: has_open(worker, large), 30, "it never worked")
    own.scheduler.kill()
    done = finished(running, 40)
    assert (done.returncode, is_one_line(done.stderr)) == (2, True)
    assert "the connection to the scheduler was lost" in done.stderr
    assert os.listdir(large.parent) == ["large.npy"]


def test_two_clients_at_once(tmp_path, dask, start):
    path = tmp_path / "x.npy"
    np.save(path, numbers("f4", (2000, 3000)))
    want = np.load(path)
    given = {
        dtype: ("cast", path, dtype, "-o", tmp_path / f"{dtype}.npy", "--cluster", dask.address)
        for dtype in ("float16", "float64", "int32")
    }
    running = {dtype: start(*arguments) for dtype, arguments in given.items()}
    for dtype, process in running.items():
        done = finished(process)
        assert (done.returncode, done.stderr) == (0, "")
        assert bits(np.load(tmp_path / f"{dtype}.npy")) == bits(want.astype(dtype))


# `local:N`


@pytest.fixture
def local(tmp_path, start):
    """Start `kcfg` on processes of its own, and say what it leaves behind."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environ = {"TMPDIR": str(temporary), "HOME": str(temporary)}

    def run(*arguments, **changed):
        return start(*arguments, "--cluster", "local:2", environ=environ | changed)

    yield run
    assert [name for name in os.listdir(temporary) if name != ".config"] == []


def children(process):
    """Processes of its session: its workers, and what they started."""

    def is_one(pid):
        with contextlib.suppress(OSError):
            return os.getsid(pid) == process.pid != pid
        return False

    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and is_one(int(pid))]


def test_local_workers_come_and_go(tmp_path, local):
    np.save(tmp_path / "x.npy", numbers("f4", (400, 500)))
    process = local("prod", tmp_path / "x.npy", "--axis", "0", "--json")
    done = finished(process)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["workers"] == 2
    wait_for(lambda: not children(process), 10, "a process is left")


@pytest.mark.slow
def test_local_workers_go_with_an_interrupted_run(large, local):
    process = local("prod", large, "--axis", "1", "-o", large.parent / "o.npy")

    def is_working():
        return any(has_open(pid, large) for pid in children(process))

    wait_for(is_working, 60, "it never worked")
    os.killpg(process.pid, signal.SIGINT)
    done = finished(process, 30)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
    assert os.listdir(large.parent) == ["large.npy"]
    wait_for(lambda: not children(process), 15, "a process is left")


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 0.2, 0.7, 1.2, 1.9])
def test_local_workers_may_be_interrupted_while_they_start(tmp_path, local, seconds):
    vast = tmp_path / "vast.npy"
    zeros(vast, (ROWS, 10 * COLUMNS))  # however fast the machine, it isn't through by then
    unmeasured = dict.fromkeys(coverage_variables())
    process = local("prod", vast, "--axis", "1", **unmeasured)
    # On a busy machine Python itself begins late, and may lose a Ctrl-C that meets no kcfg yet.
    maps = Path(f"/proc/{process.pid}/maps")
    if maps.exists():
        wait_for(lambda: "numpy" in maps.read_text(), 15, "numpy is not loaded")
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    done = finished(process, 30)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
    wait_for(lambda: not children(process), 15, "a process is left")
