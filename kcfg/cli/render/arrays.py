"""Results of array commands as plain text or JSON on stdout, and notes about them on stderr."""

from __future__ import annotations

import json as jsons
import math
import sys
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kcfg.arrays import cast, prod
    from kcfg.arrays.info import Facts

    Array = np.ndarray[Any, np.dtype[Any]]

PRINT_ALL = 1000
"""Elements; numpy's own threshold for a summary."""


def result(array: Array | None, *, json: bool) -> None:
    """Print an array as numpy prints it, or as one JSON document; None: it went elsewhere."""
    if array is None:
        return
    if json:
        for part in json_parts(array):
            sys.stdout.write(part)
        return
    sys.stdout.write(np.array2string(array, threshold=PRINT_ALL) if array.ndim else str(array[()]))
    sys.stdout.write("\n")
    if array.size > PRINT_ALL:
        note(f"note: {array.size:,} elements, shown in part; -o OUT.npy or --json gives all")


def json_parts(array: Array) -> Iterator[str]:
    """`{"dtype", "shape", "data"}` piece by piece."""
    yield f'{{"dtype": "{array.dtype.name}", "shape": {jsons.dumps(list(array.shape))}, "data": '
    yield from _json_data(array)
    yield "}\n"


def _json_data(array: Array) -> Iterator[str]:
    if array.ndim == 0:
        yield _json_number(array[()])
    elif array.ndim == 1:
        yield "[" + ", ".join(_json_number(one) for one in array) + "]"
    else:
        yield "["
        for place in range(len(array)):
            yield ", " if place else ""
            yield from _json_data(array[place])
        yield "]"


def _json_number(number: Any) -> str:
    if number.dtype.kind == "b":
        return "true" if number else "false"
    if number.dtype.kind == "c":
        return f"[{_json_number(number.real)}, {_json_number(number.imag)}]"
    if number.dtype.kind == "f" and not np.isfinite(number):
        return '"nan"' if math.isnan(number) else '"inf"' if number > 0 else '"-inf"'
    return str(number)


def facts(found: list[Facts], *, json: bool) -> None:
    """A line a file, or JSON."""
    if json:
        rows = [dict(zip(one._fields, one._values(), strict=True)) for one in found]
        sys.stdout.write(jsons.dumps(rows) + "\n")
        return
    for one in found:
        order = "F" if one.fortran_order else "C"
        sys.stdout.write(f"{one.path}\t{one.dtype}\t{one.shape}\t{order}\t{one.nbytes}\n")


def surplus(where: str, count: int) -> None:
    """Warn of bytes behind the data."""
    if count > 0:
        note(f"{where}: warning: {count:,} bytes behind the data were not read")


def prod_losses(where: str, losses: prod.Losses) -> None:
    """One line about what a product lost, if anything."""
    told = [
        f"{count:,} {what}"
        for count, what in (
            (losses.overflowed, "overflowed to inf"),
            (losses.underflowed, "underflowed to 0"),
            (losses.invalid, "invalid (NaN from inf * 0)"),
        )
        if count
    ]
    if told:
        note(f"{where}: note: of the results, {', '.join(told)}")


def cast_losses(where: str, losses: cast.Losses, target: np.dtype[Any]) -> None:
    """One line about what a cast lost, if anything."""
    told = [
        f"{count:,} {what}"
        for count, what in (
            (losses.overflowed, "overflowed to inf"),
            (losses.out_of_range, "NaN or out of range (undefined, this processor's result)"),
        )
        if count
    ]
    if told:
        note(f"{where}: note: cast to {target}: {', '.join(told)}")


def note(text: str) -> None:
    """A line on stderr."""
    sys.stderr.write(text + "\n")
