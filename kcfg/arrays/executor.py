"""Runs a plan in threads: reads tiles, hands them to a job, in the order that each task needs.

Goes in: a `Plan`, a source of bytes, a `Job`, a number of threads. Where there are many tasks each
thread takes whole ones. Else threads share tasks: who has nothing to compute reads and prepares the
next tile, and who computes goes on with an accumulator for as long as tiles lie ready. So reading
overlaps with computing even where a product is one long chain, and between two tiles of it nobody
waits for another thread to wake. Where an accumulator has independent parts (columns), threads go
on with different parts. Numpy and the system calls release the interpreter's lock meanwhile.

No shapes are known here. Another executor (a cluster's) takes the same plan and the same job.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from functools import partial
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

ROOM_TO_START = 16 << 20
"""Bytes of addresses that must be free to start a thread: its stack, and what it begins with."""


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
    """KcfgError where they are too many. Meanwhile those that are started must ask for no memory:
    a thread that lacks some as it begins would never say that it did, and be waited for.
    """
    try:
        for worker in workers:
            mmap.mmap(-1, ROOM_TO_START).close()
            worker.start()
    except (RuntimeError, OSError, MemoryError) as error:  # a limit on processes or memory
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


class _Run(ABC):
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
            while not self.over.wait(0.1 if progress else 1.0):
                if progress is not None:
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
        self.stopped = self.source.stopped = True
        self.error = self.error or error
        self.job.stop()

    def work(self) -> None:
        """What each thread does, from its start to its end."""
        try:
            with self.gate:
                pass
            if not self.stopped:
                self.go_on()
        except _Stopped:
            pass
        except BaseException as error:  # carried to the thread that called run()
            self.stop(error)
        finally:
            with self.taking:
                self.working -= 1
                if self.stopped or not self.working:
                    self.over.set()

    def room(self) -> memoryview:
        """Memory for the largest tile, which begins at a page, behind the headroom."""
        front = -(-self.job.headroom // PAGE) * PAGE
        return _memory(front + self.plan.tile * self.job.itemsize)[front - self.job.headroom :]

    @abstractmethod
    def go_on(self) -> None:
        """Take work until there is none left."""


class _Apart(_Run):
    """Each thread takes a whole task at a time: nobody waits for anybody."""

    def __init__(self, plan: Plan, source: Source, job: Job, threads: int) -> None:
        super().__init__(plan, source, job, threads)
        self.tasks = iter(range(plan.tasks))

    def go_on(self) -> None:
        buffer = self.room()
        scratch: dict[str, Any] = {}
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


class _Task:
    """A task that was begun: per part, the accumulator."""

    __slots__ = ("carries", "left", "settled")

    def __init__(self, parts: int) -> None:
        self.carries: list[Any] = [None] * parts
        self.settled = [False] * parts
        self.left = parts
        """So many parts have not come to the last step."""


class _Tile:
    """Room for a tile, and what lies in it until every part of its task has gone on with it."""

    __slots__ = ("buffer", "left", "prepared", "ready", "scratch", "step", "task")

    def __init__(self, buffer: memoryview) -> None:
        self.buffer = buffer
        self.scratch: dict[str, Any] = {}
        self.prepared: Any = None
        self.ready = False
        self.left = 0
        self.step: Step
        self.task: _Task


class _Line:
    """The tiles to be computed one after another for one part of some tasks."""

    __slots__ = ("busy", "part", "tiles")

    def __init__(self, part: int) -> None:
        self.part = part
        self.tiles: deque[_Tile] = deque()
        self.busy = False


class _Together(_Run):
    """Threads share tasks. What they share changes under `moved`; the work is done outside.

    Tasks are finished in the order of their last steps, also those that settled before: so who
    waits for a pipe waits only for tasks that have all they need.
    """

    def __init__(self, plan: Plan, source: Source, job: Job, threads: int) -> None:
        super().__init__(plan, source, job, threads)
        self.steps: Iterator[Step] = (
            plan.steps_in_file_order() if source.sequential else plan.steps_interleaved(threads)
        )
        self.moved = threading.Condition()
        self.lines = [
            [_Line(part) for part in range(job.parts)] for _ in range(min(threads, plan.tasks))
        ]
        self.all_lines = [line for lines in self.lines for line in lines]
        self.tasks: dict[int, _Task] = {}
        self.free: list[_Tile] = []
        self.more = threads + 1  # tiles that may still be made: one ahead of what threads are at
        self.reading = False
        self.all_taken = False

    def stop(self, error: BaseException | None) -> None:
        with self.moved:
            super().stop(error)
            self.moved.notify_all()

    def go_on(self) -> None:
        while (work := self.next_work()) is not None:
            work()

    def next_work(self) -> Callable[[], None] | None:
        """A line that can go on, else a tile to be read; None when all is done."""
        with self.moved:
            while not self.stopped:
                for line in self.all_lines:
                    if not line.busy and line.tiles and line.tiles[0].ready:
                        line.busy = True
                        return partial(self.compute, line)
                if (tile := self.take()) is not None:
                    return partial(self.read, tile)
                if self.all_taken and not any(line.tiles for line in self.all_lines):
                    self.moved.notify_all()
                    return None
                self.moved.wait()
        raise _Stopped

    def take(self) -> _Tile | None:
        """Room with the next step, if there is one and it may be read now (a pipe: in order)."""
        if self.all_taken or (self.source.sequential and self.reading):
            return None
        if not self.free and not self.more:
            return None
        for step in self.steps:
            task = self.tasks.get(step.task)
            if self.source.sequential or step.last or task is None or not all(task.settled):
                break
            self.done += step.size * self.job.itemsize
        else:
            self.all_taken = True
            return None
        if not self.free:
            self.more -= 1
            self.free.append(_Tile(self.room()))
        tile = self.free.pop()
        tile.step, tile.prepared, tile.ready, tile.left = step, None, False, self.job.parts
        if not (step.first and step.last):
            tile.task = self.tasks.setdefault(step.task, _Task(self.job.parts))
            for line in self.lines[step.task % len(self.lines)]:
                line.tiles.append(tile)
        self.reading = True
        return tile

    def read(self, tile: _Tile) -> None:
        """Fill a tile, prepare it, lay it ready. A pipe is read to its end, whoever needs it."""
        job, step = self.job, tile.step
        alone = step.first and step.last
        needed = alone or not all(tile.task.settled)
        filled = tile.buffer[: job.headroom + step.size * job.itemsize]
        if needed or self.source.sequential:
            self.source.read(step.start * job.itemsize, filled[job.headroom :])
        if self.source.sequential:
            with self.moved:
                self.reading = False
                self.moved.notify()
        if needed:
            tile.prepared = job.prepare(step, filled, tile.scratch)
        if alone:
            carries = [job.compute(step, tile.prepared, part, None) for part in range(job.parts)]
            job.finish(step.task, carries)
        with self.moved:
            self.done += step.size * job.itemsize
            if alone:
                self.free.append(tile)
            tile.ready = True
            self.moved.notify(job.parts)

    def compute(self, line: _Line) -> None:
        """Go on with one part of the accumulators, for as long as tiles lie ready for it."""
        job, part = self.job, line.part
        while line.busy and not self.stopped:
            tile = line.tiles[0]
            step, task = tile.step, tile.task
            if not task.settled[part]:
                carry = job.compute(step, tile.prepared, part, task.carries[part])
                task.carries[part] = carry
                task.settled[part] = not step.last and job.settled([carry])
            if step.last:
                with self.moved:
                    task.left -= 1
                    finishes = not task.left
                if finishes:
                    del self.tasks[step.task]
                    job.finish(step.task, task.carries)
            with self.moved:
                line.tiles.popleft()
                tile.left -= 1
                if not tile.left:
                    self.free.append(tile)
                    self.moved.notify()
                line.busy = bool(line.tiles) and line.tiles[0].ready
