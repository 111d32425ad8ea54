"""Runs a plan in threads: reads tiles, hands them to a job, in the order that each task needs.

Goes in: a `Plan`, a source of bytes, a `Job`, a number of threads. Where there are many tasks each
thread takes whole ones (workers.py), else threads share them (together.py). Numpy and the system
calls release the interpreter's lock meanwhile.

No shapes are known here. Another executor (a cluster's) takes the same plan and the same job.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from kcfg.arrays.together import Together
from kcfg.arrays.workers import Apart, Run, lack

if TYPE_CHECKING:
    from collections.abc import Callable

    from kcfg.arrays.plan import Plan, Step

    Progress = Callable[[int, int], None]
    """Called in the main thread now and then: bytes done, bytes in all."""

    Execute = Callable[..., None]
    """`run`, or what another executor has in its place (cluster.py), with the same arguments."""


class Source(Protocol):
    """Where tiles are read from."""

    sequential: bool
    """True: only in the order of the file (a pipe)."""
    stopped: bool
    """Set when a thread that waits for bytes should give up."""

    def read(self, start: int, into: memoryview) -> None:
        """Fill `into` with the data's bytes from `start` on, or raise KcfgError."""


class Job(Protocol):
    """What is done with the tiles of a plan. Its methods are called from several threads."""

    itemsize: int
    """Bytes of an element in the file."""
    parts: int
    """Independent parts of an accumulator."""

    def prepare(self, step: Step, buffer: memoryview, scratch: dict[str, Any]) -> Any:
        """What can be done with a tile before its accumulator is known. `buffer` holds it, and
        `scratch` belongs to the calling thread."""

    def compute(self, step: Step, prepared: Any, part: int, carry: Any, /) -> Any:
        """One part of the accumulator after this tile; carry: before it, None at the start."""

    def settled(self, carries: list[Any], /) -> bool:
        """True if no further tile can change these parts of an accumulator (some or all)."""

    def finish(self, task: int, carries: list[Any], /) -> None:
        """Hand on the results of a task; may wait for those of the tasks before it."""

    def stop(self) -> None:
        """Nothing more will come: let go who waits in `finish`."""


def default_threads() -> int:
    """As many threads as this process may use cores."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def run(plan: Plan, source: Source, job: Job, *, threads: int, progress: Progress | None) -> None:
    """Run all steps; returns when every task is finished, or raises what went wrong first.

    An exception in the calling thread (Ctrl-C) stops the others before it passes.
    """
    threads = max(1, min(threads, plan.steps))
    running: Run
    # A pipe comes in order; a few tasks are shared, where a thread would be left without work.
    if source.sequential or (plan.tasks < 4 * threads and plan.tasks % threads):
        running = Together(plan, source, job, threads)
    else:
        running = Apart(plan, source, job, threads)
    if plan.steps == 1:
        running.work()
    else:
        running.in_threads(threads, progress)
    if isinstance(running.error, MemoryError):
        raise lack("memory", threads) from running.error
    if running.error is not None:
        raise running.error
