"""The threads that run a plan, whatever they share: how they start, their buffers, how they end.

`Apart` is where nothing is shared; `together.Together` is the other way.
"""

from __future__ import annotations

import contextlib
import mmap
import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from kcfg.arrays.executor import Job, Progress, Source
    from kcfg.arrays.plan import Plan, Step

ROOM_TO_START = 144 << 20
"""Bytes of addresses that must be free to start a thread: 8 MiB for its stack, 128 for a moment for
a heap of its own (glibc's malloc/arena.c; it takes as much as it gets), and what it begins with."""


def _start(workers: list[threading.Thread]) -> None:
    """KcfgError where they are too many. Meanwhile those that are started must ask for no memory:
    a thread that lacks some as it begins would never say that it did, and be waited for.
    """
    try:
        for worker in workers:
            mmap.mmap(-1, ROOM_TO_START).close()
            worker.start()
    except (RuntimeError, OSError, MemoryError) as error:  # a limit on processes or memory
        raise lack("room", len(workers)) from error


def lack(what: str, threads: int) -> KcfgError:
    """What to say where the system has no more of it for so many threads."""
    return KcfgError(
        f"there is not enough {what} here for {threads} thread{'s' * (threads != 1)}",
        where=None,
        keras=None,
        mend="ask for fewer: --threads 1" if threads > 1 else "free some, or raise its limit",
    )


def memory(size: int) -> memoryview:
    """So many bytes, in huge pages where the system has them: the kernel then fills in a page at
    every 2 MiB instead of every 4 KiB, which is half of what a new buffer costs. MemoryError."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):  # not Linux
        return memoryview(bytearray(size))
    try:
        pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as error:
        raise MemoryError(size) from error
    with contextlib.suppress(OSError):  # a kernel without them
        pages.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(pages)


class Stopped(Exception):
    """Another thread failed, or the main thread was interrupted: leave quietly."""


class Run(ABC):
    """What all ways of running share: the workers, their buffers, how they end."""

    def __init__(self, plan: Plan, source: Source, job: Job, threads: int) -> None:
        self.plan, self.source, self.job = plan, source, job
        self.taking = threading.Lock()
        self.gate = threading.Lock()
        """Held until every thread is started: then they begin."""
        self.done = 0
        self.total = plan.size * job.itemsize
        self.stopped = False
        self.error: BaseException | None = None
        self.refused = plan.size
        """The first element of the earliest tile that the job refused."""
        self.working = threads
        self.over = threading.Event()

    def in_threads(self, threads: int, progress: Progress | None) -> None:
        workers = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]
        try:
            with self.gate:
                try:
                    _start(workers)
                except BaseException:
                    self.stopped = True  # before they begin
                    raise
            while self.working and not self.stopped:  # who lacked memory may not have set `over`
                if not self.over.wait(0.1 if progress else 1.0) and progress is not None:
                    progress(self.done, self.total)
        except BaseException:  # a signal, perhaps while `over` was locked: it is not touched here
            self.stop(None)
            raise
        finally:
            deadline = time.monotonic() + 1  # who waits for a full pipe stays behind, as a daemon
            for worker in workers if self.stopped else ():
                if worker.ident is not None:
                    worker.join(max(0, deadline - time.monotonic()))

    def stop(self, error: BaseException | None) -> None:
        self.error = self.error or error
        self.stopped = self.source.stopped = True
        self.job.stop()

    def work(self) -> None:
        """What each thread does, from its start to its end."""
        try:
            with self.gate:
                pass
            if not self.stopped:
                self.go_on()
        except Stopped:
            pass
        except BaseException as error:  # carried to the thread that called run()
            self.stop(error)
        finally:
            with self.taking:
                self.working -= 1
                if self.stopped or not self.working:
                    self.over.set()

    def prepare(self, step: Step, filled: memoryview, scratch: dict[str, Any]) -> Any:
        """What the job makes of a tile. Of those that it refuses, the earliest is told: tiles are
        taken in order and each that was taken is prepared, so it is the same in every run."""
        try:
            return self.job.prepare(step, filled, scratch)
        except KcfgError as error:
            with self.taking:
                if step.start < self.refused:
                    self.refused, self.error = step.start, error
            raise

    def room(self) -> memoryview:
        """Memory for the largest tile."""
        return memory(self.plan.tile * self.job.itemsize)

    @abstractmethod
    def go_on(self) -> None:
        """Take work until there is none left."""


class Apart(Run):
    """Each thread takes a whole task at a time: nobody waits for anybody."""

    def __init__(self, plan: Plan, source: Source, job: Job, threads: int) -> None:
        super().__init__(plan, source, job, threads)
        self.tasks = iter(range(plan.tasks))

    def go_on(self) -> None:
        buffer = self.room()
        scratch: dict[str, Any] = {}
        while not self.stopped:
            with self.taking:
                task = next(self.tasks, None)
            if task is None:
                return
            self.one_task(task, buffer, scratch)

    def one_task(self, task: int, buffer: memoryview, scratch: dict[str, Any]) -> None:
        job, size = self.job, self.job.itemsize
        carries: list[Any] = [None] * job.parts
        for number in range(self.plan.steps_per_task):
            if number and self.stopped:
                raise Stopped
            step = self.plan.step(task, number)
            filled = buffer[: step.size * size]
            self.source.read(step.start * size, filled)
            prepared = self.prepare(step, filled, scratch)
            carries = [
                job.compute(step, prepared, part, carries[part]) for part in range(job.parts)
            ]
            self.done += step.size * size
            if not step.last and job.settled(carries):
                break
        job.finish(task, carries)
