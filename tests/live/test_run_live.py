"""`kcfg run` judged by real Keras: does `import keras` hold the values, and where do downloads go?

Which Python has it is told by two variables; nothing is installed here, and no network is used.

KCFG_KERAS3_PYTHON  one where Keras 3 imports with its numpy backend (from 3.6 on that wants jax,
                    too); by default the Python that runs the tests
KCFG_KERAS2_PYTHON  one with keras==2.3.1 and theano==1.0.5: Python 3.7, or a newer one, up to 3.11
                    tried with numpy 2.4.6. There only `collections.Iterable` is missing, which
                    Python 3.10 took away, and Theano's C code is switched off
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_run import DRIVER
from tests.support.runs import Place, tree

pytestmark = [pytest.mark.live, pytest.mark.slow]

ASK = """
import collections, collections.abc, json, sys
collections.Iterable = collections.abc.Iterable
import keras
api = getattr(keras, "config", keras.backend)
print(json.dumps([keras.__version__, api.floatx(), api.epsilon(), api.image_data_format(),
                  keras.backend.backend()]))
"""
DOWNLOAD = """
import collections, collections.abc, sys
collections.Iterable = collections.abc.Iterable
import keras
print(keras.utils.get_file("new.npz", origin=sys.argv[1], cache_subdir=sys.argv[2]))
"""


class Real:
    """A real Keras, and the user's place that it is run in."""

    def __init__(self, python: str, backend: str, major: int, place: Place) -> None:
        self.python = python
        self.place = place
        self.backend = backend
        self.release = "2.3.1" if major == 2 else "3.15"
        configured = {"floatx": "float64", "epsilon": 0.5, "backend": backend}
        (place.real / "keras.json").write_text(json.dumps(configured))
        for name in ("KERAS_BACKEND", "KERAS_HOME", "KERAS_NNX_ENABLED"):
            place.environ.pop(name, None)
        compiled = f"base_compiledir={place.root}/theano"
        place.environ["THEANO_FLAGS"] = f"cxx=,{compiled}"

    def start(self, *values: str, code: str = ASK, arguments: tuple[str, ...] = ()):
        command = [self.python, "-W", "ignore", "-c", code, *arguments]
        given = {"values": values, "command": command, "keras": self.release}
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, json.dumps(given)],
            env=self.place.environ,
            cwd=self.place.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *values: str, code: str = ASK, arguments: tuple[str, ...] = ()) -> str:
        with self.start(*values, code=code, arguments=arguments) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err.decode()
        self.place.wait_until_clean()
        return out.decode().splitlines()[-1]


def imports(python: str, backend: str, home: Path) -> str | None:
    """Why this Python can't be used; None where it can."""
    environ = {**os.environ, "KERAS_BACKEND": backend, "KERAS_HOME": str(home)}
    environ |= {"HOME": str(home), "THEANO_FLAGS": f"cxx=,base_compiledir={home}"}
    done = subprocess.run([python, "-W", "ignore", "-c", ASK], env=environ, capture_output=True)
    return done.stderr.decode().strip().splitlines()[-1] if done.returncode else None


@pytest.fixture(scope="module", params=[3, 2], ids=["keras3", "keras2"])
def interpreter(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, str, int]:
    major = request.param
    python = os.environ.get(f"KCFG_KERAS{major}_PYTHON")
    backend = "theano" if major == 2 else "numpy"
    if python is None and major == 2:
        pytest.skip("KCFG_KERAS2_PYTHON names no Python with keras==2.3.1 and theano==1.0.5")
    python = python or sys.executable
    why = imports(python, backend, tmp_path_factory.mktemp("probe"))
    if why is not None:
        pytest.skip(f"{python} does not import Keras {major} with its {backend} backend: {why}")
    return python, backend, major


@pytest.fixture
def real(interpreter: tuple[str, str, int], tmp_path: Path) -> Real:
    return Real(*interpreter, Place(tmp_path))


def test_values_are_in_force(real):
    before = tree(real.place.root / "home")
    version, *held = json.loads(real.run("floatx=float16", "epsilon=1e-3"))
    assert version.startswith(real.release)
    assert held == ["float16", 0.001, "channels_last", real.backend]
    assert json.loads(real.run())[1:] == ["float64", 0.5, "channels_last", real.backend]
    assert tree(real.place.root / "home") == before


def test_layout_and_backend(real):
    (real.place.real / "keras.json").write_text('{"backend": "tensorflow"}')
    held = json.loads(real.run("image_data_format=channels_first", f"backend={real.backend}"))
    assert held[1:] == ["float32", 1e-7, "channels_first", real.backend]


def test_downloads_land_in_the_real_directory(real):
    """Also into what isn't there yet, and where the file was cached it is taken from there."""
    origin = real.place.root / "origin"
    origin.write_bytes(b"data")
    (real.place.real / "models").rmdir()
    for subdirectory in ("datasets", "models", "mine"):
        arguments = (origin.as_uri(), subdirectory)
        real.run("floatx=float16", code=DOWNLOAD, arguments=arguments)
        assert (real.place.real / subdirectory / "new.npz").read_bytes() == b"data"
    origin.unlink()
    real.run("floatx=float16", code=DOWNLOAD, arguments=(origin.as_uri(), "datasets"))


def test_no_keras_directory_at_all(real):
    """Keras's own first import would write one; this one must not."""
    for path in sorted(real.place.real.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    real.place.real.rmdir()
    held = json.loads(real.run("floatx=float16", f"backend={real.backend}"))
    assert held[1:] == ["float16", 1e-7, "channels_last", real.backend]
    assert not real.place.real.exists()


def test_many_at_once(real):
    before = tree(real.place.root / "home")
    epsilons = [n / 100 for n in range(1, 11)]
    processes = [real.start(f"epsilon={epsilon}") for epsilon in epsilons]
    for process, epsilon in zip(processes, epsilons, strict=True):
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err.decode()
        assert json.loads(out.decode().splitlines()[-1])[2] == epsilon
    real.place.wait_until_clean(20)
    assert tree(real.place.root / "home") == before
