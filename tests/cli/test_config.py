"""The configuration commands, run as a user runs them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from tests.support.home import command
from tests.support.probes import needs
from tests.support.terminal import on_a_terminal

DEFAULTS = (
    "floatx\tfloat32\tdefault\t-\n"
    "epsilon\t1e-07\tdefault\t-\n"
    "backend\ttensorflow\tdefault\t-\n"
    "image_data_format\tchannels_last\tdefault\t-\n"
    "nnx_enabled\tfalse\tdefault\t-\n"
)
FILE = '{\n    "floatx": "float16",\n    "backend": "jax"\n}'


class TestShow:
    def test_defaults_where_there_is_no_file(self, home):
        ran = home.kcfg("show", status=0)
        assert ran.stdout == DEFAULTS
        assert not home.keras_json.parent.exists()

    def test_each_value_with_its_place(self, home):
        path = home.write(FILE)
        ran = home.kcfg("show", env={"KERAS_BACKEND": "torch"}, status=0)
        rows = [line.split("\t") for line in ran.stdout.splitlines()]
        assert rows[0] == ["floatx", "float16", "file", f"{path}:2:15"]
        assert rows[2] == ["backend", "torch", "env", "KERAS_BACKEND"]
        assert rows[3] == ["image_data_format", "channels_last", "default", "-"]

    def test_json(self, home):
        path = home.write('{"epsilon": NaN, "backend": "jax"}')
        shown = json.loads(home.kcfg("show", "--json", status=0).stdout)
        assert shown["keras"] == "3.15.1"
        assert shown["keras_from"] == "assumed"
        assert shown["path"] == str(path)
        assert shown["exists"] is True
        assert shown["values"]["epsilon"] == {
            "value": "nan",
            "source": "file",
            "origin": f"{path}:1:13",
            "file_value": "nan",
        }
        assert shown["fails"] is None

    @pytest.mark.parametrize("version", ["0.3.3", "dev", "3.x", "9" * 100])
    def test_an_installed_version_that_no_keras_has_does_not_judge(self, home, version):
        home.install(f"keras-{version}", "tf_keras-main")
        shown = json.loads(home.kcfg("show", "--json", status=0).stdout)
        assert (shown["keras"], shown["keras_from"]) == ("3.15.1", "assumed")

    @pytest.mark.parametrize("command", [["show"], ["get", "floatx"], ["path"], ["check"]])
    def test_an_empty_path_is_refused(self, home, command):
        ran = home.kcfg(*command, "--file", "", status=2)
        assert ran.stderr == "kcfg: --file: the path is empty; name a keras.json\n"

    @pytest.mark.parametrize("arguments", [["show"], ["path", "--explain"]])
    def test_a_narrow_terminal_neither_wraps_nor_cuts(self, home, arguments):
        folder = home.cwd / ("a long name " * 9).strip()
        folder.mkdir()
        (folder / "keras.json").write_text('{"floatx": "float16", "epsilon": 1e-3}')
        variables = {"KERAS_HOME": str(folder), "KERAS_BACKEND": "jax" * 40}
        seen = on_a_terminal(home, *arguments, env=variables, columns=40)
        assert f"{folder}/keras.json" in seen
        if arguments == ["show"]:
            assert f"{folder}/keras.json:1:12" in seen
            assert "jax" * 40 in seen

    def test_the_installed_release_judges(self, home):
        home.install("Keras-2.3.1")
        shown = json.loads(home.kcfg("show", "--json", status=0).stdout)
        assert (shown["keras"], shown["keras_from"]) == ("2.3.1", "installed")
        shown = json.loads(home.kcfg("show", "--json", "--keras", "1.2", status=0).stdout)
        assert (shown["keras"], shown["keras_from"]) == ("1.2.2", "option")
        assert "image_dim_ordering" in shown["values"]

    def test_what_import_would_raise(self, home):
        home.write('{"backend": "theano"}')
        ran = home.kcfg("show", status=1)
        assert "backend\ttheano\tfile" in ran.stdout
        assert "would raise ValueError: Unable to import backend : theano" in ran.stderr
        told = home.kcfg("show", "--keras", "2.3.1", status=0).stderr
        assert "would raise ValueError" not in told
        assert "note[backend-not-installed]" in told

    def test_control_characters_are_escaped(self, home):
        home.write('{"backend": "\\u001b[31mjax\\n\\u202e"}')
        ran = home.kcfg("show", status=1)
        assert "backend\t\\x1b[31mjax\\n\\u202e\tfile" in ran.stdout
        assert "\x1b" not in ran.stdout + ran.stderr

    def test_a_table_on_a_terminal(self, home):
        home.write(FILE)
        text = on_a_terminal(home, "show", env={"KERAS_BACKEND": "torch"})
        head = f"Keras 3.15.1 (assumed: none is installed in {home.environment})"
        assert [line.rstrip() for line in plain(text).splitlines()[:2]] == [
            head,
            str(home.keras_json),
        ]
        assert "jax in the file" in text
        assert str(home.keras_json) + ":2:15" in text

    @pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
    def test_no_colour_where_none_is_wanted(self, home, env):
        home.write(FILE)
        text = on_a_terminal(home, "show", env=env)
        for colour in ("\x1b[3", "\x1b[1;3"):
            assert colour not in text

    @pytest.mark.parametrize("name", ["FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"])
    def test_nothing_forces_colour_into_a_pipe(self, home, name):
        assert home.kcfg("show", env={name: "1"}, status=0).stdout == DEFAULTS


class TestGet:
    @pytest.mark.parametrize(
        ("text", "key", "keras", "printed"),
        [
            pytest.param("{}", "floatx", "3.15", "float32", id="default"),
            pytest.param('{"floatx": "float64"}', "floatx", "3.15", "float64", id="file"),
            pytest.param('{"epsilon": 1e-5}', "epsilon", "3.15", "1e-05", id="epsilon"),
            pytest.param("{}", "nnx_enabled", "3.15", "false", id="nnx"),
            pytest.param(
                '{"image_data_format": "channels_first"}',
                *("image_dim_ordering", "2.3.1", "th"),
                id="old-name",
            ),
            pytest.param('{"image_dim_ordering": "th"}', "image_dim_ordering", "1.2", "th", id="1"),
        ],
    )
    def test_one_value_alone(self, home, text, key, keras, printed):
        home.write(text)
        ran = home.kcfg("get", key, "--keras", keras, status=0)
        assert (ran.stdout, ran.stderr) == (printed + "\n", "")

    def test_an_ignored_file_gives_the_default_and_says_so(self, home):
        home.write('{"floatx": "float16",}')
        ran = home.kcfg("get", "floatx", status=0)
        assert ran.stdout == "float32\n"
        assert str(home.keras_json) in ran.stderr
        assert "ignores it" in ran.stderr

    def test_a_release_that_raises_on_such_a_file(self, home):
        home.write('{"floatx": "float16",}')
        ran = home.kcfg("get", "floatx", "--keras", "1.2.2", status=1)
        assert ran.stdout == ""
        assert "JSONDecodeError" in ran.stderr

    def test_a_value_that_could_not_be_resolved(self, home):
        home.write('{"floatx": "float8"}')
        ran = home.kcfg("get", "epsilon", status=1)
        assert ran.stdout == ""
        assert "Received: floatx=float8" in ran.stderr

    @pytest.mark.parametrize(
        ("key", "keras", "hint"),
        [
            pytest.param("flotx", "3.15", "did you mean floatx?", id="slip"),
            pytest.param("image_data_format", "1.2", "image_dim_ordering", id="other-generation"),
            pytest.param("nnx_enabled", "3.10", "from 3.11.0 on", id="not-yet"),
        ],
    )
    def test_no_such_key(self, home, key, keras, hint):
        ran = home.kcfg("get", key, "--keras", keras, status=2)
        assert ran.stdout == ""
        assert hint in ran.stderr
        assert ran.stderr.count("\n") == 1

    def test_json(self, home):
        home.write('{"floatx": "float16"}')
        got = json.loads(home.kcfg("get", "floatx", "--json", status=0).stdout)
        assert got["key"] == "floatx"
        assert got["value"] == got["file_value"] == "float16"
        assert got["source"] == "file"
        assert got["fails"] is None


class TestPath:
    def test_alone(self, home):
        assert home.kcfg("path", status=0).stdout == f"{home.keras_json}\n"

    def test_exact_bytes_in_a_pipe(self, home):
        odd = os.fsdecode(b"\xff\x1b\n")
        ran = subprocess.run(
            command("path"),
            env=home.env({"KERAS_HOME": "/" + odd}),
            capture_output=True,
            check=True,
        )
        assert ran.stdout == b"/\xff\x1b\n/keras.json\n"
        shown = json.loads(home.kcfg("path", "--json", env={"KERAS_HOME": "/" + odd}).stdout)
        assert os.fsencode(shown["path"]) == b"/\xff\x1b\n/keras.json"

    def test_explain(self, home):
        ran = home.kcfg("path", "--explain", env={"KERAS_HOME": ""}, status=0)
        rows = [line.split("\t") for line in ran.stdout.splitlines()]
        assert [(row[0], row[2]) for row in rows] == [
            ("KERAS_HOME", "chosen"),
            ("home", "rejected"),
            ("fallback", "rejected"),
        ]
        assert rows[0][1] == str(home.cwd / "keras.json")
        assert "empty" in rows[0][3]

    def test_explain_on_a_terminal(self, home):
        text = on_a_terminal(home, "path", "--explain")
        assert "the home directory is writable" in text
        assert "rejected" in text

    @pytest.mark.parametrize("columns", [50, 80])
    def test_a_narrow_terminal_loses_nothing(self, home, columns):
        home.write('{"floatx": "float16"}')
        told = on_a_terminal(home, "path", "--explain", columns=columns)
        assert {"KERAS_HOME", "chosen", "rejected", "fallback", "writable"} <= words(told)
        told = on_a_terminal(home, "show", columns=columns)
        assert {"image_data_format", "nnx_enabled", "float16", "Keras's"} <= words(told)


def words(screen):
    """What stands between blanks and colours."""
    return set(re.sub(r"\x1b\[[0-9;]*m", " ", screen).split())


class TestSet:
    def test_a_new_file(self, home):
        ran = home.kcfg("set", "floatx", "float16", status=0)
        assert home.keras_json.read_text() == '{\n    "floatx": "float16"\n}\n'
        assert ran.stderr == "floatx: float32 -> float16\n"
        assert ran.stdout == ""

    def test_only_the_values_characters_change(self, home):
        home.write(b'{ "a":[1 , 2],\r\n\t"floatx" :"float16", "epsilon":1E-5}\r\n\r\n')
        home.kcfg("set", "floatx", "float64", "epsilon=1", status=0)
        assert home.keras_json.read_bytes() == (
            b'{ "a":[1 , 2],\r\n\t"floatx" :"float64", "epsilon":1.0}\r\n\r\n'
        )

    def test_nothing_is_written_where_nothing_changes(self, home):
        path = home.write('{"floatx": "float16"}')
        os.utime(path, ns=(1, 1))
        ran = home.kcfg("set", "floatx", "float16", status=0)
        assert path.stat().st_mtime_ns == 1
        assert ran.stderr == "floatx: float16 (unchanged)\n"

    def test_dry_run_prints_a_diff_and_writes_nothing(self, home):
        path = home.write(FILE)
        ran = home.kcfg("set", "-n", "backend", "torch", status=0)
        assert path.read_text() == FILE
        assert '-    "backend": "jax"\n' in ran.stdout
        assert '+    "backend": "torch"\n' in ran.stdout

    @needs(shutil.which("patch") is not None, "patch")
    @pytest.mark.parametrize("name", ["keras.json", "my keras.json"])
    @pytest.mark.parametrize(
        "before",
        [
            pytest.param(FILE.encode(), id="no-newline-at-the-end"),
            pytest.param(
                '{"a": "\u2028\x85",\r\n"floatx": 1\r}\r\n'.encode(), id="other-line-ends"
            ),
            pytest.param(b'{"floatx": "\xe9"}\n', id="not-utf-8"),
            pytest.param('{"floatx": 1}\n'.encode("utf-16"), id="utf-16"),
            pytest.param(None, id="no-file"),
        ],
    )
    def test_patch_takes_the_diff_of_a_dry_run(self, home, name, before):
        path = home.cwd / name
        if before is not None:
            path.write_bytes(before)
        arguments = ["set", "floatx", "float16", "--force", "-f", name]
        ran = subprocess.run(
            command(*arguments, "-n"), cwd=home.cwd, capture_output=True, check=True,
            env=home.env({"PYTHONIOENCODING": "ascii"}),
        )  # fmt: skip
        patch = ["patch", "-p0", "-d/", "--binary"]
        subprocess.run(patch, input=ran.stdout, check=True, stdout=subprocess.DEVNULL)
        patched = path.read_bytes()
        path.unlink()
        if before is not None:
            path.write_bytes(before)
        home.kcfg(*arguments, status=0)
        assert patched == path.read_bytes()

    @needs(shutil.which("patch") is not None, "patch")
    def test_patch_takes_the_diff_of_a_file_behind_a_link(self, home):
        home.keras_json.parent.mkdir()
        home.keras_json.symlink_to("real.json")
        real = home.keras_json.with_name("real.json")
        for before in (None, FILE):
            if before is not None:
                real.write_text(before)
            ran = home.kcfg("set", "floatx", "float16", "-n", status=0)
            patch = ["patch", "-p0", "-d/"]
            subprocess.run(patch, input=ran.stdout.encode(), check=True, capture_output=True)
            assert json.loads(real.read_text())["floatx"] == "float16"
        assert home.keras_json.is_symlink()

    def test_no_byte_of_a_diff_steers_the_terminal(self, home):
        home.write(b'{"floatx": "\x1b[31m\xe9"}\n')
        seen = on_a_terminal(home, "set", "floatx", "float16", "-n", "--force")
        assert "\x1b[31m" not in seen
        assert r'-{"floatx": "\x1b[31m\udce9"}' in seen

    def test_a_working_directory_that_is_gone(self, home):
        path = home.write(FILE)
        script = 'rmdir "$PWD"; exec "$@"'
        write = ("set", "floatx", "float64")
        for arguments, file, status in (
            (("check",), "keras.json", 0),
            (write, str(path), 0),
            (write, "keras.json", 2),
        ):
            home.cwd.mkdir(exist_ok=True)
            ran = subprocess.run(
                ["sh", "-c", script, "sh", *command(*arguments, "-f", file)],
                cwd=home.cwd, env=home.env(), capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert ran.returncode == status, ran.stderr
        assert json.loads(path.read_text())["floatx"] == "float64"
        assert "the working directory is gone" in ran.stderr
        assert ran.stderr.count("\n") == 1

    def test_a_value_with_which_keras_would_fail_is_told(self, home):
        ran = home.kcfg("set", "nnx_enabled", "true", status=0)
        assert json.loads(home.keras_json.read_text()) == {"nnx_enabled": True}
        assert "would raise ImportError: To use NNX" in ran.stderr

    def test_a_backend_that_is_not_installed_beside_that_keras_is_told(self, home):
        home.install("keras-3.15.1", "jax-0.10.2")
        ran = home.kcfg("set", "backend", "torch", status=0)
        assert f"{home.keras_json}:2:16: warning[backend-not-installed]" in ran.stderr
        assert "kcfg set backend jax\n" in ran.stderr
        assert "warning" not in home.kcfg("set", "backend", "jax", status=0).stderr
        shadowed = home.kcfg(
            "set", "backend", "torch", env={"KERAS_BACKEND": "tensorflow"}, status=0
        )
        assert "backend-not-installed" not in shadowed.stderr

    def test_messages_name_the_file_that_was_named(self, home):
        (home.cwd / "mine.json").write_text("{broken")
        path = home.cwd / "mine.json"
        ran = home.kcfg("set", "-f", "mine.json", "floatx", "float16", status=2)
        assert f"(kcfg check --fix -f {path})" in ran.stderr
        assert "keep this one as mine.json.bak" in ran.stderr
        ran = home.kcfg("set", "floatx", "float33", "-f", "mine.json", "--keras", "3", status=2)
        assert f"? kcfg set --keras 3.15.1 -f {path} floatx float32\n" in ran.stderr
        ran = home.kcfg("get", "floatx", "-f", "mine.json", status=0)
        assert f"see kcfg check -f {path}\n" in ran.stderr

    def test_a_variable_that_will_win_is_told(self, home):
        ran = home.kcfg("set", "backend", "jax", env={"KERAS_BACKEND": "torch"}, status=0)
        assert json.loads(home.keras_json.read_text()) == {"backend": "jax"}
        assert "KERAS_BACKEND=torch is set: Keras will not see this" in ran.stderr

    def test_the_old_name_of_the_image_format(self, home):
        home.kcfg("set", "image_dim_ordering", "th", status=0)
        assert json.loads(home.keras_json.read_text()) == {"image_data_format": "channels_first"}
        home.kcfg("set", "image_dim_ordering", "tf", "--keras", "1.2", status=0)
        assert json.loads(home.keras_json.read_text())["image_dim_ordering"] == "tf"

    def test_upper_case_formats_are_written_lower(self, home):
        home.kcfg("set", "image_data_format", "CHANNELS_FIRST", status=0)
        assert json.loads(home.keras_json.read_text()) == {"image_data_format": "channels_first"}

    @pytest.mark.parametrize(
        ("arguments", "hint"),
        [
            pytest.param(["floatx", "bfloat16"], "keras.config.set_floatx", id="only-in-code"),
            pytest.param(["floatx", "FP16"], "did you mean float16?", id="slip"),
            pytest.param(["backend", "pytorch"], "kcfg set backend torch", id="pytorch"),
            pytest.param(["backend", "theano"], "to before 2.4.3", id="removed"),
            pytest.param(["backend", "plaidml"], "--force", id="unknown-backend"),
            pytest.param(["epsilon", "nan"], "finite", id="nan"),
            pytest.param(["epsilon", "--", "-1e-7"], "isn't negative", id="negative"),
            pytest.param(["-n", "epsilon", "-1"], "isn't negative", id="no-option"),
            pytest.param(["epsilon", "small"], "such as 1e-7", id="no-number"),
            pytest.param(["epsilon", "1_0"], "such as 1e-7", id="as-python-writes-it"),
            pytest.param(["epsilon=-0"], "isn't negative", id="minus-nothing"),
            pytest.param(["-f", "", "floatx", "float16"], "the path is empty", id="no-path"),
            pytest.param(["nnx_enabled", "maybe"], "true or false", id="no-truth"),
            pytest.param(["image_data_format", "NCHW"], "channels_first", id="nchw"),
            pytest.param(["image_dim_ordering", "channels_first"], "th", id="ordering"),
            pytest.param(["epsilom", "1e-3"], "did you mean epsilon?", id="unknown-key"),
            pytest.param(["floatx"], "kcfg set floatx VALUE", id="no-value"),
            pytest.param(["floatx=float16", "floatx=float32"], "two values", id="twice"),
        ],
    )
    def test_a_refused_value_changes_nothing(self, home, arguments, hint):
        path = home.write(FILE)
        ran = home.kcfg("set", *arguments, status=2)
        assert path.read_text() == FILE
        assert hint in ran.stderr
        assert ran.stderr.count("\n") == 1
        assert ran.stdout == ""

    def test_all_or_nothing(self, home):
        path = home.write(FILE)
        home.kcfg("set", "epsilon=1e-3", "floatx=float8", status=2)
        assert path.read_text() == FILE

    def test_a_file_that_cannot_be_parsed_needs_force(self, home):
        path = home.write('{"floatx": "float16",}')
        ran = home.kcfg("set", "floatx", "float32", status=2)
        assert f"{path}:1:21: " in ran.stderr
        assert path.read_text() == '{"floatx": "float16",}'
        ran = home.kcfg("set", "floatx", "float32", "--force", status=0)
        assert json.loads(path.read_text()) == {"floatx": "float32"}
        backup = path.with_name("keras.json.bak")
        assert backup.read_text() == '{"floatx": "float16",}'
        assert f"the original is kept as {backup}\n" in ran.stderr

    def test_an_unknown_backend_by_force(self, home):
        home.kcfg("set", "backend", "plaidml.keras.backend", "--keras", "2.3", "--force", status=0)
        assert json.loads(home.keras_json.read_text()) == {"backend": "plaidml.keras.backend"}

    def test_another_file(self, home):
        other = home.cwd / "other.json"
        home.kcfg("set", "-f", "other.json", "floatx", "float16", status=0)
        assert json.loads(other.read_text()) == {"floatx": "float16"}
        assert home.kcfg("get", "floatx", "-f", str(other), status=0).stdout == "float16\n"
        assert not home.keras_json.exists()

    def test_zero_is_written_with_a_warning(self, home):
        ran = home.kcfg("set", "epsilon", "0", status=0)
        assert home.keras_json.read_text() == '{\n    "epsilon": 0.0\n}\n'
        assert "warning" in ran.stderr


class TestUnset:
    def test_the_line_goes_and_the_rest_stays(self, home):
        home.write(FILE)
        ran = home.kcfg("unset", "floatx", status=0)
        assert home.keras_json.read_text() == '{\n    "backend": "jax"\n}'
        assert ran.stderr == "floatx: float16 -> float32\n"

    def test_a_key_that_is_not_there(self, home):
        path = home.write(FILE)
        ran = home.kcfg("unset", "epsilon", status=0)
        assert path.read_text() == FILE
        assert "epsilon: not in" in ran.stderr

    def test_a_key_that_keras_does_not_know_can_go(self, home):
        path = home.write('{"epsilom": 1, "floatx": "float16"}')
        home.kcfg("unset", "epsilom", status=0)
        assert path.read_text() == '{"floatx": "float16"}'
        assert "did you mean epsilon?" in home.kcfg("unset", "epsilom", status=2).stderr

    def test_each_key_is_told_once_and_of_ones_own_no_default(self, home):
        home.write('{"mine": 1, "floatx": "float16"}')
        ran = home.kcfg("unset", "floatx", "mine", "floatx", status=0)
        assert ran.stderr == (
            "floatx: float16 -> float32\nmine: 1 (removed; Keras does not read it)\n"
        )

    def test_without_a_file(self, home):
        home.kcfg("unset", "floatx", status=0)
        assert not home.keras_json.exists()


class TestInit:
    def test_what_keras_itself_would_write(self, home):
        home.kcfg("init", env={"KERAS_BACKEND": "jax"}, status=0)
        assert home.keras_json.read_text() == (
            '{\n    "floatx": "float32",\n    "epsilon": 1e-07,\n'
            '    "backend": "tensorflow",\n    "image_data_format": "channels_last"\n}'
        )

    def test_an_existing_file_stays(self, home):
        path = home.write(FILE)
        ran = home.kcfg("init", status=0)
        assert path.read_text() == FILE
        assert "stays as it is" in ran.stderr

    def test_force_puts_a_new_one_in_the_place_of_what_nobody_can_read(self, home):
        path = home.write("{broken")
        assert "stays as it is" in home.kcfg("init", status=0).stderr
        ran = home.kcfg("init", "--force", status=0)
        assert json.loads(path.read_text())["floatx"] == "float32"
        assert path.with_name("keras.json.bak").read_text() == "{broken"
        assert "keras.json.bak" in ran.stderr

    def test_a_dry_run_prints_the_diff_alone(self, home):
        ran = home.kcfg("init", "config", "-n", status=0)
        assert ran.stdout.startswith("--- /dev/null\n+++ ")
        assert "export" not in ran.stdout

    def test_a_directory_and_the_line_that_makes_keras_use_it(self, home):
        ran = home.kcfg("init", "my config", status=0)
        directory = home.cwd / "my config"
        assert ran.stdout == f"export KERAS_HOME='{directory}'\n"
        assert (directory / "keras.json").exists()
        shown = home.kcfg("path", env={"KERAS_HOME": str(directory)})
        assert shown.stdout == f"{directory}/keras.json\n"

    def test_not_with_a_file_as_well(self, home):
        assert "not both" in home.kcfg("init", "x", "-f", "y", status=2).stderr


def test_schema_is_valid_and_judges(home):
    from jsonschema import Draft202012Validator

    schema = json.loads(home.kcfg("schema", status=0).stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"floatx": "float16", "epsilon": 1e-3, "mine": [1]})
    for bad in ({"floatx": "bfloat16"}, {"epsilon": "1e-7"}, {"epsilon": -1.0}, {"backend": "tf"}):
        assert not validator.is_valid(bad)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for described in (schema, *schema["properties"].values()):
        assert re.fullmatch(r"[A-Z].*\.", described["description"])


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["set", "backend", "jax", "-f", "my files/keras.json", "--keras", "3.14"]),
        pytest.param(["check", "--fix", "my files/keras.json", "--keras", "3.14"]),
        pytest.param(["check", "--fix", "-f", "my files/keras.json", "--keras", "3.14"]),
    ],
)
def test_the_command_that_overrules_is_the_one_that_was_given(home, arguments):
    folder = home.cwd / "my files"
    folder.mkdir()
    path = folder / "keras.json"
    path.write_text('{"backend": "numpy",}' if "--fix" in arguments else "{}")
    folder.chmod(0o777)
    ran = home.kcfg(*arguments, status=2)
    advised = re.search("overrule with `(.*)`", ran.stderr).group(1)
    assert "--keras 3.14 " in advised
    before = path.read_text()
    subprocess.run(
        ["sh", "-c", advised.replace("kcfg", '"$@"', 1), "sh", *command()],
        cwd=home.cwd, env=home.env(), capture_output=True, check=True,
    )  # fmt: skip
    assert path.read_text() != before


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["frobnicate"], id="no-such-command"),
        pytest.param(["show", "--jsn"], id="no-such-option"),
        pytest.param(["get"], id="no-key"),
        pytest.param(["get", "floatx", "epsilon"], id="too-many"),
        pytest.param(["show", "--keras"], id="no-version"),
        pytest.param(["show", "--keras", "three"], id="no-release"),
        pytest.param(["show", "-f", "."], id="directory"),
    ],
)
def test_wrong_arguments_are_one_line_and_2(home, arguments):
    ran = home.kcfg(*arguments)
    if arguments == ["show", "-f", "."]:  # Keras, too, fails on a directory: the answer is no
        assert ran.returncode == 1
        assert "IsADirectoryError" in ran.stderr
        return
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr.startswith("kcfg: ")
    assert ran.stderr.count("\n") == 1


def test_a_release_that_is_not_known_yet_is_told(home):
    ran = home.kcfg("get", "floatx", "--keras", "3.99", status=0)
    assert ran.stdout == "float32\n"
    assert ran.stderr == (
        "kcfg: note: --keras 3.99: kcfg does not know it yet, and judges as 3.15.1\n"
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("set -n floatx float16 epsilon -inf", "epsilon: '-inf' is not", id="-inf"),
        pytest.param("set floatx float16 --frce", "No such option: --frce", id="an-option"),
        pytest.param("set --lock-timeout x floatx float16", "'x' is no time; give", id="no-time"),
        pytest.param("set --lock-timeout -1 floatx float16", "'-1' is no time; give", id="-1"),
        pytest.param("prod x.npy --threads two", "'two' is no number of threads", id="threads"),
    ],
)
def test_wrong_values_are_told_in_our_own_words(home, line, told):
    ran = home.kcfg(*shlex.split(line), status=2)
    assert told in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not home.keras_json.exists()


def test_help_and_version(home):
    assert "Usage: kcfg" in home.kcfg(status=0).stdout
    assert home.kcfg("--help", status=0).stdout == home.kcfg("-h", status=0).stdout
    assert home.kcfg("--version", status=0).stdout.startswith("kcfg ")


def plain(text):
    """Without the terminal's colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
