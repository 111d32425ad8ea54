"""GitHub Actions' workflow commands: a problem becomes an annotation at its line.

`::error file=PATH,line=L,col=C,title=CODE::MESSAGE`. What the runner would take for syntax is
escaped as its toolkit does it (actions/toolkit, packages/core/src/command.ts).
"""

from __future__ import annotations

import os

from kcfg.cli.boundary import escaped

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcfg.problems import Problem

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def commands(problems: Iterable[Problem], workspace: str) -> str:
    """A line a problem. Paths below `workspace` are given relative to it, as GitHub wants them."""
    return "".join(command(problem, workspace) + "\n" for problem in problems)


def command(problem: Problem, workspace: str) -> str:
    """One annotation. A problem of a variable has no file; its name begins the message."""
    properties = {}
    what = problem.message
    if problem.line is not None and problem.path is not None:
        properties["file"] = _relative(problem.path, workspace)
        properties["line"] = str(problem.line)
        properties["col"] = str(problem.column)
    elif problem.path is not None and os.path.exists(problem.path):
        properties["file"] = _relative(problem.path, workspace)
    elif problem.path is not None:
        what = f"{problem.path}: {what}"
    properties["title"] = f"kcfg: {problem.code}"
    named = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    parts = [what, problem.keras, problem.fix.command if problem.fix else None]
    told = "\n".join(escaped(part) for part in parts if part)
    return f"::{COMMANDS[problem.severity]} {named}::{_data(told)}"


def _relative(path: str, workspace: str) -> str:
    below = workspace.rstrip(os.sep) + os.sep
    return path[len(below) :] if workspace and path.startswith(below) else path


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(escaped(text)).replace(":", "%3A").replace(",", "%2C")
