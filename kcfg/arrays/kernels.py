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
  than its loop along an axis: each is called just as numpy calls it, and without that 1.

What numpy's loops take slowly goes through `fast`; float16's innermost axis through `half`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import fast, stuck

if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]

LEAST_SAMPLED = 256
"""Of so many rows a few say whether most hold a NaN."""

LEAST_LOOKED_AT = 1024
"""Results of so many factors may be stuck long before they end."""

FEW_ROWS = 16
"""Up to so many rows are multiplied one by one: their accumulators are then a good part of the
tile, and other ways go over them a few times more."""

INTEGER, REAL, HALF, COMPLEX = "integer", "real", "half", "complex"


def family(dtype: np.dtype[Any]) -> str:
    """Which rule of the module's docstring a dtype follows."""
    if dtype.kind in "biu":
        return INTEGER
    if dtype.kind == "c":
        return COMPLEX
    return HALF if dtype.itemsize == 2 else REAL


def start(
    tile: Array,
    reduced: tuple[bool, ...],
    dtype: np.dtype[Any] | None = None,
    *,
    any_nan: bool = False,
) -> Array:
    """The products over the reduced axes of a tile, with nothing before it.

    tile: C-contiguous, native, shape (rows, *inner). Returns an array of the kept axes' shape.
    dtype: in which to multiply integers, by default the tile's, which may have any byte order then.
    any_nan: which NaN a result is doesn't matter.
    """
    dtype = dtype or tile.dtype
    kind = family(tile.dtype)
    if kind == INTEGER and reduced in ((True,), (True, False)):
        return fast.folded(tile, np.multiply, dtype)
    if kind in (INTEGER, REAL) and fast.has_lanes(tile.shape, reduced):
        return fast.lanes(tile, None)
    if kind == REAL or (kind == HALF and not reduced[-1]):
        end = _first_stuck(tile, reduced)
        if end:
            return _until_stuck(tile, reduced, end)
    return _start(tile, reduced, dtype, any_nan=any_nan)


def _start(
    tile: Array, reduced: tuple[bool, ...], dtype: np.dtype[Any], *, any_nan: bool = False
) -> Array:
    kind, result = family(tile.dtype), None
    if kind == INTEGER or (kind == REAL and (any_nan or not _mostly_nan(tile, reduced))):
        result = fast.start(tile, reduced, dtype)
    if result is None:
        return np.asarray(np.multiply.reduce(tile, axis=_axes(reduced), dtype=dtype))
    if kind == REAL and not any_nan and (nans := np.isnan(result)).any():
        # Which NaN, numpy's own loop says.
        rows = nans if nans.ndim == 1 else nans.reshape(len(tile), -1).any(axis=1)
        result[rows] = _reduce(tile[rows], _axes(reduced))
    return result


def _mostly_nan(tile: Array, reduced: tuple[bool, ...]) -> bool:
    """Do most rows hold a NaN, so that numpy's own loop would come after any other?"""
    if reduced[0] or len(tile) < LEAST_SAMPLED:
        return False
    some = np.isnan(tile[:: len(tile) // fast.SAMPLED_ROWS])
    nans = some.reshape(len(some), -1).any(axis=1)
    return int(np.count_nonzero(nans)) > nans.size // 2


def _first_stuck(tile: Array, reduced: tuple[bool, ...]) -> int:
    """After how many indices of the second axis to look at the factors at all others; 0: at none.
    Then the first result is stuck, and most are, or soon will be."""
    if reduced[:2] != (False, True) or tile.shape[1] < LEAST_LOOKED_AT or tile.itemsize > 8:
        return 0
    rows = reduced == (False, True)
    if rows and fast.turning_pays(tile):
        return 0
    some = tile[0].reshape(len(tile[0]), -1)[:, 0]
    end, most = some.size // 32, min(some.size // 2, tile.size // 32)
    product = np.multiply.reduce(some[:end], keepdims=True)
    zeros = rows or family(tile.dtype) == HALF  # which takes long with every number
    while not stuck.is_stuck(product, zeros=zeros, subnormals=True):
        if 2 * end > most:  # it would cost more than it may save
            return 0
        product = np.multiply.reduce(some[end : 2 * end], initial=product[0], keepdims=True)
        end *= 2
    return int(end)


def _until_stuck(tile: Array, reduced: tuple[bool, ...], end: int) -> Array:
    """The same as `start` where results may be stuck after `end` indices of the second axis."""
    before = _reduce(tile[:, :end], _axes(reduced))
    while end < tile.shape[1]:
        rest = tile[:, end:]
        if stuck.is_stuck(before, zeros=True, subnormals=True):
            after = stuck.after(before, stuck.look(rest, reduced))
            if after is not None:
                return after
        more = end // 2  # few looks, and not many factors beyond those that it takes
        before = _reduce(_put_before(rest[:, :more], reduced, before), _axes(reduced))
        end += more
    return before


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
    if reduced[0] and len(tile) <= FEW_ROWS and not any(reduced[1:]):
        after: Array = before.copy()
        for row in tile:  # in place, as numpy's own loop: so two NaNs meet as there
            np.multiply(after, row, out=after)
        return after
    if kind == COMPLEX:
        return _complex_from_firsts(tile, reduced, before)
    if kind == REAL and reduced == (True, False) and tile.shape[1] < fast.NARROW:
        result = np.empty_like(before)
        for place in range(tile.shape[1]):
            result[place] = np.multiply.reduce(tile[:, place], initial=before[place])
        return result
    if kind == REAL and fast.has_lanes(tile.shape, reduced):
        return fast.lanes(tile, before)
    if kind == REAL or not reduced[-1]:
        return _from_firsts(tile, reduced, before)
    return _reduce(_put_before(tile, reduced, before), axes)


def some_columns(tile: Array, bounds: tuple[int, int], before: Array | None) -> Array:
    """The products down some columns (first, end) of a tile of shape (rows, columns).

    Where one is NaN, it depends on the place in numpy's vectors which of two NaNs a
    multiplication gives: then these columns are gone through in rows as wide as numpy's.
    """
    first, end = bounds
    across = (True, False)
    part, columns = tile[:, first:end], tile.shape[1]
    kind = family(tile.dtype)
    as_wide = end - first == columns and (kind == COMPLEX or columns >= fast.NARROW)
    is_numpys = kind == HALF or as_wide
    if is_numpys or before is None or not np.isnan(before).any():
        result = start(part, across) if before is None else proceed(part, across, before)
        if is_numpys or not np.isnan(result).any():
            return result
    wide = np.ones((len(tile) + 1, columns), tile.dtype)
    wide[1:, first:end] = part
    if before is not None:
        wide[0, first:end] = before
    if kind == COMPLEX and before is not None:
        return _complex_from_firsts(wide[1:], across, wide[0])[first:end]
    return _reduce(wide[0 if before is not None else 1 :], (0,))[first:end]


def keep_last_nan(dtype: np.dtype[Any], width: int) -> int | None:
    """How many columns at the end of a row keep, once their product is NaN, not just that NaN but
    the last one that comes; None if others do, too, or some keep neither.

    width: results that are multiplied side by side, 1 along the innermost axis. A probe: which of
    two NaNs a multiplication gives depends on how the compiler ordered the operands, in the loop
    over numpy's vectors and in the one over what is left of a row behind them.
    """
    width = min(width, 1024 + width % 64)
    rows = np.full((4, width), np.nan, dtype)
    _payload(rows)[:] = [[1], [2], [3], [4]]
    kept = _payload(np.multiply.reduce(rows, axis=0))
    last = int(np.count_nonzero(kept == 4))
    return last if last < width and (kept[: width - last] == 1).all() else None


def _payload(nans: Array) -> Array:
    """Their lowest bytes, as a view."""
    lowest = 0 if sys.byteorder == "little" else nans.itemsize - 1
    return nans.view(np.uint8)[..., lowest :: nans.itemsize]


def later_nans(tile: Array, bounds: tuple[int, int], before: Array, last: int) -> Array:
    """The same as `some_columns` where all of `before` are NaNs, and `last` is what `keep_last_nan`
    found."""
    first, end = bounds
    after: Array = np.multiply(before, before.dtype.type(1))  # quiet
    for column in range(max(first, tile.shape[1] - last), end):
        factors = tile[:, column]
        nans = np.flatnonzero(np.isnan(factors))
        if nans.size:
            after[column - first] = factors[nans[-1]] * before.dtype.type(1)
    return after


def _axes(reduced: tuple[bool, ...]) -> tuple[int, ...]:
    return tuple(axis for axis, flag in enumerate(reduced) if flag)


def _reduce(tile: Array, axes: tuple[int, ...], initial: Any = None) -> Array:
    if initial is None:
        return np.asarray(np.multiply.reduce(tile, axis=axes, dtype=tile.dtype))
    return np.asarray(np.multiply.reduce(tile, axis=axes, dtype=tile.dtype, initial=initial))


def _from_firsts(tile: Array, reduced: tuple[bool, ...], before: Array) -> Array:
    """Each result's first factor takes its accumulator along, for the time of the call."""
    firsts = tile[tuple(0 if flag else slice(None) for flag in reduced)]
    if (np.isnan(before) & np.isnan(firsts)).any():  # which of the two, numpy's own loop says
        return _reduce(_put_before(tile, reduced, before), _axes(reduced))
    kept = firsts.copy()
    np.multiply(before, firsts, out=firsts)
    result = _start(tile, reduced, tile.dtype)
    firsts[...] = kept
    return result


def _put_before(tile: Array, reduced: tuple[bool, ...], before: Array) -> Array:
    """The tile with the accumulators as elements in front of those that go on from them."""
    axis = reduced.index(True)
    slab_shape = [1 if place == axis else length for place, length in enumerate(tile.shape)]
    slab = np.ones(slab_shape, tile.dtype)
    slab[tuple(0 if flag else slice(None) for flag in reduced)] = before
    return np.concatenate([slab, tile], axis=axis)


def _complex_from_firsts(tile: Array, reduced: tuple[bool, ...], before: Array) -> Array:
    """The same of complex numbers: `initial=None` starts from the firsts, not from 1 times them."""
    firsts = tile[tuple(0 if flag else slice(None) for flag in reduced)]
    kept = firsts.copy()
    after: Array = before.copy()
    if reduced[-1]:
        pairs = np.stack([before, firsts], axis=-1)
        np.multiply.reduce(pairs, axis=-1, initial=None, out=after)
    else:  # in the left factor's place, as numpy's own loop: numpy 1 rounds otherwise elsewhere
        np.multiply(after, firsts, out=after)
    firsts[...] = after
    result = np.asarray(np.multiply.reduce(tile, axis=_axes(reduced), initial=None))
    firsts[...] = kept
    if not reduced[-1] and result.ndim > 1:  # numpy may go through the axes in another order
        _say_which_nan(tile, reduced, before, result)
    return result


def _say_which_nan(tile: Array, reduced: tuple[bool, ...], before: Array, result: Array) -> None:
    """Where two NaNs may have met, numpy's loop over the last axis alone says which is left."""
    for index in np.argwhere(np.isnan(result).any(axis=-1)):
        place, digits = tuple(index), iter(index)
        rows = tile[tuple(slice(None) if flag else next(digits) for flag in reduced[:-1])]
        result[place] = before[place]
        for row in rows.reshape(-1, tile.shape[-1]):
            np.multiply(result[place], row, out=result[place])
