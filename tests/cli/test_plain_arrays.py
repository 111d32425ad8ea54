"""Both doors to `prod` and `cast`: the same bytes, the same status, the same files."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from kcfg.cli import plain_arrays
from kcfg.cli.app import run_application
from kcfg.cli.boundary import guard

PLAIN = [
    pytest.param(["prod", "a.npy"], id="all"),
    pytest.param(["prod", "a.npy", "--axis", "1"], id="axis"),
    pytest.param(["prod", "--axis", "-1", "a.npy", "--keepdims"], id="negative-axis"),
    pytest.param(["prod", "a.npy", "--axis", "0,1", "--dtype", "float64", "--json"], id="dtype"),
    pytest.param(["prod", "a.npy", "--axis", "7"], id="no-such-axis"),
    pytest.param(["prod", "a.npy", "--axis", "9" * 5000], id="giant-axis"),
    pytest.param(["prod", "no.npy"], id="no-such-file"),
    pytest.param(["prod", "a.npy", "-o", "o.npy", "--threads", "2"], id="out"),
    pytest.param(["prod", "a.npy", "--out", "a.npy"], id="out-is-itself"),
    pytest.param(["prod", "a.npy", "--out", "a.npy", "--force"], id="forced"),
    pytest.param(["cast", "a.npy", "float16", "-o", "o.npy"], id="cast"),
    pytest.param(["cast", "a.npy", "int8", "--exact"], id="exact"),
    pytest.param(["cast", "a.npy", "flaot16"], id="no-such-dtype"),
    pytest.param(["cast", "a.npy", "--json"], id="floatx"),
]

LEFT_TO_TYPER = [
    pytest.param(["prod"], id="no-file"),
    pytest.param(["prod", ""], id="empty-name"),
    pytest.param(["prod", "a.npy", "b.npy"], id="two-files"),
    pytest.param(["prod", "a.npy", "--axis=1"], id="equals-sign"),
    pytest.param(["prod", "a.npy", "--axis", "x"], id="axis-is-no-number"),
    pytest.param(["prod", "a.npy", "--axis", "0", "--axis", "1"], id="twice"),
    pytest.param(["prod", "a.npy", "--axis"], id="value-missing"),
    pytest.param(["prod", "a.npy", "--threads", "0"], id="no-thread"),
    pytest.param(["prod", "a.npy", "--threads", "9" * 5000], id="giant-threads"),
    pytest.param(["prod", "a.npy", "-o", "--json"], id="option-for-a-value"),
    pytest.param(["prod", "a.npy", "--exact"], id="other-command's"),
    pytest.param(["prod", "--help"], id="help"),
    pytest.param(["prod", "--", "a.npy"], id="dashes"),
    pytest.param(["cast", "a.npy", "f2", "f4"], id="three-names"),
    pytest.param(["cast", "a.npy", "--keras", "2.3.1"], id="keras"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KERAS_HOME", "KERAS_FLOATX", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def outcome(run, folder, capfdbinary):
    for leaf in folder.iterdir():
        leaf.unlink()
    np.save(folder / "a.npy", np.array([[2.5, 4, 6], [2, -4, 1e30]], np.float32))
    status = guard(run, process=False)
    return status, capfdbinary.readouterr(), {f.name: f.read_bytes() for f in folder.iterdir()}


@pytest.mark.parametrize("arguments", PLAIN)
def test_both_doors_do_the_same(folder, capfdbinary, arguments):
    plain = plain_arrays.command(arguments, process=False)
    assert plain is not None
    quick = outcome(plain, folder, capfdbinary)
    typer = outcome(lambda: run_application(arguments, process=False), folder, capfdbinary)
    assert quick == typer


@pytest.mark.parametrize("arguments", LEFT_TO_TYPER)
def test_what_is_not_plain_is_left_to_typer(arguments):
    assert plain_arrays.command(arguments, process=False) is None


def test_a_plain_form_loads_neither_typer_nor_rich(folder):
    np.save(folder / "a.npy", np.ones((2, 3), np.float32))
    script = (
        "import sys; from kcfg.__main__ import main; main(['prod', 'a.npy', '--axis', '1']);"
        "print([name for name in ('typer', 'click', 'rich', 'pydantic') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["[1. 1.]", "[]"]
