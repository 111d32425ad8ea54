"""Edits that make an invalid keras.json valid, where they can mean only one thing.

In: a text that `document.parse` finds at fault; out: `Repair`s that together make it valid, or
nothing. Values are not looked at. What the text says stays: only comments are lost, and a repair
that loses something says so (`safe` is False).
"""

from __future__ import annotations

from kcfg.document import Edit, apply, parse
from kcfg.record import Record
from kcfg.scanner import string_end
from kcfg.syntax import CURLY_QUOTES, PYTHON_WORDS, ZERO_WIDTH

_SINGLE_CURLY = "‘’‚‛‹›′＇"
_DOUBLE_CURLY = "".join(char for char in CURLY_QUOTES if char not in _SINGLE_CURLY)
_CLOSING_QUOTES = (  # which quote, opened by one of these, is closed by which
    ("'", "'"),
    ("`", "`"),
    (_DOUBLE_CURLY, _DOUBLE_CURLY + '"'),
    (_SINGLE_CURLY, _SINGLE_CURLY + "'"),
)


class Repair(Record):
    """All edits for one kind of fault."""

    kind: str
    """As in `Fault.kind`."""
    edits: tuple[Edit, ...]
    safe: bool
    """False: it takes away something that a person wrote."""


def repairs(text: str) -> tuple[Repair, ...]:
    """What makes `text` valid: trailing and missing commas, single and curly quotes, a byte order
    mark, odd spaces, Python's words, comments. () where it is valid, or this is not enough.

    Apply all of them together; without the unsafe ones it may stay invalid.
    """
    if parse(text).fault is None:
        return ()
    reader = _Reader(text)
    try:
        reader.run()
    except _Hopeless:
        return ()
    edits = [edit for of_kind in reader.edits.values() for edit in of_kind]
    try:
        repaired = apply(text, edits)
    except ValueError:
        return ()
    if parse(repaired).fault is not None:
        return ()
    return tuple(
        Repair(kind=kind, edits=tuple(of_kind), safe=kind != "comment")
        for kind, of_kind in reader.edits.items()
    )


class _Hopeless(Exception):
    """A string or a comment that does not end, or a character that has no business here."""


class _Reader:
    """Reads tokens as a lenient person would, and notes what strict JSON wants instead."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.edits: dict[str, list[Edit]] = {}
        self.open: list[str] = []
        self.comma: int | None = None  # a comma, and nothing behind it yet
        self.value_end: int | None = None  # a value, and nothing behind it yet

    def edit(self, kind: str, start: int, end: int, text: str) -> None:
        self.edits.setdefault(kind, []).append(Edit(start=start, end=end, text=text))

    def run(self) -> None:
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in " \t\r\n":
                self.at += 1
            elif char == "\ufeff" and self.at == 0:
                self.edit("bom", 0, 1, "")
                self.at = 1
            elif char.isspace() or char in ZERO_WIDTH + "\ufeff":
                self.edit("odd-space", self.at, self.at + 1, " " if char.isspace() else "")
                self.at += 1
            elif char == "#" or self.text.startswith(("//", "/*"), self.at):
                self.comment()
            else:
                self.token(char)
        if self.comma is not None and not self.open:
            self.edit("trailing-comma", self.comma, self.comma + 1, "")

    def token(self, char: str) -> None:
        if char == ",":
            self.comma, self.value_end = self.at, None
            self.at += 1
        elif char == ":":
            self.comma = self.value_end = None
            self.at += 1
        elif char in "}]":
            if self.comma is not None:
                self.edit("trailing-comma", self.comma, self.comma + 1, "")
            if self.open:
                self.open.pop()
            self.at += 1
            self.value_ended()
        elif char in "{[":
            self.open.append(char)
            self.comma = self.value_end = None
            self.at += 1
        elif char == '"':
            start, end = self.at, string_end(self.text, self.at)
            if end is None:
                raise _Hopeless
            self.at = end
            self.missing_comma(start)
            self.value_ended()
        else:
            closers = next((c for openers, c in _CLOSING_QUOTES if char in openers), None)
            if closers is None:
                self.word()
            else:
                start = self.at
                self.quoted(closers, "single-quotes" if char in "'`" else "curly-quotes")
                self.missing_comma(start)
            self.value_ended()

    def value_ended(self) -> None:
        self.comma, self.value_end = None, self.at

    def missing_comma(self, start: int) -> None:
        """A string that was just read, in an object, right behind a value: it can only be the next
        key, if it stands on a new line, or if a blank is before it and a colon behind.
        """
        end = self.value_end
        if end is None or self.open[-1:] != ["{"]:
            return
        between = self.text[end:start]
        is_key = self.text[self.at : self.at + 99].lstrip(" \t").startswith(":")
        if "\n" in between or "\r" in between or (between and is_key):
            self.edit("missing-comma", end, end, ",")

    def quoted(self, closers: str, kind: str) -> None:
        """A string in wrong quotes: straight ones, and its inner double quotes escaped."""
        self.edit(kind, self.at, self.at + 1, '"')
        at = self.at + 1
        while True:
            char = self.text[at : at + 1]
            if not char or char in "\r\n":
                raise _Hopeless
            if char in closers:
                break
            if char == "\\" and self.text[at + 1 : at + 2] == "'":
                self.edit(kind, at, at + 1, "")  # Python's \' is no escape of JSON
                at += 1
            elif char == "\\":
                at += 1
            elif char == '"':
                self.edit(kind, at, at, "\\")
            at += 1
        self.edit(kind, at, at + 1, '"')
        self.at = at + 1

    def word(self) -> None:
        """A number, a name, or a word of Python."""
        start = self.at
        while self.text[self.at : self.at + 1].isalnum() or self.text[self.at : self.at + 1] in {
            *"+-._"
        }:
            self.at += 1
        if self.at == start:
            raise _Hopeless
        word = self.text[start : self.at]
        if word in PYTHON_WORDS:
            self.edit("python-literal", start, self.at, PYTHON_WORDS[word])

    def comment(self) -> None:
        """Away with it, and with its line if nothing else is there."""
        text, start = self.text, self.at
        if text.startswith("/*", start):
            end = text.find("*/", start + 2) + 2
            if end < 2:
                raise _Hopeless
        else:
            end = start
            while end < len(text) and text[end] not in "\r\n":
                end += 1
        self.at = end
        before = start
        while before and text[before - 1] in " \t":
            before -= 1
        after = end
        while after < len(text) and text[after] in " \t":
            after += 1
        ends_line = after == len(text) or text[after] in "\r\n"
        begins_line = before == 0 or text[before - 1] in "\r\n"
        if ends_line and begins_line:
            after += 2 if text.startswith("\r\n", after) else 1
            self.at = min(after, len(text))
            self.edit("comment", before, self.at, "")
        else:
            self.at = end if ends_line else after
            self.edit("comment", before if ends_line else start, self.at, "")
