import pytest

from kcfg.document import parse
from kcfg.syntax import KINDS

# A text that somebody could have left in keras.json, the line and column where a person would look,
# and what is wrong there.
FAULTS = [
    pytest.param("", 1, 1, "empty", id="no-text"),
    pytest.param(" \n", 2, 1, "empty", id="blank-line-only"),
    pytest.param('{"a": 1,\n}', 1, 8, "trailing-comma", id="trailing-comma"),
    pytest.param('{"a": [1, 2,]}', 1, 12, "trailing-comma", id="trailing-comma-in-array"),
    pytest.param('{"a": 1},\n', 1, 9, "trailing-comma", id="comma-behind-the-object"),
    pytest.param('{"a": 1,, "b": 2}', 1, 9, "extra-comma", id="two-commas"),
    pytest.param('{\n  // gpu\n  "a": 1}', 2, 3, "comment", id="slashes"),
    pytest.param('{"a": 1 /* gpu */}', 1, 9, "comment", id="slash-star"),
    pytest.param('# mine\n{"a": 1}', 1, 1, "comment", id="hash"),
    pytest.param("{'a': 1}", 1, 2, "single-quotes", id="single-quoted-key"),
    pytest.param("{\"a\": 'x'}", 1, 7, "single-quotes", id="single-quoted-value"),
    pytest.param("{“a”: 1}", 1, 2, "curly-quotes", id="curly-key"),
    pytest.param('{"a": «x»}', 1, 7, "curly-quotes", id="guillemets"),
    pytest.param('\ufeff{"a": 1}', 1, 1, "bom", id="byte-order-mark"),
    pytest.param('{\n<<<<<<< HEAD\n"a": 1\n', 2, 1, "merge-conflict", id="conflict-start"),
    pytest.param('{"a": 1\n=======\n', 2, 1, "merge-conflict", id="conflict-middle"),
    pytest.param("cat > keras.json <<EOF\n{}\nEOF", 1, 1, "heredoc", id="heredoc-begin"),
    pytest.param('{"a": 1}\nEOF\n', 2, 1, "heredoc", id="heredoc-end"),
    pytest.param("{a: 1}", 1, 2, "unquoted-key", id="bare-key"),
    pytest.param('{"a": jax}', 1, 7, "unquoted-value", id="bare-value"),
    pytest.param('{"a": True}', 1, 7, "python-literal", id="python-true"),
    pytest.param('{"a": None}', 1, 7, "python-literal", id="python-none"),
    pytest.param('{"a": FALSE}', 1, 7, "python-literal", id="capitals"),
    pytest.param('{"a": 1\n "b": 2}', 2, 2, "missing-comma", id="no-comma"),
    pytest.param('{"a": 1; "b": 2}', 1, 8, "missing-comma", id="semicolon"),
    pytest.param('{"a" 1}', 1, 6, "missing-colon", id="no-colon"),
    pytest.param('{"a" = 1}', 1, 6, "missing-colon", id="equals"),
    pytest.param('{"a": , "b": 1}', 1, 7, "missing-value", id="no-value"),
    pytest.param('{"a": "x,\n "b": 1}', 1, 10, "unterminated-string", id="open-until-line-end"),
    pytest.param('{"a": "x}', 1, 10, "unterminated-string", id="open-until-the-end"),
    pytest.param('{"a": "x\ty"}', 1, 9, "control-character", id="tab-in-string"),
    pytest.param('{"a": "\0"}', 1, 8, "nul", id="nul-in-string"),
    pytest.param("\0\0\0", 1, 1, "nul", id="nul"),
    pytest.param('{"a": "C:\\data"}', 1, 10, "bad-escape", id="windows-path"),
    pytest.param('{"a": "\\u12x4"}', 1, 8, "bad-escape", id="not-hexadecimal"),
    pytest.param("{} {}", 1, 4, "second-document", id="two-objects"),
    pytest.param("{}}", 1, 3, "trailing-garbage", id="one-brace-too-many"),
    pytest.param("{} more", 1, 4, "trailing-garbage", id="words-behind"),
    pytest.param('{"a": 1', 1, 8, "truncated", id="cut-behind-a-value"),
    pytest.param('{"a": "flo', 1, 11, "truncated", id="cut-inside-a-string"),
    pytest.param("{", 1, 2, "truncated", id="cut-behind-the-brace"),
    pytest.param("floatx: float32\nepsilon: 1", 1, 1, "yaml", id="yaml"),
    pytest.param("---\nfloatx: float32", 1, 1, "yaml", id="yaml-mark"),
    pytest.param("<!DOCTYPE html>\n<html>", 1, 1, "html", id="web-page"),
    pytest.param('floatx = "float32"', 1, 1, "not-json", id="toml"),
    pytest.param('"a": 1', 1, 4, "missing-braces", id="no-braces"),
    pytest.param('{"a": 0x10}', 1, 8, "bad-number", id="hexadecimal"),
    pytest.param('{"a": 01}', 1, 8, "bad-number", id="leading-zero"),
    pytest.param('{"a": +1}', 1, 7, "bad-number", id="plus"),
    pytest.param('{"a": .5}', 1, 7, "bad-number", id="leading-dot"),
    pytest.param('{"a": 1.}', 1, 8, "bad-number", id="dot-without-digit"),
    pytest.param('{"a": 1_000}', 1, 8, "bad-number", id="underscore"),
    pytest.param('{"a": nan}', 1, 7, "nan-spelling", id="nan"),
    pytest.param('{"a": -inf}', 1, 7, "nan-spelling", id="inf"),
    pytest.param('{"a": [1}', 1, 9, "wrong-bracket", id="brace-for-bracket"),
    pytest.param('{"a": 1]', 1, 8, "wrong-bracket", id="bracket-for-brace"),
    pytest.param('{\u00a0"a": 1}', 1, 2, "odd-space", id="no-break-space"),
    pytest.param('{"a": (1)}', 1, 7, "unexpected-character", id="parenthesis"),
]


@pytest.mark.parametrize(("text", "line", "column", "kind"), FAULTS)
def test_fault_is_named_where_a_person_would_look(text, line, column, kind):
    document = parse(text)
    assert document.fault.kind == kind
    assert document.position(document.fault.offset) == (line, column)


@pytest.mark.parametrize(("text", "line", "column", "kind"), FAULTS)
def test_message_is_one_plain_sentence(text, line, column, kind):
    message = parse(text).fault.message
    assert message
    assert not message.endswith(".")
    assert "\n" not in message
    assert all(char.isprintable() for char in message)


def test_every_kind_has_an_example():
    covered = {row.values[3] for row in FAULTS}
    from_bytes_or_size = {"not-utf-8", "utf-16", "utf-32", "too-deep", "huge-integer"}
    assert covered | from_bytes_or_size == set(KINDS)
