"""Plain lines: for pipes on standard output, for people on standard error."""

from __future__ import annotations

from kcfg.cli.boundary import escaped

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcfg.keras.discovery import Discovery
    from kcfg.problems import Problem
    from kcfg.situation import Situation
    from kcfg.store import Change


def value(held: object) -> str:
    """A value as one printable word or JSON text: `float16`, `1e-07`, `true`, `null`."""
    if isinstance(held, str):
        return escaped(held)
    if isinstance(held, bool):
        return "true" if held else "false"
    if isinstance(held, float) and abs(held) < float("inf"):
        return repr(held)
    import json  # not at the top: `kcfg get` would take a fifth longer

    return json.dumps(held)


def show(situation: Situation) -> str:
    """KEY, VALUE, SOURCE, PLACE with tabs between, a key a line; PLACE is `-` for a default."""
    rows = []
    for name, held in situation.resolution.values.items():
        place = "-" if held.source == "default" else escaped(situation.origin(name))
        rows.append(f"{name}\t{value(held.value)}\t{held.source}\t{place}\n")
    return "".join(rows)


def places(discovery: Discovery) -> str:
    """RULE, FILE, chosen or rejected, REASON with tabs between, a rule a line."""
    return "".join(
        f"{place.rule}\t{escaped(place.path) or '-'}\t"
        f"{'chosen' if place.chosen else 'rejected'}\t{escaped(place.reason)}\n"
        for place in discovery.places
    )


def failure(situation: Situation) -> str | None:
    """What `import keras` would raise, in one line; None where it succeeds."""
    fails = situation.resolution.failure
    if fails is None:
        return None
    told = f"{fails.error}: {fails.message}" if fails.message else fails.error
    return f"`import keras` of Keras {situation.rules.version} would raise {told}"


def problem(found: Problem) -> str:
    """`PATH:LINE:COLUMN: severity[code]: message`; below it what Keras does, and the cure."""
    at = [part for part in (found.path, found.line, found.column) if part is not None]
    head = "".join(f"{escaped(str(part))}:" for part in at)
    lines = [f"{head} {found.severity}[{found.code}]: {escaped(found.message)}".lstrip()]
    if found.keras:
        lines.append("    " + escaped(found.keras))
    if found.fix and found.fix.command:
        lines.append("    " + escaped(found.fix.command))
    return "\n".join(lines)


def problems(found: Iterable[Problem]) -> str:
    """Each problem as `problem` words it, a final newline behind the last."""
    return "".join(problem(one) + "\n" for one in found)


def diff(change: Change) -> str:
    """A unified diff of what a writer would do, for `patch`; "" where nothing changes.

    Bytes that are not UTF-8 are surrogates in it, as in a file's name.
    """
    from difflib import unified_diff

    before, after = (_lines(data or b"") for data in (change.before, change.after))
    # patch(1) follows no link at the end of a path.
    name = escaped(change.target if change.is_link else change.path)
    if any(char.isspace() for char in name):
        name += "\t"  # or patch takes the first word alone
    old = "/dev/null" if change.before is None else name
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        for line in unified_diff(before, after, old, name)
    )


def _lines(data: bytes) -> list[str]:
    """As `patch` knows them: str.splitlines also ends one at U+2028, or at a carriage return."""
    *whole, rest = data.decode("utf-8", "surrogateescape").split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])
