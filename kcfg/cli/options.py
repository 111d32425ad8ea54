"""The options that several commands share, each with its words in `--help`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Annotated, Any

import typer

from kcfg.problems import KcfgError

Command = Callable[[], int]
"""What a command function of Typer's gives back: the work, to be done when Typer is through."""


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if float(text) >= 0:
            return float(text)
    mend = "give seconds, 0 or more, such as 2.5"
    raise KcfgError(f"{text!r} is no time", where="--lock-timeout", keras=None, mend=mend)


def _threads(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        mend = "give a whole number from 1 on, or leave it out to use all cores"
        raise KcfgError(
            f"{text[:40]!r} is no number of threads", where="--threads", keras=None, mend=mend
        ) from None


def _note_unknown_release(named: str | None) -> str | None:
    if named is None:
        return None
    from kcfg.cli.boundary import say
    from kcfg.keras.releases import NEWEST, unknown_yet

    if unknown_yet(named):
        say(f"kcfg: note: --keras {named}: kcfg does not know it yet, and judges as {NEWEST[-1]}")
    return named


File = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="PATH", help="Use this file instead of finding one."),
]
Keras = Annotated[
    str | None,
    typer.Option(
        "--keras",
        metavar="VERSION",
        callback=_note_unknown_release,
        help="Judge as this release would, such as 1.2, 2.3.1, 2.15 or 3.15. "
        "Default: the one installed in the active environment, else the newest known.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of lines.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Print a unified diff and write nothing.")
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Write although the file can't be parsed (it is kept as keras.json.bak) or its "
        "directory isn't trusted.",
    ),
]
LockTimeout = Annotated[
    float,
    typer.Option(
        "--lock-timeout",
        metavar="SECONDS",
        parser=_seconds,
        show_default=False,
        help="How long to wait for other writers. Default: 10.",
    ),
]
Out = Annotated[
    str | None,
    typer.Option("--out", "-o", metavar="OUT", help="Write .npy to this file; - is stdout."),
]
ForceOut = Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")]
Threads = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", parser=_threads, help="Default: all cores."),
]


def cluster_option(divided: str) -> Any:
    """The option; divided: what of this command's work goes to different workers."""
    return typer.Option(
        "--cluster",
        metavar="ADDRESS",
        envvar="DASK_SCHEDULER_ADDRESS",
        show_envvar=False,
        help="Work on a Dask cluster whose workers see the same files: a scheduler's address, or "
        f"local:N for N processes here. {divided} "
        "Default: $DASK_SCHEDULER_ADDRESS; '' works here. "
        "Needs pip install distributed cryptography.",
    )
