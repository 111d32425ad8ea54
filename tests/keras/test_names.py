"""Names that people write, and what they meant."""

from __future__ import annotations

import pytest

from kcfg.keras import names
from kcfg.keras.releases import rules

FLOATS = ("float16", "float32", "float64")


@pytest.mark.parametrize(
    ("key", "written", "allowed", "expected"),
    [
        pytest.param("backend", "pytorch", ("jax", "torch"), "torch", id="alias"),
        pytest.param("backend", " Torch\n", ("jax", "torch"), "torch", id="case-and-blanks"),
        pytest.param("backend", "tensorflw", ("jax", "tensorflow"), "tensorflow", id="slip"),
        pytest.param("backend", "pytorch", ("tensorflow", "theano"), None, id="not-in-keras-2"),
        pytest.param("floatx", "half", FLOATS, "float16", id="half"),
        pytest.param("floatx", "float8", FLOATS, None, id="equally-near"),
        pytest.param("floatx", "int", FLOATS, None, id="nothing-near"),
        pytest.param(
            *("image_data_format", "NCHW", ("channels_last", "channels_first"), "channels_first"),
            id="nchw",
        ),
        pytest.param("image_dim_ordering", "channels_last", ("tf", "th"), "tf", id="old-words"),
    ],
)
def test_meant(key, written, allowed, expected):
    assert names.meant(key, written, allowed) == expected


def test_the_old_name_of_the_image_format():
    assert names.real_key(rules("3.15.1"), "image_dim_ordering") == "image_data_format"
    assert names.real_key(rules("1.2.2"), "image_dim_ordering") == "image_dim_ordering"
    assert names.real_key(rules("1.2.2"), "image_data_format") is None
    assert names.real_key(rules("1.0.3"), "image_dim_ordering") is None
    assert names.as_named("image_dim_ordering", "channels_first") == "th"
    assert names.as_named("image_data_format", "channels_first") == "channels_first"
