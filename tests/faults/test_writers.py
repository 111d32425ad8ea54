"""Many writers and readers of one keras.json, all at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import ROOT, Home
from tests.support.probes import needs_fork

pytestmark = [pytest.mark.slow, needs_fork]

WRITERS, SETS = 32, 25


def python(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", f"tests.support.{module}", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hammer(file: Path, mode: str) -> tuple[list[str], list[str], dict[str, int]]:
    """All writers and two readers: what writers said, what readers said, the file at the end."""
    readers = [python("reader", str(file)) for _ in range(2)]
    writers = [
        python("writer", str(file), f"writer_{number}", str(SETS), mode)
        for number in range(WRITERS)
    ]
    complaints = [writer.communicate(timeout=240)[1] for writer in writers]
    reports = [reader.communicate("", timeout=60)[0] for reader in readers]
    return complaints, reports, json.loads(file.read_text())


@pytest.mark.parametrize("mode", ["flock", "network"])
def test_no_update_is_lost_and_no_reader_sees_a_broken_file(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "keras.json"
    file.write_text('{"floatx": "float32"}')
    complaints, reports, values = hammer(file, mode)
    assert complaints == [""] * WRITERS
    assert values == {"floatx": "float32"} | {f"writer_{n}": SETS - 1 for n in range(WRITERS)}
    for report in reports:
        assert "broken" not in report
        assert int(report) > 100
    assert [path.name for path in tmp_path.iterdir()] == ["keras.json"]


def test_without_locks_updates_are_lost(tmp_path: Path) -> None:
    """The control: the test above can fail."""
    file = tmp_path / "keras.json"
    file.write_text("{}")
    _, reports, values = hammer(file, "none")
    assert sum(values.get(f"writer_{n}") == SETS - 1 for n in range(WRITERS)) < WRITERS
    assert all("broken" not in report for report in reports)  # the rename alone sees to that


def test_many_first_writers_make_one_directory_and_one_file(tmp_path: Path) -> None:
    """A job array whose processes all start on an empty home."""
    file = tmp_path / "home" / ".keras" / "keras.json"
    writers = [python("writer", str(file), f"writer_{n}", "1", "flock") for n in range(16)]
    assert [writer.communicate(timeout=120)[1] for writer in writers] == [""] * 16
    assert json.loads(file.read_text()) == {f"writer_{n}": 0 for n in range(16)}
    assert [path.name for path in file.parent.iterdir()] == ["keras.json"]


def test_the_command_itself_with_many_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", b'{\n    "mine": true\n}\n')
    pairs = {
        "floatx": ("float16", "float64"),
        "epsilon": ("1e-3", "0.25"),
        "backend": ("jax", "torch"),
        "image_data_format": ("channels_first", "channels_last"),
    }
    running = [
        home.start("set", key, value, "--keras", "3.15", "--lock-timeout", "60")
        for key, values in pairs.items()
        for value in values * 2
    ]
    for process in running:
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
    values = home.values()
    assert values.pop("mine") is True
    assert {key: str(value) for key, value in values.items()}.keys() == pairs.keys()
    for key, allowed in pairs.items():
        assert str(values[key]) in {value.replace("1e-3", "0.001") for value in allowed}
    assert home.names() == ["keras.json"]
