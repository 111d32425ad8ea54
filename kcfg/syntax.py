"""What is wrong with a JSON text: the name of a fault, and one plain sentence about it.

In: a text, the offset of the first character that cannot stand there, and what the grammar
wanted at that point; out: a `Fault`. Nothing here decides whether a text is valid, which
`document.parse` does; this is about the likely cause, taken from what people really do to
keras.json (trailing commas, comments, curly quotes from a web page, shell heredocs).
"""

from __future__ import annotations

from kcfg.record import Record

# What the grammar wanted where it met the fault.
VALUE = "a value"
KEY = "a key"
COLON = "a colon"
COMMA = "a comma or the end"
NOTHING = "nothing more"
STRING = "the rest of a string"

CURLY_QUOTES = "“”„‟‘’‚‛«»‹›″′＂＇"
ZERO_WIDTH = "\u200b\u200c\u200d\u2060"
CONFLICT = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}


class Fault(Record):
    """The first thing that makes a text invalid JSON."""

    offset: int
    """Of the first character that cannot stand there, from 0; for a trailing comma the comma, for
    a wrong escape its backslash, for a wrong word its first letter, at the end of the text its
    length."""
    kind: str
    """Stable name; all are listed in KINDS."""
    message: str
    """One sentence without a full stop."""


KINDS = (
    "bad-escape",
    "bad-number",
    "bom",
    "comment",
    "control-character",
    "curly-quotes",
    "empty",
    "extra-comma",
    "heredoc",
    "html",
    "huge-integer",
    "merge-conflict",
    "missing-braces",
    "missing-colon",
    "missing-comma",
    "missing-value",
    "nan-spelling",
    "not-json",
    "not-utf-8",
    "nul",
    "odd-space",
    "python-literal",
    "second-document",
    "single-quotes",
    "too-deep",
    "trailing-comma",
    "trailing-garbage",
    "truncated",
    "unexpected-character",
    "unquoted-key",
    "unquoted-value",
    "unterminated-string",
    "utf-16",
    "utf-32",
    "wrong-bracket",
    "yaml",
)


class _Place:
    """What the rules below look at."""

    def __init__(self, text: str, offset: int, wanted: str, opened: int) -> None:
        self.text = text
        self.offset = offset
        self.wanted = wanted
        self.opener = text[opened : opened + 1] if opened >= 0 else ""
        self.char = text[offset]
        self.before = text[offset - 1 : offset] if offset else ""

    def ahead(self, count: int) -> str:
        return self.text[self.offset : self.offset + count]

    def line(self) -> str:
        """From here to the end of the line, at most 200 characters."""
        return self.ahead(200).partition("\n")[0].partition("\r")[0]

    def word(self) -> str:
        """The letters, digits and signs from here on, at most 40."""
        piece = self.ahead(40)
        end = 0
        while end < len(piece) and (piece[end].isalnum() or piece[end] in "_.+-$"):
            end += 1
        return piece[:end]

    def continues_a_number(self) -> bool:
        return self.before.isdigit() and (self.char.isalnum() or self.char in "._+-")

    def shown(self) -> str:
        """The character as it may stand in a message, whatever it is."""
        printable = self.char.isprintable() and self.char != " "
        return self.char if printable else f"U+{ord(self.char):04X}"


def name_fault(text: str, offset: int, wanted: str, opened: int, depth: int) -> Fault:
    """The fault at `offset`.

    wanted: VALUE, KEY, ...; opened: where the string or the innermost bracket that is open there
    begins, -1 if none; depth: how many brackets are open.
    """
    if offset >= len(text):
        kind, message = _at_the_end(text, wanted, opened)
        return Fault(offset=offset, kind=kind, message=message)
    place = _Place(text, offset, wanted, opened)
    named = _wherever(place)
    if named is None and wanted == STRING:
        named = _in_a_string(place)
    if named is None and wanted == NOTHING:
        named = _behind(place)
    if named is None and depth == 0:
        named = _before(place)
    kind, message = named or _BY_WANTED[wanted](place)
    return Fault(offset=offset, kind=kind, message=message)


Named = tuple[str, str]


def _at_the_end(text: str, wanted: str, opened: int) -> Named:
    if not text.strip():
        return "empty", "the file is empty"
    if wanted == STRING:
        if "}" in text[opened:]:
            return "unterminated-string", "a string is not closed: its second quote is missing"
        return "truncated", "the file ends inside a string"
    return "truncated", f"the file ends too early, where {wanted} should come"


def _wherever(place: _Place) -> Named | None:
    """What cannot be meant as JSON in any place."""
    char = place.char
    if char == "\0":
        return "nul", "NUL bytes, as a crash or a full disk leaves them"
    if place.wanted == STRING:
        return None
    if char == "\ufeff":
        return "bom", "a byte order mark, which some editors and PowerShell put there"
    if place.ahead(7) in CONFLICT:
        return "merge-conflict", "a merge conflict that nobody resolved"
    if place.ahead(2) in ("//", "/*") or (char == "#" and place.ahead(2) != "#!"):
        return "comment", "a comment, which JSON does not have"
    if char in CURLY_QUOTES:
        return "curly-quotes", f'a typographic quote ({char}) where a straight one (") belongs'
    if char in "'`":
        return "single-quotes", f'a single quote ({char}) where a double one (") belongs'
    if char.isspace() or char in ZERO_WIDTH:
        return "odd-space", f"an odd space (U+{ord(char):04X}), as web pages have them"
    return None


def _in_a_string(place: _Place) -> Named:
    if place.char in "\r\n":
        return "unterminated-string", "a string is not closed on its line: a quote is missing"
    if place.char == "\\":
        return "bad-escape", (
            "a backslash with a character that JSON does not know; "
            "a backslash itself is written as two"
        )
    return "control-character", f"a raw control character (U+{ord(place.char):04X}) in a string"


def _before(place: _Place) -> Named | None:
    """Where the outermost value should begin."""
    lowered = place.ahead(100).lower()
    line = place.line()
    if lowered.startswith(("<!doctype", "<html", "<head", "<?xml", "<!--")):
        return "html", "this is a web page (an error page that was downloaded?), not JSON"
    if "<<" in line or lowered.startswith(("#!", "cat ", "cat>", "echo ", "tee ", "sudo ")):
        return "heredoc", "a shell command that was meant to write this file got into it"
    first, colon, rest = line.partition(":")
    if line.startswith("---") or (colon and _is_name(first) and rest[:1] in ("", " ", "\t")):
        return "yaml", "this is YAML; keras.json must be JSON"
    first, equals, rest = line.partition("=")
    if equals and _is_name(first.strip()):
        return "not-json", 'assignments are no JSON, which wants {"key": value, ...}'
    return None


def _behind(place: _Place) -> Named:
    """Behind the outermost value."""
    char = place.char
    mark = place.line().strip("'\" \t")
    if mark.isalpha() and mark.isupper():
        return "heredoc", f"the end mark of a shell heredoc ({mark}) got into the file"
    if char == ",":
        return "trailing-comma", "a comma behind the end of the object"
    if char in "}]":
        return "trailing-garbage", f"one closing {char} too many"
    if char == ":":
        return "missing-braces", "the braces around the pairs are missing: { ... }"
    if char in "{[":
        return "second-document", "a second JSON text behind the first"
    if place.continues_a_number():
        return _BAD_NUMBER
    return "trailing-garbage", "text behind the end of the JSON value"


def _wanted_key(place: _Place) -> Named:
    char = place.char
    if char == ",":
        return "extra-comma", "a comma with nothing before it"
    if char == "]":
        return _wrong_bracket(place)
    if char.isalnum() or char in "_$-":
        return "unquoted-key", f"the key {place.word()} must stand in double quotes"
    return "unexpected-character", f"{place.shown()} where a key in double quotes should be"


def _wanted_colon(place: _Place) -> Named:
    if place.char == "=":
        return "missing-colon", "an equals sign where a colon belongs"
    return "missing-colon", f"{place.shown()} where the colon between key and value should be"


def _wanted_comma(place: _Place) -> Named:
    char = place.char
    if char in "}]":
        return _wrong_bracket(place)
    if place.continues_a_number():
        return _BAD_NUMBER
    if char == ";":
        return "missing-comma", "a semicolon where a comma belongs"
    if char in '"{[_-' or char.isalnum():
        return "missing-comma", "a comma is missing before this"
    return "unexpected-character", f"{place.shown()} where a comma or a bracket should be"


def _wanted_value(place: _Place) -> Named:
    char = place.char
    word = place.word()
    if char == "]" and place.opener == "{":
        return _wrong_bracket(place)
    if char in ",}]:":
        return "missing-value", f"{char} where a value should be"
    if word in PYTHON_WORDS:
        return "python-literal", f"{word} is Python; JSON writes {PYTHON_WORDS[word]}"
    if word.lower() in ("true", "false", "null"):
        return "python-literal", f"JSON writes {word.lower()}, in small letters"
    if word.strip("+-.").lower() in ("nan", "inf", "infinity"):
        return "nan-spelling", f"{word} is no number of JSON (Python's json knows NaN and Infinity)"
    if char in "+-." or (char.isdigit() and not char.isascii()):
        return _BAD_NUMBER
    if char == "_" or char.isalpha():
        return "unquoted-value", f"the text {word} must stand in double quotes"
    return "unexpected-character", f"{place.shown()} where a value should be"


_BY_WANTED = {
    KEY: _wanted_key,
    COLON: _wanted_colon,
    COMMA: _wanted_comma,
    VALUE: _wanted_value,
}

_BAD_NUMBER = (
    "bad-number",
    "this is no number of JSON: no +, no leading zero or dot, no 0x, no _, a digit behind the dot",
)


def _wrong_bracket(place: _Place) -> Named:
    return "wrong-bracket", f"{place.char} closes what {place.opener} opened"


def _is_name(text: str) -> bool:
    return text.replace("-", "_").isidentifier()
