"""Arithmetic on one tile, in numpy's own order.

`numpy.prod` multiplies the elements that feed one result one after another, in memory order, from
1 on (numpy/_core/src/umath/reduction.c and loops_arithm_fp.dispatch.c.src). There is no pairwise
tree as in `numpy.sum`. So a tile may go on where the last one stopped, if it starts from the
accumulator, and results may be taken side by side. How depends on the family of the dtype:

- integers and bool: products wrap modulo 2**n, any order gives the same bits;
- float32, float64, long double: the first factor of a tile may be multiplied by the accumulator
  beforehand, or `1 * accumulator`, which is the accumulator, stand in front of it;
- float16 (`HALF_multiply`): along the innermost axis numpy multiplies in float32 and rounds once,
  when that run ends; across other axes it rounds after each multiplication;
- complex: `(1+0j) * accumulator` isn't the accumulator where parts are infinite or negative zero,
  and numpy's loop across axes (fused multiply-add, where the processor has it) rounds otherwise
  than its loop along an axis: each is called just as numpy calls it.

What is fast: numpy's loop along a short axis costs some 15 ns a row, along a long one it waits for
each multiplication (4 cycles). A short axis is better gone through column by column: the same
multiplications in the same order for each row, many rows in one call.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]

INTEGER, REAL, HALF, COMPLEX = "integer", "real", "half", "complex"

SHORT = 24
"""Up to this length an axis is looped over in Python, many results in each call."""

BLOCK_BYTES = 1 << 22
"""Column by column: so much of a tile at a time. More calls on less cost more than a larger cache
gives back, most of all where two threads ask for the interpreter after each."""

ABREAST = 512
"""So many long rows are multiplied side by side."""

TURNED_BYTES = 1 << 19
"""The buffer in which they are."""

LONGEST_RUN, LEAST_LANE = 64, 1 << 15
"""See `has_lanes`."""

WIDE = 1024
"""Integers are multiplied side by side in rows of about so many."""


def family(dtype: np.dtype[Any]) -> str:
    """Which rule of the module's docstring a dtype follows."""
    if dtype.kind in "biu":
        return INTEGER
    if dtype.kind == "c":
        return COMPLEX
    return HALF if dtype.itemsize == 2 else REAL


def has_lanes(dtype: np.dtype[Any], shape: tuple[int, ...], reduced: tuple[bool, ...]) -> bool:
    """Does `_lanes` multiply such a tile faster than numpy's own loop, which it calls for each run?

    Its runs are short, and there is enough for each kept index to repay a call.
    """
    if reduced != (True, False, True) or family(dtype) not in (INTEGER, REAL):
        return False
    return shape[2] <= LONGEST_RUN and shape[0] * shape[2] >= LEAST_LANE


def start(tile: Array, reduced: tuple[bool, ...]) -> Array:
    """The products over the reduced axes of a tile, with nothing before it.

    tile: C-contiguous, native, shape (rows, *inner). Returns an array of the kept axes' shape.
    """
    if family(tile.dtype) == INTEGER and reduced in ((True,), (True, False)):
        return _folded(tile, np.multiply)
    if has_lanes(tile.dtype, tile.shape, reduced):
        return _lanes(tile, None)
    fast = family(tile.dtype) in (INTEGER, REAL)
    result = _fast_start(tile, reduced) if fast else None
    if result is None:
        return _reduce(tile, _axes(reduced))
    if tile.dtype.kind == "f" and (nans := np.isnan(result)).any():
        # Which NaN, numpy's own loop says.
        rows = nans if nans.ndim == 1 else nans.reshape(len(tile), -1).any(axis=1)
        result[rows] = _reduce(tile[rows], _axes(reduced))
    return result


def _fast_start(tile: Array, reduced: tuple[bool, ...]) -> Array | None:
    if reduced == (False, True) and 1 < tile.shape[1] <= SHORT:
        return _columns(tile)
    if reduced == (False, True) and len(tile) >= ABREAST // 2 and _turning_pays(tile):
        return _rows_abreast(tile)
    if reduced == (False, True, False):
        rows, length, width = tile.shape
        if width < SHORT and length > SHORT:
            result = np.empty((rows, width), tile.dtype)
            for place in range(width):
                column = tile[:, :, place]
                np.multiply.reduce(column, axis=1, dtype=tile.dtype, out=result[:, place])
            return result
        if length <= SHORT and rows * width > SHORT:
            return _middle(tile)
    return None


def some_columns(tile: Array, bounds: tuple[int, int], before: Array | None) -> Array:
    """The products down some columns (first, end) of a tile of shape (rows, columns).

    Where one is NaN, it depends on the place in numpy's vectors which of two NaNs a
    multiplication gives: then these columns are gone through in rows as wide as numpy's.
    """
    first, end = bounds
    across = (True, False)
    part = tile[:, first:end]
    whole = end - first == tile.shape[1]
    result = start(part, across) if before is None else proceed(part, across, before)
    if tile.dtype.kind not in "fc" or tile.dtype.itemsize == 2 or not np.isnan(result).any():
        return result
    if whole and family(tile.dtype) == REAL and tile.shape[1] >= SHORT and len(tile) > 4:
        return result  # they were
    wide = np.ones((len(tile) + 1, tile.shape[1]), tile.dtype)
    wide[1:, first:end] = part
    if before is not None:
        wide[0, first:end] = before
    if family(tile.dtype) == COMPLEX and before is not None:
        return _proceed_complex(wide[1:], across, wide[0])[first:end]
    return _reduce(wide[0 if before is not None else 1 :], (0,))[first:end]


def proceed(tile: Array, reduced: tuple[bool, ...], before: Array) -> Array:
    """The same, going on from the accumulators `before` (of the kept axes' shape).

    tile: may be written to for the time of the call.
    """
    kind = family(tile.dtype)
    axes = _axes(reduced)
    if kind == INTEGER:
        return np.asarray(np.multiply(before, start(tile, reduced)))
    if not axes:
        return np.asarray(np.multiply(before, tile))
    if before.size == 1 and (reduced[-1] or kind == REAL):
        # Along the innermost axis a scalar start is exact in every family.
        product = _reduce(tile, axes, before.reshape(-1)[0])
        return np.asarray(product.reshape(before.shape))
    if reduced[0] and len(tile) <= 4 and not any(reduced[1:]):
        after: Array = before.copy()
        for row in tile:  # in place, as numpy's own loop: so two NaNs meet as there
            np.multiply(after, row, out=after)
        return after
    if kind == COMPLEX:
        return _proceed_complex(tile, reduced, before)
    if kind == REAL and reduced == (True, False) and tile.shape[1] < SHORT:
        result = np.empty_like(before)
        for place in range(tile.shape[1]):
            result[place] = np.multiply.reduce(tile[:, place], initial=before[place])
        return result
    if has_lanes(tile.dtype, tile.shape, reduced):
        return _lanes(tile, before)
    if kind == REAL or not reduced[-1]:
        return _from_firsts(tile, reduced, before)
    return _reduce(_put_before(tile, reduced, before), axes)


def is_stuck(before: Array) -> bool:
    """Is each accumulator zero or infinite, so that most factors can change its sign alone?"""
    with np.errstate(invalid="ignore"):  # a signalling NaN that was the first factor
        return bool((np.isinf(before) | (before == 0)).all())


def signs(tile: Array) -> Array | None:
    """Which columns have an odd number of negative factors; of a tile without columns an array of
    shape (). None if some factor is infinite or NaN.
    """
    if not (tile.max() < np.inf and tile.min() > -np.inf):
        return None
    words = tile.view(f"u{tile.itemsize}")
    return np.asarray(np.signbit(_folded(words, np.bitwise_xor).view(tile.dtype)))


def nan_of_half_run(halves: Array, before: Array | None, piece: int) -> Array:
    """`proceed_half_run` where that gave NaN: numpy's own loop says which NaN it is.

    halves: the same part, not widened. From the first NaN on nothing is rounded any more.
    """
    first = np.float32(1) if before is None else before.reshape(-1)[0].astype(np.float32)
    place = 0
    for begin in range(0, halves.size, piece or halves.size):
        part = halves[begin : begin + piece] if piece else halves
        chain = np.multiply.accumulate(np.concatenate([[first], part.astype(np.float32)]))
        is_nan = np.isnan(chain)
        if is_nan.any():
            place = begin + int(is_nan.argmax())
            first = chain[is_nan.argmax()]
            break
        first = chain[-1].astype(np.float16).astype(np.float32)
    return np.asarray(np.multiply.reduce(halves[place:], initial=first.astype(np.float16)))


def proceed_half_run(run: Array, before: Array | None, piece: int) -> Array:
    """A part of one innermost run of float16, already widened: its product, not yet rounded.

    before: the product so far, in float32 within a run, in float16 between two; None: 1.
    piece: if not 0, numpy rounds after so many elements; a part begins at a multiple of it.
    """
    product = np.float32(1) if before is None else before.reshape(-1)[0].astype(np.float32)
    for first in range(0, run.size, piece or run.size):
        part = run[first : first + piece] if piece else run
        product = np.multiply.reduce(part, initial=product)
        if piece:
            product = product.astype(np.float16).astype(np.float32)
    return np.asarray(product)


def half_piece(*, buffered: bool) -> int:
    """After how many elements of one run of float16 numpy rounds; 0: only at its end.

    numpy goes through a buffer where it must swap bytes or cast, and before numpy 2 always: then it
    rounds whenever the buffer is used up, counted from the start of each run. Found by a
    product that comes out as 1 + 64/1024 if it was rounded on the way, else 1 + 65/1024.
    """
    size = np.getbufsize()
    probe = np.ones(size + 31, np.float16)
    probe[:32] = probe[size:] = 1 + 2.0**-10
    cut = buffered or np.multiply.reduce(probe) == np.float16(1 + 64 / 1024)
    return size if cut else 0


def _axes(reduced: tuple[bool, ...]) -> tuple[int, ...]:
    return tuple(axis for axis, flag in enumerate(reduced) if flag)


def _reduce(tile: Array, axes: tuple[int, ...], initial: Any = None) -> Array:
    if initial is None:
        return np.asarray(np.multiply.reduce(tile, axis=axes, dtype=tile.dtype))
    return np.asarray(np.multiply.reduce(tile, axis=axes, dtype=tile.dtype, initial=initial))


def _columns(tile: Array, dtype: np.dtype[Any] | None = None) -> Array:
    """Short rows, (rows, length): one multiplication a column, for a block of rows at a time."""
    rows, length = tile.shape
    dtype = dtype or tile.dtype
    result = np.empty(rows, dtype)
    block = max(1, BLOCK_BYTES // (length * tile.itemsize))
    for first in range(0, rows, block):
        part, out = tile[first : first + block], result[first : first + block]
        np.multiply(part[:, 0], part[:, 1], out=out, dtype=dtype)
        for place in range(2, length):
            np.multiply(out, part[:, place], out=out, dtype=dtype)
    return result


def widens_columns(
    dtype: np.dtype[Any], op_dtype: np.dtype[Any], shape: tuple[int, ...], reduced: tuple[bool, ...]
) -> bool:
    """May `widening_columns` multiply such a tile of integers without a copy in `op_dtype`?"""
    return (
        family(op_dtype) == INTEGER
        and reduced == (False, True)
        and 1 < shape[1] <= SHORT
        and np.can_cast(dtype, op_dtype, "safe")
    )


def widening_columns(tile: Array, op_dtype: np.dtype[Any]) -> Array:
    """The products along the short rows of a tile, in a wider integer dtype."""
    return _columns(tile, op_dtype)


def _folded(tile: Array, ufunc: np.ufunc) -> Array:
    """Integers down the first axis, which any order may combine: in rows of about WIDE numbers.

    Down a narrow axis numpy calls its loop for every row, along one it waits for each result.
    """
    width = math.prod(tile.shape[1:])
    fold = WIDE // width
    whole = len(tile) // max(1, fold) * fold
    if fold < 2 or not whole:
        return np.asarray(ufunc.reduce(tile, axis=0, dtype=tile.dtype))
    wide = ufunc.reduce(tile[:whole].reshape(-1, fold * width), axis=0, dtype=tile.dtype)
    result = ufunc.reduce(wide.reshape(fold, *tile.shape[1:]), axis=0, dtype=tile.dtype)
    if whole < len(tile):
        result = ufunc(result, ufunc.reduce(tile[whole:], axis=0, dtype=tile.dtype))
    return np.asarray(result)


def _turning_pays(tile: Array) -> bool:
    """Does numpy wait longer for each product of a row than `_rows_abreast` takes to turn it?

    Rows a multiple of 256 bytes apart share a few places of the cache: there it does not.
    """
    apart = tile.shape[1] * tile.itemsize
    return apart % 256 != 0 and (tile.itemsize == 4 or apart <= 2048)


def _rows_abreast(tile: Array) -> Array:
    """Long rows, (rows, length): turned by blocks, so that rows lie side by side in numpy's vectors
    instead of each waiting for its own product.
    """
    rows, length = tile.shape
    result = np.empty(rows, tile.dtype)
    width = min(length, TURNED_BYTES // (ABREAST * tile.itemsize))
    turned = np.empty((width, ABREAST), tile.dtype)
    for first in range(0, rows, ABREAST):
        block, out = tile[first : first + ABREAST], result[first : first + ABREAST]
        for place in range(0, length, width):
            part = block[:, place : place + width]
            columns = turned[: part.shape[1], : part.shape[0]]
            np.copyto(columns, part.T)
            if place:
                np.multiply(out, columns[0], out=columns[0])
            np.multiply.reduce(columns, axis=0, out=out)
    return result


def _middle(tile: Array) -> Array:
    """A short middle axis, (rows, length, width): one multiplication for each index of it."""
    rows, length, width = tile.shape
    result = np.empty((rows, width), tile.dtype)
    block = max(1, BLOCK_BYTES // (length * width * tile.itemsize))
    for first in range(0, rows, block):
        part, out = tile[first : first + block], result[first : first + block]
        narrow = width < SHORT // 2
        for place in range(width if narrow else 1):
            some = (slice(None), place) if narrow else slice(None)
            np.multiply(part[:, 0][some], part[:, 1][some], out=out[some])
            for index in range(2, length):
                np.multiply(out[some], part[:, index][some], out=out[some])
    return result


def _lanes(tile: Array, before: Array | None) -> Array:
    """Down the first and along the last axis, (rows, kept, run): the factors of one kept index at a
    time, laid one after another. numpy calls the same loop for each run.
    """
    rows, kept, run = tile.shape
    result = np.empty(kept, tile.dtype)
    lane = np.empty((rows, run), tile.dtype)
    for place in range(kept):
        np.copyto(lane, tile[:, place])
        first = 1 if before is None else before[place]
        result[place] = np.multiply.reduce(lane.reshape(-1), dtype=tile.dtype, initial=first)
    return result


def _from_firsts(tile: Array, reduced: tuple[bool, ...], before: Array) -> Array:
    """Each result's first factor takes its accumulator along, for the time of the call."""
    firsts = tile[tuple(0 if flag else slice(None) for flag in reduced)]
    if (np.isnan(before) & np.isnan(firsts)).any():  # which of the two, numpy's own loop says
        return _reduce(_put_before(tile, reduced, before), _axes(reduced))
    kept = firsts.copy()
    np.multiply(before, firsts, out=firsts)
    result = start(tile, reduced)
    firsts[...] = kept
    return result


def _put_before(tile: Array, reduced: tuple[bool, ...], before: Array) -> Array:
    """The tile with the accumulators as elements in front of those that go on from them."""
    axis = reduced.index(True)
    slab_shape = [1 if place == axis else length for place, length in enumerate(tile.shape)]
    slab = np.ones(slab_shape, tile.dtype)
    slab[tuple(0 if flag else slice(None) for flag in reduced)] = before
    return np.concatenate([slab, tile], axis=axis)


def _proceed_complex(tile: Array, reduced: tuple[bool, ...], before: Array) -> Array:
    """Go on by numpy's own loop: along the last axis, or across the others."""
    result: Array = before.copy()
    along = reduced[-1]
    looped = reduced[:-1] if along else reduced
    if not along and _is_itself_times_one(before):
        return _reduce(_put_before(tile, reduced, before), _axes(reduced))
    lengths = [length for length, flag in zip(tile.shape, looped, strict=False) if flag]
    for index in np.ndindex(*lengths):
        digits = iter(index)
        part = tile[tuple(next(digits) if flag else slice(None) for flag in looped)]
        if along:
            flat, runs = result.reshape(-1), part.reshape(-1, part.shape[-1])
            for place in range(flat.size):
                flat[place] = np.multiply.reduce(runs[place], initial=flat[place])
        else:
            np.multiply(result, part, out=result)
    return result


def _is_itself_times_one(numbers: Array) -> bool:
    """(1+0j) * z is z for every z with finite parts other than zero."""
    parts = np.ascontiguousarray(numbers).view(numbers.real.dtype)
    return bool(np.isfinite(parts).all() and parts.all())


def half_rows(tile: Array, halves: Array, before: Array | None) -> Array:
    """Whole rows of widened float16, (rows, length), each going on from its rounded product."""
    if before is None:
        result = start(tile, (False, True))
    else:
        first = before.astype(np.float32).reshape(-1, 1)
        result = _reduce(np.concatenate([first, tile], axis=1), (1,))
    rounded = result.astype(np.float16)
    rows = np.isnan(rounded)
    if rows.any():  # which NaN, numpy's own loop for float16 says
        some = halves.reshape(tile.shape)[rows]
        rounded[rows] = _reduce_halves(some, None if before is None else before[rows])
    return rounded


def _reduce_halves(rows: Array, before: Array | None) -> Array:
    if before is not None:
        rows = np.concatenate([before.reshape(-1, 1), rows], axis=1)
    return _reduce(rows, (1,))


def keeps_first_nan(dtype: np.dtype[Any], width: int) -> bool:
    """Does a product that is NaN stay just that NaN, whatever NaN comes next?

    width: results that are multiplied side by side, 1 along the innermost axis. A probe: which of
    two NaNs a multiplication gives depends on how the compiler ordered the operands, in the loop
    over numpy's vectors and in the one over what is left of a row behind them.
    """
    width = min(width, 1024 + width % 64)
    negative_first = np.full((4, width), np.nan, dtype)
    np.negative(negative_first[:2], out=negative_first[:2])
    first = np.signbit(negative_first[0])
    return bool((np.signbit(np.multiply.reduce(negative_first, axis=0)) == first).all())
