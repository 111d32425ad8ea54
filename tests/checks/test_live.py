"""Real Keras confirms it: bad files fail or are ignored as told, mended ones import and hold."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kcfg.checks import mending, registry
from kcfg.keras.installed import active_environment, keras_release
from kcfg.situation import Situation, observe
from kcfg.world import real_world
from tests.checks.cases import data, examples

pytestmark = [pytest.mark.live, pytest.mark.slow]

ASK = """
import json, keras
print(json.dumps([keras.config.floatx(), repr(keras.config.epsilon()),
                  keras.config.image_data_format()]))
"""
INSTALLED = keras_release(real_world(), active_environment(real_world()))
RELEASE = "3.15.1"


def distinct() -> list[Any]:
    """Every example file of the release that is installed, each text once."""
    found: dict[bytes, Any] = {}
    for row in examples():
        if "file" in row and row.get("keras", RELEASE) == RELEASE and not row.get("installed"):
            found.setdefault(data(row), pytest.param(row, id=f"{row['code']}/{row['name']}"))
    return list(found.values())


def real_import(directory: Path) -> list[str] | str:
    """What Keras holds, or the type of the exception; on numpy, whatever the file says."""
    environ = {"KERAS_HOME": str(directory), "KERAS_BACKEND": "numpy", "PATH": os.environ["PATH"]}
    environ |= {"HOME": str(directory), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ASK],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode == 0:
        held: list[str] = json.loads(ran.stdout.splitlines()[-1])
        return held
    return ran.stderr.strip().splitlines()[-1].partition(":")[0]


def held(situation: Situation) -> list[object]:
    """The same, as kcfg resolves it."""
    values = situation.resolution.values
    epsilon = values["epsilon"].value
    assert isinstance(epsilon, float)
    told = "nan" if math.isnan(epsilon) else repr(epsilon)
    return [values["floatx"].value, told, values["image_data_format"].value]


@pytest.mark.skipif(INSTALLED != RELEASE, reason=f"needs Keras {RELEASE}, here is {INSTALLED}")
@pytest.mark.parametrize("example", distinct())
def test_real_keras_agrees_before_and_after(example: dict[str, Any], tmp_path: Path) -> None:
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
