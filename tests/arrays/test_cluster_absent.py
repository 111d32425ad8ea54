"""Without the option nothing of Dask is loaded; without Dask the option says what to install."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.support.command import is_one_line
from tests.support.home import ROOT

SCRIPT = """
import sys
sys.modules["distributed"] = sys.modules["dask"] = None
from kcfg.__main__ import main
status = main(sys.argv[1:])
found = {"asyncio", "kcfg.arrays.cluster", "kcfg.arrays.cluster_tasks"} & set(sys.modules)
assert not found or "--cluster" in sys.argv, found
raise SystemExit(status)
"""


def run(tmp_path, *arguments):
    np.save(tmp_path / "x.npy", np.ones((4, 5), "f4"))
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "command", [["prod"], ["prod", "--axis=1"], ["cast", "float16"], ["info", "--stats"]], ids=str
)
def test_dask_is_not_loaded_without_the_option(tmp_path, command):
    done = run(tmp_path, command[0], str(tmp_path / "x.npy"), *command[1:])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("address", ["local:2", "tcp://127.0.0.1:8786"])
def test_without_dask_one_line_says_what_to_install(tmp_path, address):
    done = run(tmp_path, "prod", str(tmp_path / "x.npy"), "--cluster", address)
    assert (done.returncode, done.stdout) == (2, "")
    assert is_one_line(done.stderr)
    assert "Dask is not installed here" in done.stderr
    assert "pip install distributed cryptography" in done.stderr
