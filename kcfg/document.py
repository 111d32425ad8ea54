"""keras.json as a text with positions: where each pair stands, and edits that touch nothing else.

In: the bytes or the text of a file; out: a `Document` (the pairs of its outermost object with
their character offsets, or the first fault), and `Edit`s that change a value, add a pair or take
one away. What lies outside an edit is never written again by us, so order, indentation, unknown
keys, line ends and every other byte stay.

`scanner` finds the places, `syntax` names what is wrong. Nothing here knows Keras.

Words: a *member* is one pair of the outermost object; its *literal* is the JSON text of its value.
"""

from __future__ import annotations

from kcfg.record import Record
from kcfg.scanner import MAX_DEPTH as MAX_DEPTH
from kcfg.scanner import Member as Member
from kcfg.scanner import quote as quote
from kcfg.scanner import scan
from kcfg.syntax import Fault as Fault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Edit(Record):
    """Put `text` in place of the characters from `start` up to `end`."""

    start: int
    end: int
    text: str


class Document(Record):
    """A parsed text."""

    text: str
    kind: str | None
    """Of the outermost value: "object", "array", "string", "number" or "word"; None: none."""
    members: tuple[Member, ...]
    """In order, duplicates included; with a fault, those that were complete before it."""
    opening: int
    """Offset of the outermost value."""
    fault: Fault | None

    def find(self, key: str) -> Member | None:
        """The last member of that name: the one that wins in Python."""
        for member in reversed(self.members):
            if member.key == key:
                return member
        return None

    def position(self, offset: int) -> tuple[int, int]:
        r"""(line, column), both from 1, column in characters. Lines end with \n, \r\n or \r."""
        text = self.text
        if text[offset - 1 : offset + 1] == "\r\n" and offset > 0:
            line, column = self.position(offset - 1)
            return line, column + 1
        breaks = (
            text.count("\n", 0, offset)
            + text.count("\r", 0, offset)
            - text.count("\r\n", 0, offset)
        )
        last = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset))
        return breaks + 1, offset - last

    def line_starts(self) -> tuple[int, ...]:
        """The offset of the first character of each line, by the same line ends."""
        lines = self.text.replace("\r\n", " \n").replace("\r", "\n").split("\n")
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        return tuple(starts)


# --- bytes and text ------------------------------------------------------------------------------


class Text(Record):
    """The bytes of a file as characters, from which the same bytes can be made again."""

    text: str
    encoding: str
    """"utf-8", which is how Keras reads; "utf-16" or "utf-32" where a byte order mark says so."""
    fault: Fault | None
    """Why Keras cannot read it as text, if it cannot."""


def decode(data: bytes) -> Text:
    """What a UTF-8 text-mode `open` gives, line ends untouched. Never raises.

    Bytes that are no UTF-8 become lone surrogates (PEP 383), and `fault` has the first one's place.
    UTF-16 and UTF-32 with a byte order mark are decoded as what they are.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decode_wide(data, encoding)
    text = data.decode("utf-8", "surrogateescape")
    fault = None
    if not _is_utf8(data):
        offset = next(n for n, char in enumerate(text) if "\udc80" <= char <= "\udcff")
        message = f"the byte 0x{ord(text[offset]) - 0xDC00:02X} is not UTF-8"
        fault = Fault(offset=offset, kind="not-utf-8", message=message)
    elif b"\0" in data[:4] and len(data) > 3:
        fault = _unmarked_wide(data)
    return Text(text=text, encoding="utf-8", fault=fault)


_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decode_wide(data: bytes, encoding: str) -> Text:
    message = f"this is {encoding.upper()} (as PowerShell's > writes it); Keras reads UTF-8"
    fault = Fault(offset=0, kind=encoding, message=message)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return Text(text=data.decode("utf-8", "surrogateescape"), encoding="utf-8", fault=fault)
    return Text(text=text, encoding=encoding, fault=fault)


def _unmarked_wide(data: bytes) -> Fault | None:
    """UTF-16 without a byte order mark is valid UTF-8 full of NUL characters."""
    head = data[:4]
    if sum(byte == 0 for byte in head) != 2 or head[0:1] == head[1:2]:
        return None
    return Fault(
        offset=head.index(0),
        kind="utf-16",
        message="this is UTF-16 without a byte order mark; Keras reads UTF-8",
    )


def encode(text: str) -> bytes:
    """The bytes that `decode` made `text` from (UTF-8), or those of an edited text."""
    return text.encode("utf-8", "surrogateescape")


# --- text to document ----------------------------------------------------------------------------


def parse(text: str) -> Document:
    """Scan `text` once. Never raises; see `Document.fault`."""
    found = scan(text)
    return Document(
        text=text,
        kind=found.kind,
        members=found.members,
        opening=found.opening,
        fault=found.fault,
    )


def read(data: bytes) -> Document:
    """Decode and parse; the earlier of the two faults is the document's."""
    text = decode(data)
    document = parse(text.text)
    faults = [fault for fault in (text.fault, document.fault) if fault is not None]
    if not faults:
        return document
    return document.replace(fault=min(faults, key=lambda fault: fault.offset))


# --- edits ---------------------------------------------------------------------------------------


def set_members(document: Document, pairs: Mapping[str, str]) -> tuple[Edit, ...]:
    """Give each key its literal: the last member of that name gets a new value, a key that is not
    there becomes a new member behind the last, written as its neighbours are.

    Edits of one call belong together; edits of two calls may collide: apply, parse, then go on.
    ValueError if the document is no valid object.
    """
    _require_object(document)
    edits = []
    new = []
    for key, literal in pairs.items():
        member = document.find(key)
        if member is None:
            new.append(quote(key) + _colon(document) + literal)
        elif member.literal != literal:
            edits.append(Edit(start=member.value_start, end=member.value_end, text=literal))
    if new:
        edits.append(_insertion(document, new))
    return tuple(edits)


def unset_members(document: Document, keys: Iterable[str]) -> tuple[Edit, ...]:
    """Take away all members of these names, each with its comma and its line.

    ValueError if the document is no valid object.
    """
    _require_object(document)
    unwanted = frozenset(keys)
    members = document.members
    kept = [n for n, member in enumerate(members) if member.key not in unwanted]
    if len(kept) == len(members):
        return ()
    if not kept:
        return (Edit(start=document.opening + 1, end=members[-1].value_end, text=""),)
    edits = []
    if kept[0] > 0:
        end = members[kept[0]].key_start
        edits.append(Edit(start=members[0].key_start, end=end, text=""))
    for last, following in zip(kept, [*kept[1:], len(members)], strict=True):
        if following > last + 1:
            end = members[following - 1].value_end
            edits.append(Edit(start=members[last].value_end, end=end, text=""))
    return tuple(edits)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """`text` with all edits made; what lies between them is copied. ValueError if they overlap."""
    pieces = []
    done = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if not done <= edit.start <= edit.end <= len(text):
            raise ValueError(f"{edit} overlaps another edit, or lies outside the text")
        pieces += [text[done : edit.start], edit.text]
        done = edit.end
    return "".join(pieces) + text[done:]


def _require_object(document: Document) -> None:
    if document.fault is not None or document.kind != "object":
        raise ValueError("only a valid JSON object can be edited")


def _insertion(document: Document, pairs: list[str]) -> Edit:
    """New members behind the last one, or into an empty object."""
    text, members = document.text, document.members
    if members:
        separator = _separator(document)
        at = members[-1].value_end
        return Edit(start=at, end=at, text="".join(separator + pair for pair in pairs))
    at = document.opening + 1
    lead = text[at : text.index("}", at)]
    if "\n" in lead or "\r" in lead:
        lead = _line_break(lead) + "    "  # as Keras writes it
        between = "," + lead
    else:
        between = ", "
    return Edit(start=at, end=at, text=lead + between.join(pairs))


def _separator(document: Document) -> str:
    """What stands between two members in this file, without blank lines."""
    text, members = document.text, document.members
    if len(members) > 1:
        between = text[members[-2].value_end : members[-1].key_start]
    else:
        between = "," + text[document.opening + 1 : members[0].key_start]
        if "\n" not in between and "\r" not in between:
            between = ", " if _colon(document)[-1:] == " " else ","
    breaks = between.count("\n") + between.count("\r") - between.count("\r\n")
    if breaks > 1:
        indent = between[max(between.rfind("\n"), between.rfind("\r")) + 1 :].replace(",", "")
        return "," + _line_break(between) + indent
    return between


def _colon(document: Document) -> str:
    """How this file writes the colon, with the blanks around it."""
    if not document.members:
        return ": "
    last = document.members[-1]
    between = document.text[last.key_end : last.value_start]
    is_plain = len(between) <= 3 and not set(between) & {"\n", "\r"}
    return between if is_plain else ": "


def _line_break(space: str) -> str:
    if "\r\n" in space:
        return "\r\n"
    return "\n" if "\n" in space else "\r"
