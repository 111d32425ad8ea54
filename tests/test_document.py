import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kcfg.document import (
    MAX_DEPTH,
    Edit,
    apply,
    decode,
    encode,
    parse,
    quote,
    read,
    set_members,
    unset_members,
)
from kcfg.scanner import unquote

KERAS = (
    '{\n    "floatx": "float32",\n    "epsilon": 1e-07,\n    "backend": "tensorflow",\n'
    '    "image_data_format": "channels_last"\n}'
)

# --- what is valid: CPython's json decides ------------------------------------------------------

PIECES = st.sampled_from(
    [
        *'{}[]",: \n\t\r\\/-+.0123eEx_ab',
        *('"a"', '"floatx"', "true", "null", "NaN", "-Infinity", "1e-07", "\\u00e9", "\\ud83d"),
        *(
            '"\\ud83d\\ude00"',
            "\x00",
            "\x1f",
            "\x7f",
            "\u00a0",
            "\ufeff",
            "é",
            "'",
            "//",
            "0.5e+10",
        ),
    ]
)
TEXTS = st.lists(PIECES, max_size=14).map("".join)


def json_says(text):
    """(value, None) or (None, the offset at which CPython gives up)."""
    try:
        return json.loads(text), None
    except json.JSONDecodeError as error:
        return None, error.pos


def python_values(document):
    """What json.loads makes of the members: the last of a name wins, in the first one's place."""
    return {member.key: json.loads(member.literal) for member in document.members}


@st.composite
def damaged_texts(draw):
    """A healthy file with one to three characters taken, changed or put in."""
    text = draw(st.sampled_from([KERAS, '{"a": [1, {"b": "x\\u00e9"}], "c": NaN, "d": -1.5E+3 }']))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text) - 1))
        piece = draw(st.one_of(st.just(""), PIECES))
        text = text[:at] + piece + text[at + draw(st.integers(0, 1)) :]
    return text


@settings(max_examples=500, deadline=None)
@given(st.one_of(TEXTS, TEXTS.map('{{"a":{0}}}'.format), damaged_texts()))
@example('{"a":}')
@example("")
@example('{"a":1}x')
@example('"\\')
@example('{"a":"\\u12')
@example("[1,]")
def test_agrees_with_json_on_what_is_valid(text):
    value, position = json_says(text)
    document = parse(text)
    assert (document.fault is None) == (position is None)
    if position is None:
        expected = value if isinstance(value, dict) else {}
        assert repr(python_values(document)) == repr(expected)
        assert all(
            document.text[m.value_start : m.value_end] == m.literal for m in document.members
        )
        assert all(
            unquote(document.text[m.key_start : m.key_end]) == m.key for m in document.members
        )
    else:
        assert_same_place(text, document.fault, position)


def assert_same_place(text, fault, position):
    """Ours is json's place, but where the design wants another one."""
    if fault.kind == "trailing-comma":  # the comma itself, not what stands behind it
        assert text[fault.offset] == ","
        assert text[fault.offset + 1 : position].strip(" \t\r\n") == "" or fault.offset == position
    elif fault.offset == len(text):  # the place behind the last character, not the string's start
        assert fault.kind in ("truncated", "unterminated-string", "empty")
    elif fault.kind == "bad-escape":  # the backslash, not a digit behind it
        assert text[fault.offset] == "\\"
        assert fault.offset <= position <= fault.offset + 5
    else:
        assert fault.offset == position


@given(st.text())
@settings(deadline=None)
def test_quote_and_unquote_are_jsons(text):
    assert json.loads(quote(text)) == text
    assert quote(text).isascii()
    assert unquote(json.dumps(text)) == text
    assert unquote(json.dumps(text, ensure_ascii=False)) == text


def test_surrogate_halves_join_only_as_json_joins_them():
    for literal in (
        '"\\ud83d\\ude00"',
        '"\\ud83d\\udbff"',
        '"\\udbff\\udfff"',
        '"\\ud83dx\\ude00"',
        '"\\ud83d\\u0041"',
        '"\\udead\\ud83d"',
    ):
        assert unquote(literal) == json.loads(literal)


# --- hostile texts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "offset"),
    [
        pytest.param("[" * 100_000, "too-deep", MAX_DEPTH, id="deep-arrays"),
        pytest.param('{"a":' * 100_000, "too-deep", 5 * MAX_DEPTH, id="deep-objects"),
        pytest.param('{"epsilon": ' + "9" * 4301 + "}", "huge-integer", 12, id="4301-digits"),
        pytest.param('{"a": "' + "x" * 5_000_000, "truncated", 5_000_007, id="5-MB-string"),
        pytest.param(" " * 5_000_000 + "x", "unquoted-value", 5_000_000, id="5-MB-of-blanks"),
        pytest.param('"' + "\\n" * 1_000_000, "truncated", 2_000_001, id="escapes-without-a-quote"),
        pytest.param('"' + '\\"' * 500_000, "truncated", 1_000_001, id="escaped-quotes-only"),
        pytest.param("[" + "[]," * 300_000 + "]", "trailing-comma", 900_000, id="many-arrays"),
    ],
)
def test_hostile_text_is_a_fault_in_linear_time(text, kind, offset):
    began = time.process_time()
    fault = parse(text).fault
    assert (fault.kind, fault.offset) == (kind, offset)
    assert time.process_time() - began < 5


def test_4300_digits_are_still_an_integer():
    assert parse('{"epsilon": -' + "9" * 4300 + "}").fault is None


def test_depth_up_to_the_limit_is_valid():
    text = '{"a": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}"
    assert parse(text).fault is None
    assert json.loads(text)


def test_members_before_a_fault_are_kept():
    document = parse('{"floatx": "float16", "epsilon": 1e-4, "backend": jax}')
    assert [member.key for member in document.members] == ["floatx", "epsilon"]


# --- places -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "offset", "position"),
    [
        pytest.param("", 0, (1, 1), id="empty"),
        pytest.param("ab", 2, (1, 3), id="behind-the-last"),
        pytest.param("a\nb", 2, (2, 1), id="lf"),
        pytest.param("a\r\nb", 3, (2, 1), id="crlf"),
        pytest.param("a\r\nb", 2, (1, 3), id="inside-crlf"),
        pytest.param("a\rb", 2, (2, 1), id="cr"),
        pytest.param("\n\r\n\r\n", 5, (4, 1), id="mixed"),
        pytest.param("é\u2028b", 2, (1, 3), id="other-line-ends-do-not-count"),
        pytest.param("😀b", 1, (1, 2), id="characters-not-bytes"),
    ],
)
def test_position(text, offset, position):
    assert parse(text).position(offset) == position


def test_the_last_of_a_name_is_found():
    document = parse('{"a": 1, "b": 2, "a": 3}')
    assert document.find("a").literal == "3"
    assert document.find("c") is None


# --- bytes --------------------------------------------------------------------------------------


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_bytes_come_back_unless_they_were_utf_16_or_32(data):
    text = decode(data)
    if text.encoding == "utf-8":
        assert encode(text.text) == data
    valid = True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        valid = False
    assert valid or text.fault is not None


@pytest.mark.parametrize(
    ("data", "kind", "offset"),
    [
        pytest.param(b'{"a": "\xff"}', "not-utf-8", 7, id="latin-1"),
        pytest.param('"é'.encode() + b"\xc3", "not-utf-8", 2, id="cut-character"),
        pytest.param(b"\xef\xbb\xbf{}", "bom", 0, id="utf-8-mark"),
        pytest.param('{"a": 1}'.encode("utf-16"), "utf-16", 0, id="utf-16"),
        pytest.param(b"\xfe\xff" + "{}".encode("utf-16-be"), "utf-16", 0, id="utf-16-big-endian"),
        pytest.param(b"\xff\xfe{", "utf-16", 0, id="half-a-utf-16-character"),
        pytest.param("{}".encode("utf-16-le"), "utf-16", 1, id="utf-16-without-mark"),
        pytest.param("{}".encode("utf-16-be"), "utf-16", 0, id="utf-16-be-without-mark"),
        pytest.param("{}".encode("utf-32"), "utf-32", 0, id="utf-32"),
        pytest.param(b"\0" * 64, "nul", 0, id="zeros-after-a-crash"),
        pytest.param(b'{"a": oops, "b": "\xff"}', "unquoted-value", 6, id="earlier-fault-first"),
    ],
)
def test_bytes_that_keras_cannot_read(data, kind, offset):
    fault = read(data).fault
    assert (fault.kind, fault.offset) == (kind, offset)


def test_utf_16_with_a_mark_is_understood():
    assert decode('{"é": 1}'.encode("utf-16")).text == '{"é": 1}'


# --- edits --------------------------------------------------------------------------------------

KEYS = st.one_of(
    st.sampled_from(["floatx", "epsilon", "backend", "image_data_format", "nnx_enabled", ""]),
    st.text(max_size=4),
)
SCALARS = st.sampled_from(
    [
        '"float32"',
        "1e-07",
        "null",
        "true",
        "NaN",
        "0",
        '"\\u00e9\\n"',
        '"é😀"',
        '"a,}]{:"',
        "-Infinity",
    ]
)
BLANKS = st.sampled_from(["", " ", "\n", "\r\n", "\n    ", "\r\n\t", "\r", "  \n\n  "])


@st.composite
def files(draw):
    """The text of a keras.json as people and programs write them, with its members in order."""
    values = st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
            st.dictionaries(st.text(max_size=2), inner, max_size=2).map(
                lambda items: "{" + ",".join(f"{quote(k)} :{v}" for k, v in items.items()) + "}"
            ),
        ),
        max_leaves=4,
    )
    pairs = draw(st.lists(st.tuples(KEYS, values), max_size=5))
    as_written = draw(st.sampled_from([quote, lambda key: json.dumps(key, ensure_ascii=False)]))
    members = [
        draw(BLANKS) + as_written(key) + draw(BLANKS) + ":" + draw(BLANKS) + value + draw(BLANKS)
        for key, value in pairs
    ]
    return draw(BLANKS) + "{" + (",".join(members) or draw(BLANKS)) + "}" + draw(BLANKS), pairs


@settings(max_examples=150, deadline=None)
@given(files(), KEYS, SCALARS)
def test_set_changes_only_the_value(file, key, literal):
    text, pairs = file
    document = parse(text)
    assert document.fault is None
    changed = apply(text, set_members(document, {key: literal}))
    after = parse(changed)
    assert after.fault is None
    assert after.find(key).literal == literal
    found = document.find(key)
    if found is not None:
        assert changed[: found.value_start] == text[: found.value_start]
        assert changed[found.value_start + len(literal) :] == text[found.value_end :]
        # Setting it back restores the file exactly.
        assert apply(changed, set_members(after, {key: found.literal})) == text
        assert set_members(document, {key: found.literal}) == ()
    else:
        new = after.members[-1]
        assert [(m.key, m.literal) for m in after.members[:-1]] == pairs
        behind = document.members[-1].value_end if pairs else document.opening + 1
        assert changed[:behind] == text[:behind]
        assert changed[new.value_end :] == text[behind:]
        assert apply(changed, unset_members(after, [key])) == text


@settings(max_examples=150, deadline=None)
@given(files(), st.lists(KEYS, min_size=1, max_size=3))
def test_unset_leaves_the_neighbours_alone(file, keys):
    text, pairs = file
    document = parse(text)
    changed = apply(text, unset_members(document, keys))
    after = parse(changed)
    assert after.fault is None
    kept = [(key, literal) for key, literal in pairs if key not in keys]
    assert [(m.key, m.literal) for m in after.members] == kept
    old = [m for m in document.members if m.key not in keys]
    for before, now in zip(old, after.members, strict=True):
        assert text[before.key_start : before.value_end] == changed[now.key_start : now.value_end]
    if len(kept) == len(pairs):
        assert changed == text
    # What is left is the old text with something taken away, from the brace on to the end.
    assert changed.startswith(text[: document.opening + 1])
    tail = document.members[-1].value_end if pairs else document.opening + 1
    assert changed.endswith(text[tail:])


@settings(max_examples=80, deadline=None)
@given(files(), st.dictionaries(KEYS, SCALARS, min_size=1, max_size=4))
def test_several_pairs_at_once(file, pairs):
    text, _ = file
    after = parse(apply(text, set_members(parse(text), pairs)))
    assert after.fault is None
    assert {key: after.find(key).literal for key in pairs} == pairs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{}", '{"k": 1}', id="empty"),
        pytest.param("{ }", '{ "k": 1 }', id="empty-with-a-blank"),
        pytest.param("{\n}\n", '{\n    "k": 1\n}\n', id="empty-on-two-lines"),
        pytest.param("{\r\n}", '{\r\n    "k": 1\r\n}', id="empty-crlf"),
        pytest.param('{"a":2}', '{"a":2,"k":1}', id="compact"),
        pytest.param('{"a": 2}', '{"a": 2, "k": 1}', id="one-line"),
        pytest.param('{ "a" : 2 }', '{ "a" : 2, "k" : 1 }', id="blanks-around-the-colon"),
        pytest.param('{\n\t"a": 2\n}', '{\n\t"a": 2,\n\t"k": 1\n}', id="tabs"),
        pytest.param(
            '{\r\n  "a": 2,\r\n  "b": 3\r\n}\r\n',
            '{\r\n  "a": 2,\r\n  "b": 3,\r\n  "k": 1\r\n}\r\n',
            id="crlf",
        ),
        pytest.param(
            '{\n  "a": 2\n  , "b": 3\n}', '{\n  "a": 2\n  , "b": 3\n  , "k": 1\n}', id="comma-first"
        ),
        pytest.param(
            '{\n  "a": 2,\n\n  "b": 3\n}', '{\n  "a": 2,\n\n  "b": 3,\n  "k": 1\n}', id="blank-line"
        ),
    ],
)
def test_a_new_member_is_written_as_its_neighbours(text, expected):
    assert apply(text, set_members(parse(text), {"k": "1"})) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{\n  "k": 1,\n  "a": 2\n}', '{\n  "a": 2\n}', id="first"),
        pytest.param('{\n  "a": 2,\n  "k": 1\n}', '{\n  "a": 2\n}', id="last"),
        pytest.param('{"a": 2, "k": 1, "b": 3}', '{"a": 2, "b": 3}', id="middle"),
        pytest.param('{\n  "k": 1\n}\n', "{\n}\n", id="only"),
        pytest.param('{"k": 1, "a": 2, "k": 3}', '{"a": 2}', id="all-of-that-name"),
        pytest.param('{"k": 1, "k": {"k": 2}}', "{}", id="not-those-inside"),
    ],
)
def test_a_member_goes_with_its_comma_and_line(text, expected):
    assert apply(text, unset_members(parse(text), ["k"])) == expected


def test_edits_that_overlap_are_refused():
    with pytest.raises(ValueError, match="overlaps"):
        apply("abcdef", [Edit(0, 3, ""), Edit(2, 4, "")])
    with pytest.raises(ValueError, match="outside"):
        apply("abc", [Edit(2, 4, "")])


@pytest.mark.parametrize("text", ["[1]", "null", "", '{"a": }'])
def test_only_a_valid_object_can_be_edited(text):
    with pytest.raises(ValueError, match="valid JSON object"):
        set_members(parse(text), {"a": "1"})
    with pytest.raises(ValueError, match="valid JSON object"):
        unset_members(parse(text), ["a"])
