"""Real Keras confirms it: bad files fail or are ignored as told, mended ones import and hold."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kcfg.checks import mending, registry
from kcfg.keras.installed import active_environment, keras_release
from kcfg.situation import Situation, observe
from kcfg.world import real_world
from tests.checks.cases import data, examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.live, pytest.mark.slow]

INSTALLED = keras_release(real_world(), active_environment(real_world()))
RELEASE = "3.15.1"


def distinct() -> list[Any]:
    """Every example file of the release that is installed, each text once."""
    found: dict[bytes, Any] = {}
    for row in examples():
        if "file" in row and row.get("keras", RELEASE) == RELEASE and not row.get("installed"):
            found.setdefault(data(row), pytest.param(row, id=f"{row['code']}/{row['name']}"))
    return list(found.values())


@pytest.fixture(scope="module")
def real_import() -> Iterator[Callable[[Path], list[str] | str]]:
    """What Keras holds, or the name of its exception; on numpy, whatever the file says."""
    environ = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.support.importing"],
        cwd=Path(__file__).parents[2],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as importing:
        asked, answers = importing.stdin, importing.stdout
        assert asked is not None
        assert answers is not None

        def ask(directory: Path) -> list[str] | str:
            asked.write(f"{directory}\n")
            asked.flush()
            answer: list[str] | str = json.loads(answers.readline())
            return answer

        yield ask


def held(situation: Situation) -> list[object]:
    """The same, as kcfg resolves it."""
    values = situation.resolution.values
    epsilon = values["epsilon"].value
    assert isinstance(epsilon, float)
    told = "nan" if math.isnan(epsilon) else repr(epsilon)
    return [values["floatx"].value, told, values["image_data_format"].value]


@pytest.mark.skipif(INSTALLED != RELEASE, reason=f"needs Keras {RELEASE}, here is {INSTALLED}")
@pytest.mark.parametrize("example", distinct())
def test_real_keras_agrees_before_and_after(
    example: dict[str, Any], tmp_path: Path, real_import: Callable[[Path], list[str] | str]
) -> None:
    file = tmp_path / "keras.json"
    file.write_bytes(data(example))
    world = real_world()
    world = world.replace(env={"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "numpy"})
    before = observe(world, keras=RELEASE)
    failure = before.resolution.failure
    assert real_import(tmp_path) == (failure.error if failure else held(before))

    alone = observe(world.replace(env={}), keras=RELEASE, file=str(file))
    mended = mending.mend(alone, unsafe=True)
    errors = [one for one in registry.run(alone, file_alone=True) if one.severity == "error"]
    if mended.data is None:
        assert not errors or not any(mending.mendable(one, unsafe=True) for one in errors)
        return
    file.write_bytes(mended.data)
    after = observe(world, keras=RELEASE)
    assert after.resolution.failure is None
    assert real_import(tmp_path) == held(after)
