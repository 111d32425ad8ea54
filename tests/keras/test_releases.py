"""The table: each row well formed, each release's rules folded from it."""

from __future__ import annotations

from itertools import combinations

import pytest

from kcfg.keras import releases
from kcfg.keras.releases import NEWEST, in_code, number, release, rules
from kcfg.problems import KcfgError

TABLES = {
    "keys": (releases.KEYS, lambda row: row.name),
    "defaults": (releases.DEFAULTS, lambda row: (row.key, row.windows)),
    "backends": (releases.BACKENDS, lambda row: row.name),
    "variables": (releases.VARIABLES, lambda row: row.name),
    "ways": (releases.WAYS, lambda row: row.what),
    "in code": (releases.IN_CODE, lambda row: (row.key, row.value)),
}


@pytest.mark.parametrize(("table", "what"), TABLES.values(), ids=TABLES)
def test_rows_are_well_formed_and_do_not_overlap(table, what):
    for row in table:
        assert row.until is None or number(row.since) < number(row.until), row
        assert row.source.endswith((".py", "2.0.9")), row
    for one, other in combinations(table, 2):
        if what(one) == what(other):
            first, second = sorted((one, other), key=lambda row: number(row.since))
            assert first.until is not None
            assert number(first.until) <= number(second.since), (first, second)


@pytest.mark.parametrize("version", NEWEST)
def test_every_release_has_every_way_and_default(version):
    this = rules(version)
    ways = {row.what for row in releases.WAYS} - {"image_dim_ordering"}
    assert ways <= set(this.ways)
    assert {key.name for key in this.keys} == set(this.defaults)
    assert this.layout is not None
    assert this.layout.values[0 if version > "1.0.8" else 1] == this.defaults[this.layout.name]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2.3.1", "2.3.1", id="exact"),
        pytest.param("2.0", "2.0.9", id="newest-of-2.0"),
        pytest.param("3", "3.15.1", id="newest-of-3"),
        pytest.param("3.1", "3.1.1", id="not-3.15"),
        pytest.param("2.5", "2.5.0", id="a-line-without-a-release"),
        pytest.param("3.99", "3.99.0", id="newer-than-the-table"),
        pytest.param("3.16.0.dev2026", "3.16.0.dev2026", id="development"),
    ],
)
def test_release_named_by_a_user(text, expected):
    assert release(text) == expected


@pytest.mark.parametrize(
    ("version", "reads"), [("2.2.0", True), ("2.4.2", True), ("2.4.3", False), ("3.0.0", True)]
)
def test_which_releases_read_the_backend(version, reads):
    this = rules(version)
    assert ("backend" in this.variables, this.reads_backend) == (reads, reads)
    assert (this.ways["fallback"] == "/tmp") is reads


def test_what_is_no_number_is_not_called_old():
    with pytest.raises(KcfgError, match="'dev' is not a version of Keras"):
        release("dev")


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "v3", "3.x", "-1", "0.3.3", "3 .1", "²", "3.1\n", "1e3"),
        *("2.3.x", "3.15.", "3.15.1x", "9" * 5000),
    ],
)
def test_no_release(text):
    with pytest.raises(KcfgError) as caught:
        release(text)
    assert caught.value.status == 2
    assert "3.15.1" in str(caught.value)


@pytest.mark.parametrize(
    ("version", "backends"),
    [
        pytest.param("1.2.2", ("tensorflow", "theano"), id="1"),
        pytest.param("2.0.4", ("tensorflow", "theano"), id="before-cntk"),
        pytest.param("2.0.5", ("tensorflow", "theano", "cntk"), id="cntk"),
        pytest.param("2.4.2", ("tensorflow", "theano", "cntk"), id="wheels-with-2.3.1-inside"),
        pytest.param("2.4.3", ("tensorflow",), id="first-tf.keras"),
        pytest.param("2.15.0", ("tensorflow",), id="tf.keras"),
        pytest.param("3.7.0", ("tensorflow", "jax", "torch", "numpy"), id="before-openvino"),
        pytest.param("3.8.0", ("tensorflow", "jax", "torch", "numpy", "openvino"), id="openvino"),
    ],
)
def test_backends(version, backends):
    assert rules(version).backends == backends


def test_the_default_backend_was_theano_and_on_windows_again():
    assert rules("1.0.8").defaults["backend"] == "theano"
    assert rules("1.1.0", windows=True).defaults["backend"] == "tensorflow"
    assert rules("1.1.2", windows=True).defaults["backend"] == "theano"
    assert rules("1.1.2", windows=False).defaults["backend"] == "tensorflow"
    assert rules("1.2.0", windows=True).defaults["backend"] == "tensorflow"


def test_numbers_of_versions():
    assert number("3.15.1") == (3, 15, 1)
    assert number("3.0.0rc1") == (3, 0, 0)
    assert number("2.16") == (2, 16, 0)
    with pytest.raises(ValueError, match="nightly"):
        number("nightly")


def test_values_that_only_code_can_set():
    assert "set_floatx" in (in_code(rules("3.0.3"), "floatx", "bfloat16") or "")
    assert in_code(rules("3.0.2"), "floatx", "bfloat16") is None
    assert in_code(rules("3.15.1"), "floatx", "float8") is None


def test_a_newer_release_is_judged_as_the_newest_known():
    assert rules("9.0.0").replace(version="") == rules(NEWEST[-1]).replace(version="")
