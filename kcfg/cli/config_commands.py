"""What the commands on keras.json take, and the words of their `--help`.

As in `kcfg.cli.app`, which registers them: each returns the command with its arguments.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from kcfg.cli.options import Command, DryRun, File, Force, Json, Keras, LockTimeout
from kcfg.cli.writing import Writing


def show(json: Json = False, file: File = None, keras: Keras = None) -> Command:
    """Print each key's effective value, and where it comes from.

    Then what is wrong, on standard error.

    \b
    Piped, a line each: KEY, VALUE, SOURCE, PLACE with tabs between.
    Exit status 1 where `import keras` would fail.

    \b
    kcfg show
    kcfg show --json --keras 2.3.1
    """
    from kcfg.cli import config

    return partial(config.show, json=json, file=file, keras=keras)


def get(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Such as floatx.")],
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


def set_(
    pairs: Annotated[list[str], typer.Argument(metavar="KEY VALUE", help="Or KEY=VALUE.")],
    dry_run: DryRun = False,
    force: Force = False,
    lock_timeout: LockTimeout = 10.0,
    file: File = None,
    keras: Keras = None,
) -> Command:
    """Judge all values, then write them at once.

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


def unset(
    keys: Annotated[list[str], typer.Argument(metavar="KEY", help="Such as floatx.")],
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


def init(
    directory: Annotated[
        str | None, typer.Argument(metavar="DIR", help="Default: where Keras looks.")
    ] = None,
    dry_run: DryRun = False,
    force: Force = False,
    lock_timeout: LockTimeout = 10.0,
    file: File = None,
    keras: Keras = None,
) -> Command:
    """Write the file that Keras would write, if there is none.

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


def run(
    context: typer.Context,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE... -- COMMAND", help="Such as floatx=float16."),
    ] = None,
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


def check(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="A keras.json; - is stdin.")
    ] = None,
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
    """Say what Keras would do with each FILE, or here and now.

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


def schema(keras: Keras = None) -> Command:
    """Print the JSON Schema (2020-12) of keras.json.

    \b
    kcfg schema > keras.schema.json
    kcfg schema --keras 2.3.1
    """
    from kcfg.cli import config

    return partial(config.schema, keras=keras)
