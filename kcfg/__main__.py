"""The front door: the plain documented forms of the hot commands, else the Typer application.

Whatever isn't exactly a plain form, the slightest doubt included, goes on to `kcfg.cli.app`, which
calls the same functions. So a shell loop over `kcfg get floatx` loads neither Typer nor pydantic.
"""

from __future__ import annotations

import sys

from kcfg.cli.boundary import guard, is_terminal

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable


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
        return command()

    return guard(run, process=argv is None)


def plain_form(arguments: list[str]) -> Callable[[], int] | None:
    """The command that these arguments plainly mean, ready to be called; None where in doubt."""
    from kcfg.cli import config

    match arguments:
        case ["get", key] if not key.startswith("-"):
            return lambda: config.get(key)
        case ["get", key, "--json"] if not key.startswith("-"):
            return lambda: config.get(key, json=True)
        case ["path"]:
            return config.path
        case ["show"] if not is_terminal():
            return config.show
        case ["show", "--json"]:
            return lambda: config.show(json=True)
    return None


if __name__ == "__main__":
    raise SystemExit(main())
