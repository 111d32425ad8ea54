"""The doors of `prod`, `cast` and `info`: options in, an exit status out.

Called by the Typer application and by the quick front door; imports nothing of either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import files
from kcfg.cli.boundary import say
from kcfg.cli.render import arrays as render
from kcfg.cli.render import progress
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
    axis: str | None = None,
    keepdims: bool = False,
    dtype: str | None = None,
    out: str | None = None,
    force: bool = False,
    threads: int | None = None,
    json: bool = False,
) -> int:
    """`kcfg prod`: the product, printed or written to `out`."""
    from kcfg.arrays import prod as multiplying

    asked = None if dtype is None else parse_dtype(dtype)
    axes = parse_axis(axis)
    check_threads(threads)
    with files.open_input(file) as source, progress.bar("prod") as bar:
        outcome = multiplying.run(
            source,
            multiplying.normalize_axes(axes, source.header, source.where),
            dtype=asked,
            keepdims=keepdims,
            out=out,
            overwrite=force,
            threads=threads,
            progress=bar,
            spill=True,
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
    exact: bool = False,
    out: str | None = None,
    force: bool = False,
    threads: int | None = None,
    json: bool = False,
) -> int:
    """`kcfg cast`: the array in another dtype, printed or written to `out`."""
    from kcfg.arrays import cast as casting

    target = parse_dtype(floatx() if dtype is None else dtype)
    check_threads(threads)
    with files.open_input(file) as source, progress.bar("cast") as bar:
        outcome = casting.run(
            source,
            target,
            exact=exact,
            out=out,
            overwrite=force,
            threads=threads,
            progress=bar,
            spill=True,
        )
    render.result(outcome.array, json=json)
    render.surplus(source.where, outcome.surplus)
    render.cast_losses(source.where, outcome.losses, target)
    return 0


def info(paths: list[str], *, stats: bool, json: bool, threads: int | None) -> int:
    """`kcfg info`: the facts in each file's header; with `stats` also what the data says.

    A file that can't be understood is told on stderr, and the others are still shown: status 2.
    """
    from kcfg.arrays import info as informing

    check_threads(threads)
    found = []
    status = 0
    for path in paths:
        try:
            with files.open_input(path) as source, progress.bar("info") as bar:
                facts = informing.of(source, source.where)
                data = None
                if stats:
                    data = informing.stats(source, threads=threads, progress=bar)
        except KcfgError as error:
            if len(paths) == 1:
                raise
            say(f"kcfg: {error}")
            status = error.status
            continue
        found.append((facts, data))
        if not json:
            render.facts(facts, data)
    if json:
        render.facts_json(found)
    return status


def check_threads(threads: int | None) -> None:
    """At least one."""
    if threads is not None and threads < 1:
        raise KcfgError(
            f"--threads {threads}: at least one thread is needed",
            where=None,
            keras=None,
            mend="leave it out to use all cores",
        )


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
        from difflib import get_close_matches

        close = get_close_matches(name.lower(), _NAMES, 1, 0.5)
        raise KcfgError(
            f"{name!r} is no numeric dtype of numpy",
            where=None,
            keras=None,
            mend=f"did you mean {close[0]}?" if close else "one of " + ", ".join(_NAMES),
        )
    return dtype
