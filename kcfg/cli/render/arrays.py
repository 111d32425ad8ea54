"""Results of array commands as plain text or JSON on stdout, and notes about them on stderr."""

from __future__ import annotations

import math
import mmap
from typing import TYPE_CHECKING

import numpy as np

from kcfg.cli.boundary import escaped, put, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kcfg.arrays import cast, info, prod

    Array = np.ndarray[Any, np.dtype[Any]]

PRINT_ALL = 1000
"""Elements; numpy's own threshold for a summary."""

JSON_CHUNK = 1 << 16


def result(array: Array | None, *, json: bool, more: dict[str, int]) -> None:
    """Print an array as numpy prints it, or as one JSON document; None: it went elsewhere.

    more: further fields of the JSON document; where the array went elsewhere, all of it.
    """
    if array is None:
        if json and more:
            put("{" + _fields(more) + "}\n")
        return
    if json:
        for part in json_parts(array, more):
            put(part)
        return
    summary = array.size > PRINT_ALL
    text = np.array2string(np.asarray(array), threshold=PRINT_ALL) if array.ndim else str(array[()])
    put(text + "\n")
    if summary:
        say(f"kcfg: note: {array.size:,} elements, shown in part; -o OUT.npy or --json gives all")


def json_parts(array: Array, more: dict[str, int]) -> Iterator[str]:
    """`{"dtype", "shape", "data"}` and more, piece by piece."""
    yield f'{{"dtype": "{array.dtype.name}", "shape": {list(array.shape)}, "data": '
    yield from _json_data(array)
    yield (", " + _fields(more) if more else "") + "}\n"


def _fields(more: dict[str, int]) -> str:
    return ", ".join(f'"{name}": {value}' for name, value in more.items())


def _json_data(array: Array) -> Iterator[str]:
    if array.ndim == 0:
        yield _json_numbers(array.reshape(1))[0]
        return
    row = math.prod(max(1, length) for length in array.shape[1:])
    step = max(1, JSON_CHUNK // row)
    yield "["
    for first in range(0, len(array), step):
        yield ", " if first else ""
        if row > JSON_CHUNK:
            yield from _json_data(array[first])
        else:
            yield ", ".join(_json_rows(array[first : first + step]))
            _let_go(array)
    yield "]"


def _json_rows(array: Array) -> list[str]:
    """The text of each index of the first axis."""
    texts = _json_numbers(array.reshape(-1))
    for axis in range(array.ndim - 1, 0, -1):
        length = array.shape[axis]
        starts = (length * place for place in range(math.prod(array.shape[:axis])))
        texts = [f"[{', '.join(texts[start : start + length])}]" for start in starts]
    return texts


def _json_numbers(array: Array) -> list[str]:
    """The text of each element of a flat array: as few digits as tell its dtype's numbers apart."""
    if array.dtype.kind == "c":
        parts = zip(_json_numbers(array.real), _json_numbers(array.imag), strict=True)
        return [f"[{real}, {imag}]" for real, imag in parts]
    if array.dtype.kind == "b":
        return ["true" if one else "false" for one in array.tolist()]
    if array.dtype.kind in "iu":
        return [str(one) for one in array.tolist()]
    texts = [str(one) for one in array]
    for place in np.flatnonzero(~np.isfinite(array)):
        texts[place] = f'"{texts[place]}"'
    return texts


def _let_go(array: Array) -> None:
    """Of a mapped file, don't keep in memory what was read."""
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def facts(found: info.Facts, data: info.Stats | None) -> None:
    """A line of tab-separated facts; the statistics below it, a name and a value a line."""
    order = "fortran" if found.fortran_order else "C"
    dtype = found.dtype if found.byte_order != "big" else found.dtype + " (big-endian)"
    columns = (escaped(found.path), dtype, str(found.shape), order, f"{found.nbytes} bytes")
    put("\t".join(columns) + "\n")
    if found.surplus:
        surplus(found.path, found.surplus)
    if data is None:
        return
    for name in data._fields[:-1]:
        value = getattr(data, name)
        share = ""
        if name not in ("min", "max", "mean") and value and found.size:
            share = f"\t{value / found.size:.3%}"
        put(f"  {name}\t{'-' if value is None else str(value)}{share}\n")
    _histogram(data.histogram)


def _histogram(bins: tuple[tuple[str, int], ...]) -> None:
    filled = [place for place, (_, count) in enumerate(bins) if count]
    if not filled:
        return
    put("  magnitudes\n")
    most = max(count for _, count in bins)
    for name, count in bins[filled[0] : filled[-1] + 1]:
        bar = "#" * -(-count * 40 // most)
        put(f"  {name:>8}\t{count}\t{bar}\n")


def facts_json(found: list[tuple[info.Facts, info.Stats | None]], *, more: dict[str, int]) -> None:
    """One JSON document, a list with an object for each file; more: further fields of each."""
    import json

    rows = []
    for one, data in found:
        row: dict[str, Any] = {name: getattr(one, name) for name in one._fields}
        if data is not None:
            row["stats"] = {
                name: _json_plain(getattr(data, name))
                for name in data._fields
                if name != "histogram"
            }
            row["stats"]["histogram"] = dict(data.histogram)
        row |= more
        rows.append(row)
    put(json.dumps(rows) + "\n")


def _json_plain(value: Any) -> Any:
    if isinstance(value, np.longdouble):
        near = float(value)
        value = near if math.isfinite(near) or not np.isfinite(value) else str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def surplus(where: str, count: int) -> None:
    """Warn of bytes behind the data."""
    if count > 0:
        say(f"kcfg: {where}: warning: {count:,} bytes behind the data were ignored")


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
        say(f"kcfg: {where}: note: of the results, {', '.join(told)}")


def cast_losses(where: str, losses: cast.Losses, target: np.dtype[Any]) -> None:
    """One line about what a cast lost, if anything."""
    told = [
        f"{count:,} {what}"
        for count, what in (
            (losses.overflowed, "overflowed to inf"),
            (losses.underflowed, "underflowed to 0"),
            (losses.out_of_range, f"NaN or out of {target.name}'s range"),
            (losses.imaginary, "lost their imaginary part"),
        )
        if count
    ]
    if told:
        say(f"kcfg: {where}: note: cast to {target.name}: {', '.join(told)}; --exact refuses this")
