"""Accumulators that factors change no more, but for the sign.

Zero stays zero, and infinity infinite. Below the least normal number a product is rounded to the
few bits that are left and may come out as it was: m * 2**-149 does in float32 for each factor
nearer to 1 than 1 / (2 m). There the product of many numbers between 1/2 and 3/2 ends, and there
processors take some 50 ns for a multiplication; what the factors are is seen in less than 1 ns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kcfg.arrays import fast

if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]


class Look(NamedTuple):
    """What stuck accumulators need to know of the factors of a tile."""

    least: Any
    """The least magnitude, a number of the tile's dtype."""
    most: Any
    """The largest one; NaN if there is one."""
    negative: Array
    """Of each result: is the number of its negative factors odd?"""


def is_stuck(before: Array, *, zeros: bool, subnormals: bool) -> bool:
    """May all of these accumulators be stuck, and is it asked?

    zeros: where all are zero or infinite; subnormals: where some aren't, but are below the least
    normal number.
    """
    if not (zeros or subnormals):
        return False
    least_normal = np.finfo(before.dtype).smallest_normal
    with np.errstate(invalid="ignore"):  # a signalling NaN that was the first factor
        first = abs(before.flat[0])  # most often it says that not all are
        if not (first < least_normal or first == np.inf):
            return False
        magnitudes = np.abs(before)
        small = magnitudes < least_normal
        if not (small | (magnitudes == np.inf)).all():
            return False
    return subnormals if (small & (magnitudes > 0)).any() else zeros


def look(tile: Array, reduced: tuple[bool, ...]) -> Look:
    """Look at the factors of a tile (float16, 32 or 64).

    reduced: its axes along which they feed one result.
    """
    words, signed = tile.view(f"u{tile.itemsize}"), tile.view(f"i{tile.itemsize}")
    sign = 1 << 8 * tile.itemsize - 1
    # As integers magnitudes have the same order, NaNs as the largest, and those of numbers with the
    # sign come after all others.
    least, most = int(words.min()), int(words.max())
    some_negative = most >= sign
    if some_negative:
        least = min(least, int(signed.min()) + sign)
        most = max(most - sign, int(signed.max()))
    limits = np.array([least, most], words.dtype).view(tile.dtype)
    kept = [n for n, flag in zip(tile.shape, reduced, strict=True) if not flag]
    negative = _negative(words, reduced) if some_negative else np.zeros(kept, bool)
    return Look(limits[0], limits[1], negative)


def _negative(words: Array, reduced: tuple[bool, ...]) -> Array:
    """Of each result: is the highest bit set in an odd number of words?"""
    xor = np.bitwise_xor
    if reduced[0]:
        words, reduced = fast.folded(words, xor, words.dtype), reduced[1:]
    axes = tuple(axis for axis, flag in enumerate(reduced) if flag)
    words = np.asarray(xor.reduce(words, axis=axes)) if axes else words
    return np.asarray(words.view(f"i{words.itemsize}") < 0)


def after(before: Array, seen: Look) -> Array | None:
    """The accumulators after the factors that were looked at, None if they may change."""
    magnitudes = np.abs(before).astype(seen.least.dtype)
    with np.errstate(all="ignore"):
        for factor in (seen.least, seen.most):  # then so does each between these two
            if not (magnitudes * factor == magnitudes).all():
                return None
    return np.asarray(np.where(seen.negative, -before, before))
