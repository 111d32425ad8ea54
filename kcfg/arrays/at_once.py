"""Short rows of 8-byte numbers, multiplied by numpy's einsum: all factors of a row in one go.

numpy's loop along an axis waits for each multiplication, and a pass for each column stores and
loads every product again. einsum's loop (numpy/_core/src/multiarray/einsum_sumprod.c.src) takes a
number of each operand, multiplies them from the first operand to the last, and adds the product
to 0; meanwhile a processor begins with the next row. The bits are numpy's, except that -0.0 + 0 is
0.0, and that of two NaNs it may be the other; and no flag tells of what was lost.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]

SHORTEST, LONGEST = 5, 60
"""Lengths of rows for which it pays."""

PIECE = 30
"""Columns in one call, beside the product of those before: numpy 1 takes 31 operands."""


def pays(tile: Array, dtype: np.dtype[Any]) -> bool:
    """Are such rows, (rows, length), multiplied faster in one go?"""
    return (
        tile.dtype == dtype
        and dtype.kind in "iuf"
        and dtype.itemsize == 8
        and SHORTEST <= tile.shape[1] <= LONGEST
        and (dtype.kind != "f" or _is_in_order())
    )


def products(tile: Array) -> Array:
    """The product of each row, for rows (rows, length); see the module's words for what of
    float64 differs from numpy's: where it is 0, infinite or NaN."""
    columns = list(tile.T)
    result = _einsum(columns[:PIECE])
    return _einsum([result, *columns[PIECE:]]) if columns[PIECE:] else result


def _einsum(operands: list[Array]) -> Array:
    subscripts = ",".join("i" * len(operands))
    return np.asarray(np.einsum(f"{subscripts}->i", *operands, optimize=False))


@functools.cache
def _is_in_order() -> bool:
    """Does this numpy's einsum multiply from the first operand to the last? Any other order would
    round otherwise."""
    rows = 1 + np.sin(np.arange(64 * LONGEST)).reshape(64, LONGEST) / 2
    return bool(products(rows).tobytes() == np.multiply.reduce(rows, axis=1).tobytes())
