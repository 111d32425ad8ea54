"""Shape, order, axes and budget -> the tiles of a streamed product or cast, as plain data.

Goes in: a shape, whether it is stored first-axis-fastest, the reduced axes, a budget in elements.
Comes out: a `Plan`, a few integers that describe every task and every step by arithmetic. No array
and no file is touched here; a plan, or one task of it, can be pickled and sent anywhere.

Words:
- memory order: the axes from slowest to fastest as they lie in the file, whatever the file's order
  is called; axes of length 1 left out, neighbours that are both kept or both reduced merged.
  What is left alternates: kept, reduced, kept, ...; numpy multiplies the elements that feed one
  result in exactly this order (numpy/_core/src/multiarray/nditer_constr.c sorts by stride).
- split: the one axis that is cut into tiles. Every axis inside it fits whole into a tile, those
  outside it are gone through one index at a time. A tile is contiguous in the file.
- task: a set of results, contiguous in the output. Tasks depend on nothing outside themselves.
- step: one tile of a task. The steps of a task follow one another, carrying an accumulator.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from kcfg.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


THREADS_BYTES = 12 << 20
"""The tiles of all threads together; with the copies that kernels need, less than 50 MiB."""


class Step(NamedTuple):
    """One tile: read `size` elements at element `start`, and feed them to the task's results."""

    task: int
    start: int
    size: int
    number: int
    """Which step of its task, from 0."""
    first: bool
    """No step of the task came before: there is no accumulator yet."""
    last: bool
    """No step of the task comes after: the accumulator is the result."""
    ends_run: bool
    """The innermost reduced axis ends with this tile (float16 rounds there, see kernels.py)."""


class Plan(Record):
    """All tasks and steps of one pass over an array."""

    outer: tuple[int, ...]
    """Axes outside the split, slowest first."""
    outer_reduced: tuple[bool, ...]
    split: int
    """Length of the axis that is cut."""
    split_reduced: bool
    chunk: int
    """Indices of the split axis in a tile (its last tile may have fewer)."""
    inner: tuple[int, ...]
    """Axes inside the split, whole in every tile."""
    inner_reduced: tuple[bool, ...]

    @cached_property
    def inner_size(self) -> int:
        """Elements in one index of the split axis."""
        return math.prod(self.inner)

    @cached_property
    def inner_kept(self) -> int:
        """Results that one index of the split axis feeds."""
        return _product(self.inner, self.inner_reduced, reduced=False)

    @cached_property
    def chunks(self) -> int:
        """How many tiles the split axis is cut into."""
        return -(-self.split // self.chunk)

    @cached_property
    def rounds(self) -> int:
        """How often the reduced axes outside the split are gone through, for each task."""
        return _product(self.outer, self.outer_reduced, reduced=True)

    @cached_property
    def outer_kept(self) -> int:
        """Combinations of the kept axes outside the split."""
        return _product(self.outer, self.outer_reduced, reduced=False)

    @cached_property
    def tasks(self) -> int:
        """How many tasks."""
        return self.outer_kept * (1 if self.split_reduced else self.chunks)

    @cached_property
    def steps_per_task(self) -> int:
        """How many steps each task has (the same number for all)."""
        return self.rounds * (self.chunks if self.split_reduced else 1)

    @cached_property
    def steps(self) -> int:
        """How many steps in all."""
        return self.tasks * self.steps_per_task

    @cached_property
    def size(self) -> int:
        """Elements in all."""
        return math.prod(self.outer) * self.split * self.inner_size

    @cached_property
    def tile(self) -> int:
        """Elements in the largest tile."""
        return min(self.chunk, self.split) * self.inner_size

    @cached_property
    def results_per_task(self) -> int:
        """Results of the largest task."""
        return (1 if self.split_reduced else min(self.chunk, self.split)) * self.inner_kept

    @cached_property
    def results(self) -> int:
        """Results in all."""
        return self.outer_kept * (1 if self.split_reduced else self.split) * self.inner_kept

    def results_of(self, task: int) -> tuple[int, int]:
        """(first result, number of results) of a task, counted in the output's memory order."""
        if self.split_reduced:
            return task * self.inner_kept, self.inner_kept
        outer, chunk = divmod(task, self.chunks)
        start = chunk * self.chunk
        rows = min(self.chunk, self.split - start)
        return (outer * self.split + start) * self.inner_kept, rows * self.inner_kept

    def tile_shape(self, count: int) -> tuple[int, ...]:
        """The shape of a tile of `count` elements: the split axis, then those inside it."""
        return (count // self.inner_size, *self.inner)

    def step(self, task: int, number: int) -> Step:
        """The step `number` (from 0) of a task."""
        if self.split_reduced:
            kept, (reduced, chunk) = task, divmod(number, self.chunks)
        else:
            (kept, chunk), reduced = divmod(task, self.chunks), number
        start = chunk * self.chunk
        rows = min(self.chunk, self.split - start)
        inner = self.inner_size
        return Step(
            task,
            (self._outer_index(kept, reduced) * self.split + start) * inner,
            rows * inner,
            number,
            number == 0,
            number == self.steps_per_task - 1,
            not self.split_reduced or bool(self.inner) or chunk == self.chunks - 1,
        )

    def steps_interleaved(self, lanes: int) -> Iterator[Step]:
        """Every step, `lanes` tasks at a time side by side, so that neighbours are independent."""
        per_task = self.steps_per_task
        for first in range(0, self.tasks, lanes):
            group = range(first, min(first + lanes, self.tasks))
            for number in range(per_task):
                for task in group:
                    yield self.step(task, number)

    def steps_in_file_order(self) -> Iterator[Step]:
        """Every step in the order in which the tiles lie in the file: what a pipe needs."""
        chunks = self.chunks
        for place in range(self.steps):
            outer, chunk = divmod(place, chunks)
            kept, reduced = self._outer_place(outer)
            if self.split_reduced:
                yield self.step(kept, reduced * chunks + chunk)
            else:
                yield self.step(kept * chunks + chunk, reduced)

    def _outer_index(self, kept: int, reduced: int) -> int:
        """Place of a combination of outer indices, given as its kept and its reduced part."""
        index, unit = 0, 1
        for length, is_reduced in zip(self.outer[::-1], self.outer_reduced[::-1], strict=True):
            if is_reduced:
                reduced, digit = divmod(reduced, length)
            else:
                kept, digit = divmod(kept, length)
            index += digit * unit
            unit *= length
        return index

    def _outer_place(self, index: int) -> tuple[int, int]:
        """The inverse of `_outer_index`: (kept part, reduced part)."""
        kept, kept_unit, reduced, reduced_unit = 0, 1, 0, 1
        for length, is_reduced in zip(self.outer[::-1], self.outer_reduced[::-1], strict=True):
            index, digit = divmod(index, length)
            if is_reduced:
                reduced += digit * reduced_unit
                reduced_unit *= length
            else:
                kept += digit * kept_unit
                kept_unit *= length
        return kept, reduced


def tile_bytes(most: int, threads: int) -> int:
    """Bytes of a tile when each of so many threads has one, with copies in other dtypes.

    Large tiles, because between two of them threads wait for the interpreter (a woken thread costs
    as much as reading 500 KiB); smaller ones where many threads share the memory budget.
    """
    return min(most, max(THREADS_BYTES // (threads + 1), 1 << 18))  # and one that is read ahead


def memory_axes(
    shape: tuple[int, ...], axes: frozenset[int], *, fortran: bool
) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """(lengths, reduced?) of the merged axes in memory order; see the module's words."""
    order = range(len(shape))
    lengths: list[int] = []
    flags: list[bool] = []
    for axis in reversed(order) if fortran else order:
        if shape[axis] == 1:
            continue
        reduced = axis in axes
        if flags and flags[-1] == reduced:
            lengths[-1] *= shape[axis]
        else:
            lengths.append(shape[axis])
            flags.append(reduced)
    return tuple(lengths), tuple(flags)


def plan_prod(
    lengths: tuple[int, ...], reduced: tuple[bool, ...], budget: int, piece: int = 0
) -> Plan:
    """The plan of a product over the reduced ones of `lengths` (merged, in memory order).

    budget: the most elements of a tile, at least 1. No length may be 0.
    piece: if not 0, the innermost axis is the split one, cut at multiples of this.
    """
    if not lengths or reduced[0]:
        lengths, reduced = (1, *lengths), (False, *reduced)
    split = len(lengths) - 1 if piece else 0
    while math.prod(lengths[split + 1 :]) > budget or _too_many(lengths, reduced, split, budget):
        split += 1
    inner = lengths[split + 1 :]
    chunk = max(1, min(lengths[split], budget // math.prod(inner)))
    if piece:
        chunk = max(1, budget // piece) * piece
    elif not reduced[split] and any(reduced[:split]):
        # Parts of rows, with an accumulator that stays in the cache: about as long as each other
        # and even in number, so that threads come to their ends together.
        chunks = -(-lengths[split] // max(1, min(chunk, budget // 4 // math.prod(inner))))
        chunk = -(-lengths[split] // (chunks + chunks % 2 if chunks > 1 else 1))
        # At the same place in numpy's vectors as in a whole row (see `kernels.some_columns`), and
        # what is left of the row not alone: shorter than a vector it would be multiplied as one.
        chunk = -(-chunk // 64) * 64 if chunk > 64 else chunk
        while chunk > 64 and 0 < lengths[split] % chunk < 64:
            chunk -= 64
    return Plan(
        lengths[:split],
        reduced[:split],
        lengths[split],
        reduced[split],
        chunk,
        inner,
        reduced[split + 1 :],
    )


def plan_elementwise(size: int, budget: int) -> Plan:
    """The plan of a pass that treats each element by itself (cast, statistics); size > 0."""
    # As in one whole: what doesn't fit an integer, a processor's vectors turn into something else
    # than its scalar instructions, which are left the last few elements.
    chunk = budget // 64 * 64 or budget
    return Plan((), (), size, False, min(size, chunk), (), ())


def _too_many(lengths: tuple[int, ...], reduced: tuple[bool, ...], split: int, budget: int) -> bool:
    """Is the accumulator of a reduced split axis so large that columns should be cut instead?"""
    if not reduced[split] or split + 1 == len(lengths):
        return False
    kept = _product(lengths[split + 1 :], reduced[split + 1 :], reduced=False)
    return kept > max(1, budget // 4)


def _product(lengths: tuple[int, ...], flags: tuple[bool, ...], *, reduced: bool) -> int:
    return math.prod(n for n, flag in zip(lengths, flags, strict=True) if flag == reduced)
