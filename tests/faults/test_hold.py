"""Many processes hold and release the same directories, as fast as they can."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kcfg.launch.hold import MADE, Holds, leanable, release

ROOT = Path(__file__).parents[2]

HOLDER = """
import os, sys
from kcfg.launch.hold import Holds, release
keras, worker = sys.argv[1:]
for turn in range(300):
    name, held = f"BOOT-{worker}-{turn}", []
    holds = Holds(name, lambda *told: held.append(told))
    for wanted in ("datasets", "models"):
        assert holds.hold(keras, wanted), wanted
        assert os.path.isdir(os.path.join(keras, wanted)), f"{wanted} of turn {turn} was taken away"
    assert os.path.isdir(os.path.join(keras, "datasets")), f"turn {turn}: taken away meanwhile"
    for directory, missing in sorted(held, key=lambda told: -told[0].count("/")):
        release(directory, name, missing)
"""


def test_nobody_takes_what_another_holds_and_the_last_takes_all(tmp_path):
    keras = tmp_path / "home" / ".keras"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(keras), str(worker)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        for worker in range(6)
    ]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err.decode()) == (0, "")
    assert not (tmp_path / "home").exists()


def test_what_has_just_gone_is_made_again(tmp_path):
    assert leanable(str(tmp_path / "gone"))


def test_nothing_is_held_where_nothing_can_be_made():
    held: list[tuple[str, bool]] = []
    holds = Holds("BOOT-1", lambda path, missing: held.append((path, missing)))
    assert not holds.hold("/proc/self/no", "datasets")
    for path, missing in held:
        release(path, "BOOT-1", missing)


def test_what_came_in_stays(tmp_path):
    (tmp_path / MADE).touch()
    (tmp_path / "user's").touch()
    release(str(tmp_path), "BOOT-1", missing=False)
    assert [path.name for path in tmp_path.iterdir()] == ["user's"]
