"""Write the man page from the command tree: `python -m tests.support.manual`."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import typer

from kcfg import __version__
from kcfg.cli.app import app, usage_word
from kcfg.keras.releases import VARIABLES

PAGE = Path(__file__).parents[2] / "kcfg" / "cli" / "kcfg.1"

STATUSES = {
    "0": "Done.",
    "1": "The answer is no: import keras would fail, check found an error, cast --exact would "
    "change a value.",
    "2": "Could not run: wrong arguments, a refused value, a file that cannot be read or written.",
    "COMMAND's": "kcfg run gives the status of COMMAND.",
    "130, 143": "Killed by SIGINT or SIGTERM, as a shell shows it; nothing is left half written.",
}
VARIABLES_READ = {
    "VIRTUAL_ENV, CONDA_PREFIX": "The active environment: its Keras is the one that judges.",
    "TF_USE_LEGACY_KERAS": "With 1, tf_keras judges where it is installed.",
    "NO_COLOR": "If not empty, no colour on a terminal.",
}
FILES = {
    "~/.keras/keras.json": "Where Keras looks, unless KERAS_HOME is set.",
    "/tmp/.keras/keras.json": "Where it looks instead if the home directory is not writable "
    "(not in tf.keras).",
    "keras.json.bak": "What a file was before --force replaced it.",
}


def page() -> str:
    """The whole page."""
    tree: Any = typer.main.get_command(app)
    lines = [
        f'.TH KCFG 1 "" "kcfg {__version__}" "User Commands"',
        ".SH NAME",
        escape("kcfg - what Keras will really use, why, and how to change it safely"),
        ".SH SYNOPSIS",
        r".B kcfg",
        r".I COMMAND",
        escape("[ARGUMENT]..."),
        ".SH DESCRIPTION",
        *prose(tree.help),
        ".SH COMMANDS",
    ]
    for name, command in tree.commands.items():
        lines += _command(name, command)
    lines += _table("EXIT STATUS", STATUSES)
    lines += _table("ENVIRONMENT", {**_of_keras(), **VARIABLES_READ})
    lines += _table("FILES", FILES)
    return "\n".join(lines) + "\n"


def _command(name: str, command: Any) -> list[str]:
    words = [usage_word(p) for p in command.params if p.param_type_name == "argument"]
    lines = [f".SS kcfg {name} {escape(' '.join(words))}".rstrip()]
    about, *rest = inspect.cleandoc(command.help).split("\n\n")
    lines += prose(about)
    for paragraph in rest:
        plain = paragraph.removeprefix("\b\n").splitlines()
        if plain[0].lstrip().startswith(("kcfg ", "eval ")):
            lines += [".PP", ".EX", *(escape(line) for line in plain), ".EE"]
        else:
            lines += [".PP", *prose(paragraph.removeprefix("\b\n"))]
    for option in command.params:
        if option.param_type_name == "option" and not option.hidden:
            shown = ", ".join(sorted(option.opts, key=len))
            value = "" if option.is_flag else f" {option.metavar}"
            lines += [".TP", rf"\fB{escape(shown)}\fR{escape(value)}", *prose(option.help)]
    return lines


def _of_keras() -> dict[str, str]:
    """Keras's own variables, and since when each is read."""
    first: dict[str, str] = {}
    for row in VARIABLES:
        sets = "Names the directory of keras.json" if row.sets == "place" else f"Sets {row.sets}"
        first.setdefault(row.name, f"{sets}, from Keras {row.since} on.")
    return first


def _table(title: str, rows: dict[str, str]) -> list[str]:
    lines = [f".SH {title}"]
    for name, about in rows.items():
        lines += [".TP", rf"\fB{escape(name)}\fR", *prose(about)]
    return lines


def prose(text: str) -> list[str]:
    """A paragraph as one line of text that roff fills."""
    return [escape(" ".join(text.split()))]


def escape(text: str) -> str:
    """Text that roff prints as it is; hyphens stay the ASCII ones that can be copied."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("~", r"\(ti").replace("'", r"\(aq")
    return rf"\&{text}" if text.startswith(".") else text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
