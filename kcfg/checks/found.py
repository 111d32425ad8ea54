"""How a check words what it found: where it is, what Keras does about it, what mends it.

In: a `Situation` and what one check knows; out: `Problem`s and `Fix`es. Every message has three
parts, a sentence each: what is wrong and why, what Keras does, and a line to paste.
"""

from __future__ import annotations

from kcfg.problems import Fix, Problem

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcfg.document import Member
    from kcfg.keras.reading import Failure
    from kcfg.situation import Situation

    Where = tuple[str | None, int | None, int | None]
    """Path or variable, line, column."""

STDIN = "-"
"""The path of a text that lies in no file: nothing can be written there."""


def problem(
    code: str, severity: str, where: Where, message: str, *, keras: str | None, fix: Fix | None
) -> Problem:
    """A `Problem` whose place is one value."""
    path, line, column = where
    return Problem(
        code=code,
        severity=severity,
        message=message,
        keras=keras,
        path=path,
        line=line,
        column=column,
        fix=fix,
    )


# --- where ---------------------------------------------------------------------------------------


def in_text(situation: Situation, offset: int) -> Where:
    """The place of one character of the file."""
    document = situation.document()
    if document is None:
        return in_file(situation)
    line, column = document.position(offset)
    return situation.discovery.path, line, column


def in_file(situation: Situation) -> Where:
    """The file as a whole."""
    return situation.discovery.path, None, None


def in_variable(name: str) -> Where:
    """An environment variable."""
    return name, None, None


def at_value(situation: Situation, key: str) -> Where:
    """The value that Keras takes for a key, the last of that name."""
    member = written(situation, key)
    return in_text(situation, member.value_start) if member else in_file(situation)


# --- what the file says --------------------------------------------------------------------------


def written(situation: Situation, key: str) -> Member | None:
    """The member of that name that Keras uses; None where it uses none."""
    document = situation.document() if said(situation) else None
    return document.find(key) if document else None


def said(situation: Situation) -> dict[str, object]:
    """The file's pairs as Keras sees them; {} where it sees none."""
    return situation.reading.mapping or {}


def shown(value: object) -> str:
    """A value as it is written in JSON, cut where it is very long."""
    text = literal(value)
    return text if len(text) <= 80 else text[:77] + "..."


def literal(value: object) -> str:
    """As `json.dumps(value)`."""
    if isinstance(value, str):
        from kcfg.scanner import quote as in_json

        return in_json(value)
    import json  # not at the top: `kcfg show` often has one text to tell, and nothing else

    return json.dumps(value)


def quote(text: str) -> str:
    """As `shlex.quote`, whose module brings regular expressions along: half of `kcfg show`."""
    if text and text.isascii() and all(char.isalnum() or char in "_@%+=:,./-" for char in text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def rule(situation: Situation) -> str:
    """The rule that chose the file: "--file", "KERAS_HOME", "home" or "fallback"."""
    return next(place.rule for place in situation.discovery.places if place.chosen)


def is_file(situation: Situation, path: str) -> bool:
    files = situation.world.files
    return files.exists(path) and not files.is_dir(path)


# --- what Keras does -----------------------------------------------------------------------------


def would_raise(situation: Situation, failure: Failure) -> str:
    """The consequence of a failure."""
    message = failure.message
    told = f"{failure.error}: {message[:200]}" if message else failure.error
    return f"`import keras` of Keras {situation.rules.version} would raise {told}"


# --- what mends it -------------------------------------------------------------------------------


def by_hand(command: str | None) -> Fix | None:
    """A line for a shell; `--fix` does nothing about it."""
    return Fix(command=command, edits=(), safe=False) if command else None


def mend(situation: Situation, edits: Iterable[tuple[int, int, str]], *, safe: bool) -> Fix:
    """Edits of the text, made by `kcfg check --fix`."""
    options = ("--fix",) if safe else ("--fix", "--unsafe-fixes")
    path = situation.discovery.path
    named = (path,) if _named_by_option(situation) else ()
    return Fix(command=kcfg(situation, "check", *options, *named), edits=tuple(edits), safe=safe)


def set_to(situation: Situation, key: str, value: object, *, safe: bool) -> Fix:
    """Give a key another value: `kcfg set`, and the same as edits."""
    from kcfg.document import set_members

    text = value if isinstance(value, str) else literal(value)
    document = situation.document()
    edits: tuple[tuple[int, int, str], ...] = ()
    if document is not None and document.fault is None and document.kind == "object":
        made = set_members(document, {key: literal(value)})
        edits = tuple((edit.start, edit.end, edit.text) for edit in made)
    return Fix(
        command=kcfg(situation, "set", *file_option(situation), key, text), edits=edits, safe=safe
    )


def kcfg(situation: Situation, command: str, *arguments: str) -> str | None:
    """A command line that judges as this situation was judged; None for a text in no file."""
    if situation.discovery.path == STDIN:
        return None
    release = ("--keras", situation.rules.version) if situation.keras_from == "option" else ()
    return " ".join(quote(word) for word in ("kcfg", command, *release, *arguments))


def set_variable(situation: Situation, name: str, value: str | None) -> Fix | None:
    """A line that gives a variable another value in this shell, or (None) takes it away."""
    if situation.world.windows:
        return by_hand(f"set {name}={value or ''}")
    if value is None:
        return by_hand(f"unset {name}")
    return by_hand(f"export {name}={quote(value)}")


def move(source: str, target: str) -> Fix | None:
    """A line that renames a file."""
    if source == STDIN:
        return None
    return by_hand(f"mv -i {quote(source)} {quote(target)}")


def start_anew(situation: Situation) -> Fix | None:
    """A line that puts a fresh file in the place of one that can't be mended, and keeps the old."""
    path = situation.discovery.path
    init = kcfg(situation, "init", *file_option(situation))
    return by_hand(f"mv -i {quote(path)} {quote(path + '.bak')} && {init}") if init else None


def file_option(situation: Situation) -> tuple[str, ...]:
    """`-f PATH`, where the file was named and not found."""
    return ("-f", situation.discovery.path) if _named_by_option(situation) else ()


def _named_by_option(situation: Situation) -> bool:
    return rule(situation) == "--file"
