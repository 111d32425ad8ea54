"""A slip is near enough that nobody would call it another name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcfg.checks.slips import distance, slip_of

KEYS = ["floatx", "epsilon", "backend", "image_data_format", "nnx_enabled"]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        pytest.param("epsilom", "epsilon", id="one-letter-wrong"),
        pytest.param("epslion", "epsilon", id="two-letters-swapped"),
        pytest.param("epsiln", "epsilon", id="one-letter-missing"),
        pytest.param("backends", "backend", id="one-letter-more"),
        pytest.param("Image-Data-Format", "image_data_format", id="case-and-dashes"),
        pytest.param("imge_data_fromat", "image_data_format", id="two-slips-in-a-long-name"),
        pytest.param("floatx", None, id="the-name-itself"),
        pytest.param("bakcned", None, id="two-slips-in-a-short-name"),
        pytest.param("backend_dir", None, id="own-key-that-begins-alike"),
        pytest.param("seed", None, id="own-key"),
        pytest.param("", None, id="empty"),
        pytest.param("x" * 100_000, None, id="endless"),
    ],
)
def test_slip_of(name: str, right: str | None) -> None:
    assert slip_of(name, KEYS) == right


WORDS = st.text("abcd", max_size=7)


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_zero_for_equals_alone(a: str, b: str) -> None:
    assert distance(a, b, 9) == distance(b, a, 9)
    assert (distance(a, b, 9) == 0) == (a == b)


@given(WORDS, WORDS)
def test_the_shortcut_never_hides_a_slip(a: str, b: str) -> None:
    whole = distance(a, b, 99)
    assert (distance(a, b, 1) <= 1) == (whole <= 1)
    assert (distance(a, b, 2) <= 2) == (whole <= 2)
