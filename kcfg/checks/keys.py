"""Checks of the keys: does Keras read what was written?"""

from __future__ import annotations

from kcfg.checks.found import (
    by_hand,
    file_option,
    in_text,
    kcfg,
    mend,
    problem,
    said,
    set_to,
    shown,
)
from kcfg.checks.slips import LONGEST, slip_of, squeezed
from kcfg.keras.names import ORDERINGS
from kcfg.keras.releases import KEYS
from kcfg.problems import NOTE, WARNING

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcfg.document import Document
    from kcfg.problems import Fix, Problem
    from kcfg.situation import Situation

ALIASES = {
    "dataformat": "image_data_format",
    "imageformat": "image_data_format",
    "dimordering": "image_dim_ordering",
    "imageordering": "image_dim_ordering",
    "eps": "epsilon",
    "kerasbackend": "backend",
}
"""What people write for a key though it isn't near, squeezed."""

MOST = 2000
"""Unknown keys that are looked at: hostile files have hundreds of thousands."""


def duplicate_key(situation: Situation) -> Iterator[Problem]:
    """A key stands in the file more than once.

    Python's json takes the last one without a word; all releases of Keras read the file with it.
    The place is that of the repeated key, the one that wins.

    `kcfg check --fix` takes the others away where all say the same; where they differ it needs
    --unsafe-fixes, and keeps the last one, which Keras uses already.

    Read in: json.load of CPython, and keras/src/backend/config.py.
    """
    document = _document(situation)
    if document is None or len(document.members) == len(said(situation)):
        return
    places: dict[str, list[int]] = {}
    for number, member in enumerate(document.members):
        places.setdefault(member.key, []).append(number)
    for key, numbers in places.items():
        if len(numbers) == 1:
            continue
        members = [document.members[number] for number in numbers]
        same = len({_meaning(member.literal) for member in members}) == 1
        differ = "" if same else ", with another value"
        line = document.position(members[0].key_start)[0]
        edits = [
            (document.members[number].key_start, document.members[number + 1].key_start, "")
            for number in numbers[:-1]
        ]
        yield problem(
            "duplicate-key",
            WARNING,
            in_text(situation, members[-1].key_start),
            f"the key {shown(key)} stands in line {line} already{differ}",
            keras="Keras uses the last one",
            fix=mend(situation, edits, safe=same),
        )


def _meaning(literal: str) -> str:
    """The same text for the same number, word or string: 1e-7 is 1.0e-7."""
    if literal[:1] in ("{", "["):  # maybe too deep for json, where it is called from
        return literal
    import json  # not at the top: `kcfg show` rarely meets a duplicate

    return json.dumps(json.loads(literal))


def unknown_key(situation: Situation) -> Iterator[Problem]:
    """A key that Keras doesn't read, and that is a slip of one that it does.

    All releases ignore keys that they don't know, without a word, so the value never arrives.
    Other unknown keys are left in peace: people keep their own there.

    `kcfg check --fix` corrects case, dashes and blanks ("Floatx", "image-data-format") where the
    right key isn't there, too; other slips ("epsilom") need --unsafe-fixes.

    Read in: keras/src/backend/config.py (`_config.get` of the known keys alone).
    """
    document = _document(situation)
    if document is None:
        return
    mapping = said(situation)
    known = [key.name for key in situation.rules.keys]
    unknown = [key for key in mapping if key not in KNOWN_SOMEWHERE][:MOST]
    meant = {key: right for key in unknown if (right := _meant(key, known)) is not None}
    for key, right in meant.items():
        member = document.find(key)
        if member is None:
            continue
        fix: Fix | None = None
        message = f"{shown(key)} is no key of Keras; did you mean {right}?"
        if right in mapping:
            message = f"{shown(key)} is no key of Keras, and {right} is in the file, too"
            command = kcfg(situation, "unset", *file_option(situation), key)
            fix = by_hand(command)
        elif list(meant.values()).count(right) > 1:
            message += f" Other keys here may be meant for {right}, too: leave one"
        else:
            edits = [(member.key_start, member.key_end, f'"{right}"')]
            fix = mend(situation, edits, safe=squeezed(key) == squeezed(right))
        yield problem(
            "unknown-key",
            WARNING,
            in_text(situation, member.key_start),
            message,
            keras=f"Keras ignores it without a word: {right} does not become {shown(mapping[key])}",
            fix=fix,
        )


def key_not_read(situation: Situation) -> Iterator[Problem]:
    """A key that other releases of Keras read, and this one doesn't.

    Keras 1 reads image_dim_ordering ("tf", "th"), Keras 2 and later image_data_format
    ("channels_last", "channels_first"), and nnx_enabled is read from 3.11 on. A release ignores the
    others' keys without a word. It is a warning where the file therefore doesn't get what it asks
    for, and a note where it makes no difference.

    `kcfg check --fix --unsafe-fixes` adds the key that this release reads, and leaves the other.

    Read in: keras/backend/__init__.py of 1.x and 2.x, keras/src/backend/config.py of 3.x.
    """
    document = _document(situation)
    if document is None:
        return
    mapping = said(situation)
    for key in KEYS:
        member = document.find(key.name)
        if member is None or situation.rules.key(key.name):
            continue
        meant = _in_other_words(situation, mapping[key.name])
        layout = situation.rules.layout
        severity, fix, keras = NOTE, None, "Keras ignores it, and loses nothing"
        if key.name.startswith("image_") and layout is not None and meant is not None:
            held = mapping.get(layout.name, situation.rules.defaults[layout.name])
            if held != meant:
                severity = WARNING
                keras = f"Keras ignores it, and {layout.name} is {shown(held)}"
                fix = set_to(situation, layout.name, meant, safe=False)
        yield problem(
            "key-not-read",
            severity,
            in_text(situation, member.key_start),
            f"Keras {situation.rules.version} does not read {key.name}; Keras from {key.since}"
            f"{f' to before {key.until}' if key.until else ' on'} does",
            keras=keras,
            fix=fix,
        )


def _meant(key: str, known: list[str]) -> str | None:
    """The key that this is a slip of, or another word for."""
    alias = ALIASES.get(squeezed(key)) if len(key) < LONGEST else None
    return slip_of(key, known) or (alias if alias in known else None)


KNOWN_SOMEWHERE = frozenset(key.name for key in KEYS)


def _document(situation: Situation) -> Document | None:
    """The text, where Keras uses it."""
    return situation.document() if said(situation) else None


def _in_other_words(situation: Situation, value: object) -> str | None:
    """An image layout in the words of the release that judges."""
    if not isinstance(value, str):
        return None
    old = {new: word for word, new in ORDERINGS.items()}
    layout = situation.rules.layout
    words = old if layout is not None and layout.name == "image_dim_ordering" else ORDERINGS
    return words.get(value)
