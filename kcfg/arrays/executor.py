"""Runs a plan in threads: reads tiles, hands them to a job, in the order that each task needs.

Goes in: a `Plan`, a source of bytes, a `Job`, a number of threads. Every thread takes the next
step, reads its tile into a buffer of its own and prepares it, waits until the step before it in the
same task has passed on its accumulator, computes, passes on: reading and preparing overlap with
computing even where a product is one long chain. Where an accumulator has independent parts
(columns), each part is passed on as soon as it is ready, so that threads follow one another through
the parts. Numpy and the system calls release the interpreter's lock meanwhile.

No shapes are known here. Another executor (a cluster's) takes the same plan and the same job.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kcfg.arrays.plan import Plan, Step

    Progress = Callable[[int, int], None]
    """Called in the main thread now and then: bytes done, bytes in all."""

    Execute = Callable[..., None]
    """`run`, or what another executor has in its place (cluster.py), with the same arguments."""

PAGE = 4096


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
    headroom: int
    """Bytes to keep free in a buffer in front of the tile."""
    parts: int
    """Independent parts of an accumulator."""

    def prepare(self, step: Step, buffer: memoryview, scratch: dict[str, Any]) -> Any:
        """What can be done with a tile (at the end of `buffer`, behind the headroom) before its
        accumulator is known; `scratch` belongs to the calling thread."""

    def compute(self, step: Step, prepared: Any, part: int, carry: Any, /) -> Any:
        """One part of the accumulator after this tile; carry: before it, None at the start."""

    def settled(self, carries: list[Any], /) -> bool:
        """True if no further tile can change these parts of an accumulator."""

    def finish(self, task: int, carries: list[Any], /) -> None:
        """Hand on the results of a task."""


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
    running: _Run
    # A pipe comes in order; a few tasks are shared, so that no thread is left without work.
    if source.sequential or (plan.tasks < 4 * threads and plan.tasks != threads):
        running = _Together(plan, source, job, threads)
    else:
        running = _Apart(plan, source, job, threads)
    if plan.steps == 1:
        running.work()
    else:
        running.in_threads(threads, progress)
    if isinstance(running.error, MemoryError):
        raise _lack("memory", threads) from running.error
    if running.error is not None:
        raise running.error


def _start(workers: list[threading.Thread]) -> None:
    try:
        for worker in workers:
            worker.start()
    except RuntimeError as error:  # a limit on processes, or no memory for a stack
        raise _lack("room", len(workers)) from error


def _lack(what: str, threads: int) -> KcfgError:
    return KcfgError(
        f"there is not enough {what} here for {threads} thread{'s' * (threads != 1)}",
        where=None,
        keras=None,
        mend="ask for fewer: --threads 1" if threads > 1 else "free some, or raise its limit",
    )


def _memory(size: int) -> memoryview:
    """So many bytes, in huge pages where the system has them: the kernel then fills in a page at
    every 2 MiB instead of every 4 KiB, which is half of what a new buffer costs. MemoryError."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):  # not Linux
        return memoryview(bytearray(size))
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(size) from error
    with contextlib.suppress(OSError):  # a kernel without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)


class _Stopped(Exception):
    """Another thread failed, or the main thread was interrupted: leave quietly."""


class _Chain:
    """How far a task has come: per part, the steps passed on and the accumulator."""

    __slots__ = ("carries", "passed")

    def __init__(self, parts: int) -> None:
        self.passed = [0] * parts
        self.carries: list[Any] = [None] * parts


class _Run(ABC):
    """What all ways of running share: the workers, their buffers, how they end."""

    def __init__(self, plan: Plan, source: Source, job: Job, threads: int) -> None:
        self.plan, self.source, self.job = plan, source, job
        self.taking = threading.Lock()
        self.done = 0
        self.total = plan.size * job.itemsize
        self.stopped = False
        self.error: BaseException | None = None
        self.working = threads
        self.ended = threading.Event()

    def in_threads(self, threads: int, progress: Progress | None) -> None:
        workers = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]
        try:
            _start(workers)
            while not self.ended.wait(0.1 if progress else 1.0):
                if progress is not None:
                    progress(self.done, self.total)
        except BaseException:
            self.stop(None)
            deadline = time.monotonic() + 1  # who waits for a full pipe stays behind, as a daemon
            for worker in workers:
                if worker.ident is not None:
                    worker.join(max(0, deadline - time.monotonic()))
            raise

    def stop(self, error: BaseException | None) -> None:
        self.stopped = self.source.stopped = True
        self.error = self.error or error

    def work(self) -> None:
        """What each thread does, from its start to its end."""
        room = -(-self.job.headroom // PAGE) * PAGE
        try:
            buffer = _memory(room + self.plan.tile * self.job.itemsize)
            self.go_on(buffer[room - self.job.headroom :], {})
        except _Stopped:
            pass
        except BaseException as error:  # carried to the thread that called run()
            self.stop(error)
        finally:
            with self.taking:
                self.working -= 1
                if not self.working:
                    self.ended.set()

    @abstractmethod
    def go_on(self, buffer: memoryview, scratch: dict[str, Any]) -> None:
        """Take work until there is none left."""


class _Apart(_Run):
    """Each thread takes a whole task at a time: nobody waits for anybody."""

    def __init__(self, plan: Plan, source: Source, job: Job, threads: int) -> None:
        super().__init__(plan, source, job, threads)
        self.tasks = iter(range(plan.tasks))

    def go_on(self, buffer: memoryview, scratch: dict[str, Any]) -> None:
        while True:
            with self.taking:
                task = next(self.tasks, None)
            if task is None:
                return
            self.one_task(task, buffer, scratch)

    def one_task(self, task: int, buffer: memoryview, scratch: dict[str, Any]) -> None:
        job, size = self.job, self.job.itemsize
        carries: list[Any] = [None] * job.parts
        for number in range(self.plan.steps_per_task):
            if self.stopped:
                raise _Stopped
            step = self.plan.step(task, number)
            filled = buffer[: job.headroom + step.size * size]
            self.source.read(step.start * size, filled[job.headroom :])
            prepared = job.prepare(step, filled, scratch)
            carries = [
                job.compute(step, prepared, part, carries[part]) for part in range(job.parts)
            ]
            self.done += step.size * size
            if not step.last and job.settled(carries):
                break
        job.finish(task, carries)


class _Together(_Run):
    """Threads share tasks, and follow one another through the steps of each."""

    def __init__(self, plan: Plan, source: Source, job: Job, threads: int) -> None:
        super().__init__(plan, source, job, threads)
        self.steps: Iterator[Step] = (
            plan.steps_in_file_order() if source.sequential else plan.steps_interleaved(threads)
        )
        self.moved = threading.Condition()
        self.chains: dict[int, _Chain] = {}
        self.settled: set[int] = set()

    def stop(self, error: BaseException | None) -> None:
        with self.moved:
            super().stop(error)
            self.moved.notify_all()

    def go_on(self, buffer: memoryview, scratch: dict[str, Any]) -> None:
        headroom, size = self.job.headroom, self.job.itemsize
        while not self.stopped:
            step = self.take(buffer[headroom:])
            if step is None:
                break
            self.compute(step, buffer[: headroom + step.size * size], scratch)
            self.done += step.size * size

    def take(self, tiles: memoryview) -> Step | None:
        """The next step, its tile read; None when there is none left."""
        size = self.job.itemsize
        sequential = self.source.sequential
        while not self.stopped:
            with self.taking:
                step = next(self.steps, None)
                if step is None:
                    return None
                if sequential:  # a pipe is read to its end, whoever still needs it
                    self.source.read(step.start * size, tiles[: step.size * size])
            if step.task in self.settled:
                self.done += step.size * size
                continue
            if not sequential:
                self.source.read(step.start * size, tiles[: step.size * size])
            return step
        raise _Stopped

    def compute(self, step: Step, buffer: memoryview, scratch: dict[str, Any]) -> None:
        job = self.job
        prepared = job.prepare(step, buffer, scratch)
        if step.first and step.last:
            carries = [job.compute(step, prepared, part, None) for part in range(job.parts)]
            job.finish(step.task, carries)
            return
        with self.moved:
            chain = self.chains.get(step.task)
            if chain is None:
                chain = self.chains[step.task] = _Chain(job.parts)
        for part in range(job.parts):
            if not self.wait_turn(step, chain, part):
                return
            carry = job.compute(step, prepared, part, chain.carries[part])
            with self.moved:
                chain.carries[part] = carry
                chain.passed[part] = step.number + 1
                if part + 1 == job.parts and not step.last and job.settled(chain.carries):
                    self.settled.add(step.task)
                    carry = None
                self.moved.notify_all()
        if step.last or carry is None:
            carries = chain.carries
            with self.moved:
                self.chains.pop(step.task, None)
            job.finish(step.task, carries)

    def wait_turn(self, step: Step, chain: _Chain, part: int) -> bool:
        """Wait until this step is the next one of its task. False: it isn't needed any more."""
        with self.moved:
            while chain.passed[part] != step.number:
                if self.stopped:
                    raise _Stopped
                if step.task in self.settled:
                    return False
                self.moved.wait()
            return step.task not in self.settled
