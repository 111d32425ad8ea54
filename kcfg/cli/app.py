"""The Typer application: what each command takes, and the words of `--help`.

A function here calls nothing: it returns the command with its arguments, and `run_application`
calls that when Typer is done. So help loads no room, and Typer, which turns Ctrl-C and a closed
pipe into statuses of its own, never stands between a command and `kcfg.cli.boundary`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from kcfg.cli.boundary import put, raise_on_signals
from kcfg.cli.options import (
    DryRun,
    File,
    Force,
    ForceOut,
    Json,
    Keras,
    LockTimeout,
    Out,
    Threads,
    cluster_option,
)
from kcfg.cli.writing import Writing
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

Command = Callable[[], int]

UsageError: Any = typer.BadParameter.__mro__[1]
"""What Typer raises for arguments that it can't take; where it lives varies with its version."""


def run_application(arguments: list[str], *, process: bool) -> int:
    """Parse the arguments, run the command, give its exit status.

    Raises KcfgError for arguments that make no command.
    """
    if process:
        raise_on_signals()
    application: Any = typer.main.get_command(app)
    ours, theirs = _split(arguments)
    try:
        command = application.main(args=ours, prog_name="kcfg", standalone_mode=False, obj=theirs)
    except UsageError as error:
        context = getattr(error, "ctx", None)
        name = context.command_path if context else "kcfg"
        raise KcfgError(
            str(error.format_message()).rstrip("."),
            where=None,
            keras=None,
            mend=f"see {name} --help",
        ) from None
    except SystemExit:  # Typer's way with a closed pipe, met while it printed the help
        raise BrokenPipeError from None
    return command() if callable(command) else 0


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """kcfg's own arguments, and the COMMAND that `run` is given behind `--`."""
    if arguments[:1] == ["run"] and "--" in arguments:
        at = arguments.index("--")
        return arguments[:at], arguments[at + 1 :]
    return arguments, []


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


@app.command()
def show(json: Json = False, file: File = None, keras: Keras = None) -> Command:
    """Print every key: its effective value, its source, its place; then what is wrong.

    \b
    Piped, a line each: KEY, VALUE, SOURCE, PLACE with tabs between.
    Exit status 1 where `import keras` would fail.

    \b
    kcfg show
    kcfg show --json --keras 2.3.1
    """
    from kcfg.cli import config

    return partial(config.show, json=json, file=file, keras=keras)


@app.command()
def get(
    key: Annotated[str, typer.Argument(metavar="KEY")],
    json: Json = False,
    file: File = None,
    keras: Keras = None,
) -> Command:
    """Print one effective value, alone, on one line.

    \b
    kcfg get floatx
    kcfg get backend --json
    """
    from kcfg.cli import config

    return partial(config.get, key, json=json, file=file, keras=keras)


@app.command()
def path(
    explain: Annotated[
        bool, typer.Option("--explain", help="Each rule tried, and why it was chosen or not.")
    ] = False,
    json: Json = False,
    file: File = None,
    keras: Keras = None,
) -> Command:
    """Print the path of the file that Keras reads.

    \b
    kcfg path
    kcfg path --explain
    """
    from kcfg.cli import config

    return partial(config.path, explain=explain, json=json, file=file, keras=keras)


@app.command("set")
def set_(
    pairs: Annotated[list[str], typer.Argument(metavar="KEY VALUE...")],
    dry_run: DryRun = False,
    force: Force = False,
    lock_timeout: LockTimeout = 10.0,
    file: File = None,
    keras: Keras = None,
) -> Command:
    """Judge all values, then write them at once; KEY=VALUE is taken, too.

    \b
    kcfg set floatx float16
    kcfg set backend jax epsilon=1e-5 -n
    """
    from kcfg.cli import edit

    return partial(
        edit.set_,
        pairs,
        Writing(dry_run, force, lock_timeout),
        file=file,
        keras=keras,
    )


@app.command()
def unset(
    keys: Annotated[list[str], typer.Argument(metavar="KEY...")],
    dry_run: DryRun = False,
    force: Force = False,
    lock_timeout: LockTimeout = 10.0,
    file: File = None,
    keras: Keras = None,
) -> Command:
    """Remove keys: back to Keras's defaults.

    \b
    kcfg unset backend
    kcfg unset floatx epsilon -n
    """
    from kcfg.cli import edit

    return partial(
        edit.unset,
        keys,
        Writing(dry_run, force, lock_timeout),
        file=file,
        keras=keras,
    )


@app.command()
def init(
    directory: Annotated[str | None, typer.Argument(metavar="[DIR]")] = None,
    dry_run: DryRun = False,
    force: Force = False,
    lock_timeout: LockTimeout = 10.0,
    file: File = None,
    keras: Keras = None,
) -> Command:
    """Write the file that Keras itself would write, if there is none.

    With DIR, into DIR, and print the line that makes Keras use it.

    \b
    kcfg init
    kcfg init ./config
    """
    from kcfg.cli import edit

    return partial(
        edit.init,
        directory,
        Writing(dry_run, force, lock_timeout),
        file=file,
        keras=keras,
    )


@app.command(
    options_metavar="[OPTIONS]",
)
def run(
    context: typer.Context,
    values: Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE... -- COMMAND")] = None,
    keras_home: Annotated[
        str | None,
        typer.Option("--keras-home", metavar="DIR", help="The keras directory for COMMAND."),
    ] = None,
    print_: Annotated[
        bool, typer.Option("--print", help="Run nothing; print `export` lines for a shell.")
    ] = False,
    github: Annotated[
        bool, typer.Option("--github", help="Run nothing; append to the file $GITHUB_ENV.")
    ] = False,
    file: File = None,
    keras: Keras = None,
) -> Command:
    """Run COMMAND with these values in force for that process alone.

    The status is COMMAND's own. Nobody's keras.json is touched.

    \b
    kcfg run floatx=float16 epsilon=1e-3 -- python train.py
    eval "$(kcfg run backend=jax --print)"
    """
    from kcfg.cli import run as running

    return partial(
        running.run,
        values or [],
        context.obj,
        keras_home=keras_home,
        print_=print_,
        github=github,
        keras=keras,
        file=file,
    )


@app.command()
def check(
    files: Annotated[list[str] | None, typer.Argument(metavar="[FILE]...")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can mean only one thing.")] = False,
    unsafe_fixes: Annotated[
        bool,
        typer.Option("--unsafe-fixes", help="Mend the rest, too: choose for you, lose comments."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning is an error.")] = False,
    json: Json = False,
    github: Annotated[
        bool, typer.Option("--github", help="Annotations for GitHub Actions.")
    ] = False,
    dry_run: DryRun = False,
    list_: Annotated[bool, typer.Option("--list", help="Name all checks.")] = False,
    code: Annotated[
        str | None, typer.Option("--explain", metavar="CODE", help="Tell one check at length.")
    ] = None,
    force: Force = False,
    lock_timeout: LockTimeout = 10.0,
    file: File = None,
    keras: Keras = None,
) -> Command:
    """Say what Keras would do with each FILE; without FILE, in this environment.

    Exit status 1 where `import keras` would fail, or Keras would silently ignore the file.

    \b
    error    `import keras` raises, or Keras does not do what the file or variable says
    warning  Keras takes it, and it is probably not what was meant
    note     worth knowing

    \b
    kcfg check
    kcfg check --strict config/keras.json
    kcfg check --fix -n keras.json
    kcfg check --explain epsilon-lost-in-floatx
    """
    from kcfg.cli import check as checking

    if list_:
        return partial(checking.list_checks, json=json)
    if code is not None:
        return partial(checking.explain, code)
    return partial(
        checking.check,
        files or [],
        Writing(dry_run, force, lock_timeout),
        fix=fix,
        unsafe_fixes=unsafe_fixes,
        strict=strict,
        json=json,
        github=github,
        file=file,
        keras=keras,
    )


@app.command()
def schema(keras: Keras = None) -> Command:
    """Print the JSON Schema (2020-12) of keras.json.

    \b
    kcfg schema > keras.schema.json
    kcfg schema --keras 2.3.1
    """
    from kcfg.cli import config

    return partial(config.schema, keras=keras)


@app.command()
def prod(
    file: Annotated[str, typer.Argument(metavar="FILE")],
    axis: Annotated[
        str | None,
        typer.Option("--axis", metavar="N[,N...]", help="Axes to multiply along. Default: all."),
    ] = None,
    keepdims: Annotated[
        bool, typer.Option("--keepdims", help="Keep the multiplied axes, with length 1.")
    ] = False,
    dtype: Annotated[
        str | None, typer.Option("--dtype", metavar="T", help="Multiply in this dtype.")
    ] = None,
    out: Out = None,
    force: ForceOut = False,
    threads: Threads = None,
    cluster: Annotated[
        str | None,
        cluster_option(
            "Split between workers: results, and products of integers along the axes, too, as any "
            "order gives their bits. Not split: one result of floating-point numbers, whose bits "
            "depend on the order, so that a single one is a single worker's."
        ),
    ] = None,
    json: Json = False,
) -> Command:
    """Multiply the elements of a .npy file, with the bits of numpy.prod.

    \b
    kcfg prod data.npy --axis 1
    kcfg prod big.npy --axis 0,2 -o product.npy
    """
    from kcfg.cli import arrays

    return partial(
        arrays.prod,
        file,
        axis=axis,
        keepdims=keepdims,
        dtype=dtype,
        out=out,
        force=force,
        threads=threads,
        json=json,
        cluster=cluster,
    )


@app.command()
def cast(
    file: Annotated[str, typer.Argument(metavar="FILE")],
    dtype: Annotated[str | None, typer.Argument(metavar="[DTYPE]")] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Refuse any change of value, exit status 1.")
    ] = False,
    out: Out = None,
    force: ForceOut = False,
    threads: Threads = None,
    cluster: Annotated[
        str | None,
        cluster_option("Split between workers: everything, as no element needs another."),
    ] = None,
    json: Json = False,
    config_file: File = None,
    keras: Keras = None,
) -> Command:
    """Cast a .npy file, with the bits of numpy.ndarray.astype; without DTYPE to floatx.

    \b
    kcfg cast data.npy float16 -o half.npy
    kcfg cast data.npy
    """
    from kcfg.cli import arrays, config

    return partial(
        arrays.cast,
        file,
        dtype,
        floatx=lambda: config.floatx(file=config_file, keras=keras),
        exact=exact,
        out=out,
        force=force,
        threads=threads,
        json=json,
        cluster=cluster,
    )


@app.command()
def info(
    files: Annotated[list[str], typer.Argument(metavar="FILE...")],
    stats: Annotated[
        bool, typer.Option("--stats", help="Read the data, too: range, mean, what float16 loses.")
    ] = False,
    json: Json = False,
    threads: Threads = None,
    cluster: Annotated[
        str | None, cluster_option("Split between workers: the data that --stats reads.")
    ] = None,
) -> Command:
    """Print header facts of .npy files: dtype, shape, order, bytes.

    \b
    kcfg info data.npy
    kcfg info --stats --json *.npy
    """
    from kcfg.cli import arrays

    return partial(arrays.info, files, stats=stats, json=json, threads=threads, cluster=cluster)


@app.command()
def completion(
    shell: Annotated[str, typer.Argument(metavar="SHELL")],
) -> Command:
    """Print the completion script of a shell: bash, zsh, fish or powershell.

    \b
    source <(kcfg completion bash)
    kcfg completion fish > ~/.config/fish/completions/kcfg.fish
    """
    from kcfg.cli import completion as completing

    return partial(completing.completion, shell)
