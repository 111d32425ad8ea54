"""The Typer application and the table of releases, as what a completion needs of them."""

from __future__ import annotations

from typing import Any

import typer

from kcfg.arrays.arguments import NAMES as DTYPES
from kcfg.checks.registry import CHECKS
from kcfg.cli.app import app
from kcfg.keras.releases import BACKENDS, KEYS, NEWEST
from kcfg.record import Record

TAKES = {
    "KEY": "key",
    "KEY VALUE": "pairs",
    "KEY=VALUE... -- COMMAND": "assignments",
    "PATH": "json",
    "FILE": "npy",
    "OUT": "npy",
    "DIR": "directory",
    "VERSION": "version",
    "T": "dtype",
    "DTYPE": "dtype",
    "N[,N...]": "axis",
    "CODE": "code",
    "SHELL": "shell",
    "bash|zsh|fish|powershell": "shell",
    "N": "nothing",
    "ADDRESS": "nothing",
    "SECONDS": "nothing",
}
"""What an argument takes, by the word that stands for it in the help."""

TAKES_ELSE = {("check", "FILE"): "json", ("unset", "KEY"): "keys"}
"""The same where a command means something else by that word."""

FILES = {"json": "*.json", "npy": "*.npy"}
"""Kinds that are files, and how the names end that are offered first."""


class Option(Record):
    """An option of one command."""

    names: tuple[str, ...]
    takes: str | None
    """None for a flag."""
    about: str


class Command(Record):
    """A command, or the application itself."""

    name: str
    about: str
    options: tuple[Option, ...]
    positional: tuple[str, ...]
    """What each takes; the last one is repeated if `repeats`."""
    repeats: bool


class Word(Record):
    """A word that can stand somewhere, and what it means."""

    text: str
    about: str


def commands() -> tuple[Command, ...]:
    """The application itself, under the name "", then its commands in its order."""
    tree: Any = typer.main.get_command(app)
    helps = Option(tuple(tree.context_settings["help_option_names"]), None, "Show the help.")
    found = [_command("", tree, helps)]
    found += [_command(name, one, helps) for name, one in tree.commands.items() if not one.hidden]
    return tuple(found)


def words(kind: str) -> tuple[Word, ...]:
    """The words that a kind allows; () for files and for what can't be listed."""
    if kind in ("key", "keys", "pairs", "assignments"):
        return tuple(Word(key.name, key.about) for key in KEYS)
    if kind == "version":
        return tuple(Word(version, "") for version in reversed(NEWEST))
    if kind == "dtype":
        return tuple(Word(name, "") for name in DTYPES)
    if kind == "axis":
        return tuple(Word(text, "") for text in ("0", "1", "2", "3", "-1"))
    if kind == "code":
        return tuple(Word(check.code, "") for check in CHECKS)
    if kind == "shell":
        return tuple(Word(shell, "") for shell in ("bash", "zsh", "fish", "powershell"))
    return ()


def values() -> dict[str, tuple[Word, ...]]:
    """By key, over all releases; () where any number will do."""
    allowed = {
        "backend": tuple(Word(row.name, _lasted(row.since, row.until)) for row in BACKENDS),
    }
    for key in KEYS:
        if key.kind == "choice":
            allowed[key.name] = tuple(Word(value, "") for value in key.values)
        elif key.kind == "truth":
            allowed[key.name] = (Word("true", ""), Word("false", ""))
    return {key.name: allowed.get(key.name, ()) for key in KEYS}


def _lasted(since: str, until: str | None) -> str:
    def line(version: str) -> str:
        return ".".join(version.split(".")[:2])

    return (
        f"Keras {line(since)} on" if until is None else f"Keras {line(since)}, before {line(until)}"
    )


def _command(name: str, command: Any, helps: Option) -> Command:
    options, positional, repeats = [], [], False
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        if parameter.param_type_name == "argument":
            positional.append(_takes(name, parameter.metavar))
            repeats = parameter.nargs == -1
        else:
            takes = None if parameter.is_flag else _takes(name, parameter.metavar)
            long_first = sorted(parameter.opts, key=len, reverse=True)
            options.append(Option(tuple(long_first), takes, _first_sentence(parameter.help or "")))
    about = _first_sentence(command.help or "")
    return Command(name, about, (*options, helps), tuple(positional), repeats)


def _takes(command: str, metavar: str) -> str:
    return TAKES_ELSE.get((command, metavar)) or TAKES[metavar]


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".") + "."
