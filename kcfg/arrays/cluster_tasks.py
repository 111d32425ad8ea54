"""What runs on a worker of a cluster: some tiles of a plan, read and written there.

Goes in: an `Errand` (the file and what the client saw of it, the job, where results go; the same
for the whole run, a few hundred bytes) and a `Stretch` of the plan. The thread executor runs that
stretch unchanged. Comes out: what the job counted and, where the results are not written to a
file, the few results themselves. Doing it twice writes the same bytes to the same place.

Errors come out as plain data: a worker's traceback is nobody's news on the client.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import sys
import time
from typing import TYPE_CHECKING, cast

import numpy as np

import kcfg
from kcfg import system
from kcfg.arrays import executor, files, kernels
from kcfg.arrays.plan import Plan
from kcfg.problems import KcfgError
from kcfg.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kcfg.arrays.plan import Step

    Array = np.ndarray[Any, np.dtype[Any]]

WORK = "__import__('kcfg.arrays.cluster_tasks').arrays.cluster_tasks.work(*given)"
"""A task: `work`, as text for `eval`. Dask's scheduler loads what it hands to workers, and needs
no kcfg for this."""

LOOK_EVERY = 0.25
"""Seconds between two looks whether a task is still wanted."""

_SHARED = "write to a filesystem that all workers share"

TOPIC = "kcfg"
"""Under which workers tell their progress."""


class Seen(Record):
    """What tells a file from another one, or from itself before it was changed."""

    size: int
    mtime_ns: int
    header: str
    """Digest of the header's bytes."""


class Target(Record):
    """The client's temporary file for the results."""

    path: str
    size: int
    offset: int
    """Where the results begin, behind the header."""
    remote: bool
    """Workers are on other machines than the client, or may be."""


class Errand(Record):
    """What all tasks of a run have in common."""

    path: str
    seen: Seen
    plan: Plan
    job: Any
    """Without its plan and its sink."""
    target: Target | None
    """None: results travel to the client."""
    setting: tuple[tuple[str, str], ...]
    """Of the client, as `setting()`."""
    told_as: str | None
    """The run's name in progress messages; None: nobody looks."""


class Stretch(Record):
    """Which part of the plan is one task of the cluster: steps `begin` to `end` of each of the
    plan's tasks `first` to `last` (ends not included)."""

    first: int
    last: int
    begin: int
    end: int


class StretchedPlan:
    """A stretch of a plan, to be run as if it were a plan: its tasks and steps count from 0."""

    steps_interleaved = Plan.steps_interleaved

    def __init__(self, plan: Plan, stretch: Stretch) -> None:
        self.plan, self.stretch = plan, stretch
        self.tasks = stretch.last - stretch.first
        self.steps_per_task = stretch.end - stretch.begin
        self.steps = self.tasks * self.steps_per_task

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plan, name)

    def results_of(self, task: int) -> tuple[int, int]:
        """As `Plan.results_of`: places in the whole output."""
        return self.plan.results_of(self.stretch.first + task)

    def step(self, task: int, number: int) -> Step:
        """As `Plan.step`: places in the whole file."""
        step = self.plan.step(self.stretch.first + task, self.stretch.begin + number)
        return step._replace(
            task=task, number=number, first=number == 0, last=number == self.steps_per_task - 1
        )


class Collected(files.Sink):
    """A sink for results that travel: (place of the first, results)."""

    def __init__(self) -> None:
        self.results: list[tuple[int, Array]] = []

    def write(self, start: int, results: Array) -> None:
        """Keep a copy."""
        self.results.append((start, np.array(results).reshape(-1)))


class WatchedSource:
    """A source that stops where nobody waits for the task any more, and tells its progress."""

    sequential = False

    def __init__(self, source: files.Input, told_as: str | None) -> None:
        import distributed

        self.source, self.told_as = source, told_as
        self.stopped = False
        self.abandoned: type[Exception] = distributed.Reschedule
        self.worker: Any = distributed.get_worker()
        self.key = self.worker.get_current_task()
        self.done = 0
        self.looked = time.monotonic()

    def read(self, start: int, into: memoryview) -> None:
        """As `files.Input.read`."""
        self.source.read(start, into)
        self.done += len(into)
        now = time.monotonic()
        if now - self.looked > LOOK_EVERY:
            self.looked = now
            self._look()

    def _look(self) -> None:
        # Dask can't stop a thread. A cancelled task's key is dropped, or waits in this state; if
        # somebody wants it again after all, Reschedule makes the scheduler start it afresh.
        task = self.worker.state.tasks.get(self.key)
        if task is None or task.state == "cancelled":
            raise self.abandoned
        if self.told_as is not None:
            self.worker.log_event(TOPIC, [self.told_as, str(self.key), self.done])


def work(errand: bytes, stretch: tuple[int, int, int, int], threads: int) -> tuple[Any, ...]:
    """Run one stretch. errand: pickled. threads: how many may be used for it.

    Returns ("done", what the job told, results as (place, array)s), or ("refused", what, where,
    mend, status) of a KcfgError.
    """
    given: Errand = pickle.loads(errand)  # noqa: S301 (from the client, which may run anything here)
    wanted = Stretch(*stretch)
    try:
        with opened(given) as (source, sink):
            job = given.job
            job.plan = plan = StretchedPlan(given.plan, wanted)
            partial = wanted.end - wanted.begin < given.plan.steps_per_task
            collected = Collected()
            job.sink = collected if partial or sink is None else sink
            watched = WatchedSource(source, given.told_as)
            executor.run(cast("Plan", plan), watched, job, threads=threads, progress=None)
            require_same(source, given)
        return "done", job.told(), collected.results
    except KcfgError as error:
        return "refused", error.what, error.where, error.mend, error.status


def trial(errand: bytes) -> tuple[Any, ...]:
    """Before work: can this worker do the errand? ("done",) or as `work` returns a refusal."""
    try:
        with opened(pickle.loads(errand)):  # noqa: S301
            return ("done",)
    except KcfgError as error:
        return "refused", error.what, error.where, error.mend, error.status


@contextlib.contextmanager
def opened(errand: Errand) -> Iterator[tuple[files.Input, files.FileSink | None]]:
    """The errand's file, and its target if any, after a look whether all is as on the client."""
    require_same_setting(errand.setting)
    with files.open_input(errand.path) as source:
        require_same(source, errand)
        if errand.target is None:
            yield source, None
            return
        fd = open_target(errand.target)
        try:
            yield source, files.FileSink(fd, errand.target.offset, errand.target.path)
            if errand.target.remote:
                # At the file server before it counts as done: this machine may fail, and the
                # client would not know of it, and rename a file with a hole.
                getattr(os, "fdatasync", os.fsync)(fd)
        except OSError as error:
            raise system.failure(
                error, where=errand.target.path, doing="write it", mend=_SHARED
            ) from error
        finally:
            os.close(fd)


def open_target(target: Target) -> int:
    """Open the client's temporary file; never create one."""
    try:
        fd = os.open(target.path, os.O_WRONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise system.failure(
            error, where=target.path, doing="open the temporary file for the output", mend=_SHARED
        ) from error
    size = os.fstat(fd).st_size
    if size != target.size:
        os.close(fd)
        raise KcfgError(
            f"sees another file there ({size:,} bytes, not {target.size:,})",
            where=target.path,
            keras=None,
            mend=_SHARED,
        )
    return fd


def seen(source: files.Input) -> Seen:
    """What this process sees of an open file."""
    status = os.fstat(source.fd)
    header = os.pread(source.fd, source.header.offset, 0)
    digest = hashlib.sha256(header).hexdigest()[:16]
    return Seen(status.st_size, status.st_mtime_ns, digest)


def require_same(source: files.Input, errand: Errand) -> None:
    """Is it the file that the client saw, and still unchanged?"""
    found, expected = seen(source), errand.seen
    if found == expected:
        return
    if found.size != expected.size:
        what = f"sees another file ({found.size:,} bytes, not {expected.size:,})"
    elif found.header != expected.header:
        what = "sees another file (with another header)"
    else:
        what = "sees another modification time: another file, or it was changed meanwhile"
    raise KcfgError(
        what, where=errand.path, keras=None, mend="the file must be the same for all workers"
    )


def require_same_setting(expected: tuple[tuple[str, str], ...]) -> None:
    """Has this process the client's versions, and does it compute the same bits?"""
    for (name, ours), (_, theirs) in zip(setting(), expected, strict=False):
        if ours != theirs:
            raise KcfgError(
                f"has {name} {ours}, this machine {theirs}",
                where=None,
                keras=None,
                mend="results could differ: install the same on all machines"
                if name in ("kcfg", "numpy")
                else "results could differ: leave such workers out",
            )


@functools.lru_cache(maxsize=1)
def setting() -> tuple[tuple[str, str], ...]:
    """What must be the same for client and workers, by name."""
    return (
        ("kcfg", kcfg.__version__),
        ("numpy", np.__version__),
        ("byte order", sys.byteorder),
        ("arithmetic", arithmetic()),
    )


def arithmetic() -> str:
    """A digest of what numpy computes where processors may differ: complex products (fused
    multiply-add), which of two NaNs a product is, NaN cast to integers, long double."""
    digest = hashlib.sha256()
    part = (np.arange(1, 1201) * 2654435761 % 2**32 / 2**31).reshape(30, 40)
    for name in ("F", "D", "f", "d", "e", "g", "G"):
        numbers = (part + 1j * part.T.reshape(30, 40)).astype(name) if name in "FDG" else part
        numbers = numbers.astype(name)
        with np.errstate(all="ignore"):
            for axis in (0, 1):
                product = np.multiply.reduce(numbers, axis=axis)
                real, imaginary = product.real, product.imag
                for side in (real, imaginary):  # long double has bytes that mean nothing
                    rest = side - side.astype("d")
                    digest.update(side.astype("d").tobytes() + rest.astype("d").tobytes())
    odd = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, -1.5, 3e9, 2.0**63])
    with np.errstate(all="ignore"):
        for target in "?bhiqBHIQ":
            for source in "fd":
                digest.update(odd.astype(source).astype(target).tobytes())
        for name in "fd":
            # Not of wider rows: in numpy 1.23 those vary with where the memory happens to lie.
            digest.update(repr(kernels.keep_last_nan(np.dtype(name), 1)).encode())
    digest.update(np.dtype("g").str.encode())
    return digest.hexdigest()[:12]
