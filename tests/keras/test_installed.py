"""Which Keras an environment has, from the names in its directories."""

from __future__ import annotations

import posixpath
import sys

import pytest

from kcfg.keras.installed import active_environment, importable, keras_release
from kcfg.world import RealFiles, World, real_world


def site(tmp_path, name, *entries):
    found = tmp_path / name / "lib" / "python3.12" / "site-packages"
    for entry in entries:
        (found / entry).mkdir(parents=True)
    return tmp_path / name


def world(env, module_path=()):
    return World(
        env={name: str(value) for name, value in env.items()},
        cwd="/",
        files=RealFiles(),
        user_home=lambda _: None,
        paths=posixpath,
        module_path=tuple(map(str, module_path)),
    )


@pytest.mark.parametrize(
    ("entries", "legacy", "expected"),
    [
        pytest.param(["keras-3.15.1.dist-info"], None, "3.15.1", id="wheel"),
        pytest.param(["Keras-2.3.1.dist-info"], None, "2.3.1", id="capital"),
        pytest.param(["Keras-1.2.2-py3.6.egg-info"], None, "1.2.2", id="egg"),
        pytest.param(["tf_keras-2.21.0.dist-info"], None, "2.21.0", id="tf_keras-alone"),
        pytest.param(
            ["keras-3.11.3.dist-info", "tf_keras-2.19.0.dist-info"], "1", "2.19.0", id="legacy"
        ),
        pytest.param(
            ["keras-3.11.3.dist-info", "tf_keras-2.19.0.dist-info"],
            "yes",
            "3.11.3",
            id="not-legacy",
        ),
        pytest.param(["keras-3.11.3.dist-info"], "1", "3.11.3", id="legacy-without-tf_keras"),
        pytest.param(["keras_nightly-3.16.0.dev1.dist-info"], None, "3.16.0.dev1", id="nightly"),
        pytest.param(["keras_hub-0.2.dist-info", "keras"], None, None, id="none"),
        pytest.param(["keras-dev.dist-info"], None, None, id="no-release"),
        pytest.param(
            ["keras-0.3.3.dist-info", "tf_keras-2.19.0.dist-info"],
            None,
            "2.19.0",
            id="a-usable-one",
        ),
    ],
)
def test_release(tmp_path, entries, legacy, expected):
    env = {"VIRTUAL_ENV": site(tmp_path, "venv", *entries)}
    if legacy is not None:
        env["TF_USE_LEGACY_KERAS"] = legacy
    this = world(env)
    assert keras_release(this, active_environment(this)) == expected


def test_a_virtual_environment_stands_above_conda_and_both_above_kcfgs_own(tmp_path):
    venv = site(tmp_path, "venv", "keras-3.0.0.dist-info")
    conda = site(tmp_path, "conda", "keras-2.3.1.dist-info")
    own = site(tmp_path, "own", "keras-1.2.2.dist-info") / "lib/python3.12/site-packages"

    def found(**env):
        this = world(env, [own])
        return keras_release(this, active_environment(this))

    assert found(VIRTUAL_ENV=venv, CONDA_PREFIX=conda) == "3.0.0"
    assert found(CONDA_PREFIX=conda) == "2.3.1"
    assert found(VIRTUAL_ENV=tmp_path / "missing", CONDA_PREFIX="") == "1.2.2"


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        pytest.param("json", True, id="standard-library"),
        pytest.param("json.decoder", True, id="its-submodule"),
        pytest.param("json.nope", False, id="not-its-submodule"),
        pytest.param("os.path", True, id="os.path"),
        pytest.param("sys", True, id="built-in"),
        pytest.param("sys.x", False, id="nothing-below-built-in"),
        pytest.param("plaidml.keras.backend", True, id="package"),
        pytest.param("plaidml.keras.other", False, id="not-in-the-package"),
        pytest.param("single", True, id="module"),
        pytest.param("jax", False, id="missing"),
        pytest.param("json.", False, id="nothing-behind-the-point"),
        pytest.param("plaidml/keras", False, id="a-path"),
        pytest.param("winreg", sys.platform == "win32", id="another-system's"),
    ],
)
def test_importable(tmp_path, module, expected):
    folder = site(tmp_path, "venv", "plaidml/keras") / "lib/python3.12/site-packages"
    (folder / "plaidml/keras/backend.py").touch()
    (folder / "single.py").touch()
    this = world({"VIRTUAL_ENV": tmp_path / "venv"})
    assert importable(this, active_environment(this), module) is expected


def test_the_real_environment_is_found():
    this = real_world().replace(env={})
    environment = active_environment(this)
    assert environment.distributions["pytest"]
    assert any(directory in sys.path for directory in environment.directories)
