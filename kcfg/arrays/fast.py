"""Products that numpy's own loops take slowly: the same multiplications, in other calls.

numpy's loop along a short axis costs some 15 ns a row, along a long one it waits for each
multiplication (3 or 4 cycles). A short axis is better gone through column by column: the same
multiplications in the same order for each row, many rows in one call; of 8-byte numbers `at_once`.
Integers may be combined in any order. Which rule a dtype follows, `kernels` says.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import at_once, turning

if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]

SHORT = 24
"""Up to this length an axis is looped over in Python, many results in each call."""

NARROW = 12
"""Fewer columns are each gone down on their own, which waits for each multiplication. From here on
numpy's call of its loop for each row, of all columns, is no dearer."""

BLOCK_BYTES = 1 << 22
"""Column by column: so much of a tile at a time. More calls on less cost more than a larger cache
gives back, most of all where two threads ask for the interpreter after each."""

COLUMNWISE = 8
"""Up to this length rows are better not turned."""

LONGEST_TURNED = {"f": 4096, "d": 32}
"""Beyond this length, by dtype, numpy's own loop keeps up: a double waits as long as a float, and
turning it moves twice the bytes."""

SAMPLED_ROWS = 16
"""So many rows say what becomes of most."""

MANY = 8
"""To multiply one in so many rows again takes longer than it saves to go another way."""

LEAST_ABREAST = 256
"""So many rows at least are turned."""

TURNED_BYTES = 1 << 21
"""The buffer in which they are. Each call on it waits for the interpreter, see BLOCK_BYTES."""

LONGEST_RUN, LEAST_LANE = 64, 1 << 15
"""Of runs and lanes for which `lanes` pays. With shorter lanes, threads wait more often for the
interpreter than they gain."""

WIDENED_IN_PAIRS = 4
"""From so many bytes on it pays to widen integers while neighbours are multiplied."""

WIDE = 1024
"""Integers are multiplied side by side in rows of about so many."""


def start(tile: Array, reduced: tuple[bool, ...], dtype: np.dtype[Any]) -> Array | None:
    """The products over the reduced axes of a tile of integers or real numbers, a result for each
    row; None where numpy's own loop is as fast. Of two NaNs it may give the other.

    dtype: in which to multiply: the tile's, or one that `widens`.
    """
    if reduced == (False, True):
        if dtype.kind == "f" and at_once.pays(tile, dtype):
            return _rows_at_once(tile)
        return _rows(tile, dtype)
    if reduced == (False, True, False):
        rows, length, width = tile.shape
        if width < NARROW and length > SHORT:
            result = np.empty((rows, width), tile.dtype)
            for place in range(width):
                column = tile[:, :, place]
                np.multiply.reduce(column, axis=1, dtype=tile.dtype, out=result[:, place])
            return result
        if length <= SHORT and rows * width > SHORT:
            return _middle(tile)
    return None


def _rows(tile: Array, dtype: np.dtype[Any]) -> Array | None:
    if turning_pays(tile):
        return _rows_abreast(tile)
    if 1 < tile.shape[1] <= SHORT or (dtype.kind in "iu" and at_once.pays(tile, dtype)):
        return columns(tile, dtype)
    return None


def _rows_at_once(tile: Array) -> Array:
    """Short rows of float64; those whose product is 0, infinite or NaN are multiplied again, for
    the sign and the flags. Where many are, as a few say, all are only once."""
    few = tile[:: len(tile) // SAMPLED_ROWS + 1]
    if MANY * np.count_nonzero(_are_odd(np.multiply.reduce(few, axis=1))) > len(few):
        return _again(tile)
    result = at_once.products(tile)
    odd = _are_odd(result)
    if odd.any():
        result[odd] = _again(tile[odd])
    return result


def _are_odd(products: Array) -> Array:
    return np.asarray(~np.isfinite(products) | (products == 0))


def _again(tile: Array) -> Array:
    result = _rows(tile, tile.dtype)
    return np.asarray(np.multiply.reduce(tile, axis=1)) if result is None else result


def columns(tile: Array, dtype: np.dtype[Any]) -> Array:
    """Short rows, (rows, length): one multiplication a column, for a block of rows at a time."""
    if tile.dtype.kind in "iu":
        tile = _halved(tile, dtype)
        if at_once.pays(tile, dtype):
            return at_once.products(tile)
    rows, length = tile.shape
    if length == 1:
        return tile.reshape(-1).astype(dtype, copy=False)
    result = np.empty(rows, dtype)
    block = max(1, BLOCK_BYTES // (length * tile.itemsize))
    for first in range(0, rows, block):
        part, out = tile[first : first + block], result[first : first + block]
        np.multiply(part[:, 0], part[:, 1], out=out, dtype=dtype)
        for place in range(2, length):
            np.multiply(out, part[:, place], out=out, dtype=dtype)
    return result


def _halved(tile: Array, dtype: np.dtype[Any]) -> Array:
    """Rows of integers, (rows, length), neighbours multiplied for as long as the length is even:
    one pass over all of them in their order, then over half as many. A pass for each column would
    reach for every line of the cache again.

    Each pass is in the dtype of its factors where their products fit: the fewer bytes to move.
    Else numpy widens pairs of 4 bytes faster than columns, fewer not.
    """
    most = _most(tile) if tile.shape[1] % 2 == 0 and tile.dtype != dtype else 0
    while tile.shape[1] % 2 == 0:
        flat, product = tile.reshape(-1), tile.dtype.newbyteorder("=")
        if product != dtype and not _fits(most * most, product):
            if product.itemsize < WIDENED_IN_PAIRS:
                break
            product = dtype
        tile = np.multiply(flat[::2], flat[1::2], dtype=product).reshape(len(tile), -1)
        most *= most
    return tile


def _most(tile: Array) -> int:
    """The greatest magnitude in rows of integers; or in a few of them, if already the product of
    two such doesn't fit."""
    for rows in (tile[: len(tile) // 32 + 1], tile):
        most = max(-int(rows.min()), int(rows.max()))
        if not _fits(most * most, tile.dtype):
            break
    return most


def _fits(magnitude: int, dtype: np.dtype[Any]) -> bool:
    return magnitude <= int(np.iinfo(dtype).max)


def widens(
    dtype: np.dtype[Any], op_dtype: np.dtype[Any], shape: tuple[int, ...], reduced: tuple[bool, ...]
) -> bool:
    """Is such a tile of integers better multiplied in `op_dtype` as it is than copied to it first?

    numpy widens some 8,192 at a time, which stay in the cache; not where it calls its loop for a
    few at a time, nor where it must go through more than one array.
    """
    if not np.can_cast(dtype, op_dtype, "safe"):
        return False
    if reduced == (False, True, False):
        return shape[1] > SHORT <= shape[2]
    return not any(reduced) or reduced in ((True,), (True, False), (False, True))


def folded(tile: Array, ufunc: np.ufunc, dtype: np.dtype[Any]) -> Array:
    """Integers down the first axis, which any order may combine: in rows of about WIDE numbers.

    Down a narrow axis numpy calls its loop for every row, along one it waits for each result.
    """
    width = math.prod(tile.shape[1:])
    fold = WIDE // width
    whole = len(tile) // max(1, fold) * fold
    if fold < 2 or not whole:
        return np.asarray(ufunc.reduce(tile, axis=0, dtype=dtype))
    wide = ufunc.reduce(tile[:whole].reshape(-1, fold * width), axis=0, dtype=dtype)
    result = ufunc.reduce(wide.reshape(fold, *tile.shape[1:]), axis=0, dtype=dtype)
    if whole < len(tile):
        result = ufunc(result, ufunc.reduce(tile[whole:], axis=0, dtype=dtype))
    return np.asarray(result)


def turning_pays(tile: Array) -> bool:
    """Do numpy's own loops take longer than `_rows_abreast` takes to turn the rows?

    Rows a multiple of 256 bytes apart share a few places of the cache: there they don't.
    """
    rows, length = tile.shape
    most = LONGEST_TURNED.get(tile.dtype.char, 0)
    return (
        COLUMNWISE < length <= most
        and rows >= LEAST_ABREAST
        and length * tile.itemsize % 256 != 0
        and turning.turns(tile.dtype.char)
    )


def _rows_abreast(tile: Array) -> Array:
    """Rows, (rows, length), turned so that they lie side by side in numpy's vectors, instead of
    each waiting for its own product.
    """
    rows, length = tile.shape
    result = np.empty(rows, tile.dtype)
    block = max(1, TURNED_BYTES // (length * tile.itemsize))
    turned = np.empty(min(rows, block) * length, tile.dtype)
    for first in range(0, rows, block):
        part = tile[first : first + block]
        abreast = turned[: part.size].reshape(length, len(part))
        turning.turn(part, abreast)
        np.multiply.reduce(abreast, axis=0, out=result[first : first + block])
    return result


def _middle(tile: Array) -> Array:
    """A short middle axis, (rows, length, width): one multiplication for each index of it."""
    rows, length, width = tile.shape
    result = np.empty((rows, width), tile.dtype)
    block = max(1, BLOCK_BYTES // (length * width * tile.itemsize))
    for first in range(0, rows, block):
        part, out = tile[first : first + block], result[first : first + block]
        narrow = width < NARROW
        for place in range(width if narrow else 1):
            some = (slice(None), place) if narrow else slice(None)
            np.multiply(part[:, 0][some], part[:, 1][some], out=out[some])
            for index in range(2, length):
                np.multiply(out[some], part[:, index][some], out=out[some])
    return result


def has_lanes(shape: tuple[int, ...], reduced: tuple[bool, ...]) -> bool:
    """Does `lanes` multiply such a tile faster than numpy, which calls its loop for each run?"""
    if reduced != (True, False, True):
        return False
    return shape[2] <= LONGEST_RUN and shape[0] * shape[2] >= LEAST_LANE


def lanes(tile: Array, before: Array | None) -> Array:
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
