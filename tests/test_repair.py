import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcfg.document import apply, parse
from kcfg.repair import repairs


def repaired(text):
    return apply(text, [edit for repair in repairs(text) for edit in repair.edits])


@pytest.mark.parametrize(
    ("text", "expected", "kinds"),
    [
        pytest.param('{"a": 1,}', '{"a": 1}', {"trailing-comma"}, id="trailing-comma"),
        pytest.param('{"a": [1,],\n}', '{"a": [1]\n}', {"trailing-comma"}, id="two-of-them"),
        pytest.param('{"a": 1},', '{"a": 1}', {"trailing-comma"}, id="behind-the-object"),
        pytest.param("{'a': 'b'}", '{"a": "b"}', {"single-quotes"}, id="single-quotes"),
        pytest.param(
            "{'a': 'it\\'s \"b\"'}", '{"a": "it\'s \\"b\\""}', {"single-quotes"}, id="inner-quotes"
        ),
        pytest.param("{“a”: ‘b’}", '{"a": "b"}', {"curly-quotes"}, id="curly-quotes"),
        pytest.param('{"a": “b"}', '{"a": "b"}', {"curly-quotes"}, id="half-curly"),
        pytest.param('\ufeff{"a": 1}', '{"a": 1}', {"bom"}, id="byte-order-mark"),
        pytest.param('{"a":\u00a01}', '{"a": 1}', {"odd-space"}, id="no-break-space"),
        pytest.param('{"a": True}', '{"a": true}', {"python-literal"}, id="python"),
        pytest.param('{"a": 1\n "b": 2}', '{"a": 1,\n "b": 2}', {"missing-comma"}, id="no-comma"),
        pytest.param('{"a": "b" "c": 1}', '{"a": "b", "c": 1}', {"missing-comma"}, id="on-a-line"),
        pytest.param(
            '{\n  // mine\n  "a": 1, # one\n  /* x */ "b": 2\n}\n',
            '{\n  "a": 1,\n  "b": 2\n}\n',
            {"comment"},
            id="comments",
        ),
        pytest.param(
            "\ufeff{'a': “b”, // c\n}",
            '{"a": "b"\n}',
            {"bom", "single-quotes", "curly-quotes", "comment", "trailing-comma"},
            id="all-together",
        ),
    ],
)
def test_what_can_mean_only_one_thing_is_mended(text, expected, kinds):
    assert repaired(text) == expected
    assert {repair.kind for repair in repairs(text)} == kinds
    assert all(repair.safe == (repair.kind != "comment") for repair in repairs(text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": 1}', id="healthy"),
        pytest.param("", id="empty"),
        pytest.param('{"a": 1', id="truncated"),
        pytest.param("{\n<<<<<<< HEAD\n}", id="conflict"),
        pytest.param("{a: 1}", id="bare-key"),
        pytest.param('{"a": /* open', id="open-comment"),
        pytest.param("{'a\n': 1}", id="open-quote"),
        pytest.param('{"a": "b" "c"}', id="two-strings-on-a-line"),
        pytest.param('{"a": "b""c": 1}', id="no-comma-and-no-blank"),
        pytest.param('["a"\n"b"]', id="joined-strings-of-python"),
        pytest.param("{'a': (1, 2)}", id="tuple"),
        pytest.param('{"a": 1,,}', id="two-commas"),
    ],
)
def test_nothing_is_offered_that_would_be_a_guess_or_not_enough(text):
    assert repairs(text) == ()


PIECES = st.sampled_from(
    [
        *"{}[],:'\"“”‘’`#/\\ \n\r\u00a0\ufeff",
        "//",
        "/*",
        "*/",
        "True",
        "None",
        '"a"',
        "'b'",
        "1",
        "“c”",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=16).map("".join))
def test_repairs_make_it_valid_or_there_are_none(text):
    offered = repairs(text)
    if offered:
        json.loads(repaired(text))
        assert repairs(repaired(text)) == ()
    elif parse(text).fault is None:
        assert repaired(text) == text
