"""The values that Keras gets from a text: json's, also where json isn't asked."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcfg.keras.reading import parse
from tests.test_document import TEXTS, damaged_texts

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
OBJECTS = st.dictionaries(st.text(), st.one_of(SCALARS, st.lists(SCALARS)))


def outcome(read, text):
    try:
        return repr(read(text))
    except (ValueError, RecursionError) as error:
        return type(error), str(error)


@settings(max_examples=1000, deadline=None)
@given(
    st.one_of(
        TEXTS,
        TEXTS.map('{{"a":{0}}}'.format),
        damaged_texts(),
        OBJECTS.map(json.dumps),
        OBJECTS.map(lambda held: json.dumps(held, indent=1, ensure_ascii=False)),
    )
)
def test_as_json_would(text):
    assert outcome(parse, text) == outcome(json.loads, text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": 1, "b": 2, "a": 3}', id="twice"),
        pytest.param('{"a": -0, "b": -0.0, "c": 1E400, "d": -1e-400}', id="edges"),
        pytest.param('{"a": ' + "9" * 4301 + "}", id="too-many-digits"),
        pytest.param('{"a": NaN, "b": -Infinity}', id="not-finite"),
        pytest.param('\ufeff{"a": 1}', id="byte-order-mark"),
        pytest.param('{"a": "\ud800"}', id="half-a-surrogate"),
        pytest.param('{"a": 1}' + " " * 5000, id="long"),
        pytest.param('{"a": ' + "[" * 200 + "]" * 200 + "}", id="deep"),
        pytest.param("null", id="no-object"),
        pytest.param('{"a" 1}', id="broken"),
    ],
)
def test_the_edges_as_json_would(text):
    assert outcome(parse, text) == outcome(json.loads, text)
