"""The product of an array's elements along axes: file in, numpy's own bits out.

`prod` is for Python callers; `run` is the same for the command line, and also says what was lost.
"""

from __future__ import annotations

import contextlib
import math
from functools import cached_property
from operator import index
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import convert, executor, fast, files, half, kernels, npy
from kcfg.arrays import losses as losing
from kcfg.arrays.arguments import check_threads, numeric_dtype
from kcfg.arrays.plan import memory_axes, plan_prod, tile_bytes
from kcfg.arrays.portable import Outcome, Writing
from kcfg.problems import KcfgError
from kcfg.record import Record

if TYPE_CHECKING:
    from typing import Any

    from kcfg.arrays.executor import Execute, Progress
    from kcfg.arrays.plan import Plan, Step

    Array = np.ndarray[Any, np.dtype[Any]]

TILE_BYTES = 4 << 20
"""Of a tile, at most (see `plan.tile_bytes`)."""


class Losses(Record):
    """How many results of a product left exact arithmetic, at their end or on the way there; what
    an infinite or zero factor soon covered up may not be among them."""

    overflowed: int
    """Became infinite, although no factor is."""
    underflowed: int
    """Became zero, although no factor is."""
    invalid: int
    """Became NaN, although no factor is (infinity times zero)."""


def prod(
    path: str,
    axis: int | tuple[int, ...] | None = None,
    dtype: str | np.dtype[Any] | None = None,
    keepdims: bool = False,
    out: str | None = None,
    *,
    overwrite: bool = False,
    threads: int | None = None,
) -> Array | None:
    """The same bits and dtype as `numpy.prod(numpy.load(path), axis, dtype, keepdims=keepdims)`.

    path: a `.npy` file of any numeric or bool dtype, any size; "-" reads stdin.
    axis: None (all), an int or a tuple of ints, negative ones from the end.
    dtype: of the product; by default numpy's rule (bool and small integers become 64-bit).
        Keras 3's own `ops.prod` differs: it never gives 64-bit types.
    out: write a `.npy` file there instead ("-": stdout) and return None.
    Returns an array of `numpy.prod`'s shape. Raises KcfgError for every file or argument that
    can't be used, and for I/O errors.

    >>> import kcfg, numpy
    >>> numpy.save("data.npy", numpy.array([[2, 4, 6], [2, 4, 6]]))
    >>> kcfg.prod("data.npy", axis=1)
    array([48, 48])
    """
    asked = None if dtype is None else numeric_dtype(dtype)
    check_threads(threads)
    with files.open_input(path) as source:
        axes = normalize_axes(axis, source.header, path)
        outcome = run(
            source,
            axes,
            dtype=asked,
            keepdims=keepdims,
            out=out,
            overwrite=overwrite,
            threads=threads,
            progress=None,
        )
    return outcome.array


def normalize_axes(
    axis: int | tuple[int, ...] | None, header: npy.Header, where: str
) -> frozenset[int]:
    """The reduced axes, from 0; KcfgError as numpy raises AxisError or ValueError."""
    ndim = len(header.shape)
    if axis is None:
        return frozenset(range(ndim))
    try:
        given = [index(one) for one in (axis if isinstance(axis, tuple) else (axis,))]
    except TypeError:
        raise KcfgError(
            f"axis {axis!r} is neither an int nor a tuple of ints",
            where=where,
            keras=None,
            mend="give such as 1, -1 or (0, 2), or None for all",
        ) from None
    if ndim == 0 and len(given) == 1 and given[0] in (0, -1):
        return frozenset()  # numpy allows it (ufunc_object.c, "scalars")
    found: set[int] = set()
    for one in given:
        if not -ndim <= one < ndim:
            raise KcfgError(
                f"axis {one} is out of bounds for an array of {ndim} dimension{'s' * (ndim != 1)}",
                where=where,
                keras=None,
                mend=f"its shape is {npy.shape_text(header.shape)}: "
                + (f"axes -{ndim} to {ndim - 1}" if ndim else "it has no axis"),
            )
        if one % ndim in found:
            raise KcfgError(
                f"axis {one} is given twice", where=where, keras=None, mend="name each axis once"
            )
        found.add(one % ndim)
    return frozenset(found)


def result_dtype(dtype: np.dtype[Any], asked: np.dtype[Any] | None) -> np.dtype[Any]:
    """The dtype in which numpy multiplies and which the result has; always native."""
    given = np.asarray(np.prod(np.ones(1, dtype))).dtype if asked is None else asked
    native: np.dtype[Any] = given.newbyteorder("=")
    return native


def run(
    source: files.Input,
    axes: frozenset[int],
    *,
    dtype: np.dtype[Any] | None,
    keepdims: bool,
    out: str | None,
    overwrite: bool,
    threads: int | None,
    progress: Progress | None,
    spill: bool = False,
    execute: Execute = executor.run,
) -> Outcome[Losses]:
    """The product over `axes` of an open input; into `out` if given.

    spill: a large result without `out` may be a memory map of a nameless temporary file.
    execute: what runs the plan.
    """
    header = source.header
    files.refuse_itself(source, out, overwrite=overwrite)
    op_dtype = result_dtype(header.dtype, dtype)
    shape = tuple(
        1 if axis in axes else length
        for axis, length in enumerate(header.shape)
        if keepdims or axis not in axes
    )
    with files.open_output(
        out, op_dtype, shape, fortran=header.fortran, overwrite=overwrite, spill=spill
    ) as output:
        threads = threads or executor.default_threads()
        losses = _multiply(source, axes, op_dtype, output.sink, threads, progress, execute)
        source.drain()
        array = output.array()
    return Outcome(op_dtype, shape, array, losses, source.surplus())


def _multiply(
    source: files.Input,
    axes: frozenset[int],
    op_dtype: np.dtype[Any],
    sink: files.Sink,
    threads: int,
    progress: Progress | None,
    execute: Execute,
) -> Losses:
    header = source.header
    if 0 in header.shape:
        kept = [length for axis, length in enumerate(header.shape) if axis not in axes]
        files.write_ones(sink, math.prod(kept), op_dtype)
        return Losses(0, 0, 0)
    plan, piece = _planned(header, axes, op_dtype, threads)
    waiting = plan.results * op_dtype.itemsize  # where a pipe brings every task's first step first
    with contextlib.ExitStack() as stack:
        store: files.FileSink | None = None
        if source.sequential and plan.rounds > 1 and plan.tasks > 1 and waiting > files.IN_MEMORY:
            if isinstance(sink, files.FileSink):
                store = sink
            else:
                store = stack.enter_context(files.temporary_sink(waiting))
        job = ProdJob(plan, header.dtype, op_dtype, sink, store, threads, piece)
        with convert.quietly(header.dtype, op_dtype):
            execute(plan, source, job, threads=threads, progress=progress)
        if store is not None and store is not sink:
            store.copy_to(sink, plan.results, op_dtype)
    return Losses(*job.lost)


def _planned(
    header: npy.Header, axes: frozenset[int], op_dtype: np.dtype[Any], threads: int
) -> tuple[Plan, int]:
    """The plan, and the piece in which float16's innermost axis is cut, or 0."""
    dtype = header.dtype
    lengths, reduced = memory_axes(header.shape, axes, fortran=header.fortran)
    room = tile_bytes(TILE_BYTES, threads)
    if kernels.family(op_dtype) == kernels.INTEGER:  # which may need no copy in their wider dtype
        plan = plan_prod(lengths, reduced, max(1, room // max(dtype.itemsize, 4)))
        flags = (plan.split_reduced, *plan.inner_reduced)
        if fast.widens(dtype, op_dtype, plan.tile_shape(plan.tile), flags):
            return plan, 0
    widest = max(dtype.itemsize, op_dtype.itemsize, 4)  # float16 is widened
    if op_dtype == np.float16 != dtype:
        widest *= 2  # and rounded first, through buffers as large
    piece = 0
    if kernels.family(op_dtype) == kernels.HALF and reduced and reduced[-1]:
        piece = half.piece_size(buffered=dtype != op_dtype)
        piece = piece if lengths[-1] > piece else 0
    return plan_prod(lengths, reduced, max(1, room // widest), piece), piece


class _Factors:
    """One tile, ready to be multiplied into the parts of an accumulator."""

    def __init__(self, tile: Array, halves: Any) -> None:
        self.tile = tile
        self.halves = halves
        """The same in float16, if that was widened."""

    @cached_property
    def signs(self) -> Array | None:
        """`kernels.signs`, looked at once for all parts."""
        with np.errstate(all="ignore"):
            return kernels.signs(self.tile)


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
        self.family = kernels.family(op_dtype)
        self.associative = self.family == kernels.INTEGER
        self.reduced = (plan.split_reduced, *plan.inner_reduced)
        self.across = across = self.reduced == (True, False)
        # one innermost run of float16, cut into tiles, or many whole ones
        self.half_run = self.family == kernels.HALF and self.reduced == (True,)
        self.half_rows = self.family == kernels.HALF and self.reduced == (False, True)
        # Around axes that are reduced, too, the first one that is kept is shared out.
        self.around = self.family == kernels.REAL and self.reduced[:3] == (True, False, True)
        self.shared = across or self.around
        columns = plan.inner[0] if self.shared else 1
        # One column alone numpy would take for a run along the axis, where float16 and complex
        # are rounded otherwise: their parts have two columns or more. Of complex numbers numpy
        # calls its loop for each row: a part of a short row takes as long as all of it.
        most = {
            kernels.INTEGER: 1,
            kernels.REAL: columns if columns < fast.SHORT or self.around else 1,
            kernels.HALF: columns // 2,
            kernels.COMPLEX: columns // fast.SHORT,
        }[self.family]
        if store is not None:  # it gives all columns at once
            most = 1
        self.parts = max(1, min(most, threads))
        self.bounds = [columns * part // self.parts for part in range(self.parts + 1)]
        width = 1 if self.reduced[-1] else (plan.split, *plan.inner)[-1]
        self.keeps_nan = self.family == kernels.REAL and kernels.keeps_first_nan(op_dtype, width)
        self.keeps_nan |= self.half_run and half.kept_nan() == half.FIRST
        # Where each multiplication waits for the one before, a stuck accumulator saves the most.
        self.waits = (self.half_run or self.family == kernels.REAL) and op_dtype.itemsize <= 8
        self.waits &= self.reduced == (True,) or (across and columns < fast.SHORT)
        self.looks_at_signs = False
        """The last accumulator was stuck: it pays to look at signs before a tile's turn comes."""
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
        factors = _Factors(elements.reshape(shape), halves)
        if self.looks_at_signs:
            _ = factors.signs
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
            after = self._floating(step, prepared, part, carry)
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
        after = self._stuck(factors, part, carry)
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

    def _stuck(self, factors: _Factors, part: int, carry: Any) -> Array | None:
        """The accumulators after a tile that can change no more than their signs, else None."""
        stuck = self.waits and carry is not None and kernels.is_stuck(carry)
        self.looks_at_signs = stuck  # of whatever thread comes next
        if not stuck:
            return None
        negative = factors.signs
        if negative is None or (np.isinf(carry).any() and not factors.tile.all()):
            return None
        if self.across:
            negative = negative[self.bounds[part] : self.bounds[part + 1]]
        return np.asarray(np.where(negative, -carry, carry))

    def settled(self, carries: list[Any]) -> bool:
        """No further factor can change an integer 0, nor a NaN."""
        if self.store is not None:
            return False
        if self.family == kernels.INTEGER:
            return not carries[0].any()
        return self.keeps_nan and all(
            np.isnan(carry.flat[0]) and np.isnan(carry).all() for carry in carries
        )

    def finish(self, task: int, carries: list[Any]) -> None:
        """Hand the results to the sink."""
        if self.store is not None:
            return
        results = carries[0] if len(carries) == 1 else np.concatenate(carries)
        self.sink.write(self.plan.results_of(task)[0], results)
