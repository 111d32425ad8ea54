"""What the executor does with the tiles of a product: each into the accumulators of its task.

Goes in: a plan, the tiles as they lie in the file. Comes out: results at their place in a sink, and
how many of them left exact arithmetic. How a tile is multiplied, `kernels` and `half` say.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import convert, fast, half, kernels, stuck
from kcfg.arrays import losses as losing
from kcfg.arrays.portable import Writing

if TYPE_CHECKING:
    from typing import Any

    from kcfg.arrays import files
    from kcfg.arrays.plan import Plan, Step

    Array = np.ndarray[Any, np.dtype[Any]]


LOOKED_AT = 40
"""The factors of fewer columns are looked at faster than multiplied with zeros."""

FEW = 32
"""One in so many factors of a first tile is multiplied before the others are looked at."""


class _Factors:
    """One tile, ready to be multiplied into the parts of an accumulator."""

    def __init__(self, tile: Array, halves: Any, reduced: tuple[bool, ...]) -> None:
        self.tile = tile
        self.halves = halves
        """The same in float16, if that was widened."""
        self.reduced = reduced

    @cached_property
    def seen(self) -> stuck.Look:
        """`stuck.look`, once for all parts."""
        return stuck.look(self.tile, self.reduced)

    @cached_property
    def cut(self) -> list[_Factors]:
        """A few of them, which may be enough for stuck accumulators, and the others."""
        few = len(self.tile) // FEW
        if not few:
            return [self]
        tiles, halves = [self.tile[:few], self.tile[few:]], [None, None]
        if self.halves is not None:
            halves = [self.halves[:few], self.halves[few:]]
        return [_Factors(*parts, self.reduced) for parts in zip(tiles, halves, strict=True)]


class ProdJob(Writing):
    """What the executor does with each tile of a product.

    store: where the accumulators wait between two steps when they are too many for memory.
    """

    def __init__(
        self,
        plan: Plan,
        dtype: np.dtype[Any],
        op_dtype: np.dtype[Any],
        sink: files.Sink,
        store: files.FileSink | None,
        threads: int,
        piece: int,
    ) -> None:
        super().__init__(sink)
        self.plan = plan
        self.piece = piece
        self.dtype = dtype
        self.op_dtype = op_dtype
        self.store = store
        self.itemsize = dtype.itemsize
        self.family = family = kernels.family(op_dtype)
        self.associative = family == kernels.INTEGER
        self.reduced = (plan.split_reduced, *plan.inner_reduced)
        self.across = across = self.reduced == (True, False)
        # one innermost run of float16, cut into tiles, or many whole ones
        self.half_run = self.family == kernels.HALF and self.reduced == (True,)
        self.half_rows = self.family == kernels.HALF and self.reduced == (False, True)
        # Around axes that are reduced, too, the first one that is kept is shared out.
        around = self.reduced[:3] == (True, False, True) and not self.associative
        self.shared = across or around
        columns = plan.inner[0] if self.shared else 1
        # One column alone numpy would take for a run along the axis, where float16 and complex
        # are rounded otherwise: their parts have two columns or more. Of complex numbers numpy
        # calls its loop for each row: a part of a short row takes as long as all of it.
        most = {
            kernels.INTEGER: 1,
            kernels.REAL: columns if columns < fast.NARROW or around else 1,
            kernels.HALF: columns // 2,
            kernels.COMPLEX: columns // (2 if around else fast.SHORT),
        }[self.family]
        if store is not None:  # it gives all columns at once
            most = 1
        self.parts = max(1, min(most, threads))
        self.bounds = [columns * part // self.parts for part in range(self.parts + 1)]
        width = 1 if self.reduced[-1] else (plan.split, *plan.inner)[-1]
        self.last_nans = kernels.keep_last_nan(op_dtype, width) if family == kernels.REAL else None
        self.keeps_nan = self.last_nans == 0 or (self.half_run and half.kept_nan() == half.FIRST)
        # Where each multiplication waits for the one before, numpy calls its loop for few columns,
        # or each product is rounded to float16, it saves time to look at what only zeros and
        # infinities meet. To multiply subnormal numbers takes long everywhere.
        slow = across and (family == kernels.HALF or columns < LOOKED_AT)
        self.looks = family in (kernels.HALF, kernels.REAL) and op_dtype.itemsize <= 8
        self.looks &= across or (around and family == kernels.REAL) or self.reduced == (True,)
        self.sees_zeros = self.looks and (slow or self.reduced == (True,))
        self.looks_ahead = False
        """The last accumulator was stuck: it pays to look at a tile before its turn comes."""
        self.lost = [0, 0, 0]

    def prepare(self, step: Step, buffer: memoryview, scratch: dict[str, Any]) -> Any:
        """The tile in the dtype in which it is multiplied; of integers the products of its factors,
        as far as several feed one result."""
        elements = np.frombuffer(buffer, self.dtype, step.size)
        shape = self.plan.tile_shape(step.size)
        if self.family == kernels.INTEGER:
            if self.dtype != self.op_dtype and not fast.widens(
                self.dtype, self.op_dtype, shape, self.reduced
            ):
                elements = self._converted(elements, self.op_dtype, scratch)
            tile = elements.reshape(shape)
            if not any(self.reduced):
                return tile
            with np.errstate(all="ignore"):
                return kernels.start(tile, self.reduced, self.op_dtype)
        halves = None
        if self.dtype != self.op_dtype:
            elements = self._converted(elements, self.op_dtype, scratch)
        if self.half_run or self.half_rows:
            halves = elements
            elements = self._converted(elements, np.dtype(np.float32), scratch)
        factors = _Factors(elements.reshape(shape), halves, self.reduced)
        if self.looks_ahead and not step.first:
            _ = factors.seen
        return factors

    def _converted(self, elements: Array, dtype: np.dtype[Any], scratch: dict[str, Any]) -> Array:
        """The elements in another dtype."""
        if dtype.char not in scratch:
            scratch[dtype.char] = np.empty(self.plan.tile, dtype)
        converter = scratch.setdefault("converter", convert.Converter())
        converted: Array = scratch[dtype.char][: elements.size]
        with np.errstate(all="ignore"):
            converter.convert(elements, converted)
        return converted

    def compute(self, step: Step, prepared: Any, part: int, carry: Any) -> Any:
        """Multiply one tile into one part of the accumulators."""
        if self.store is not None and not step.first:
            first, count = self.plan.results_of(step.task)
            carry = self.store.read(first, count, self.op_dtype)
        if self.family == kernels.INTEGER:
            with np.errstate(all="ignore"):
                after = self._integers(prepared, carry)
        else:
            after = carry
            begins = carry is None and self._sees_subnormals(step)
            for factors in prepared.cut if begins else [prepared]:
                after = self._floating(step, factors, part, after)
        if self.store is None:
            return after
        self.store.write(self.plan.results_of(step.task)[0], np.asarray(after))
        return True

    def _integers(self, prepared: Array, carry: Array | None) -> Array:
        if carry is not None:
            carry = carry.reshape(prepared.shape)
            return np.asarray(np.multiply(carry, prepared, out=carry))
        # Where nothing is reduced it is the tile, whose memory is used again.
        return prepared if any(self.reduced) else prepared.astype(self.op_dtype)

    def _floating(self, step: Step, factors: _Factors, part: int, carry: Any) -> Any:
        after = self._stuck(step, factors, part, carry)
        if after is not None:
            return after.astype(np.float16) if self.half_run and step.ends_run else after
        tile, halves, reduced = factors.tile, factors.halves, self.reduced
        bounds = self.bounds[part], self.bounds[part + 1]
        own = tile[:, slice(*bounds)] if self.shared else tile
        if carry is not None and not self.half_run:
            carry = carry.reshape(
                [n for n, flag in zip(own.shape, reduced, strict=True) if not flag]
            )
        with np.errstate(all="call", call=(flags := losing.Flags())):
            if self.half_run:
                after = half.proceed(tile, carry, self.piece)
                if np.isnan(after).any():
                    after = half.which_nan(tile, halves, carry, after, self.piece)
                elif step.ends_run:
                    after = after.astype(np.float16)
            elif self.half_rows:
                after = half.rows_product(tile, halves, carry)
            elif self.across and self.last_nans and carry is not None and _are_nan(carry):
                after = kernels.later_nans(tile, bounds, carry, self.last_nans)
            elif self.across:
                after = kernels.some_columns(tile, bounds, carry)
            elif carry is None:
                after = kernels.start(own, reduced)
            else:
                after = kernels.proceed(own, reduced, carry)
        if flags.raised or after.dtype == np.float16:
            lost = losing.of_product(own, reduced, carry, after)
            if lost is not None:
                with self.counting:
                    self.lost = [a + b for a, b in zip(self.lost, lost, strict=True)]
        return after

    def _stuck(self, step: Step, factors: _Factors, part: int, carry: Any) -> Array | None:
        """The accumulators after a tile that can change no more than their signs, else None."""
        self.looks_ahead = carry is not None and stuck.is_stuck(
            carry, zeros=self.sees_zeros, subnormals=self._sees_subnormals(step)
        )
        if not self.looks_ahead:
            return None
        negative = factors.seen.negative
        if self.shared:
            negative = negative[self.bounds[part] : self.bounds[part + 1]]
        return stuck.after(carry, factors.seen._replace(negative=negative.reshape(carry.shape)))

    def _sees_subnormals(self, step: Step) -> bool:
        """Does it pay to look at what subnormal accumulators meet in this tile? Not where float32
        is rounded to float16: there they are lost."""
        return self.looks and not (self.half_run and (self.piece or step.ends_run))

    def settled(self, carries: list[Any]) -> bool:
        """No further factor can change an integer 0, nor a NaN."""
        if self.store is not None:
            return False
        if self.family == kernels.INTEGER:
            return not carries[0].any()
        return self.keeps_nan and all(_are_nan(carry) for carry in carries)

    def finish(self, task: int, carries: list[Any]) -> None:
        """Hand the results to the sink."""
        if self.store is not None:
            return
        results = carries[0] if len(carries) == 1 else np.concatenate(carries)
        self.sink.write(self.plan.results_of(task)[0], results)


def _are_nan(carry: Array) -> bool:
    """Few are: the first one says so without a pass over all."""
    return bool(np.isnan(carry.flat[0]) and np.isnan(carry).all())
