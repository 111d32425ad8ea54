"""The mending of one file: judge, mend, judge again, until nothing is left to mend.

In: a `Situation`; out: the new bytes and the problems that are gone. Nothing is written here. A
fault of the text hides the values behind it, and a key in the wrong spelling its value, so the
checks run again after each kind of problem. All or nothing: a text that can't be made a JSON object
is left as it is, since Keras could not use it half mended, either.
"""

from __future__ import annotations

import json
from bisect import bisect_right

from kcfg import document
from kcfg.checks.registry import CHECKS, run
from kcfg.keras.reading import interpret
from kcfg.keras.resolution import resolve
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcfg.document import Document
    from kcfg.problems import Problem
    from kcfg.situation import Situation

MOST_ROUNDS = 3 * len(CHECKS)
"""Each round mends all problems of one code; some come up again behind others."""


class Mended(Record):
    """What mending leads to."""

    data: bytes | None
    """The new bytes; None: nothing changes."""
    problems: tuple[Problem, ...]
    """Those that are gone, in the order in which they went, where they stand in the old text."""
    blocked: Problem | None
    """What keeps the rest from being mended: with these fixes the text is still no JSON object."""


def mend(situation: Situation, *, unsafe: bool) -> Mended:
    """Apply the safe fixes, or with `unsafe` all, to the file's text.

    Raises KcfgError where the schema refuses a value that a fix would write.
    """
    now = situation
    gone: list[Problem] = []
    seen = {situation.reading.data}
    chosen: dict[str, str] = {}
    rounds: list[_Round] = []
    for _ in range(MOST_ROUNDS):
        these = _next(now, unsafe)
        text = now.document()
        if not these or text is None:
            break
        edits = [document.Edit(*edit) for found in these for edit in _edits(found)]
        data = document.encode(document.apply(text.text, edits))
        if data in seen:
            break
        seen.add(data)
        after = holding(now, data)
        chosen |= _chosen(now, after)
        now = after
        gone += _in_old_text(these, situation, text, rounds)
        rounds.append(_Round(edits))
    if not gone:
        return Mended(data=None, problems=(), blocked=None)
    text = now.document()
    if text is not None and (text.fault is not None or text.kind != "object"):
        left = _in_old_text(run(now, file_alone=True)[:1], situation, text, rounds)
        return Mended(data=None, problems=(), blocked=left[0] if left else None)
    if chosen:
        from kcfg.schema import accept

        accept(situation.rules, chosen)
    return Mended(data=now.reading.data, problems=tuple(gone), blocked=None)


def holding(situation: Situation, data: bytes) -> Situation:
    """The same situation with other bytes in the file."""
    discovery = situation.discovery.replace(exists=True)
    reading = interpret(situation.rules, data)
    resolution = resolve(
        situation.world, situation.rules, discovery, reading, situation.environment
    )
    return situation.replace(discovery=discovery, reading=reading, resolution=resolution)


def mendable(problem: Problem, *, unsafe: bool) -> bool:
    """Whether `--fix` (with `unsafe`: and `--unsafe-fixes`) does something about it."""
    fix = problem.fix
    return fix is not None and bool(fix.edits) and (fix.safe or unsafe)


def _next(situation: Situation, unsafe: bool) -> list[Problem]:
    """The mendable problems of the first code that has any, in the order of the registry."""
    found = [one for one in run(situation, file_alone=True) if mendable(one, unsafe=unsafe)]
    codes = [check.code for check in CHECKS]
    first = min((codes.index(one.code) for one in found), default=None)
    return [one for one in found if first is not None and one.code == codes[first]]


def _edits(problem: Problem) -> tuple[tuple[int, int, str], ...]:
    return problem.fix.edits if problem.fix is not None else ()


def _in_old_text(
    found: Sequence[Problem],
    situation: Situation,
    text: Document,
    rounds: list[_Round],
) -> list[Problem]:
    """The problems of a text that these rounds of edits made, each at its place in the old one."""
    old = situation.document()
    if old is None or not rounds:
        return list(found)
    starts = text.line_starts()
    moved = []
    for one in found:
        if one.line is not None and one.column is not None:
            offset = starts[one.line - 1] + one.column - 1
            for earlier in reversed(rounds):
                offset = earlier.before(offset)
            line, column = old.position(offset)
            one = one.replace(line=line, column=column)
        moved.append(one)
    return moved


class _Round:
    """The edits made at once, and where in the new text each one's own text begins."""

    def __init__(self, edits: list[document.Edit]) -> None:
        self.edits = sorted(edits, key=lambda edit: edit.start)
        self.starts = []
        shift = 0
        for edit in self.edits:
            self.starts.append(edit.start + shift)
            shift += len(edit.text) - (edit.end - edit.start)

    def before(self, offset: int) -> int:
        """Where a character of the new text stood in the old one; a new one, where it was put."""
        last = bisect_right(self.starts, offset) - 1
        if last < 0:
            return offset
        edit, behind = self.edits[last], offset - self.starts[last]
        if behind < len(edit.text):
            return edit.start
        return edit.end + behind - len(edit.text)


def _chosen(before: Situation, after: Situation) -> dict[str, str]:
    """The values that a fix put in, as they would be given to `kcfg set`.

    Where the text wasn't JSON before, its values are the writer's own.
    """
    old, new = before.reading.mapping, after.reading.mapping
    if old is None or new is None or before.reading.ignored is not None:
        return {}
    changed = {
        key.name: new[key.name]
        for key in before.rules.keys
        if key.name in new
        and key.name in old
        and new[key.name] is not old[key.name]
        and json.dumps(new[key.name]) != json.dumps(old[key.name])
    }
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in changed.items()
    }
