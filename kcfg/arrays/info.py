"""The facts in the header of a `.npy` file, without reading its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcfg.arrays import files
from kcfg.record import Record

if TYPE_CHECKING:
    pass


class Facts(Record):
    """What the header says."""

    path: str
    dtype: str
    byte_order: str
    """"little", "big", or "none" for one-byte elements."""
    shape: tuple[int, ...]
    fortran_order: bool
    size: int
    nbytes: int
    version: str
    surplus: int


def facts(path: str) -> Facts:
    """Read the header of `path` ("-": stdin). KcfgError if it can't be understood."""
    with files.open_input(path) as source:
        return of(source, path)


def of(source: files.Input, path: str) -> Facts:
    """The facts of an open input."""
    header = source.header
    order = {"<": "little", ">": "big"}.get(header.descr[0], "none")
    return Facts(
        path,
        header.dtype.newbyteorder("=").name,
        order,
        header.shape,
        header.fortran,
        header.size,
        header.nbytes,
        "{}.{}".format(*header.version),
        source.surplus(),
    )
