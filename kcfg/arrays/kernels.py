"""Arithmetic on one tile, in numpy's own order.

`numpy.prod` multiplies the elements that feed one result one after another, in memory order, from
1 on (numpy/_core/src/umath/reduction.c and loops_arithm_fp.dispatch.c.src). There is no pairwise
tree as in `numpy.sum`. So a tile may continue where the last one stopped, if it starts from the
accumulator. How it may start from it differs between families of dtypes:

- integers and bool: products wrap modulo 2**n, any order gives the same bits;
- float32, float64, long double: `1 * accumulator` is the accumulator, so it can be put in front of
  the tile, and numpy's own reduction goes on from there;
- float16 (`HALF_multiply`): along the innermost axis numpy multiplies in float32 and rounds once,
  when that run ends; across other axes it rounds after each multiplication;
- complex: `(1+0j) * accumulator` isn't the accumulator where parts are infinite or negative zero,
  and numpy's loop across axes (fused multiply-add, where the processor has it) rounds otherwise
  than its loop along an axis: each is called just as numpy calls it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]

INTEGER, REAL, HALF, COMPLEX = "integer", "real", "half", "complex"


def family(dtype: np.dtype[Any]) -> str:
    """Which rule of the module's docstring a dtype follows."""
    if dtype.kind in "biu":
        return INTEGER
    if dtype.kind == "c":
        return COMPLEX
    return HALF if dtype.itemsize == 2 else REAL


def multiply_tile(tile: Array, reduced: tuple[bool, ...], before: Array | None) -> Array:
    """The products of one tile, continuing from `before`.

    tile: shape (rows, *inner), dtype native, of any family but a run of float16 that is cut
        (see `multiply_half_run`). reduced: which of its axes are multiplied together.
    before: the accumulators so far, of the kept axes' shape; None at the start.
    """
    axes = tuple(axis for axis, flag in enumerate(reduced) if flag)
    if before is None:
        return np.asarray(np.multiply.reduce(tile, axis=axes, dtype=tile.dtype))
    kind = family(tile.dtype)
    if kind == INTEGER:
        return np.asarray(before * np.multiply.reduce(tile, axis=axes, dtype=tile.dtype))
    if not axes:
        return np.multiply(before, tile)
    if kind == COMPLEX:
        return _continue_complex(tile, reduced, before)
    if before.size == 1:
        first = before.reshape(-1)[0]
        product = np.multiply.reduce(tile, axis=axes, dtype=tile.dtype, initial=first)
        return np.asarray(product).reshape(before.shape)
    return np.asarray(np.multiply.reduce(_put_before(tile, reduced, before), axis=axes))


def multiply_half_run(tile: Array, before: Array | None) -> Array:
    """A piece of one innermost run of float16: its product in float32, not yet rounded."""
    start = np.float32(1) if before is None else before.reshape(-1)[0].astype(np.float32)
    return np.asarray(np.multiply.reduce(tile.reshape(-1).astype(np.float32), initial=start))


def _put_before(tile: Array, reduced: tuple[bool, ...], before: Array) -> Array:
    """The tile with the accumulators as elements in front of those that continue them."""
    axis = reduced.index(True)
    slab_shape = [1 if place == axis else length for place, length in enumerate(tile.shape)]
    slab = np.ones(slab_shape, tile.dtype)
    slab[tuple(0 if flag else slice(None) for flag in reduced)] = before
    return np.concatenate([slab, tile], axis=axis)


def _continue_complex(tile: Array, reduced: tuple[bool, ...], before: Array) -> Array:
    """Continue complex chains by numpy's own loop: along the last axis, or across the others."""
    result = before.copy()
    along = reduced[-1]
    looped = reduced[:-1] if along else reduced
    lengths = [length for length, flag in zip(tile.shape, looped) if flag]
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
