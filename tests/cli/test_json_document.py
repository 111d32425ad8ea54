"""`--json` writes what json.dumps would, without loading json."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcfg.cli.render.json_document import document

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
CONTENT = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


@given(CONTENT)
def test_as_json_dumps_writes_it(content):
    finite = json.loads(
        json.dumps(content), parse_constant=lambda name: {"Infinity": "inf"}.get(name, "-inf")
    )
    assert document(content) == json.dumps(finite, indent=2) + "\n"


def test_not_a_number_and_depth():
    assert document(float("nan")) == '"nan"\n'
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert document(deep).count("[") == 5001


def test_what_is_not_json_is_refused():
    with pytest.raises(TypeError, match="object is not JSON"):
        document({"a": [object()]})
