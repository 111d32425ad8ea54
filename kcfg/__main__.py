"""The front door: the plain documented forms of the hot commands, else the Typer application.

Whatever isn't exactly a plain form, the slightest doubt included, goes on to `kcfg.cli.app`, which
calls the same functions. So a shell loop over `kcfg get floatx` loads neither Typer nor pydantic.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

from kcfg.cli.boundary import die_of_signals, guard, is_terminal, raise_on_signals

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

CLUSTER = "DASK_SCHEDULER_ADDRESS"
"""The variable behind --cluster."""

VALUES = {
    "prod": ("--axis", "--dtype", "--out", "--threads"),
    "cast": ("--out", "--threads"),
    "info": ("--threads",),
}
"""The commands that load numpy, and their options with a value, as far as they are read here."""

FLAGS = {
    "prod": ("--keepdims", "--force", "--json"),
    "cast": ("--exact", "--force", "--json"),
    "info": ("--stats", "--json"),
}
"""Those that take none."""


def main(argv: list[str] | None = None) -> int:
    """Run kcfg with these arguments (by default the process's) and give its exit status: 0, 1 or 2.

    With `argv` given nothing of the process is touched, so that it can be driven from a program;
    otherwise a signal ends the process itself.
    """
    arguments = sys.argv[1:] if argv is None else argv

    def run() -> int:
        command = plain_form(arguments)
        if command is None:
            from kcfg.cli.app import run_application

            return run_application(arguments, process=argv is None)
        if argv is None and arguments[0] in VALUES:
            _arrays()  # and numpy: see die_of_signals
            raise_on_signals()
        return command()

    if argv is not None:
        return guard(run, process=False)
    die_of_signals()
    # What a command makes lives as long as it does: nothing is won by looking for garbage.
    gc.disable()
    if arguments and arguments[0] in VALUES:
        # Nothing here is linear algebra: else OpenBLAS starts a thread for each core as numpy is
        # loaded, and they go round in circles for the first 30 ms.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    status = guard(run, process=True)
    leave(status)
    return status


def leave(status: int) -> None:
    """End the process without taking the interpreter down, where nobody waits for that.

    All is written and flushed by now. Freeing every object one by one would be a fifth of
    `kcfg get`. Returns where an exit function is registered (coverage, threads), a debugger or
    profiler runs, or `python -i` shall go on.
    """
    waiting = getattr(atexit, "_ncallbacks", lambda: 1)()  # CPython's count
    if waiting or sys.gettrace() or sys.getprofile() or sys.flags.inspect:
        return
    os._exit(status)


def plain_form(arguments: list[str]) -> Callable[[], int] | None:
    """The command that these arguments plainly mean, ready to be called; None where in doubt."""
    match arguments:
        case ["get", key] if _plain(key):
            return lambda: _config().get(key)
        case ["get", key, "--json"] if _plain(key):
            return lambda: _config().get(key, json=True)
        case ["path"]:
            return lambda: _config().path()
        case ["show"] if not is_terminal():
            return lambda: _config().show()
        case ["show", "--json"]:
            return lambda: _config().show(json=True)
        case ["check", *files] if _plain(*files):
            return lambda: _check(files)
        case [name, *words] if name in VALUES:
            return _array_form(name, words)
    return None


def _plain(*words: str) -> bool:
    """None could be taken for an option."""
    return all(word == "-" or not word.startswith("-") for word in words)


def _config() -> ModuleType:
    from kcfg.cli import config

    return config


def _check(files: list[str]) -> int:
    from kcfg.cli import check, writing

    return check.check(files, writing.Writing())


def _array_form(name: str, words: list[str]) -> Callable[[], int] | None:
    """The command `name` with its words and options, in any order; None where in doubt."""
    plain: list[str] = []
    options: dict[str, Any] = {}
    left = iter(words)
    for word in left:
        if _plain(word):
            plain.append(word)
            continue
        option, equals, text = ("--out" if word == "-o" else word).partition("=")
        value: str | int | None = None
        if option in FLAGS[name] and not equals:
            value = True
        elif option in VALUES[name]:
            text = text if equals else next(left, "")
            value = _count(text) if option == "--threads" else text
        if not value:
            return None
        options[option.removeprefix("--")] = value
    options["cluster"] = os.environ.get(CLUSTER)
    match name, plain:
        case "prod", [file]:
            return lambda: _arrays().prod(file, **options)
        case "cast", [file] | [file, _]:
            options["floatx"] = lambda: _config().floatx()
            dtype = plain[1] if len(plain) == 2 else None
            return lambda: _arrays().cast(file, dtype, **options)
        case "info", [_, *_]:
            return lambda: _arrays().info(plain, **options)
    return None


def _count(text: str) -> int | None:
    """A number of a few digits; None for what Typer shall judge."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None


def _arrays() -> ModuleType:
    from kcfg.cli import arrays

    return arrays


if __name__ == "__main__":
    raise SystemExit(main())
