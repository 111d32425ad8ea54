"""Rows laid side by side, by OpenBLAS, which numpy's own packages bring along.

numpy copies a transposed array along one side of it, and reaches for another line of the cache with
each element (1.2 ns a float32, as long as multiplying it). OpenBLAS's `omatcopy` goes through
blocks (0.3 ns). numpy doesn't offer it, but has it loaded. Where numpy was built on something else,
or the function isn't found or proved, there is none: then numpy's own loops are as good.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]

ROW_MAJOR, TRANSPOSED = 101, 112
"""CBLAS_ORDER and CBLAS_TRANSPOSE (OpenBLAS, cblas.h)."""

LETTERS = {"f": ("s", ctypes.c_float), "d": ("d", ctypes.c_double)}
"""numpy's for a dtype: BLAS's, and the type of a factor."""

PREFIXES = ("scipy_cblas_", "cblas_")
"""Of the names in the OpenBLAS that numpy's packages hold, since 2.0 and before. All end in `64_`:
their integers have 64 bits. Other builds and other BLAS libraries have other names."""


def turn(rows: Array, into: Array) -> None:
    """`into[...] = rows.T` for C-contiguous arrays of a dtype that `turns`; a NaN may be quieted.

    rows: shape (n, length), at least one element. into: (length, n), of the same dtype.
    """
    function = _omatcopy(rows.dtype.char)
    assert function is not None, rows.dtype
    assert rows.flags.c_contiguous
    assert into.flags.c_contiguous
    assert into.shape == rows.shape[::-1]
    n, length = rows.shape
    function(ROW_MAJOR, TRANSPOSED, n, length, 1, rows.ctypes.data, length, into.ctypes.data, n)


@functools.cache
def turns(char: str) -> bool:
    """Is there a `turn` for this dtype, and does it keep each bit of what is no NaN?"""
    if _omatcopy(char) is None:
        return False
    special = [1, -0.0, np.inf, -np.inf, np.finfo(char).max, np.finfo(char).smallest_subnormal]
    rows = np.resize(np.array([*special, np.pi], char), (67, 37))  # no whole number of blocks
    turned = np.zeros(rows.shape[::-1], char)
    turn(rows, turned)
    return bool(turned.tobytes() == rows.T.tobytes())


@functools.cache
def _omatcopy(char: str) -> Callable[..., None] | None:
    """OpenBLAS's function for this dtype; it lets the interpreter go meanwhile."""
    linalg = sys.modules.get("numpy.linalg._umath_linalg")  # it is linked to BLAS
    if char not in LETTERS or linalg is None or linalg.__file__ is None:
        return None
    letter, scalar = LETTERS[char]
    try:
        library = ctypes.CDLL(linalg.__file__)  # the one that is loaded
    except OSError:
        return None
    for prefix in PREFIXES:
        function = getattr(library, f"{prefix}{letter}omatcopy64_", None)
        if function is not None:
            enum, size, address = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
            function.argtypes = enum, enum, size, size, scalar, address, size, address, size
            function.restype = None
            found: Callable[..., None] = function
            return found
    return None
