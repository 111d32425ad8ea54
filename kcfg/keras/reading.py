"""Bytes and rules -> the mapping that this release would hold, or its exception."""

from __future__ import annotations

from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.keras.discovery import Discovery
    from kcfg.keras.releases import Rules
    from kcfg.world import World


class Failure(Record):
    """The exception that Keras's own configuration code raises during `import keras`."""

    error: str
    """The exception's type name."""
    message: str
    """Its text; "" for an assertion. CPython words its own exceptions differently by version."""
    stage: str
    """How far the import got: "config", "environment", "nnx" or "backend"."""
    key: str | None
    """The key whose value is refused."""


class Reading(Record):
    """What a release makes of its file."""

    data: bytes | None
    """The file's bytes; None where there is no file, or it can't be read."""
    mapping: dict[str, object] | None
    """Where Keras looks its keys up; {} for a text that it ignores, None where there is no file."""
    ignored: str | None
    """Why the text counts as {}, in Python's words; None where it doesn't."""
    failure: Failure | None


def read(world: World, rules: Rules, discovery: Discovery) -> Reading:
    """Read the discovered file as `open` and `json.load` do in this release.

    Only ValueError is caught there (from 2.0.3 on; before, nothing is), so a directory, an
    unreadable file, deep nesting and a text that is no object end the import in every release.
    Source: `keras.releases.CONFIG_*`.
    """
    if not discovery.exists:
        return Reading(data=None, mapping=None, ignored=None, failure=None)
    try:
        data = world.files.read(discovery.path)
    except OSError as error:
        shown = f"[Errno {error.errno}] {error.strerror}: {discovery.held_path!r}"
        return Reading(None, None, None, Failure(type(error).__name__, shown, "config", None))
    return interpret(rules, data)


def interpret(rules: Rules, data: bytes) -> Reading:
    """What the release makes of these bytes. Text is UTF-8, as everywhere that Keras runs today."""
    try:
        held = parse(data.decode("utf-8"))
    except ValueError as error:
        if rules.ways["malformed"] == "ignored":
            return Reading(data, mapping={}, ignored=str(error), failure=None)
        return _raises(data, type(error).__name__, str(error))
    except RecursionError as error:
        return _raises(data, "RecursionError", str(error))
    if not isinstance(held, dict):
        text = f"'{type(held).__name__}' object has no attribute 'get'"
        return _raises(data, "AttributeError", text)
    return Reading(data, mapping=held, ignored=None, failure=None)


def parse(text: str) -> object:
    """As `json.loads(text)`: the same value, or the same exception.

    A plain keras.json, an object of strings, numbers and words, is read by kcfg's own scanner:
    `import json` brings regular expressions along, a fifth of a `kcfg get`. All else is left to
    json, which has the words for what is wrong.
    """
    if len(text) <= _PLAIN_LENGTH:
        from kcfg.scanner import scan  # here, not above: often there is no file

        found = scan(text)
        if found.fault is None and found.kind == "object":
            literals = [member.literal for member in found.members]
            if not any(literal[0] in "{[" for literal in literals):
                keys = [member.key for member in found.members]
                return dict(zip(keys, map(_plain, literals), strict=True))
    import json

    return json.loads(text)


_PLAIN_LENGTH = 1 << 12
"""Characters; the scanner is slower than json's in C, and a longer text repays the import."""

_WORDS = {
    "true": True,
    "false": False,
    "null": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}


def _plain(literal: str) -> object:
    """The value of a valid literal that encloses no others."""
    if literal[0] == '"':
        from kcfg.scanner import unquote

        return unquote(literal)
    if literal in _WORDS:
        return _WORDS[literal]
    whole = literal.lstrip("-").isdigit()
    return int(literal) if whole else float(literal)


def _raises(data: bytes, error: str, message: str) -> Reading:
    return Reading(data, None, None, Failure(error, message, "config", None))
