"""A real Dask cluster for tests: a scheduler and workers started from outside, on 127.0.0.1."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import pytest

from kcfg.arrays import files
from kcfg.arrays import prod as multiplying
from tests.support.home import ROOT, coverage_variables
from tests.support.probes import needs, needs_fork
from tests.support.runs import wait_for

THERE = importlib.util.find_spec("distributed") is not None

needs_dask = [
    needs(THERE, "Dask: pip install distributed cryptography"),
    needs_fork,
    pytest.mark.filterwarnings("default"),  # Dask's own
]

KEPT = ("PATH", "LD_LIBRARY_PATH")
ROWS, COLUMNS = 300, 1_250_000  # of the large, sparse array


def environ_in(directory):
    """Where nothing reaches the real home, nor the system's temporary directory."""
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        **coverage_variables(),
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


class Dask:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.environ = environ_in(directory)
        self.processes = []
        scheduler_file = directory / "scheduler.json"
        bare = directory / "bare" / "kcfg"  # a scheduler needs no kcfg
        bare.mkdir(parents=True)
        (bare / "__init__.py").write_text("raise ImportError('no kcfg here')\n")
        self.scheduler = self.start(
            *("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
            *("--scheduler-file", str(scheduler_file)),
            PYTHONPATH=str(bare.parent),
        )
        self.wait(lambda: scheduler_file.exists() and scheduler_file.read_text().endswith("}"))
        self.address = json.loads(scheduler_file.read_text())["address"]

    def start(self, *arguments, prefix=(), **environ):
        """`dask ...`, as from a shell."""
        with (self.directory / f"log-{len(self.processes)}").open("wb") as log:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "dask", *arguments],
                env=self.environ | environ,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def worker(self, name, prefix=(), **environ):
        """`dask worker` with one thread."""
        return self.start(
            *("worker", self.address, "--host", "127.0.0.1", "--no-nanny", "--nthreads", "1"),
            *(
                "--no-dashboard",
                "--name",
                name,
                "--local-directory",
                str(self.directory / f"scratch-{name}"),
            ),
            prefix=prefix,
            **environ,
        )

    def under_way(self):
        """How many tasks each worker has, by its name; and how many results are kept for whom."""
        import distributed

        with distributed.Client(self.address, set_as_default=False) as client:
            info = client.scheduler_info()["workers"]
            tasks = {str(info[at]["name"]): len(keys) for at, keys in client.processing().items()}
            return tasks, len(client.who_has())

    def has_workers(self, count):
        """Wait until they are there."""
        import distributed

        with distributed.Client(self.address, set_as_default=False) as client:
            self.wait(lambda: len(client.nthreads()) == count)

    def wait(self, condition):
        """Wait for it, a minute at most; else show what all processes said."""
        try:
            wait_for(condition, 60)
        except AssertionError:
            logs = [log.read_text() for log in sorted(self.directory.glob("log-*"))]
            raise AssertionError("\n".join(logs)) from None

    def close(self):
        """End all processes, and take away what they made."""
        for process in self.processes:
            process.kill()
            process.wait()
        shutil.rmtree(self.directory)


def kcfg(*arguments, home, environ=None, python=None):
    """Start `kcfg`; a session of its own, so that a signal meets it and its children.

    environ: variables besides those of `environ_in`; None takes one away.
    """
    seen = environ_in(home) | (environ or {})
    return subprocess.Popen(
        [*(python or [sys.executable, "-m", "kcfg"]), *map(str, arguments)],
        env={name: held for name, held in seen.items() if held is not None},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(process, timeout=120):
    """What a process gave."""
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def run_prod(path, axis, dtype=None, out=None, progress=None, **options):
    """The outcome of a product of a file."""
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
            progress=progress,
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
