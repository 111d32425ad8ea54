"""Runs a plan in threads: reads tiles, hands them to a job, in the order that each task needs.

Goes in: a `Plan`, a source of bytes, a `Job`, a number of threads. Every thread takes the next
step, reads its tile into a buffer of its own (so reading overlaps with computing), waits until the
step before it in the same task has passed on its accumulator, computes, passes on. Numpy and the
system calls release the interpreter's lock meanwhile. No shapes are known here.

Another executor (a cluster's) takes the same plan and the same kind of job.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kcfg.arrays.plan import Plan, Step

    Progress = Callable[[int, int], None]
    """Called in the main thread now and then: bytes done, bytes in all (0: not known)."""


class Source(Protocol):
    """Where tiles are read from."""

    sequential: bool
    """True: only in the order of the file (a pipe)."""

    def read(self, start: int, into: memoryview) -> None:
        """Fill `into` with the data's bytes from `start` on, or raise KcfgError."""


class Job(Protocol):
    """What is done with the tiles of a plan."""

    itemsize: int
    """Bytes of an element in the file."""

    def compute(
        self, step: Step, tile: memoryview, carry: object, scratch: dict[str, object]
    ) -> object:
        """The accumulator after this tile; `scratch` belongs to the calling thread."""

    def settled(self, carry: object) -> bool:
        """True if no further tile can change this accumulator."""

    def finish(self, task: int, carry: object) -> None:
        """Hand on the results of a task."""


def default_threads() -> int:
    """As many threads as this process may use cores."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def run(plan: Plan, source: Source, job: Job, *, threads: int, progress: Progress | None) -> None:
    """Run all steps; returns when every task is finished, or raises what went wrong first."""
    threads = max(1, min(threads, plan.steps))
    run = _Run(plan, source, job, threads)
    if threads == 1 and progress is None:
        run.work()
    else:
        run.in_threads(threads, progress)
    if run.error is not None:
        raise run.error


class _Stopped(Exception):
    """Another thread failed, or the main thread was interrupted: leave quietly."""


class _Run:
    def __init__(self, plan: Plan, source: Source, job: Job, threads: int) -> None:
        self.plan, self.source, self.job = plan, source, job
        self.steps: Iterator[Step] = (
            plan.steps_in_file_order() if source.sequential else plan.steps_interleaved(threads)
        )
        self.lock = threading.Lock()
        self.taking = threading.Lock()
        self.moved = threading.Condition(self.lock)
        self.carries: dict[int, tuple[int, object]] = {}  # task -> steps passed on, accumulator
        self.settled: set[int] = set()
        self.done = 0
        self.total = plan.steps and plan.tile * plan.steps * job.itemsize
        self.stopped = False
        self.error: BaseException | None = None
        self.finished_workers = 0

    def in_threads(self, threads: int, progress: Progress | None) -> None:
        workers = [
            threading.Thread(target=self.work, name=f"kcfg-{n}", daemon=True)
            for n in range(threads)
        ]
        try:
            for worker in workers:
                worker.start()
            while self.finished_workers < threads:
                with self.moved:
                    self.moved.wait_for(lambda: self.finished_workers >= threads, 0.1)
                if progress is not None:
                    progress(self.done, self.total)
        except BaseException:
            self.stop(None)
            for worker in workers:
                if worker.ident is not None:
                    worker.join(2)
            raise

    def stop(self, error: BaseException | None) -> None:
        with self.moved:
            self.stopped = True
            if self.error is None:
                self.error = error
            self.moved.notify_all()

    def work(self) -> None:
        buffer = memoryview(bytearray(self.plan.tile * self.job.itemsize))
        scratch: dict[str, object] = {}
        try:
            while not self.stopped:
                taken = self.take(buffer)
                if taken is None:
                    break
                self.compute(*taken, scratch)
        except _Stopped:
            pass
        except BaseException as error:  # carried to the thread that called run()
            self.stop(error)
        finally:
            with self.moved:
                self.finished_workers += 1
                self.moved.notify_all()

    def take(self, buffer: memoryview) -> tuple[Step, memoryview] | None:
        """The next step and its tile; None when there is none left."""
        size = self.job.itemsize
        sequential = self.source.sequential
        while True:
            with self.taking:
                step = next(self.steps, None)
                if step is None:
                    return None
                tile = buffer[: step.count * size]
                if sequential:
                    self.source.read(step.start * size, tile)
            if step.task in self.settled:
                self.done += len(tile)
                continue
            if not sequential:
                self.source.read(step.start * size, tile)
            return step, tile

    def compute(self, step: Step, tile: memoryview, scratch: dict[str, object]) -> None:
        number, carry = 0, None
        if not (step.first and step.last):
            number, carry = self.wait_turn(step)
        if step.task in self.settled:
            return
        carry = self.job.compute(step, tile, carry, scratch)
        if step.last:
            self.job.finish(step.task, carry)
        elif self.job.settled(carry):
            self.settled.add(step.task)
            self.job.finish(step.task, carry)
        with self.moved:
            self.done += len(tile)
            if not step.last:
                self.carries[step.task] = (number + 1, carry)
                self.moved.notify_all()
            elif not step.first:
                self.carries.pop(step.task, None)

    def wait_turn(self, step: Step) -> tuple[int, object]:
        with self.moved:
            while True:
                if self.stopped:
                    raise _Stopped
                number, carry = self.carries.get(step.task, (0, None))
                if number == step.number or step.task in self.settled:
                    return number, carry
                self.moved.wait()
