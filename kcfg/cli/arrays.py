"""The doors of `prod`, `cast` and `info`: options in, an exit status out.

Called by the Typer application and by the quick front door; imports nothing of either.
"""

from __future__ import annotations

import difflib
import sys
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import cast as casting
from kcfg.arrays import files
from kcfg.arrays import info as informing
from kcfg.arrays import prod as multiplying
from kcfg.cli.render import arrays as render
from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NAMES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "longdouble", "complex64", "complex128", "clongdouble",
)  # fmt: skip

_NOT_NUMPY = ("bfloat16", "float8_", "float4_", "float6_", "int4", "uint4", "int2", "uint2", "tf32")


def prod(
    file: str,
    *,
    axis: str | None,
    keepdims: bool,
    dtype: str | None,
    out: str | None,
    force: bool,
    threads: int | None,
    json: bool,
) -> int:
    """`kcfg prod`: the product, printed or written to `out`."""
    asked = None if dtype is None else parse_dtype(dtype)
    axes = parse_axis(axis)
    with files.open_input(file) as source:
        outcome = multiplying.run(
            source,
            multiplying.normalize_axes(axes, source.header, source.where),
            dtype=asked,
            keepdims=keepdims,
            out=out,
            overwrite=force,
            threads=threads,
            progress=None,
        )
    render.result(outcome.array, json=json)
    render.surplus(source.where, outcome.surplus)
    render.prod_losses(source.where, outcome.losses)
    return 0


def cast(
    file: str,
    dtype: str | None,
    *,
    floatx: Callable[[], str],
    exact: bool,
    out: str | None,
    force: bool,
    threads: int | None,
    json: bool,
) -> int:
    """`kcfg cast`: the array in another dtype, printed or written to `out`."""
    target = parse_dtype(floatx() if dtype is None else dtype)
    with files.open_input(file) as source:
        outcome = casting.run(
            source, target, exact=exact, out=out, overwrite=force, threads=threads, progress=None
        )
    render.result(outcome.array, json=json)
    render.surplus(source.where, outcome.surplus)
    render.cast_losses(source.where, outcome.losses, target)
    return 0


def info(paths: list[str], *, stats: bool, json: bool, threads: int | None) -> int:
    """`kcfg info`: the facts in each file's header."""
    render.facts([informing.facts(path) for path in paths], json=json)
    return 0


def parse_axis(text: str | None) -> int | tuple[int, ...] | None:
    """`N`, `-N`, `N,M` -> ints; None stays None."""
    if text is None:
        return None
    try:
        axes = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise KcfgError(
            f"--axis {text!r} is no axis",
            where=None,
            keras=None,
            mend="give an integer or several: --axis 1, --axis -1, --axis 0,2",
        ) from None
    return axes


def parse_dtype(name: str) -> np.dtype[Any]:
    """A numeric or bool dtype of numpy by name or type code; KcfgError with a did-you-mean."""
    if name.startswith(_NOT_NUMPY):
        raise KcfgError(
            f"{name} is not a dtype of numpy",
            where=None,
            keras=None,
            mend="a .npy file can't hold it: cast to float32 or float16",
        )
    try:
        dtype = np.dtype(name)
    except (TypeError, ValueError, SyntaxError):
        dtype = None
    if dtype is None or dtype.kind not in "biufc" or dtype.names or dtype.subdtype or "," in name:
        close = difflib.get_close_matches(name.lower(), _NAMES, 1, 0.5)
        raise KcfgError(
            f"{name!r} is no numeric dtype of numpy",
            where=None,
            keras=None,
            mend=f"did you mean {close[0]}?" if close else "one of " + ", ".join(_NAMES),
        )
    return dtype


def _note(text: str) -> None:
    sys.stderr.write(text + "\n")
