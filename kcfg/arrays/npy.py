"""The header of a `.npy` file: bytes -> `Header`, with limits, and back.

The format is numpy's own (numpy/lib/_format_impl.py, NEP 1): the magic `\\x93NUMPY`, two bytes of
version, the header's length, and a Python literal of a dict with `descr`, `fortran_order`, `shape`.
numpy's reader trusts it: it reads up to 4 GiB of header before it looks at its limit, takes `-1`
and `True` as dimensions, and raises six kinds of exception. Here every limit is held before
anything of that size is allocated or evaluated, all sizes are Python integers, and a file that
can't be understood is one `KcfgError` that says what the header says.

A descr is read from a table, never by `numpy.dtype(text)`, which would run a small language.
"""

from __future__ import annotations

import ast
import io
import math
import re
import sys
import warnings
from typing import TYPE_CHECKING

import numpy as np

from kcfg.problems import KcfgError
from kcfg.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

MAGIC = b"\x93NUMPY"

MAX_HEADER = 10_000
"""Bytes; numpy's own `_MAX_HEADER_SIZE`, which it holds after reading."""

MAX_DIMS = 64
"""numpy 2's limit (`NPY_MAXDIMS`); numpy 1 stops at 32."""

# version -> (bytes of the length, encoding of the text), as numpy's `_header_size_info`
VERSIONS = {
    (1, 0): (2, "latin-1"),
    (2, 0): (4, "latin-1"),
    (3, 0): (4, "utf-8"),
}

# kind -> the sizes in bytes that numpy writes
_SIZES = {
    "b": (1,),
    "i": (1, 2, 4, 8),
    "u": (1, 2, 4, 8),
    "f": (2, 4, 8, 12, 16),
    "c": (8, 16, 24, 32),
}

_KEYS = "the header must have descr, fortran_order and shape, once each, and no other key"

_PYTHON2_LONG = re.compile(r"(\d)L\b")  # numpy on Python 2 wrote (10L,), and numpy still reads it

# kind -> what such a file holds, where it isn't numbers
_OTHERS = {
    "O": "Python objects (a pickle, which kcfg never loads)",
    "S": "byte strings",
    "a": "byte strings",
    "U": "text",
    "M": "dates",
    "m": "time differences",
    "T": "text",
}

# What ml_dtypes' types become in a file: numpy writes a type that it doesn't know as raw bytes.
_RAW = {
    "V2": "what a bfloat16 array becomes in a .npy file",
    "V1": "what a float8 array becomes in a .npy file",
}


class Header(Record):
    """What the first bytes of a `.npy` file say."""

    version: tuple[int, int]
    descr: str
    """As written, such as "<f4"."""
    shape: tuple[int, ...]
    fortran: bool
    """True: the first axis varies fastest."""
    offset: int
    """Where the data starts, in bytes from the start of the file."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The elements' dtype, in the file's byte order."""
        return np.dtype(self.descr)

    @property
    def size(self) -> int:
        """How many elements, as a Python integer."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes of data, as a Python integer."""
        return self.size * self.dtype.itemsize


def read_header(read: Callable[[int], bytes], where: str, file_size: int | None = None) -> Header:
    """Parse the header at the start of a file or a pipe.

    read: gives at most so many next bytes, fewer only at the end; it is never asked for more than
        MAX_HEADER. where: the file's name, for errors. file_size: bytes, None if not known.
    Raises KcfgError for everything that isn't a plain numeric or bool array, and for a file
    that is shorter than its header says.
    """
    start = read(8)
    if start[:6] != MAGIC:
        what = "the file is empty" if not start else "this is no .npy file (its first bytes differ)"
        if start[:2] == b"PK":
            what = "this is an .npz archive (or another zip), not a .npy file"
        raise _refuse(
            where,
            what,
            "take one array out of it with `unzip`" if start[:2] == b"PK" else None,
        )
    if len(start) < 8:
        raise _refuse(where, "the file ends within the .npy magic")
    version = (start[6], start[7])
    if version not in VERSIONS:
        known = ", ".join(f"{major}.{minor}" for major, minor in VERSIONS)
        raise _refuse(where, f".npy version {version[0]}.{version[1]} isn't known (only {known})")
    width, encoding = VERSIONS[version]
    field = read(width)
    if len(field) < width:
        raise _refuse(where, "the file ends within the header's length")
    length = int.from_bytes(field, "little")
    if length > MAX_HEADER:
        raise _refuse(where, f"a header of {length:,} bytes (at most {MAX_HEADER:,} are read)")
    text = read(length)
    if len(text) < length:
        raise _refuse(where, f"the file ends within the header ({len(text)} of {length} bytes)")
    try:
        literal = text.decode(encoding)
    except UnicodeDecodeError:
        raise _refuse(where, f"the header isn't {encoding} text") from None
    descr, fortran, shape = _fields(_literal(literal, where), where)
    header = Header(version, descr, shape, fortran, 8 + width + length)
    if file_size is not None and file_size < header.offset + header.nbytes:
        raise _refuse(
            where,
            f"the header says {descr} of shape {shape_text(shape)}, {header.nbytes:,} bytes of"
            f" data, but only {file_size - header.offset:,} follow it",
            "the file was cut short, or its header is wrong",
        )
    return header


def header_bytes(dtype: np.dtype[np.generic], shape: tuple[int, ...], *, fortran: bool) -> bytes:
    """The header that `numpy.save` would write, magic and padding included (version 1.0)."""
    stream = io.BytesIO()
    fields = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": fortran,
        "shape": shape,
    }
    np.lib.format.write_array_header_1_0(stream, fields)
    return stream.getvalue()


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as Python writes it; a very long one is cut."""
    text = str(shape)
    return text if len(text) <= 200 else text[:197] + "..."


def _literal(text: str, where: str) -> object:
    # A limit on the length came first: up to 90,000 characters nothing here crashes. Deep nesting
    # ends in RecursionError or MemoryError, a NUL in ValueError (SyntaxError from 3.12 on).
    no_dict = _refuse(where, "the header isn't a Python literal of a dict")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "1if" and "\\d" would warn on the user's stderr
        try:
            tree = ast.parse(_PYTHON2_LONG.sub(r"\1", text.strip(" \t\n")), mode="eval").body
            if isinstance(tree, ast.Dict) and len(tree.keys) != 3:
                raise _refuse(where, _KEYS)
            return ast.literal_eval(tree)
        except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
            raise no_dict from None


def _fields(fields: object, where: str) -> tuple[str, bool, tuple[int, ...]]:
    if not isinstance(fields, dict) or any(type(key) is not str for key in fields):
        raise _refuse(where, "the header isn't a dict with names as keys")
    if set(fields) != {"descr", "fortran_order", "shape"}:
        raise _refuse(where, _KEYS)
    fortran = fields["fortran_order"]
    if type(fortran) is not bool:
        raise _refuse(where, "fortran_order in the header is neither True nor False")
    shape = fields["shape"]
    if type(shape) is not tuple or any(type(dim) is not int for dim in shape):
        raise _refuse(where, "shape in the header isn't a tuple of integers")
    if any(dim < 0 for dim in shape):
        raise _refuse(where, f"a negative dimension in shape {shape_text(shape)}")
    descr = _descr(fields["descr"], where)
    itemsize = np.dtype(descr).itemsize
    if len(shape) > _max_dims():
        raise _refuse(where, f"{len(shape)} dimensions (at most {_max_dims()})")
    # As numpy's own check: an array of this shape must be addressable even if one dim is 0.
    if math.prod(dim for dim in shape if dim) * itemsize >= 2**63:
        raise _refuse(where, f"shape {shape_text(shape)} is more than any machine can address")
    return descr, fortran, shape


def _max_dims() -> int:
    return MAX_DIMS if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else 32


def _descr(descr: object, where: str) -> str:
    if isinstance(descr, list):
        raise _refuse(
            where,
            "a structured array (a table with named columns), not plain numbers",
            "save one column: numpy.save(OUT, array['NAME'])",
        )
    if type(descr) is not str:
        raise _refuse(where, "descr in the header isn't a string")
    shown = descr if len(descr) <= 40 and descr.isprintable() else "something else"
    order, kind, digits = descr[:1], descr[1:2], descr[2:]
    if order not in ("<", ">", "|", "="):
        order, kind, digits = "|", descr[:1], descr[1:]
    if kind + digits == "?":
        kind, digits = "b", "1"
    raw = _RAW.get(kind + digits)
    if raw:
        raise _refuse(
            where,
            f"raw bytes ({shown}), {raw}: its dtype isn't in the file",
            "cast it to float32 before saving",
        )
    if kind == "V":
        raise _refuse(where, f"raw bytes ({shown}), not plain numbers")
    if kind in _OTHERS and (not digits or (digits.isascii() and digits[0].isdigit())):
        raise _refuse(where, f"an array of {_OTHERS[kind]} ({shown}), not of numbers")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 2):
        raise _refuse(where, f"descr {shown!r} is no numeric or bool dtype")
    size = int(digits)
    if digits != str(size) or size not in _SIZES.get(kind, ()):
        raise _refuse(where, f"descr {shown!r} is no numeric or bool dtype")
    native = "<" if sys.byteorder == "little" else ">"
    order = "|" if size == 1 else native if order in "|=" else order
    long = {"f": np.dtype(np.longdouble), "c": np.dtype(np.clongdouble)}.get(kind)
    foreign = long is not None and (long.itemsize != size or order != native)
    if size > (8 if kind == "f" else 16) and foreign and long is not None:
        raise _refuse(
            where,
            f"long double of another kind of machine ({shown}): here {long.str} is known",
            "cast it to float64 where it was made",
        )
    return order + kind + digits


def _refuse(where: str, what: str, mend: str | None = None) -> KcfgError:
    return KcfgError(what, where=where, keras=None, mend=mend)
