"""The plain documented forms of `prod` and `cast`, read without Typer.

Typer takes as long to load as numpy; a gigabyte is read in that time. Whatever isn't exactly plain
(an option given twice, `--axis=1`, `--help`, a value that looks like an option) is left to it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_COMMON = {"-o": "out", "--out": "out", "--threads": "threads", "--force": "", "--json": ""}
_OPTIONS = {
    "prod": {**_COMMON, "--axis": "axis", "--dtype": "dtype", "--keepdims": ""},
    "cast": {**_COMMON, "--exact": ""},
}
"""Of each command: its options, and the parameter that takes the value behind it ("": a flag)."""

_FLAGS = {"prod": ("force", "json", "keepdims"), "cast": ("force", "json", "exact")}
_MOST_NAMES = {"prod": 1, "cast": 2}


def command(arguments: list[str], *, process: bool) -> Callable[[], int] | None:
    """The command that `["prod" or "cast", ...]` plainly means; None where in doubt.

    process: this is the whole process's command line: signals clean up and end it.
    """
    if os.environ.get("DASK_SCHEDULER_ADDRESS"):  # the default of --cluster
        return None
    kind = arguments[0]
    names: list[str] = []
    given: dict[str, Any] = {}
    words = iter(arguments[1:])
    for word in words:
        if not word.startswith("-") or word == "-":
            names.append(word)
            continue
        parameter = _OPTIONS[kind].get(word)
        if parameter is None:
            return None
        value = next(words, "") if parameter else True
        parameter = parameter or word[2:]
        if parameter in given or not _is_plain(parameter, value):
            return None
        given[parameter] = value
    if not 1 <= len(names) <= _MOST_NAMES[kind] or "" in names:
        return None
    if "threads" in given:
        given["threads"] = int(given["threads"])
    for flag in _FLAGS[kind]:
        given.setdefault(flag, False)

    def run() -> int:
        from kcfg.cli import arrays, config
        from kcfg.cli.boundary import raise_on_signals

        if process:
            raise_on_signals()
        options = {"out": None, "threads": None, **given}
        if kind == "prod":
            return arrays.prod(names[0], **{"axis": None, "dtype": None, **options})
        dtype = names[1] if len(names) > 1 else None
        floatx = lambda: config.floatx(file=None, keras=None)  # noqa: E731
        return arrays.cast(names[0], dtype, floatx=floatx, **options)

    return run


def _is_plain(parameter: str, value: str | bool) -> bool:
    if value is True:
        return True
    text = str(value)
    if parameter == "threads":
        return text.isascii() and text.isdecimal() and len(text) < 5 and int(text) > 0
    if parameter == "axis":
        digits = [part.removeprefix("-") for part in text.split(",")]
        return all(part.isascii() and part.isdecimal() for part in digits)
    return text == "-" or (text != "" and not text.startswith("-"))
