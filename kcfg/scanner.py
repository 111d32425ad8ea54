"""One scan over a JSON text: where each pair of its outermost object stands, or the first fault.

Valid is what CPython's `json` takes in its strict mode, NaN and Infinity included, since that is
what Keras reads with; `tests/test_document.py` holds the two together. The scan is linear in time
and iterative: no text can make it recurse.
"""

from __future__ import annotations

from kcfg.record import Record
from kcfg.syntax import COLON, COMMA, KEY, NOTHING, STRING, VALUE, Fault, name_fault

MAX_DEPTH = 900
"""Brackets in brackets. CPython's json gives up at its recursion limit, by default 1000 frames of
which `import keras` has used some; with a RecursionError, which Keras does not catch."""

MAX_DIGITS = 4300
"""Of an integer: `int()` refuses longer ones with a ValueError (CPython 3.10.7, 3.11 and later)."""

_SPACE = " \t\n\r"
_DIGITS = "0123456789"
_WORDS = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}


class Member(Record):
    """One pair of the outermost object. Offsets count characters; `end` is the first behind."""

    key: str
    literal: str
    """The value as it is written."""
    key_start: int
    """Of the opening quote."""
    key_end: int
    value_start: int
    value_end: int


class Scan(Record):
    """What one scan found."""

    kind: str | None
    """Of the outermost value: "object", "array", "string", "number" or "word"; None: none."""
    opening: int
    """Offset of the outermost value."""
    members: tuple[Member, ...]
    """In order, duplicates included; with a fault, those that were complete before it."""
    fault: Fault | None


def scan(text: str) -> Scan:
    """Never raises; see `Scan.fault`."""
    scanner = _Scanner(text)
    fault = None
    try:
        scanner.run()
    except _Stop as stop:
        fault = scanner.name(stop)
    return Scan(
        kind=scanner.kind, opening=scanner.opening, members=tuple(scanner.members), fault=fault
    )


class _Stop(Exception):
    def __init__(self, offset: int, wanted: str, opened: int = -1) -> None:
        super().__init__(offset, wanted)
        self.offset = offset
        self.wanted = wanted
        self.opened = opened


class _Scanner:
    """The state of one scan: what is open, what was found."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kind: str | None = None
        self.opening = 0
        self.members: list[Member] = []
        self.open: list[int] = []  # offsets of the brackets that are open

    def name(self, stop: _Stop) -> Fault:
        if stop.wanted in _NAMED:
            return Fault(offset=stop.offset, kind=stop.wanted, message=_NAMED[stop.wanted])
        opened = stop.opened if stop.wanted == STRING else (self.open or [-1])[-1]
        return name_fault(self.text, stop.offset, stop.wanted, opened, len(self.open))

    def run(self) -> None:
        text = self.text
        wanted, closable = VALUE, False  # closable: the open bracket may close here, being empty
        closer = ""  # of the innermost open bracket
        comma = key_start = key_end = value_start = 0
        at = 0
        while True:
            char = text[at : at + 1]
            if char in _SPACE:  # so is the empty string, at the end of the text
                at = _run(text, at, _SPACE)
                char = text[at : at + 1]
                if not char:
                    break

            if wanted == COMMA and char == ",":
                comma, at, closable = at, at + 1, False
                wanted = KEY if closer == "}" else VALUE
                continue
            if wanted == COLON and char == ":":
                at, wanted = at + 1, VALUE
                continue
            if wanted == KEY and char == '"':
                end = _string_end(text, at)
                if len(self.open) == 1:
                    key_start, key_end = at, end
                at, wanted, closable = end, COLON, False
                continue

            if char == closer and (wanted == COMMA or closable):
                self.open.pop()
                closer = _CLOSING[text[self.open[-1]]] if self.open else ""
                at += 1
            elif char == closer and wanted == (KEY if closer == "}" else VALUE):
                raise _Stop(comma, "trailing-comma")
            elif wanted == VALUE:
                if not self.open:
                    self.opening, self.kind = at, _KINDS.get(char, "number")
                elif len(self.open) == 1:
                    value_start = at
                if char in "{[":
                    if len(self.open) == MAX_DEPTH:
                        raise _Stop(at, "too-deep")
                    self.open.append(at)
                    closer = _CLOSING[char]
                    at, closable = at + 1, True
                    wanted = KEY if char == "{" else VALUE
                    continue
                at = self._scalar_end(at)
            else:
                raise _Stop(at, wanted)

            # A value ends here.
            wanted = COMMA if self.open else NOTHING
            if len(self.open) == 1 and closer == "}":
                self.members.append(
                    Member(
                        key=unquote(text[key_start:key_end]),
                        literal=text[value_start:at],
                        key_start=key_start,
                        key_end=key_end,
                        value_start=value_start,
                        value_end=at,
                    )
                )
        if wanted != NOTHING:
            raise _Stop(at, wanted)

    def _scalar_end(self, at: int) -> int:
        text = self.text
        if text[at] == '"':
            return _string_end(text, at)
        for word in _WORDS:
            if text.startswith(word, at):
                return at + len(word)
        end = _number_end(text, at)
        if end == at:
            if not self.open:
                self.kind = None
            raise _Stop(at, VALUE)
        return end


_CLOSING = {"{": "}", "[": "]"}
_KINDS = {"{": "object", "[": "array", '"': "string"} | {word[0]: "word" for word in _WORDS[:5]}
_NAMED = {
    "trailing-comma": "a comma behind the last entry",
    "too-deep": f"more than {MAX_DEPTH} brackets inside each other",
    "huge-integer": f"an integer of more than {MAX_DIGITS:,} digits, which Python refuses to read",
}


def _run(text: str, at: int, chars: str) -> int:
    """The end of the run of `chars` that begins at `at`; in slices, so that it is linear."""
    size = 64
    while at < len(text) and text[at] in chars:
        piece = text[at : at + size]
        rest = piece.lstrip(chars)
        at += len(piece) - len(rest)
        if rest:
            break
        size = min(size * 2, 1 << 20)
    return at


def string_end(text: str, start: int) -> int | None:
    """Behind the closing quote of the valid string that opens at `start`; None if there is none."""
    try:
        return _string_end(text, start)
    except _Stop:
        return None


def _string_end(text: str, start: int) -> int:
    """Behind the closing quote of the string that opens at `start`."""
    at = start + 1
    close = -2  # the next quote, escaped or not; looked for again only when passed
    while True:
        if -1 != close < at:
            close = text.find('"', at)
        stop = len(text) if close < 0 else close
        slash = text.find("\\", at, stop)
        if slash >= 0:
            stop = slash
        piece = text[at:stop]
        if piece and not piece.isprintable() and min(piece) < " ":
            raise _Stop(at + next(n for n, c in enumerate(piece) if c < " "), STRING, start)
        if slash >= 0:
            at = _escape_end(text, slash, start)
        elif close < 0:
            raise _Stop(len(text), STRING, start)
        else:
            return close + 1


def _escape_end(text: str, slash: int, start: int) -> int:
    char = text[slash + 1 : slash + 2]
    if char in _ESCAPES:
        return slash + 2
    digits = text[slash + 2 : slash + 6]
    hexadecimal = all(digit in "0123456789abcdefABCDEF" for digit in digits)
    if char == "u" and hexadecimal and len(digits) == 4:
        return slash + 6
    ends_here = not char or (char == "u" and hexadecimal and slash + 2 + len(digits) == len(text))
    raise _Stop(len(text) if ends_here else slash, STRING, start)


def _number_end(text: str, at: int) -> int:
    """Behind the longest number of JSON that begins at `at`; `at` itself if there is none."""
    whole = at + 1 if text[at] == "-" else at
    if text[whole : whole + 1] == "0":
        end = whole + 1
    else:
        end = _run(text, whole, _DIGITS)
        if end == whole:
            return at
    integer = True
    if text[end : end + 1] == ".":
        digits = _run(text, end + 1, _DIGITS)
        if digits > end + 1:
            end, integer = digits, False
    if text[end : end + 1] in ("e", "E"):
        sign = end + 2 if text[end + 1 : end + 2] in ("+", "-") else end + 1
        digits = _run(text, sign, _DIGITS)
        if digits > sign:
            end, integer = digits, False
    if integer and end - whole > MAX_DIGITS:
        raise _Stop(at, "huge-integer")
    return end


def unquote(literal: str) -> str:
    r"""The characters that a valid JSON string stands for; \ud83d\ude00 is one character."""
    body = literal[1:-1]
    if "\\" not in body:
        return body
    pieces = []
    at = 0
    while True:
        slash = body.find("\\", at)
        if slash < 0:
            pieces.append(body[at:])
            break
        pieces.append(body[at:slash])
        char = body[slash + 1]
        at = slash + 2
        if char != "u":
            pieces.append(_ESCAPES[char])
            continue
        code = int(body[at : at + 4], 16)
        at += 4
        if 0xD800 <= code < 0xDC00 and body.startswith("\\u", at):
            low = int(body[at + 2 : at + 6], 16)
            if 0xDC00 <= low < 0xE000:
                code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                at += 6
        pieces.append(chr(code))
    return "".join(pieces)


def quote(text: str) -> str:
    """`text` as a JSON string, in ASCII."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    named = {char: "\\" + letter for letter, char in _ESCAPES.items() if letter != "/"}
    pieces = []
    for char in text:
        code = ord(char)
        if char in named:
            pieces.append(named[char])
        elif 0x20 <= code < 0x7F:
            pieces.append(char)
        elif code < 0x10000:
            pieces.append(f"\\u{code:04x}")
        else:
            high, low = divmod(code - 0x10000, 0x400)
            pieces.append(f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}")
    return '"' + "".join(pieces) + '"'
