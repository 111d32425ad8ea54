"""The public API: lazy, documented, and its examples executed."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys

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


def test_unknown_attributes():
    with pytest.raises(AttributeError, match="no attribute 'resolv'"):
        _ = kcfg.resolv  # type: ignore[attr-defined]
    assert {"resolve", "check", "prod", "cast", "KcfgError"} <= set(dir(kcfg))
