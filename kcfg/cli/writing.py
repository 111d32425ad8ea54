"""How every writing command leads its edit through the locked store, and tells what came of it."""

from __future__ import annotations

from kcfg.cli.boundary import escaped, is_terminal, put, put_bytes, say, say_lines
from kcfg.cli.render import lines
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kcfg.store import Change

    Edit = Callable[[bytes | None], bytes | None]


class Writing(Record):
    """The options that all writers share."""

    dry_run: bool = False
    """Print a unified diff, and write nothing."""
    force: bool = False
    """Write over what can't be parsed, and in a directory that isn't trusted."""
    lock_timeout: float = 10.0
    """Seconds to wait for other writers."""


def update(path: str, edit: Edit, writing: Writing, *, retry: str) -> Change:
    """Read, edit and replace a file; print the diff of a dry run, and what the store noticed.

    retry: the command line that overrides a refusal to trust the directory. Raises as
    `kcfg.store.update` does.
    """
    from kcfg import store

    change = store.update(
        path,
        edit,
        force=writing.force,
        lock_timeout=writing.lock_timeout,
        dry_run=writing.dry_run,
        backup=is_no_object,
        retry_hint=retry,
        notice=lambda text: say(f"kcfg: {text}"),
    )
    for note in change.notes:
        say_lines(lines.problem(note))
    if change.backup is not None:
        say(f"kcfg: {path}: the original is kept as {change.backup}")
    if writing.dry_run:
        put_diff(change)
    return change


def put_diff(change: Change) -> None:
    """The diff of a dry run: its bytes for a pipe; on a terminal nothing that could steer it."""
    text = lines.diff(change)
    if is_terminal():
        put("".join(char if char in "\n\t" else escaped(char) for char in text))
    else:
        put_bytes(text.encode("utf-8", "surrogateescape"))


def with_force(
    command: Sequence[str],
    arguments: Sequence[str],
    file: str | None = None,
    keras: str | None = None,
) -> str:
    """The command line that the user gave, with --force: ready to be pasted."""
    from shlex import join

    options = [("--file", file), ("--keras", keras)]
    given = [word for name, text in options if text is not None for word in (name, text)]
    given.append("--force")
    if any(word.startswith("-") for word in arguments):
        return join(["kcfg", *command, *given, "--", *arguments])
    return join(["kcfg", *command, *arguments, *given])


def is_no_object(data: bytes) -> bool:
    """Whether a backup is due before these bytes are written over: Keras could read no key."""
    from kcfg import document

    found = document.read(data)
    return found.fault is not None or found.kind != "object"
