"""`local:N`: a cluster of N worker processes on this machine, for as long as a command runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from kcfg.arrays import executor
from kcfg.arrays.cluster_run import blocked, quietly, reason
from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def workers_of(address: str) -> int:
    """N of "local:N", 0 for other addresses."""
    kind, _, number = address.partition(":")
    if kind != "local":
        return 0
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 1024):
        raise KcfgError(
            f"--cluster {address!r} is no number of workers",
            where=None,
            keras=None,
            mend="local:N starts N worker processes here, such as local:2",
        )
    return int(number)


def start(workers: int, on_exit: contextlib.ExitStack) -> Any:
    """A `LocalCluster` of processes, closed by `on_exit`; KcfgError if it can't be started.

    Only this user can reach it: TLS, with keys that nobody else has. Other users of a machine
    could send tasks to a plain scheduler, and so run whatever they like as us.
    """
    import dask.config
    import distributed

    on_exit.enter_context(_stderr_for_us_alone())
    with blocked("SIGINT", "SIGTERM", "SIGHUP"):
        directory = tempfile.mkdtemp(prefix="kcfg-dask-")
        on_exit.callback(_remove, directory)
    on_exit.enter_context(_temporary_files_in(directory))
    on_exit.enter_context(dask.config.set({"temporary-directory": directory}))
    on_exit.callback(_end_children, set(multiprocessing.active_children()))
    try:
        with contextlib.ExitStack() as on_failure:
            loop = _loop_without_interrupts()
            on_failure.callback(quietly, lambda: _stop(loop))
            local = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=max(1, executor.default_threads() // workers),
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                worker_dashboard_address=None,
                silence_logs=logging.CRITICAL + 1,
                local_directory=directory,
                memory_limit=0,
                security=True,
                loop=loop,
            )
            on_exit.callback(lambda: quietly(lambda: local.close(timeout=5)))
            on_failure.pop_all()
    except (OSError, asyncio.TimeoutError, RuntimeError, ImportError) as error:
        lacks = isinstance(error, ImportError)  # of "cryptography", for TLS
        raise KcfgError(
            f"cluster local:{workers}: cannot start its workers ({reason(error)})",
            where=None,
            keras=None,
            mend="pip install distributed cryptography"
            if lacks
            else "leave out --cluster to work here",
        ) from error
    return local


def _end_children(but: set[Any]) -> None:
    """Workers that were still starting, or didn't leave when they were asked to."""
    for child in set(multiprocessing.active_children()) - but:
        child.kill()
        child.join(5)


def _remove(directory: str) -> None:
    """The last of a dying worker may write there for a moment."""
    deadline = time.monotonic() + 3
    while os.path.exists(directory) and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _temporary_files_in(directory: str) -> Iterator[None]:
    """Here and in the processes that are started meanwhile: distributed puts the keys for TLS into
    files for a moment (distributed/security.py), and who is killed just then leaves them there."""
    before, variable = tempfile.tempdir, os.environ.get("TMPDIR")
    tempfile.tempdir = os.environ["TMPDIR"] = directory
    try:
        yield
    finally:
        tempfile.tempdir = before
        if variable is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = variable


@contextlib.contextmanager
def _stderr_for_us_alone() -> Iterator[None]:
    """Processes that are started meanwhile write to nowhere what they have to say when they are
    stopped in the middle, or were just started anew; a user reads one line, the client's."""
    ours = sys.stderr
    if ours is None:
        yield
        return
    ours.flush()
    kept = os.dup(2)  # not inherited
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = open(  # noqa: SIM115 (closed below)
        kept, "w", 1, encoding=ours.encoding, errors=ours.errors, closefd=False
    )
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = ours
        os.dup2(kept, 2, inheritable=True)
        os.close(kept)


def _loop_without_interrupts() -> Any:
    """An event loop in a thread that blocks SIGINT, as the processes that it starts will, too: a
    Ctrl-C meets every process of a terminal, and is for the client alone."""
    from multiprocessing import resource_tracker

    from distributed.utils import LoopRunner

    runner = LoopRunner()
    # Once started, it leaves masks alone; starting it from a thread would unblock SIGINT there.
    resource_tracker.ensure_running()
    with blocked("SIGINT"):
        runner.start()
    return runner.loop


def _stop(loop: Any) -> None:
    """In the middle of starting workers: it would start the rest, and warn of what it meets."""
    loop.add_callback(loop.stop)
    deadline = time.monotonic() + 3
    while loop.asyncio_loop.is_running() and time.monotonic() < deadline:
        time.sleep(0.001)
