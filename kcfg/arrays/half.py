"""float16 along its innermost axis: numpy multiplies in float32, and rounds when the run ends.

(`HALF_multiply` in numpy/_core/src/umath/loops.c.src.) A tile comes widened to float32 and, where
a NaN shows up, as it was: which of two NaNs is kept depends on how numpy was compiled. Across the
other axes it rounds after each multiplication: that is `kernels`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import kernels

if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]


FIRST, LAST = "first", "last"

MANY = 4
"""With a NaN in more than one in so many rows, the last ones are looked for in all of them."""


@cache
def kept_nan() -> str | None:
    """Which of the NaNs along a run of float16 its product is, quiet; None: neither.

    FIRST only if it is that of float32, too: then its widened run has the same. A probe with NaNs
    of both signs, one of them signalling.
    """
    nans = np.array([0x7E01, 0xFE02, 0x7C03, 0xFE04], np.uint16).view(np.float16)
    quiet = nans.view(np.uint16) | 0x0200
    run = np.ones(64, np.float16)
    run[[3, 20, 41]] = nans[1:]
    with np.errstate(invalid="ignore"):
        products = [
            np.multiply.reduce(run, initial=nans[0]),
            np.multiply.reduce(run[30:]),
            np.multiply.reduce(run.astype(np.float32), initial=np.float32(nans[0])),
        ]
        kept = [product.astype(np.float16).view(np.uint16) for product in products]
    if kept == [quiet[0], quiet[3], quiet[0]]:
        return FIRST
    return LAST if kept[:2] == [quiet[3], quiet[3]] else None


def piece_size(*, buffered: bool) -> int:
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


def proceed(run: Array, before: Array | None, piece: int) -> Array:
    """A part of one innermost run of float16, already widened: its product, not yet rounded.

    before: the product so far, in float32 within a run, in float16 between two; None: 1.
    piece: if not 0, numpy rounds after so many elements; a part begins at a multiple of it.
    """
    product = np.float32(1) if before is None else before.reshape(-1)[0].astype(np.float32)
    if np.isnan(product):  # it won't be a number any more
        return np.asarray(product)
    for first in range(0, run.size, piece or run.size):
        part = run[first : first + piece] if piece else run
        product = np.multiply.reduce(part, initial=product)
        if piece:
            product = product.astype(np.float16).astype(np.float32)
    return np.asarray(product)


def which_nan(run: Array, halves: Array, before: Array | None, product: Array, piece: int) -> Array:
    """The float16 that numpy's own loop gives where `proceed` gave the NaN `product`.

    halves: the same part, not widened. From the first NaN on nothing is rounded any more.
    """
    if kept_nan() == LAST and (nans := np.flatnonzero(np.isnan(run))).size:
        return np.asarray(np.multiply.reduce(halves[nans[-1:]]))
    if kept_nan():
        return product.astype(np.float16)
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


def rows_product(tile: Array, halves: Array, before: Array | None) -> Array:
    """Whole rows of widened float16, (rows, length), each going on from its rounded product."""
    along, kept = (False, True), kept_nan()
    if before is None:
        result = kernels.start(tile, along, any_nan=kept != FIRST)
    else:
        result = kernels.proceed(tile, along, before.astype(np.float32))
    rounded = result.astype(np.float16)
    rows = np.isnan(rounded)
    if kept != FIRST and rows.any():
        if kept == LAST and np.count_nonzero(rows) > rows.size // MANY:
            rows &= ~_put_last_nan(tile, halves, rounded)
        some = halves.reshape(tile.shape)[rows]  # numpy's own loop says which NaN
        if before is not None:
            some = np.concatenate([before[rows].reshape(-1, 1), some], axis=1)
        rounded[rows] = np.multiply.reduce(some, axis=1)
    return rounded


def _put_last_nan(tile: Array, halves: Array, products: Array) -> Array:
    """Give each row that holds a NaN its last one, quiet, as its product; returns which do."""
    places = np.flatnonzero(np.isnan(tile))
    ends = np.arange(1, len(tile) + 1) * tile.shape[1]
    so_far = np.searchsorted(places, ends)
    found: Array = np.diff(so_far, prepend=0) > 0
    products[found] = np.multiply(halves[places[so_far[found] - 1]], np.float16(1))
    return found
