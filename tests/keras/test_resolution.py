"""What an import makes of a backend that no release knows, where it is tried as a module."""

from __future__ import annotations

import sys

import pytest

from kcfg.keras.releases import rules
from kcfg.keras.resolution import unusable_backend
from kcfg.situation import observe
from kcfg.world import real_world

MISSING_ENTRY = "Invalid backend. Missing required entry : placeholder"


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        pytest.param("keras", MISSING_ENTRY, id="keras-itself"),
        pytest.param("keras.backend", MISSING_ENTRY, id="what-is-being-imported"),
        pytest.param("__main__", MISSING_ENTRY, id="the-script"),
        pytest.param("numpy.linalg", MISSING_ENTRY, id="in-what-keras-needs"),
        pytest.param("json.decoder", MISSING_ENTRY, id="standard-library"),
        pytest.param("json.", "Unable to import backend : json.", id="nothing-behind-the-point"),
        pytest.param("numpy/linalg", "Unable to import backend : numpy/linalg", id="path"),
        pytest.param("numpy.nope", "Unable to import backend : numpy.nope", id="not-there"),
        pytest.param(
            "winreg",
            MISSING_ENTRY if sys.platform == "win32" else "Unable to import backend : winreg",
            id="windows-alone",
        ),
    ],
)
def test_a_module_that_is_no_backend(backend: str, message: str) -> None:
    """As Keras 2.3.1 says in a Python 3.11, tried with each of these in KERAS_BACKEND."""
    world = real_world().replace(env={})
    failure = unusable_backend(world, rules("2.3.1"), observe(world).environment, backend)
    assert failure is not None
    assert (failure.error, failure.message) == ("ValueError", message)
