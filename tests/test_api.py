"""The public API: lazy, documented, and its examples executed."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys

import numpy as np
import pytest

import kcfg


@pytest.mark.parametrize("name", ["resolve", "check", "prod", "cast"])
def test_examples_in_the_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function = getattr(kcfg, name)
    module = importlib.import_module(function.__module__)
    finder = doctest.DocTestFinder(exclude_empty=False)
    tests = finder.find(function, name, module=module, globs={})
    runner = doctest.DocTestRunner(verbose=False)
    for test in tests:
        runner.run(test)
    results = runner.summarize(verbose=False)
    assert results.attempted > 0, f"kcfg.{name} has no example"
    assert results.failed == 0


def test_importing_kcfg_loads_nothing():
    script = (
        "import sys; before = set(sys.modules); import kcfg;"
        "print(sorted(set(sys.modules) - before - {'__future__'}))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "['kcfg']\n"


def test_errors_are_kcfg_errors():
    with pytest.raises(kcfg.KcfgError, match="is not a version of Keras"):
        kcfg.resolve(keras="x")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param({"dtype": "flaot32"}, "did you mean float32", id="dtype"),
        pytest.param({"dtype": object}, "no numeric dtype", id="object"),
        pytest.param({"axis": "1"}, "axis '1' is neither an int nor a tuple", id="axis"),
        pytest.param({"axis": 1.0}, "axis 1.0 is neither an int nor a tuple", id="float-axis"),
        pytest.param({"threads": -1}, "at least one thread", id="threads"),
        pytest.param({"threads": 1.5}, "1.5 is no number", id="float-threads"),
        pytest.param({"threads": "2"}, "'2' is no number", id="text-threads"),
        pytest.param({"path": ""}, "name a .npy file", id="path"),
        pytest.param({"out": ""}, "name the output", id="out"),
    ],
)
def test_arguments_that_prod_refuses(tmp_path, arguments, said):
    path = tmp_path / "x.npy"
    np.save(path, np.ones((2, 3)))
    with pytest.raises(kcfg.KcfgError, match=said):
        kcfg.prod(**{"path": str(path), **arguments})


def test_numpys_own_ways_to_name_arguments(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.ones((2, 3)))
    found = kcfg.prod(path, axis=np.int64(1), dtype=np.float32)
    assert (found.dtype, found.tolist()) == (np.float32, [1, 1])


def test_unknown_attributes():
    with pytest.raises(AttributeError, match="no attribute 'resolv'"):
        _ = kcfg.resolv  # type: ignore[attr-defined]
    assert {"resolve", "check", "prod", "cast", "KcfgError"} <= set(dir(kcfg))
