"""The Typer application, put together from the commands' functions, and how it is run.

Such a function calls nothing: it returns the command with its arguments, and `run_application`
calls that when Typer is done. So help loads no room, and Typer, which turns Ctrl-C and a closed
pipe into statuses of its own, never stands between a command and `kcfg.cli.boundary`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer
import typer.core

from kcfg.cli import array_commands, config_commands
from kcfg.cli.boundary import put, raise_on_signals
from kcfg.cli.options import Command
from kcfg.problems import KcfgError

app = typer.Typer(
    name="kcfg",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Show what Keras will really use from keras.json and the environment, and why; "
    "change it safely; compute prod and cast of .npy files of any size.",
)

UsageError: Any = typer.BadParameter.__mro__[1]
"""What Typer raises for arguments that it can't take; where it lives varies with its version."""


class PlainCommand(typer.core.TyperCommand):
    """A command whose `--help` reads the same with every Typer.

    Typer 0.29 writes `{KEY VALUE}...` and `KEY <str>`, 0.15 `FILE` for `[FILE]...`.
    """

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return ["[OPTIONS]", *map(usage_word, self._arguments())]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        options = [each for each in self.get_params(ctx) if each.param_type_name == "option"]
        rows = {
            "Arguments": [(each.metavar, each.help) for each in self._arguments()],
            "Options": [each.get_help_record(ctx) for each in options],
        }
        for title, found in rows.items():
            if found:
                with formatter.section(title):
                    formatter.write_dl(found)

    def _arguments(self) -> list[Any]:
        return [each for each in self.params if each.param_type_name == "argument"]


def usage_word(argument: Any) -> str:
    """FILE, FILE... or [FILE]...: an argument in the usage line."""
    word: str = argument.metavar
    if "..." in word:
        return word
    return (word if argument.required else f"[{word}]") + ("..." if argument.nargs == -1 else "")


def run_application(arguments: list[str], *, process: bool) -> int:
    """Parse the arguments, run the command, give its exit status.

    Raises KcfgError for arguments that make no command.
    """
    application: Any = typer.main.get_command(app)
    ours, theirs = _split(arguments)
    try:
        command = application.main(args=ours, prog_name="kcfg", standalone_mode=False, obj=theirs)
    except UsageError as error:
        context = getattr(error, "ctx", None)
        name = context.command_path if context else "kcfg"
        if name == "kcfg" and ours[:1] and ours[0] in application.commands:
            name = f"kcfg {ours[0]}"  # an option without its argument
        raise KcfgError(
            str(error.format_message()).rstrip("."),
            where=None,
            keras=None,
            mend=f"see {name} --help",
        ) from None
    except SystemExit:  # Typer's way with a closed pipe, met while it printed the help
        raise BrokenPipeError from None
    if not callable(command):
        return 0
    if process:
        raise_on_signals()
    return command()  # type: ignore[no-any-return]


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """kcfg's own arguments, and the COMMAND that `run` is given behind `--`.

    `help COMMAND` asks for its `--help`; a negative number behind a key that is `set` is its value
    and no option: so it meets the judge of values.
    """
    if arguments[:1] == ["help"]:
        return [*arguments[1:2], "--help"], []
    if arguments[:1] == ["set"]:
        return _with_negative_values(arguments), []
    if arguments[:1] == ["run"] and "--" in arguments:
        at = arguments.index("--")
        return arguments[:at], arguments[at + 1 :]
    return arguments, []


def _with_negative_values(arguments: list[str]) -> list[str]:
    found = arguments[:1]
    for word in arguments[1:]:
        if _is_negative(word) and len(found) > 1 and found[-1].isidentifier():
            found[-1] += "=" + word
        else:
            found.append(word)
    return found


def _is_negative(word: str) -> bool:
    """A number, -inf included, with a minus."""
    try:
        float(word)
    except ValueError:
        return False
    return word.startswith("-")


@app.callback(invoke_without_command=True)
def kcfg(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from kcfg import __version__

        put(f"kcfg {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        put(context.get_help() + "\n")


def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")],
) -> Command:
    """Print a shell's completion script.

    \b
    source <(kcfg completion bash)
    kcfg completion fish > ~/.config/fish/completions/kcfg.fish
    """
    from kcfg.cli import completion as completing

    return partial(completing.completion, shell)


for command in (
    config_commands.show,
    config_commands.get,
    config_commands.path,
    config_commands.set_,
    config_commands.unset,
    config_commands.init,
    config_commands.run,
    config_commands.check,
    config_commands.schema,
    array_commands.prod,
    array_commands.cast,
    array_commands.info,
    completion,
):  # in the order of `kcfg --help`
    # Its summary is named, as one that Typer derives is cut on a narrow terminal.
    summary = str(command.__doc__).partition("\n")[0]
    app.command(command.__name__.rstrip("_"), cls=PlainCommand, short_help=summary)(command)
