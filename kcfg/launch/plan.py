"""A command with other values in force for it alone: the plan, the launch, and the same as text.

`backend` goes by KERAS_BACKEND, as `nnx_enabled` does by KERAS_NNX_ENABLED. The other keys Keras
reads from keras.json only, so COMMAND is given a keras directory of its own, by KERAS_HOME, that
shows everything else which the real one holds. Nobody's keras.json is touched.

Keras before 2.2 doesn't read KERAS_HOME. There a value from the file could be changed for one
process only by giving it another HOME, and with it another `.ssh`, `.gitconfig`, `.theanorc`,
`.cache`: a home of links goes wrong as soon as a program replaces one of them by a rename. So
that is refused, with what to do instead; whoever wants another HOME can say so themselves.
"""

from __future__ import annotations

import os
import sys

from kcfg.problems import KcfgError
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class Plan(Record):
    """What must be changed around COMMAND."""

    variables: tuple[tuple[str, str], ...]
    """(name, value): what its environment has besides, KERAS_HOME of a private directory not."""
    contents: bytes | None
    """keras.json of the private keras directory that it needs; None: it needs none."""
    directory: str
    """The real keras directory, absolute."""


def plan(
    *,
    release: str,
    reads: Collection[str],
    directory: str,
    current: bytes | None,
    wanted: bytes | None,
    variables: Mapping[str, str],
) -> Plan:
    """Decide how COMMAND gets its values; touches nothing.

    release: the Keras that judges, such as "3.15.1". reads: the environment variables that it
    reads. directory: the real keras directory, absolute. current: keras.json there, None if there
    is none. wanted: keras.json as COMMAND shall see it, None if it may see the real one.
    variables: the values that go by the environment.

    A private directory is made even where the real keras.json says the same already: somebody may
    change that while COMMAND starts.

    Raises KcfgError if this release can't be given such a value for one process.
    """
    for name, value in variables.items():
        if name not in reads:
            raise KcfgError(
                f"Keras {release} does not read {name}",
                where=f"{name}={value}",
                keras=f"Keras {release} would go on as if it were not set",
                mend="leave that value out, or judge by another release with --keras",
            )
    if wanted is not None and "KERAS_HOME" not in reads:
        if wanted != current:
            raise KcfgError(
                f"Keras {release} does not read KERAS_HOME (2.2 was the first), so keras.json "
                "cannot differ for one process",
                where=os.path.join(directory, "keras.json"),
                keras=None,
                mend="change it for all with `kcfg set`, or give COMMAND a home directory of its "
                "own: `env HOME=DIR COMMAND`, with DIR/.keras/keras.json",
            )
        wanted = None
    return Plan(tuple(variables.items()), wanted, directory)


def launch(command: Sequence[str], environ: Mapping[str, str], given: Plan) -> int:
    """Run COMMAND as planned. On POSIX this process becomes COMMAND, and nothing comes back.

    environ is the environment to start from; TMPDIR and PATH in it count. Returns COMMAND's
    status on Windows. Raises KcfgError with status 127 (not found), 126 (not executable), as
    env(1), or 2 (no private directory could be made); then nothing is left behind.
    """
    environ = {**environ, **dict(given.variables)}
    if sys.platform == "win32":
        from kcfg.launch import windows

        return windows.launch(command, environ, contents=given.contents, directory=given.directory)
    from kcfg.launch import posix

    return posix.launch(command, environ, contents=given.contents, directory=given.directory)


def exports(variables: Mapping[str, str]) -> str:
    """`export NAME='value'` lines for a POSIX shell, right for any byte that a value can hold."""
    return "".join(f"export {name}={_quoted(value)}\n" for name, value in variables.items())


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def github(variables: Mapping[str, str]) -> str:
    """The text to append to $GITHUB_ENV.

    Each value stands between two lines that nobody can guess, so a line break in it starts no
    new variable. Raises KcfgError for a value that isn't Unicode text: the runner reads UTF-8.
    """
    text = ""
    for name, value in variables.items():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise KcfgError(
                "a name that is not UTF-8 cannot go into GITHUB_ENV",
                where=f"{name}={value!r}",
                keras=None,
                mend="choose a directory with another name",
            ) from error
        mark = f"kcfg-{os.urandom(16).hex()}"
        text += f"{name}<<{mark}\n{value}\n{mark}\n"
    return text
