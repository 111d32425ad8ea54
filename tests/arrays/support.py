"""Numbers for tests of arrays, and what "the same bits" means."""

from __future__ import annotations

import math
import zlib

import numpy as np

DTYPES = [
    "?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i2", ">i4", ">u8",
    "f2", "f4", "f8", "g", "c8", "c16", "G", ">f4", ">f8", ">c8", ">f2",
]  # fmt: skip


def numbers(dtype, shape, spread=0.3):
    """Factors whose products don't vanish at once; the same for the same arguments."""
    random = np.random.default_rng(zlib.crc32(f"{dtype}{shape}".encode()))
    kind = np.dtype(dtype).kind
    if kind == "b":
        return random.integers(0, 2, shape).astype(dtype)
    if kind in "iu":
        return (random.integers(-9 if kind == "i" else 0, 9, shape) | 1).astype(dtype)
    values = 1 + spread * random.standard_normal(shape)
    if kind == "c":
        values = values + 1j * spread * random.standard_normal(shape)
    return np.asarray(values).astype(dtype)


def bits(array):
    """The bytes of an array's elements in C order, without the padding inside long doubles."""
    plain = np.ascontiguousarray(array)
    if plain.dtype.char in "gG" and np.dtype("g").itemsize == 16:
        return plain.reshape(-1).view(np.uint8).reshape(-1, 16)[:, :10].tobytes()
    return plain.tobytes()


def nans(dtype, count, random):
    """NaNs of random sign and payload, signalling ones among them."""
    dtype = np.dtype(dtype).newbyteorder("=")
    if dtype.itemsize > 8:  # quiet ones
        with np.errstate(invalid="ignore"):
            return nans(np.float64, count, random).astype(dtype)
    unsigned = np.dtype(f"u{dtype.itemsize}").type
    mantissa = {2: 10, 4: 23, 8: 52}[dtype.itemsize]
    found = np.full(count, np.inf, dtype).view(unsigned)
    found |= random.integers(1, 2**mantissa, count).astype(unsigned)
    found |= random.integers(0, 2, count).astype(unsigned) << unsigned(8 * dtype.itemsize - 1)
    return found.view(dtype)


def zeros(path, shape):
    """A file of that many float64 zeros, which take no room on a disk."""
    with open(path, "wb") as file:
        fields = {"descr": "<f8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, fields)
        file.truncate(file.tell() + 8 * math.prod(shape))
