"""The table of checks is whole, its words are told, and a healthy file costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kcfg.checks import registry
from kcfg.checks.registry import CHECKS, Check
from kcfg.keras.releases import rules
from kcfg.problems import SEVERITIES

ROOT = Path(__file__).parents[2]
ROWS = [pytest.param(check, id=check.code) for check in CHECKS]


@pytest.mark.parametrize("check", ROWS)
def test_a_check_is_named_after_what_is_wrong(check: Check) -> None:
    assert check.find.__name__ == check.code.replace("-", "_")
    assert check.severity in SEVERITIES


@pytest.mark.parametrize("check", ROWS)
def test_a_check_explains_itself(check: Check) -> None:
    assert check.summary.endswith(".")
    assert len(check.summary) < 100
    assert "Read in: " in check.explanation
    assert len(check.explanation.split("\n\n")) >= 3, "what Keras does, the cure, the source"


def test_codes_are_unique() -> None:
    codes = [check.code for check in CHECKS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        pytest.param("bom", "all", id="all"),
        pytest.param("keras-home-empty", "from 2.2", id="from"),
        pytest.param("backend-not-read", "2.4.3 to before 3.0", id="between"),
        pytest.param("unwritable-place", "to before 2.0.5", id="until"),
        pytest.param("backend-unknown", "to before 2.4.3, from 3.0", id="but-for"),
    ],
)
def test_releases_come_from_the_table(code: str, told: str) -> None:
    check = next(check for check in CHECKS if check.code == code)
    assert registry.releases(check) == told


def test_a_check_can_be_left_out_by_release() -> None:
    check = next(check for check in CHECKS if check.code == "limit-not-integer")
    assert check.applies(rules("3.10.0"))
    assert not check.applies(rules("3.9.2"))


HEALTHY = """
import json, sys
from kcfg.checks import registry
from kcfg.situation import observe
from kcfg.world import real_world
found = registry.run(observe(real_world(), keras="3.15.1"))
heavy = {"difflib", "typing", "dataclasses", "inspect", "contextlib", "shlex", "pydantic", "numpy",
         "typer", "rich", "struct", "logging", "pathlib", "importlib.metadata"}
print(json.dumps([[one.code for one in found], sorted(heavy & set(sys.modules))]))
"""


def test_a_healthy_file_loads_nothing_heavy(tmp_path: Path) -> None:
    directory = tmp_path / ".keras"
    directory.mkdir()
    (directory / "keras.json").write_text('{"floatx": "float32", "backend": "numpy"}')
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = [{str(ROOT)!r}]" + HEALTHY],
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    codes, heavy = json.loads(ran.stdout or "[0, 0]")
    assert ran.stderr == ""
    assert heavy == []
    assert set(codes) <= {"backend-not-installed"}
