"""`kcfg run` as it is called: values judged, keras.json made, COMMAND started, text printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.runs import ROOT, Place, tree

DRIVER = """
import json, sys
from kcfg.cli.boundary import guard
from kcfg.cli.run import run
sys.exit(guard(lambda: run(**json.loads(sys.argv[1])), process=True))
"""
SEES = 'cat "$KERAS_HOME/keras.json"; echo; echo "${KERAS_BACKEND-none} ${KERAS_NNX_ENABLED-none}"'


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    for name in ("KERAS_BACKEND", "KERAS_NNX_ENABLED", "XDG_CACHE_HOME", "GITHUB_ENV"):
        made.environ.pop(name, None)
    return made


def kcfg_run(place: Place, *values: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    given = {"values": values, "command": options.pop("command", []), "keras": "3.15", **options}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(given)],
        env=place.environ,
        cwd=place.root,
        capture_output=True,
        timeout=60,
    )
    place.wait_until_clean()
    return done


class TestCommand:
    def test_sees_values_and_everything_else_as_configured(self, place):
        before = tree(place.root)
        done = kcfg_run(place, "floatx=float16", "epsilon=1e-3", command=["sh", "-c", SEES])
        assert done.stdout.decode() == (
            '{"floatx": "float16", "mine": 1, "epsilon": 0.001}\nnone none\n'
        )
        assert done.stderr == b""
        assert tree(place.root) == before

    def test_backend_goes_by_its_variable(self, place):
        command = ["sh", "-c", 'echo "$KERAS_BACKEND ${KERAS_HOME-none}"']
        assert kcfg_run(place, "backend=jax", command=command).stdout == b"jax none\n"

    def test_so_does_nnx_enabled(self, place):
        place.environ["KERAS_NNX_ENABLED"] = "1"
        command = ["sh", "-c", 'echo "$KERAS_NNX_ENABLED ${KERAS_HOME-none}"']
        assert kcfg_run(place, "nnx_enabled=false", command=command).stdout == b"false none\n"

    def test_old_name_of_the_layout(self, place):
        done = kcfg_run(place, "image_dim_ordering=th", command=["sh", "-c", SEES])
        assert b'"image_data_format": "channels_first"' in done.stdout

    def test_no_file_yet(self, place):
        (place.real / "keras.json").unlink()
        before = tree(place.root)
        done = kcfg_run(place, "floatx=float64", command=["sh", "-c", SEES])
        assert json.loads(done.stdout.rpartition(b"none none")[0]) == {"floatx": "float64"}
        assert tree(place.root) == before

    def test_keras_home_of_the_caller(self, place):
        other = place.root / "project"
        other.mkdir()
        (other / "keras.json").write_text('{"epsilon": 0.5}')
        place.environ["KERAS_HOME"] = "project"
        done = kcfg_run(place, "floatx=float16", command=["sh", "-c", SEES])
        assert done.stdout.startswith(b'{"epsilon": 0.5, "floatx": "float16"}')

    def test_keras_home_given(self, place):
        """For a COMMAND it stays as it is."""
        other = place.root / "project"
        other.mkdir()
        (other / "keras.json").write_text('{"epsilon": 0.5}')
        before = tree(place.root)
        done = kcfg_run(place, "floatx=float16", keras_home="project", command=["sh", "-c", SEES])
        assert done.stdout.startswith(b'{"epsilon": 0.5, "floatx": "float16"}')
        command = ["sh", "-c", 'echo "$KERAS_HOME"']
        done = kcfg_run(place, keras_home="project", command=command)
        assert done.stdout == bytes(other) + b"\n"
        assert tree(place.root) == before

    def test_file_given(self, place):
        """That file's values, and the keras directory's datasets."""
        (place.root / "half.json").write_text('{"floatx": "float16"}')
        command = ["sh", "-c", 'cat "$KERAS_HOME/keras.json" "$KERAS_HOME/datasets/mnist.npz"']
        done = kcfg_run(place, file="half.json", command=command)
        assert done.stdout == b'{"floatx": "float16"}cached'

    def test_text_that_keras_ignores(self, place):
        """COMMAND is to see what it would see, and that is the defaults."""
        (place.real / "keras.json").write_text('{"floatx": "float64",}')
        done = kcfg_run(place, "epsilon=1e-3", command=["sh", "-c", SEES])
        assert json.loads(done.stdout.split(b"none")[0]) == {"epsilon": 0.001}
        assert b"ignores it" in done.stderr

    def test_status(self, place):
        for values in ([], ["floatx=float16"]):
            assert kcfg_run(place, *values, command=["sh", "-c", "exit 3"]).returncode == 3
            done = kcfg_run(place, *values, command=["no-such-command"])
            assert done.returncode == 127
            assert done.stderr == b"kcfg: no-such-command: command not found\n"

    def test_without_values_nothing_is_looked_at(self, place):
        (place.real / "keras.json").unlink()
        os.mkfifo(place.real / "keras.json")
        assert kcfg_run(place, command=["echo", "ran"]).stdout == b"ran\n"


class TestRefused:
    @pytest.mark.parametrize(
        ("values", "options", "words"),
        [
            pytest.param(["floatx=float8"], {}, b"float8", id="value"),
            pytest.param(["floatx=bfloat16"], {}, b"bfloat16", id="value of another place"),
            pytest.param(["backend=pytorch"], {}, b"did you mean torch", id="near miss"),
            pytest.param(["floatx=float33"], {}, b"did you mean float32?\n", id="no kcfg set"),
            pytest.param(["backend=theano"], {}, b"theano", id="backend of another release"),
            pytest.param(["floatxx=float16"], {}, b"did you mean floatx", id="key"),
            pytest.param(["epsilon=nan"], {}, b"epsilon", id="nan"),
            pytest.param(["floatx"], {}, b"-- floatx", id="no equals sign"),
            pytest.param(["floatx=float16", "floatx=float64"], {}, b"two values", id="twice"),
            pytest.param(["floatx=float16"], {"keras": "2.1.6"}, b"KERAS_HOME", id="old Keras"),
            pytest.param([], {"command": []}, b"no COMMAND", id="no command"),
            pytest.param([], {"print_": True}, b"no COMMAND is run", id="command and print"),
            pytest.param([], {"file": "missing"}, b"no such file", id="missing file"),
            pytest.param(
                [], {"keras_home": "", "command": ["x"]}, b"needs a directory", id="empty"
            ),
            pytest.param(
                [], {"keras_home": "x", "file": "y"}, b"exclude each other", id="two places"
            ),
            pytest.param(
                [], {"command": [], "print_": True, "github": True}, b"exclude", id="two forms"
            ),
        ],
    )
    def test_with_one_line_and_nothing_run(self, place, values, options, words):
        before = tree(place.root)
        done = kcfg_run(place, *values, **({"command": ["echo", "ran"]} | options))
        assert done.returncode == 2
        assert done.stdout == b""
        assert words in done.stderr
        assert done.stderr.count(b"\n") == 1
        assert tree(place.root) == before

    def test_a_file_that_ends_the_import(self, place):
        (place.real / "keras.json").write_text("[]")
        done = kcfg_run(place, "floatx=float16", command=["echo", "ran"])
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"AttributeError" in done.stderr


def shell_reads(place: Place, text: bytes) -> dict[str, str]:
    done = subprocess.run(
        ["sh", "-c", 'eval "$1"; env -0', "sh", text], env=place.environ, capture_output=True
    )
    pairs = (part.split("=", 1) for part in os.fsdecode(done.stdout).split("\0") if part)
    return {name: value for name, value in pairs if name.startswith("KERAS_")}


class TestPrint:
    def test_backend_alone_makes_nothing(self, place):
        before = tree(place.root)
        assert kcfg_run(place, "backend=jax", print_=True).stdout == b"export KERAS_BACKEND='jax'\n"
        assert tree(place.root) == before

    def test_values_have_a_lasting_place(self, place):
        done = kcfg_run(place, "floatx=float16", "backend=torch", print_=True)
        seen = shell_reads(place, done.stdout)
        assert seen["KERAS_BACKEND"] == "torch"
        home = Path(seen["KERAS_HOME"])
        assert home.is_relative_to(place.root / "home" / ".cache" / "kcfg")
        assert home.stat().st_mode & 0o777 == 0o700
        assert (home / "keras.json").read_text() == '{"floatx": "float16", "mine": 1}'
        assert (home / "datasets" / "mnist.npz").read_bytes() == b"cached"
        (home / "models" / "new").write_text("x")
        assert (place.real / "models" / "new").exists()

    def test_the_same_again(self, place):
        first = kcfg_run(place, "floatx=float16", "epsilon=1e-3", print_=True)
        before = tree(place.root)
        again = kcfg_run(place, "epsilon=0.001", "floatx=float16", print_=True)
        assert again.stdout == first.stdout
        assert tree(place.root) == before
        assert kcfg_run(place, "floatx=float64", print_=True).stdout != first.stdout

    def test_follows_what_the_real_directory_becomes(self, place):
        (place.real / "old").mkdir()
        first = kcfg_run(place, "floatx=float16", print_=True)
        (place.real / "keras.json").write_text('{"epsilon": 0.25}')
        (place.real / "old").rmdir()
        (place.real / "new").mkdir()
        again = kcfg_run(place, "floatx=float16", print_=True)
        assert again.stdout == first.stdout
        home = Path(shell_reads(place, again.stdout)["KERAS_HOME"])
        assert (home / "keras.json").read_text() == '{"epsilon": 0.25, "floatx": "float16"}'
        assert sorted(os.listdir(home)) == ["datasets", "keras.json", "models", "new"]

    def test_no_downloads_yet(self, place):
        """What a later process downloads must land in the real directory."""
        (place.real / "models").rmdir()
        done = kcfg_run(place, "floatx=float16", print_=True)
        home = Path(shell_reads(place, done.stdout)["KERAS_HOME"])
        os.makedirs(home / "models" / "x", exist_ok=True)
        assert (place.real / "models" / "x").is_dir()

    def test_cache_elsewhere(self, place):
        place.environ["XDG_CACHE_HOME"] = str(place.root / "a 'b'\n")
        done = kcfg_run(place, "floatx=float16", print_=True)
        home = shell_reads(place, done.stdout)["KERAS_HOME"]
        assert home.startswith(str(place.root / "a 'b'\n" / "kcfg"))

    def test_into_a_named_directory(self, place):
        before = tree(place.real)
        done = kcfg_run(place, "floatx=float16", keras_home="project", print_=True)
        project = place.root / "project"
        assert shell_reads(place, done.stdout) == {"KERAS_HOME": str(project)}
        assert json.loads((project / "keras.json").read_text()) == {"floatx": "float16"}
        kcfg_run(place, "epsilon=1e-3", keras_home="project", print_=True)
        held = json.loads((project / "keras.json").read_text())
        assert held == {"floatx": "float16", "epsilon": 0.001}
        assert os.listdir(project) == ["keras.json"]
        assert tree(place.real) == before

    def test_a_broken_file_there_is_not_overwritten(self, place):
        project = place.root / "project"
        project.mkdir()
        (project / "keras.json").write_text('{"floatx": ')
        before = tree(place.root)
        done = kcfg_run(place, "floatx=float16", keras_home="project", print_=True)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"nothing was written" in done.stderr
        assert tree(place.root) == before

    def test_old_keras(self, place):
        done = kcfg_run(place, "backend=theano", keras="1.2", print_=True)
        assert done.stdout == b"export KERAS_BACKEND='theano'\n"
        done = kcfg_run(place, keras="1.2", keras_home="project", print_=True)
        assert done.returncode == 2

    def test_tf_keras_has_one_backend(self, place):
        done = kcfg_run(place, "backend=tensorflow", keras="2.15", print_=True)
        assert (done.returncode, done.stdout) == (0, b"")


class TestGithub:
    def test_appends(self, place):
        place.environ["GITHUB_ENV"] = str(place.root / "env")
        (place.root / "env").write_text("BEFORE=1")  # without its line break
        done = kcfg_run(place, "backend=jax", "floatx=float16", github=True)
        assert (done.returncode, done.stdout) == (0, b"")
        lines = (place.root / "env").read_text().splitlines()
        assert lines[0] == "BEFORE=1"
        name, mark = lines[1].split("<<")
        assert (name, lines[2], lines[3]) == ("KERAS_BACKEND", "jax", mark)
        assert lines[4].startswith("KERAS_HOME<<")
        assert b"KERAS_BACKEND=jax" in done.stderr

    def test_elsewhere(self, place):
        done = kcfg_run(place, "backend=jax", github=True)
        assert done.returncode == 2
        assert b"--print" in done.stderr

    def test_full_disk(self, place):
        place.environ["GITHUB_ENV"] = "/dev/full"
        done = kcfg_run(place, "backend=jax", github=True)
        assert done.returncode == 2
        assert b"/dev/full: cannot append" in done.stderr


def test_the_rooms_below_print_nothing():
    """And load nothing heavy: the quick way to COMMAND needs neither pydantic nor Typer."""
    code = (
        "import sys, kcfg.launch.plan, kcfg.launch.posix\n"
        "print([n for n in ('typer', 'pydantic', 'rich', 'numpy', 'typing', 'subprocess',"
        " 'tempfile', 'shutil') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True
    )
    assert done.stdout == b"[]\n", done.stderr
