"""Each check finds what its bad examples have, in the place that a person would name."""

from __future__ import annotations

import pytest

from kcfg.checks import registry
from kcfg.checks.registry import CHECKS
from tests.checks.cases import EXAMPLES, Example, examples, has_strangers, shown, situation
from tests.support.probes import needs_root

ALL = examples()
BY_CODE = {check.code: [row for row in ALL if row["code"] == check.code] for check in CHECKS}


@pytest.mark.parametrize("code", BY_CODE)
def test_every_check_has_a_bad_and_a_good_example(code: str) -> None:
    assert any(row["expect"] for row in BY_CODE[code]), f"no bad example of {code}"
    assert any(not row["expect"] for row in BY_CODE[code]), f"no good example of {code}"


def test_every_example_belongs_to_a_check() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} - {"__pycache__"} == set(
        BY_CODE
    )
    for row in ALL:
        assert "file" not in row or (row["folder"] / row["file"]).is_file()
    files = {path for path in EXAMPLES.rglob("*.json") if path.name != "cases.json"}
    assert files == {row["folder"] / row["file"] for row in ALL if "file" in row}


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(
            row,
            id=f"{row['code']}/{row['name']}",
            marks=needs_root if has_strangers(row) else (),
        )
        for row in ALL
    ],
)
def test_example(example: Example, tmp_path) -> None:
    tmp_path.chmod(0o755)
    observed = situation(example, tmp_path)
    found = registry.run(observed, file_alone="file" in example)
    told = [shown(one, observed) for one in found if one.code == example["code"]]
    assert [text.replace(str(tmp_path), "HOME") for text in told] == example["expect"]


def test_chmod_is_advised_to_the_owner_alone(tmp_path) -> None:
    fixes = {}
    for row in BY_CODE["unreadable-file"]:
        (told,) = registry.run(situation(row, tmp_path), families=["places"]) or (None,)
        fixes[row["name"]] = told and told.fix and told.fix.command
    assert fixes == {
        "mode-000": "chmod u+r /home/a/.keras/keras.json",
        "of-another-user": None,
        "good-read-only": None,
    }


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(row, id=f"{row['code']}/{row['name']}")
        for row in ALL
        if row["name"].startswith("good") and "file" in row
    ],
)
def test_a_good_file_has_no_error_at_all(example: Example, tmp_path) -> None:
    observed = situation(example, tmp_path)
    found = registry.run(observed, file_alone=True)
    assert [one.code for one in found if one.severity == "error"] == []
