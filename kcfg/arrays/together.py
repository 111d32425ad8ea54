"""Threads that share tasks: who has nothing to compute reads and prepares the next tile.

Who computes goes on with an accumulator for as long as tiles lie ready. So reading overlaps with
computing even where a product is one long chain, and between two tiles of it nobody waits for
another thread to wake. Where an accumulator has independent parts (columns), threads go on with
different parts.
"""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from kcfg.arrays.workers import Run, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kcfg.arrays.executor import Job, Source
    from kcfg.arrays.plan import Plan, Step


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


class Together(Run):
    """Threads share tasks. What they share changes under `moved`; the work is done outside.

    Last steps are taken in the order of the tasks, also of those that settled before: so who waits
    for its turn to write waits only for tasks whose tiles were all taken.
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
        raise Stopped

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
        filled = tile.buffer[: step.size * job.itemsize]
        if needed or self.source.sequential:
            self.source.read(step.start * job.itemsize, filled)
        if self.source.sequential:
            with self.moved:
                self.reading = False
                self.moved.notify()
        if needed:
            tile.prepared = self.prepare(step, filled, tile.scratch)
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
        while not self.stopped:
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
                if not line.tiles or not line.tiles[0].ready:
                    line.busy = False  # from here on, who finds the next tile ready may take it
                    return
