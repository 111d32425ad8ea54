"""Whatever the file and the variables say: every failure is told, and nothing raises."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kcfg.checks import mending, registry
from kcfg.checks.found import shown
from kcfg.keras.releases import NEWEST
from kcfg.situation import observe
from tests.checks.cases import KERAS_JSON, world
from tests.checks.test_consequences import IGNORED

NAMES = ["floatx", "epsilon", "backend", "image_data_format", "image_dim_ordering", "nnx_enabled"]
NAMES += ["epsilom", "Backend", "mine"]
WORDS = ["float16", "float32", "bfloat16", "theano", "tensorflow", "jax", "Jax ", "pytorch", "th"]
WORDS += ["channels_first", "NCHW", "1e-7", "nan", "false", "true", "", "\ud800", "é\0"]
VALUES: Any = st.one_of(
    st.sampled_from(WORDS),
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
)
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=5)
ENV = st.dictionaries(
    st.sampled_from(
        [*("KERAS_BACKEND", "KERAS_HOME", "KERAS_NNX_ENABLED", "KERAS_MAX_EPOCHS", "KERAS_BACKED")]
    ),
    st.sampled_from(["", "jax", "theano", "JAX", "1", "yes", "~/k", "rel", "/home/a/.keras", "x"]),
    max_size=3,
)


def text(pairs: list[tuple[str, object]]) -> str:
    """The pairs as JSON, duplicates and all."""
    return "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"


def judged(content: bytes, env: dict[str, str], keras: str) -> None:
    situation = observe(world(content, env), keras=keras)
    found = registry.run(situation)
    errors = {one.code for one in found if one.severity == "error"}
    if situation.resolution.failure is not None:
        assert errors, situation.resolution.failure
    else:
        assert errors <= IGNORED
    for unsafe in (False, True):
        mended = mending.mend(situation, unsafe=unsafe)
        if mended.data is not None:
            after = mending.holding(situation, mended.data)
            assert mending.mend(after, unsafe=unsafe).data is None
            if unsafe:
                left = [one for one in registry.run(after) if one.path == after.discovery.path]
                assert not {one.code for one in left if one.severity == "error"}


@settings(deadline=None)
@given(PAIRS, ENV, st.sampled_from(NEWEST))
def test_every_failure_is_told(
    pairs: list[tuple[str, object]], env: dict[str, str], keras: str
) -> None:
    judged(text(pairs).encode(), env, keras)


@settings(deadline=None)
@example(pairs=[("floatx", None)], slips=[(2, "#"), (0, '"')], keras="3.15.1")
@given(
    PAIRS,
    st.lists(
        st.tuples(st.integers(0, 80), st.sampled_from(",'\"“#/{}[]:\n\0\ufeff x")), max_size=3
    ),
    st.sampled_from(["3.15.1", "2.3.1", "2.0.0"]),
)
def test_a_text_with_slips(
    pairs: list[tuple[str, object]], slips: list[tuple[int, str]], keras: str
) -> None:
    broken = text(pairs)
    for at, char in slips:
        broken = broken[:at] + char + broken[at:]
    situation = observe(world(broken.encode(), {}), keras=keras)
    found = registry.run(situation)
    if situation.resolution.failure is not None or situation.reading.ignored is not None:
        assert any(one.severity == "error" for one in found)
    for unsafe in (False, True):
        mended = mending.mend(situation, unsafe=unsafe)
        if mended.data is not None:
            after = mending.holding(situation, mended.data)
            assert after.reading.mapping is not None
            assert after.reading.ignored is None


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from(["3.15.1", "1.2.2"]))
def test_any_bytes(content: bytes, keras: str) -> None:
    situation = observe(world(content, {}), keras=keras)
    assert situation.discovery.path == KERAS_JSON
    registry.run(situation)
    mending.mend(situation, unsafe=True)


def test_a_long_value_is_cut() -> None:
    assert len(shown("x" * 1_000_000)) == 80
