"""The same plan on a Dask cluster: a real scheduler and real workers, started from outside."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from kcfg.arrays import cast as casting
from kcfg.arrays import cluster, cluster_run, executor, files, info, kernels
from kcfg.arrays import cluster_tasks as tasks
from kcfg.arrays import prod as multiplying
from kcfg.arrays.plan import memory_axes, plan_prod
from kcfg.problems import KcfgError
from tests.arrays.support import DTYPES, bits, numbers
from tests.support.command import is_one_line
from tests.support.home import ROOT
from tests.support.probes import needs, needs_fork, needs_mounts
from tests.support.runs import wait_for

pytestmark = [
    needs(importlib.util.find_spec("distributed") is not None, "Dask: pip install 'kcfg[dask]'"),
    needs_fork,
    pytest.mark.filterwarnings("default"),  # Dask's own
]

ROWS = 300  # of the large, sparse array


class Dask:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, directory, tree=ROOT):
        self.directory = directory
        kept = ("PATH", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")
        self.environ = {name: os.environ[name] for name in kept if name in os.environ}
        self.environ |= {
            "HOME": str(directory),
            "TMPDIR": str(directory),
            "DASK_CONFIG": str(directory / "config"),
            "PYTHONPATH": str(tree),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.processes = []
        self.scheduler_file = directory / "scheduler.json"
        self.scheduler = self.start(
            *("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
            *("--scheduler-file", str(self.scheduler_file)),
        )
        wait_for(self._has_address, 60, self.log())
        self.address = json.loads(self.scheduler_file.read_text())["address"]

    def _has_address(self):
        return self.scheduler_file.exists() and self.scheduler_file.read_text().endswith("}")

    def start(self, *arguments, prefix=(), **environ):
        log = (self.directory / f"log-{len(self.processes)}").open("wb")
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "dask", *arguments],
            env=self.environ | environ,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        self.processes.append(process)
        return process

    def worker(self, name="", prefix=(), **environ):
        return self.start(
            *("worker", self.address, "--host", "127.0.0.1", "--no-nanny", "--nthreads", "1"),
            *("--no-dashboard", "--local-directory", str(self.directory / f"scratch-{name}")),
            prefix=prefix,
            **environ,
        )

    def has_workers(self, count):
        with cluster.Cluster(self.address) as found:
            found.connect()
            wait_for(lambda: len(found.nthreads()) == count, 60, self.log())

    def log(self):
        return "\n".join(log.read_text() for log in sorted(self.directory.glob("log-*")))

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


def kcfg(*arguments, environ=None, **options):
    """Start `kcfg`; its own process group, so that a signal meets it and its children."""
    kept = ("PATH", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START", "HOME", "TMPDIR")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **(environ or {})}
    options = {"stdin": subprocess.DEVNULL} | options
    return subprocess.Popen(
        [sys.executable, "-m", "kcfg", *map(str, arguments)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def finished(process, timeout=60):
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """Two workers that nobody harms."""
    started = Dask(tmp_path_factory.mktemp("dask"))
    try:
        started.worker("1")
        started.worker("2")
        started.has_workers(2)
        yield started
    finally:
        started.close()


@pytest.fixture
def own(tmp_path):
    """A scheduler for one test, which starts its own workers."""
    directory = tmp_path / "dask"
    directory.mkdir()
    started = Dask(directory)
    yield started
    started.close()


@pytest.fixture
def workers(dask):
    with cluster.Cluster(dask.address) as found:
        yield found


@pytest.fixture
def small(monkeypatch):
    """Small tiles and small stretches, so that small arrays make many of both."""
    monkeypatch.setattr(multiplying, "TILE_BYTES", 600)
    monkeypatch.setattr(casting, "TILE_BYTES", 600)
    monkeypatch.setattr(info, "TILE_BYTES", 600)
    monkeypatch.setattr(cluster, "SMALLEST_STRETCH", 1500)
    monkeypatch.setattr(cluster, "LARGEST_STRETCH", 1500)
    monkeypatch.setattr(cluster_run, "PARTIAL_SHARE", 1)


@pytest.fixture
def large(tmp_path):
    """3 GB of zeros that are nowhere: seconds of work for two workers."""
    path = tmp_path / "data" / "large.npy"
    path.parent.mkdir()
    columns = 1_250_000
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f8", "fortran_order": False, "shape": (ROWS, columns)}
        )
        file.truncate(file.tell() + ROWS * columns * 8)
    return path


def run_prod(path, axis, dtype=None, out=None, **options):
    with files.open_input(str(path)) as source:
        axes = multiplying.normalize_axes(axis, source.header, str(path))
        return multiplying.run(
            source,
            axes,
            dtype=dtype,
            keepdims=False,
            out=out,
            overwrite=False,
            threads=None,
            progress=options.pop("progress", None),
            **options,
        )


def has_open(process, path):
    """Is this process just reading the file?"""
    directory = f"/proc/{getattr(process, 'pid', process)}/fd"
    try:
        for fd in os.listdir(directory):
            with contextlib.suppress(OSError):
                if os.readlink(f"{directory}/{fd}") == str(path):
                    return True
    except OSError:
        return False  # it is gone
    return False


# The same bits


FORMS = [
    pytest.param((17, 33), "C", None, id="all"),
    pytest.param((17, 33), "C", 0, id="down"),
    pytest.param((17, 133), "F", 0, id="fortran-down"),
    pytest.param((40, 3, 5), "C", 1, id="middle"),
    pytest.param((40, 3, 5), "F", (0, 2), id="two-axes"),
    pytest.param((3, 900), "C", -1, id="long-rows"),
    pytest.param((900, 3), "C", 1, id="short-rows"),
]


@pytest.mark.parametrize(("shape", "order", "axis"), FORMS)
def test_products_have_numpys_bits(tmp_path, small, workers, shape, order, axis):
    for dtype in DTYPES:
        path = tmp_path / "x.npy"
        np.save(path, np.asarray(numbers(dtype, shape), order=order))
        with np.errstate(all="ignore"):
            want = np.asarray(np.prod(np.load(path), axis=axis))
        here = run_prod(path, axis)
        got = run_prod(path, axis, execute=workers.run)
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        assert bits(got.array) == bits(want), (dtype, shape, order, axis)
        assert got.losses == here.losses
    assert workers.tasks >= len(DTYPES)


@pytest.mark.parametrize("target", ["f2", "f4", "i1", "c8"])
def test_casts_have_numpys_bits(tmp_path, small, workers, target):
    for dtype in DTYPES[1::3] if target in ("i1", "c8") else DTYPES[::2]:
        path, out = tmp_path / "x.npy", tmp_path / f"{dtype}.npy"
        odd = numbers(dtype, (31, 70), spread=40.0)
        np.save(path, np.asarray(odd, order="F"))
        results = []
        for options in ({}, {"execute": workers.run, "out": str(out)}):
            with files.open_input(str(path)) as source:
                results.append(
                    casting.run(
                        source,
                        np.dtype(target),
                        exact=False,
                        overwrite=False,
                        threads=None,
                        progress=None,
                        **({"out": None} | options),
                    )
                )
        got = np.load(out)
        assert bits(got) == bits(results[0].array), dtype
        assert got.flags.f_contiguous
        assert results[0].losses == results[1].losses


def test_statistics_are_one_machines(tmp_path, small, workers):
    for dtype in ("f4", "i2", "c16", ">f8", "?"):
        path = tmp_path / "x.npy"
        values = numbers(dtype, (57, 91), spread=9.0)
        if values.dtype.kind == "f":
            values[3, 5], values[50, 1], values[0, 0] = np.nan, np.inf, 0
        np.save(path, values)
        with files.open_input(str(path)) as source:
            here = info.stats(source, threads=1, progress=None)
            got = info.stats(source, threads=None, progress=None, execute=workers.run)
        assert got == here


@pytest.mark.parametrize(
    ("dtype", "divided"),
    [
        pytest.param("i4", True, id="integers-are-associative"),
        pytest.param("?", True, id="bools-are-associative"),
        pytest.param("f8", False, id="floats-keep-their-order"),
        pytest.param("c8", False, id="complex-keep-their-order"),
    ],
)
def test_only_integers_are_divided_along_the_axis(tmp_path, small, workers, dtype, divided):
    np.save(tmp_path / "x.npy", numbers(dtype, (9000,)))
    got = run_prod(tmp_path / "x.npy", None, execute=workers.run)
    assert bits(got.array) == bits(np.asarray(np.prod(np.load(tmp_path / "x.npy"))))
    assert (workers.tasks > 1) == divided


def test_a_product_that_is_zero_needs_no_more_tasks(tmp_path, small, workers):
    values = np.full(1_000_000, 2, np.int64)
    np.save(tmp_path / "x.npy", values)
    got = run_prod(tmp_path / "x.npy", None, execute=workers.run)
    assert got.array == 0
    assert 0 < workers.tasks < 200  # of 5334 stretches


@pytest.mark.parametrize(("shape", "order", "axis"), FORMS)
@pytest.mark.parametrize("associative", [True, False])
@pytest.mark.parametrize("budget", [1, 700, 10_000])
def test_stretches_have_every_step_once(shape, order, axis, associative, budget):
    axes = multiplying.normalize_axes(axis, np_header(shape), "x")
    lengths, reduced = memory_axes(shape, axes, fortran=order == "F")
    plan = plan_prod(lengths, reduced, 40)
    found = []
    for stretch in cluster_run.stretches(plan, 8, associative=associative, budget=budget):
        part = tasks.StretchedPlan(plan, stretch)
        steps = list(part.steps_interleaved(1))
        assert len(steps) == part.steps
        assert steps[0].first
        assert steps[-1].last
        assert associative or stretch.end - stretch.begin == plan.steps_per_task
        found += [(step.start, step.size) for step in steps]
    assert sorted(found) == sorted((s.start, s.size) for s in plan.steps_in_file_order())


def np_header(shape):
    class Header:
        pass

    header = Header()
    header.shape = shape
    return header


def test_a_task_is_about_a_kilobyte(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    np.save(path, numbers("f4", (3, 4, 5)))
    sizes = []

    def measure(plan, source, job, **_):
        target = tasks.Target("/" + "o" * 60, 10**12, 128, True)
        errand = tasks.Errand(
            "/" + "x" * 60, tasks.seen(source), plan.replace(), job, target, tasks.setting(), None
        )
        sizes.append(len(pickle.dumps(errand, protocol=4)))
        executor.run(plan, source, job, **_)

    run_prod(path, 1, execute=measure)
    with files.open_input(str(path)) as source:
        casting.run(
            source, np.dtype("f2"), exact=False, out=None, overwrite=False, threads=None,
            progress=None, execute=measure,
        )  # fmt: skip
        info.stats(source, threads=None, progress=None, execute=measure)
    assert max(sizes) < 2000, sizes


def test_results_that_are_too_many_to_travel(tmp_path, workers, monkeypatch):
    monkeypatch.setattr(cluster, "TRAVEL_BYTES", 100)
    np.save(tmp_path / "x.npy", numbers("f4", (30, 4)))
    with pytest.raises(KcfgError, match=r"120 bytes of results are too many.*-o OUT"):
        run_prod(tmp_path / "x.npy", 1, execute=workers.run)


def test_progress_counts_the_clusters_bytes(tmp_path, large, workers):
    heard = []
    run_prod(large, 1, execute=workers.run, progress=lambda *told: heard.append(told))
    total = ROWS * 1_250_000 * 8
    assert heard[-1] == (total, total)
    assert len({done for done, _ in heard}) > 5
    assert all(0 <= done <= total for done, _ in heard)


def test_arithmetic_is_probed():
    assert tasks.setting() == tasks.setting()
    wrong = [(name, "other" if name == "arithmetic" else text) for name, text in tasks.setting()]
    with pytest.raises(KcfgError, match=r"has arithmetic .*, this machine other"):
        tasks.require_same_setting(tuple(wrong))
    assert kernels.keeps_first_nan(np.dtype("f4")) in (True, False)


# The command


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["prod", "{x}", "--axis", "1"], id="prod"),
        pytest.param(["cast", "{x}", "float16"], id="cast"),
        pytest.param(["info", "{x}", "--stats"], id="info"),
    ],
)
def test_the_command_says_what_one_machine_says(tmp_path, dask, arguments):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50), spread=30000.0))
    given = [part.format(x=tmp_path / "x.npy") for part in arguments]
    here = finished(kcfg(*given))
    there = finished(kcfg(*given, "--cluster", dask.address))
    assert (there.returncode, there.stdout, there.stderr) == (0, here.stdout, here.stderr)
    named = finished(kcfg(*given, "--json", environ={"DASK_SCHEDULER_ADDRESS": dask.address}))
    document = json.loads(named.stdout)
    document = document[0] if isinstance(document, list) else document
    assert (document["workers"], document["tasks"] >= 1) == (2, True)


def test_an_output_has_the_bytes_of_one_machines(tmp_path, dask):
    np.save(tmp_path / "x.npy", numbers("f4", (700, 3000)))
    for command in (["prod", "--axis", "0"], ["prod", "--axis", "1"], ["cast", "float16"]):
        rest = command[1:]
        here, there = (
            finished(
                kcfg(command[0], tmp_path / "x.npy", *rest, "-o", tmp_path / out, "--force", *more)
            )
            for out, more in (
                ("here.npy", []),
                ("there.npy", ["--cluster", dask.address, "--json"]),
            )
        )
        assert (there.returncode, there.stderr) == (0, here.stderr)
        assert json.loads(there.stdout).keys() == {"workers", "tasks"}
        assert (tmp_path / "here.npy").read_bytes() == (tmp_path / "there.npy").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["here.npy", "there.npy", "x.npy"]


def test_the_input_may_be_the_output(tmp_path, dask):
    path = tmp_path / "x.npy"
    np.save(path, numbers("f4", (700, 300)))
    want = np.load(path).astype("f2")
    refused = finished(kcfg("cast", path, "float16", "-o", path, "--cluster", dask.address))
    assert (refused.returncode, is_one_line(refused.stderr)) == (2, True)
    assert "--force" in refused.stderr
    done = finished(kcfg("cast", path, "float16", "-o", path, "--force", "--cluster", dask.address))
    assert (done.returncode, done.stderr) == (0, "")
    assert bits(np.load(path)) == bits(want)


def test_exact_refuses_as_one_machine_does(tmp_path, dask):
    path = tmp_path / "x.npy"
    values = np.ones(1000, "f4")
    values[700] = 1.0001
    np.save(path, values)
    given = ["cast", path, "float16", "--exact", "-o", tmp_path / "o.npy"]
    here = finished(kcfg(*given))
    there = finished(kcfg(*given, "--cluster", dask.address))
    assert (there.returncode, there.stderr) == (1, here.stderr)
    assert os.listdir(tmp_path) == ["x.npy"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["prod", "-"], "a pipe or terminal is this machine's alone", id="stdin"),
        pytest.param(["cast", "{x}", "float16", "-o", "-"], "this machine's alone", id="stdout"),
        pytest.param(["prod", "{x}", "-o", "/dev/null"], "this machine's alone", id="device"),
        pytest.param(["prod", "{x}", "--threads", "2"], "--threads 2 is for this", id="threads"),
        pytest.param(["prod", "{x}", "--cluster", "local:0"], "such as local:2", id="local-0"),
        pytest.param(["prod", "{x}", "--cluster", "local"], "such as local:2", id="local"),
        pytest.param(["prod", "{x}", "--cluster", "x:y"], "cannot be reached", id="no-address"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused(tmp_path, dask, arguments, words):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    given = [part.format(x=tmp_path / "x.npy") for part in arguments]
    done = finished(kcfg(*given, environ={"DASK_SCHEDULER_ADDRESS": dask.address}))
    assert (done.returncode, done.stdout) == (2, "")
    assert is_one_line(done.stderr)
    assert words in done.stderr


def test_an_empty_address_works_here(tmp_path):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    dead = {"DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:1"}
    assert finished(kcfg("prod", tmp_path / "x.npy", "--cluster", "", environ=dead)).stderr == ""
    assert finished(kcfg("info", tmp_path / "x.npy", environ=dead)).stderr == ""


def test_a_scheduler_that_does_not_answer_is_told_in_time(tmp_path):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        began = time.monotonic()
        started = [
            kcfg(
                *("cast", tmp_path / "x.npy", "float16", "-o", tmp_path / "o.npy"),
                *("--cluster", f"127.0.0.1:{one.getsockname()[1]}"),
            )
            for one in (silent, closed)
        ]
        for process in started:
            done = finished(process)
            assert done.returncode == 2
            assert is_one_line(done.stderr)
            assert "cannot be reached (no answer in time)" in done.stderr
        assert time.monotonic() - began < 2 * (cluster.CONNECT_SECONDS + 2)
    assert os.listdir(tmp_path) == ["x.npy"]


@pytest.mark.parametrize("option", [[], ["--cluster", "local:2"]], ids=["without", "with"])
def test_dask_is_loaded_only_for_the_option(tmp_path, option):
    """Where it is not installed: one line, which says what to install."""
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    script = (
        "import sys; sys.modules['distributed'] = sys.modules['dask'] = None;"
        "from kcfg.__main__ import main; status = main(sys.argv[1:]);"
        "assert 'asyncio' not in sys.modules or '--cluster' in sys.argv; raise SystemExit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "prod", tmp_path / "x.npy", *option],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if not option:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, done.stdout) == (2, "")
        assert is_one_line(done.stderr)
        assert "pip install 'kcfg[dask]'" in done.stderr


# Workers that are not as they should be


def shut_away(directory, then="true"):
    """A prefix for a process that sees an empty directory in place of another."""
    script = f'mount -t tmpfs none "$0" && {then} && exec "$@"'
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", script, str(directory)]


@needs_mounts
@pytest.mark.parametrize(
    ("hidden", "then", "words"),
    [
        pytest.param("data", "true", ("x.npy", "No such file"), id="no-file"),
        pytest.param(
            "data", 'head -c 900 /dev/zero > "$0/x.npy"', ("x.npy", "no .npy file"), id="zeros"
        ),
        pytest.param(
            "data", 'cp "$0/../copy.npy" "$0/x.npy"', ("modification time",), id="another-file"
        ),
        pytest.param("out", "true", ("temporary file for the output",), id="no-output"),
    ],
)
def test_a_worker_that_sees_other_files_is_named(tmp_path, own, hidden, then, words):
    for name in ("data", "out"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "data" / "x.npy", numbers("f4", (40, 50)))
    shutil.copy(tmp_path / "data" / "x.npy", tmp_path / "copy.npy")
    own.worker("good")
    own.worker("bad", prefix=shut_away(tmp_path / hidden, then))
    own.has_workers(2)
    done = finished(
        kcfg(
            *("cast", tmp_path / "data" / "x.npy", "float16", "-o", tmp_path / "out" / "o.npy"),
            *("--cluster", own.address),
        )
    )
    assert done.returncode == 2
    assert is_one_line(done.stderr)
    assert "worker tcp://127.0.0.1:" in done.stderr
    for word in words:
        assert word in done.stderr
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("version", "words"),
    [
        pytest.param("0.0.7", "has kcfg 0.0.7, this machine ", id="another-kcfg"),
        pytest.param(None, "has no kcfg", id="no-kcfg"),
    ],
)
def test_a_worker_with_another_kcfg_is_named(tmp_path, own, version, words):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    other = tmp_path / "other" / "kcfg"
    other.mkdir(parents=True)
    text = f"__version__ = {version!r}" if version else "raise ModuleNotFoundError('not here')"
    (other / "__init__.py").write_text(text + "\n")
    own.worker("old", PYTHONPATH=str(other.parent))
    own.has_workers(1)
    done = finished(kcfg("prod", tmp_path / "x.npy", "--cluster", own.address))
    assert done.returncode == 2
    assert is_one_line(done.stderr)
    assert "worker tcp://127.0.0.1:" in done.stderr
    assert words in done.stderr


def test_a_worker_with_another_numpy_is_named(tmp_path, own):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import numpy\nnumpy.__version__ = '1.99.0'\n")
    own.worker("old", PYTHONPATH=f"{site}{os.pathsep}{ROOT}")
    own.has_workers(1)
    done = finished(kcfg("prod", tmp_path / "x.npy", "--cluster", own.address))
    assert (done.returncode, is_one_line(done.stderr)) == (2, True)
    assert f"has numpy 1.99.0, this machine {np.__version__}" in done.stderr


def test_a_scheduler_without_workers_is_told(tmp_path, own):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    done = finished(kcfg("prod", tmp_path / "x.npy", "--cluster", own.address))
    assert (done.returncode, is_one_line(done.stderr)) == (2, True)
    assert "the scheduler has no workers" in done.stderr


# In the middle


@pytest.mark.slow
def test_a_killed_worker_costs_only_its_tasks(tmp_path, own, large):
    stays, dies = own.worker("stays"), own.worker("dies")
    own.has_workers(2)
    out = large.parent / "o.npy"
    running = kcfg("prod", large, "--axis", "1", "-o", out, "--json", "--cluster", own.address)
    wait_for(lambda: has_open(dies, large), 30, "it never worked")
    dies.kill()
    wait_for(lambda: has_open(stays, large), 30, "nobody goes on")
    done = finished(running)
    assert (done.returncode, done.stderr) == (0, "")
    assert np.array_equal(np.load(out), np.zeros(ROWS))
    assert json.loads(done.stdout)["workers"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_and_gives_the_cluster_back(tmp_path, own, large, number):
    worker = own.worker("1")
    own.has_workers(1)
    running = kcfg("prod", large, "--axis", "1", "-o", large.parent / "o.npy",
                   "--cluster", own.address)  # fmt: skip
    wait_for(lambda: has_open(worker, large), 30, "it never worked")
    os.killpg(running.pid, number)
    done = finished(running, 10)
    assert (done.returncode, done.stderr) == (-number, "")
    assert os.listdir(large.parent) == ["large.npy"]
    wait_for(lambda: not has_open(worker, large), 5, "the worker goes on")
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    assert finished(kcfg("prod", tmp_path / "x.npy", "--cluster", own.address)).returncode == 0


@pytest.mark.slow
def test_a_scheduler_that_dies_is_one_line(tmp_path, own, large):
    worker = own.worker("1")
    own.has_workers(1)
    running = kcfg("prod", large, "--axis", "1", "-o", large.parent / "o.npy",
                   "--cluster", own.address)  # fmt: skip
    wait_for(lambda: has_open(worker, large), 30, "it never worked")
    own.scheduler.kill()
    done = finished(running, 30)
    assert (done.returncode, is_one_line(done.stderr)) == (2, True)
    assert "the connection to the scheduler was lost" in done.stderr
    assert os.listdir(large.parent) == ["large.npy"]


def test_a_file_that_changes_meanwhile_is_told(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, numbers("f4", (40, 50)))
    with files.open_input(str(path)) as source:
        errand = tasks.Errand(
            str(path), tasks.seen(source), None, None, None, tasks.setting(), None
        )
        packed = pickle.dumps(errand)
        assert tasks.trial(packed) == ("done",)
        os.utime(path, ns=(1, 1))
        assert "modification time" in tasks.trial(packed)[1]
        os.truncate(path, 1000)
        assert tasks.trial(packed)[0] == "refused"


def test_two_clients_at_once(tmp_path, dask):
    np.save(tmp_path / "x.npy", numbers("f4", (2000, 3000)))
    want = np.load(tmp_path / "x.npy")
    running = [
        kcfg(
            "cast",
            tmp_path / "x.npy",
            dtype,
            "-o",
            tmp_path / f"{dtype}.npy",
            "--cluster",
            dask.address,
        )
        for dtype in ("float16", "float64", "int32")
    ]
    for process, dtype in zip(running, ("float16", "float64", "int32"), strict=True):
        done = finished(process)
        assert (done.returncode, done.stderr) == (0, "")
        assert bits(np.load(tmp_path / f"{dtype}.npy")) == bits(want.astype(dtype))


# Processes of our own


def local(tmp_path, *arguments):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environ = {"TMPDIR": str(temporary), "HOME": str(temporary)}
    return kcfg(*arguments, "--cluster", "local:2", environ=environ), temporary


def children(process):
    """Processes of its session: its workers, and what they started."""

    def is_one(pid):
        with contextlib.suppress(OSError):
            return os.getsid(pid) == process.pid != pid
        return False

    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and is_one(int(pid))]


def test_local_workers_come_and_go(tmp_path):
    np.save(tmp_path / "x.npy", numbers("f4", (400, 500)))
    process, temporary = local(tmp_path, "prod", tmp_path / "x.npy", "--axis", "0", "--json")
    done = finished(process)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["workers"] == 2
    assert [name for name in os.listdir(temporary) if name != ".config"] == []
    wait_for(lambda: not children(process), 10, "a process is left")


@pytest.mark.slow
def test_local_workers_go_with_an_interrupted_run(tmp_path, large):
    process, temporary = local(tmp_path, "prod", large, "--axis", "1", "-o", large.parent / "o.npy")

    def look():
        return any(has_open(pid, large) for pid in children(process))

    wait_for(look, 60, "it never worked")
    os.killpg(process.pid, signal.SIGINT)
    done = finished(process, 20)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
    assert os.listdir(large.parent) == ["large.npy"]
    wait_for(lambda: not children(process), 15, "a process is left")
    assert [name for name in os.listdir(temporary) if name != ".config"] == []
