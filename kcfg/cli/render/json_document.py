"""One JSON document, UTF-8 (ASCII only), with a final newline. Field names are a promise."""

from __future__ import annotations

try:
    from _json import encode_basestring_ascii as quoted
except ImportError:  # another Python than CPython
    from json.encoder import encode_basestring_ascii as quoted

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcfg.problems import Problem
    from kcfg.situation import Situation


INFINITE = float("inf")


def document(content: object) -> str:
    """Any content as a JSON document; non-finite numbers as "nan", "inf", "-inf".

    As `json.dumps(content, indent=2)` would write it, and as deeply nested as Python's json reads
    it. Importing json, and its encoder in Python, would cost a `kcfg show --json` a quarter of its
    time.
    """
    pieces: list[str] = []
    # What is still to be written, the next one last: text as it is, a value in a tuple with the
    # line break and the indentation of what encloses it.
    rest: list[str | tuple[object, str]] = ["\n", (content, "\n")]
    while rest:
        piece = rest.pop()
        if isinstance(piece, str):
            pieces.append(piece)
            continue
        held, line = piece
        if not held or not isinstance(held, (dict, list, tuple)):
            pieces.append(_flat(held))
            continue
        inner = line + "  "
        if isinstance(held, dict):
            rows = [(f"{quoted(name)}: ", value) for name, value in held.items()]
            opening, closing = "{}"
        else:
            rows = [("", value) for value in held]
            opening, closing = "[]"
        rest.append(line + closing)
        for at, (name, value) in reversed(list(enumerate(rows))):
            rest += [(value, inner), f"{',' if at else opening}{inner}{name}"]
    return "".join(pieces)


def _flat(content: object) -> str:
    """What encloses nothing."""
    if isinstance(content, str):
        return quoted(content)
    if content is None:
        return "null"
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, int) or (isinstance(content, float) and abs(content) < INFINITE):
        return repr(content)
    if isinstance(content, float):
        return f'"{content!r}"'
    if isinstance(content, (dict, list, tuple)):
        return "{}" if isinstance(content, dict) else "[]"
    raise TypeError(f"{type(content).__name__} is not JSON")


def place(situation: Situation) -> dict[str, object]:
    """The fields that `show` and `path` share: which release, which file."""
    return {
        "keras": situation.rules.version,
        "keras_from": situation.keras_from,
        "keras_dir": situation.discovery.keras_dir,
        "path": situation.discovery.path,
        "exists": situation.discovery.exists,
    }


def show(situation: Situation, problems: Sequence[Problem]) -> str:
    """`kcfg show --json`."""
    return document(
        {
            **place(situation),
            "values": {name: value(situation, name) for name in situation.resolution.values},
            "limits": situation.resolution.limits,
            "fails": fails(situation),
            "problems": [problem(found) for found in problems],
        }
    )


def value(situation: Situation, name: str) -> dict[str, object]:
    """One key's effective value and where it came from."""
    held = situation.resolution.values[name]
    return {
        "value": held.value,
        "source": held.source,
        "origin": situation.origin(name),
        "file_value": held.file_value,
    }


def get(situation: Situation, key: str, real: str, held: object) -> str:
    """`kcfg get KEY --json`: one key under the name that was asked for."""
    return document(
        {"key": key, **value(situation, real), "value": held, "fails": fails(situation)}
    )


def fails(situation: Situation) -> dict[str, str] | None:
    """The exception that `import keras` would raise, or None."""
    failure = situation.resolution.failure
    return {"error": failure.error, "message": failure.message} if failure else None


def problem(found: Problem) -> dict[str, object]:
    """One problem, as in `show --json` and `check --json`."""
    return {
        "code": found.code,
        "severity": found.severity,
        "message": found.message,
        "keras": found.keras,
        "path": found.path,
        "line": found.line,
        "column": found.column,
        "fix": found.fix.command if found.fix else None,
    }


def path(situation: Situation) -> str:
    """`kcfg path --json`."""
    places = [
        {"rule": tried.rule, "path": tried.path, "chosen": tried.chosen, "reason": tried.reason}
        for tried in situation.discovery.places
    ]
    return document({**place(situation), "places": places})
