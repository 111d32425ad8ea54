"""`kcfg check` as people and scripts run it: what is said where, and with which status."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

from kcfg.checks.registry import CHECKS
from tests.support.home import Home, home
from tests.support.probes import needs_fork
from tests.support.terminal import on_a_terminal

__all__ = ["home"]

BAD = '{\n    "floatx": "float16",\n    "epsilon": 1,\n    "backend": "theano",\n}\n'
GOOD = '{\n    "floatx": "float32",\n    "backend": "numpy"\n}\n'


def put(home: Home, text: str | bytes, name: str = "keras.json") -> Path:
    """A file in the working directory."""
    path = home.cwd / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


class TestOneFile:
    def test_a_problem_is_a_line_that_editors_know(self, home: Home) -> None:
        put(home, BAD)
        ran = home.kcfg("check", "keras.json", status=1)
        head = "keras.json:4:24: error[malformed-json]: this is not JSON: a comma behind the last"
        assert ran.stdout.splitlines() == [
            f"{head} entry",
            "    Keras 3.15.1 ignores the whole file without a word, and uses its defaults",
            "    kcfg check --fix keras.json",
        ]
        assert ran.stderr.count("\n") == 1
        assert "1 error" in ran.stderr
        assert "--fix mends 1" in ran.stderr

    def test_a_good_file_says_nothing_on_stdout(self, home: Home) -> None:
        put(home, GOOD)
        ran = home.kcfg("check", "keras.json", status=0)
        assert ran.stdout == ""
        assert "keras.json: no problems" in ran.stderr

    def test_no_variable_and_no_other_place_matters(self, home: Home) -> None:
        put(home, GOOD)
        home.write("{broken")
        env = {"KERAS_BACKEND": "nope", "KERAS_HOME": "", "KERAS_MAX_EPOCHS": "x"}
        ran = home.kcfg("check", "keras.json", env=env, status=0)
        assert ran.stdout == ""

    def test_the_installed_release_judges(self, home: Home) -> None:
        put(home, '{"backend": "theano"}')
        home.install("keras-2.3.1")
        assert "no problems (Keras 2.3.1, installed" in home.kcfg("check", "keras.json").stderr

    def test_another_release_can_be_asked(self, home: Home) -> None:
        put(home, '{"backend": "theano"}')
        ran = home.kcfg("check", "--keras", "3.15", "keras.json", status=1)
        assert ran.stdout.startswith("keras.json:1:13: error[backend-removed]: ")
        assert ran.stdout.endswith("    kcfg set --keras 3.15.1 -f keras.json backend tensorflow\n")

    def test_warnings_count_only_when_strict(self, home: Home) -> None:
        put(home, '{"epsilom": 1e-3}')
        home.kcfg("check", "keras.json", status=0)
        home.kcfg("check", "--strict", "keras.json", status=1)

    def test_notes_never_count(self, home: Home) -> None:
        put(home, '{"backend": "openvino"}')
        assert "note[" in home.kcfg("check", "--strict", "keras.json", status=0).stdout

    def test_a_hostile_name_cannot_draw(self, home: Home) -> None:
        put(home, BAD, "a\x1b[31m\nb.json")
        ran = home.kcfg("check", "a\x1b[31m\nb.json", status=1)
        assert "\x1b" not in ran.stdout + ran.stderr
        assert ran.stdout.startswith(r"a\x1b[31m\nb.json:4:24: error")


class TestSeveralFiles:
    def test_each_is_judged(self, home: Home) -> None:
        put(home, BAD, "a.json")
        put(home, GOOD, "b.json")
        put(home, '{"epsilon": 1}', "c.json")
        ran = home.kcfg("check", "a.json", "b.json", "c.json", status=1)
        heads = [line for line in ran.stdout.splitlines() if not line.startswith(" ")]
        assert [head.partition(" ")[0] for head in heads] == ["a.json:4:24:", "c.json:1:13:"]
        assert "3 files: 2 errors" in ran.stderr

    def test_one_that_is_missing_does_not_hide_the_others(self, home: Home) -> None:
        put(home, BAD, "a.json")
        ran = home.kcfg("check", "none.json", "a.json", status=2)
        assert "kcfg: none.json: there is no such file" in ran.stderr
        assert ran.stdout.startswith("a.json:4:24: error")

    def test_a_missing_one_alone_could_not_run(self, home: Home) -> None:
        assert home.kcfg("check", "none.json", status=2).stdout == ""


class TestStandardInput:
    def test_it_is_read(self, home: Home) -> None:
        ran = home.kcfg("check", "-", stdin=b'{"epsilon": 1}', status=1)
        assert ran.stdout.startswith("-:1:13: error[epsilon-not-float]: ")

    def test_it_cannot_be_mended(self, home: Home) -> None:
        ran = home.kcfg("check", "--fix", "-", stdin=b'{"epsilon": 1}', status=2)
        assert "no file to mend" in ran.stderr

    def test_a_dry_run_shows_the_changes(self, home: Home) -> None:
        ran = home.kcfg("check", "--fix", "-n", "-", stdin=b'{"epsilon": 1}\n', status=0)
        assert ran.stdout.splitlines()[-2:] == ['-{"epsilon": 1}', '+{"epsilon": 1.0}']


class TestJson:
    def test_fields(self, home: Home) -> None:
        put(home, '{"backend": "theano"}', "a.json")
        put(home, GOOD, "b.json")
        home.install("keras-3.15.1")
        ran = home.kcfg("check", "--json", "a.json", "b.json", status=1)
        told = json.loads(ran.stdout)
        assert ran.stderr == ""
        assert told["summary"] == {"errors": 1, "warnings": 0, "notes": 0}
        first, second = told["files"]
        assert (first["path"], second["path"]) == ("a.json", "b.json")
        assert second["problems"] == []
        assert second["fails"] is None
        assert first["fails"] == {
            "error": "ValueError",
            "message": "Unable to import backend : theano",
        }
        (problem,) = first["problems"]
        assert problem["code"] == "backend-removed"
        assert problem["severity"] == "error"
        assert (problem["path"], problem["line"], problem["column"]) == ("a.json", 1, 13)
        assert problem["fix"] == "kcfg set -f a.json backend tensorflow"

    def test_a_fix_can_be_told_too(self, home: Home) -> None:
        put(home, '{"epsilon": 1}')
        ran = home.kcfg("check", "--fix", "--json", "keras.json", status=0)
        assert json.loads(ran.stdout)["files"][0]["problems"] == []


class TestGithub:
    def test_annotations(self, home: Home) -> None:
        put(home, '{"floatx": "100%: a,b"}', "a,b:c.json")
        ran = home.kcfg("check", "--github", "a,b:c.json", status=1)
        (line,) = ran.stdout.splitlines()
        properties, _, message = line.removeprefix("::").partition("::")
        assert properties == (
            "error file=a%2Cb%3Ac.json,line=1,col=12,title=kcfg%3A floatx-unknown"
        )
        assert message.startswith('"100%25: a,b" is no floatx')
        assert "%0A" in message

    def test_a_note_is_a_notice(self, home: Home) -> None:
        put(home, '{"backend": "openvino"}')
        assert home.kcfg("check", "--github", "keras.json").stdout.startswith("::notice file=")

    def test_a_variable_has_no_file(self, home: Home) -> None:
        ran = home.kcfg("check", "--github", env={"KERAS_BACKEND": "nope"}, status=1)
        assert ran.stdout.startswith("::error title=kcfg%3A backend-unknown::KERAS_BACKEND: ")

    def test_a_line_break_in_a_value_starts_no_command(self, home: Home) -> None:
        put(home, '{"backend": "x\\n::set-output name=a::b"}')
        ran = home.kcfg("check", "--github", "keras.json", status=1)
        assert ran.stdout.count("\n") == 1


class TestTheWholeSituation:
    def test_it_is_judged_without_file(self, home: Home) -> None:
        path = home.write('{"backend": "jax"}')
        ran = home.kcfg("check", env={"KERAS_BACKEND": "numpy", "KERAS_BACKED": "jax"}, status=0)
        assert f"{path}:1:13: warning[shadowed-by-env]: KERAS_BACKEND=numpy is set" in ran.stdout
        assert "KERAS_BACKED: warning[variable-misspelt]: " in ran.stdout
        assert "    unset KERAS_BACKEND\n" in ran.stdout

    def test_the_option_names_a_file_and_variables_still_count(self, home: Home) -> None:
        put(home, '{"backend": "jax"}')
        ran = home.kcfg("check", "-f", "keras.json", env={"KERAS_BACKEND": "numpy"})
        assert "warning[shadowed-by-env]" in ran.stdout

    def test_no_file_at_all_is_fine(self, home: Home) -> None:
        assert "no problems" in home.kcfg("check", status=0).stderr
        assert not home.keras_json.exists()

    def test_show_tells_the_same_problems(self, home: Home) -> None:
        home.write('{"epsilon": 1}')
        ran = home.kcfg("show", status=1)
        assert "error[epsilon-not-float]" in ran.stderr
        assert "    kcfg set epsilon 1.0\n" in ran.stderr
        told = json.loads(home.kcfg("show", "--json", status=1).stdout)
        assert [one["code"] for one in told["problems"]] == ["epsilon-not-float"]
        judged = json.loads(home.kcfg("check", "--json", status=1).stdout)
        assert judged["files"][0]["problems"] == told["problems"]


class TestFix:
    def test_safe_fixes_are_made_and_the_original_kept(self, home: Home) -> None:
        path = put(home, BAD)
        path.chmod(0o640)
        ran = home.kcfg("check", "--fix", "keras.json", status=1)  # theano is left
        assert path.read_text() == BAD.replace(" 1,", " 1.0,").replace('theano",', 'theano"')
        assert path.with_name("keras.json.bak").read_text() == BAD
        assert path.stat().st_mode & 0o777 == 0o640
        assert "mended keras.json:4:24: error[malformed-json]" in ran.stderr
        assert "mended keras.json:3:16: error[epsilon-not-float]" in ran.stderr
        assert "backend-removed" in ran.stdout
        assert sorted(os.listdir(home.cwd)) == ["keras.json", "keras.json.bak"]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_what_was_mended_is_told_at_its_old_place(self, home: Home, end: str) -> None:
        lines = ["{", "// one", "// two", '"Floatx": \'Float16\', "epsilon": 1,', "}"]
        (home.cwd / "keras.json").write_bytes(end.join(lines).encode())
        ran = home.kcfg("check", "--fix", "--unsafe-fixes", "keras.json", status=0)
        mended = re.findall(r"mended keras.json:([0-9:]+): \w+\[([a-z-]+)\]", ran.stderr)
        assert mended == [
            ("2:1", "malformed-json"),
            ("4:1", "unknown-key"),
            ("4:11", "floatx-unknown"),
            ("4:33", "epsilon-not-float"),
        ]

    def test_the_rest_is_mended_when_asked(self, home: Home) -> None:
        path = put(home, BAD)
        home.kcfg("check", "--fix", "--unsafe-fixes", "keras.json", status=0)
        held = json.loads(path.read_text())
        assert held == {"floatx": "float16", "epsilon": 1.0, "backend": "tensorflow"}

    def test_a_second_run_changes_nothing(self, home: Home) -> None:
        path = put(home, BAD)
        home.kcfg("check", "--fix", "keras.json", status=1)
        before = (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
        ran = home.kcfg("check", "--fix", "keras.json", status=1)
        assert (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino) == before
        assert sorted(os.listdir(home.cwd)) == ["keras.json", "keras.json.bak"]
        assert "mended" not in ran.stderr

    def test_a_dry_run_writes_nothing_and_shows_a_diff(self, home: Home) -> None:
        path = put(home, '{\n    "epsilon": 1\n}\n')
        ran = home.kcfg("check", "--fix", "-n", "keras.json", status=0)
        assert '-    "epsilon": 1\n+    "epsilon": 1.0\n' in ran.stdout
        assert path.read_text() == '{\n    "epsilon": 1\n}\n'
        assert os.listdir(home.cwd) == ["keras.json"]

    def test_the_discovered_file_is_mended_too(self, home: Home) -> None:
        path = home.write('{"epsilon": "1e-5"}')
        home.kcfg("check", "--fix", status=0)
        assert path.read_text() == '{"epsilon": 1e-05}'

    def test_a_text_that_stays_broken_is_left_alone(self, home: Home) -> None:
        text = '{"backend": "jax",,, "floatx": \n'
        path = put(home, "\ufeff" + text)
        ran = home.kcfg("check", "--fix", "--unsafe-fixes", "keras.json", status=1)
        assert path.read_text(encoding="utf-8") == "\ufeff" + text
        assert os.listdir(home.cwd) == ["keras.json"]
        assert ran.stdout.startswith("keras.json:1:1: error[bom]: ")
        assert (
            "not mended, since it would still be no JSON object: keras.json:1:20: error"
            in ran.stderr
        )

    def test_a_comment_keeps_a_byte_order_mark_until_it_may_go(self, home: Home) -> None:
        path = put(home, '\ufeff{"backend": "numpy" // mine\n}')
        ran = home.kcfg("check", "--fix", "keras.json", status=1)
        assert (
            "not mended, since it would still be no JSON object: keras.json:1:22: error"
            in ran.stderr
        )
        home.kcfg("check", "--fix", "--unsafe-fixes", "keras.json", status=0)
        assert path.read_text() == '{"backend": "numpy"\n}'

    def test_all_other_bytes_stay(self, home: Home) -> None:
        text = b'{"mine":[1,  2],\r\n\t"epsilon" :1 ,"b": "\xc3\xa9\\u00e9"}'
        path = put(home, text)
        home.kcfg("check", "--fix", "keras.json", status=0)
        assert path.read_bytes() == text.replace(b":1 ,", b":1.0 ,")

    def test_utf_16_becomes_utf_8(self, home: Home) -> None:
        path = put(home, '{"backend": "pytorch"}\r\n'.encode("utf-16"))
        home.kcfg("check", "--fix", "keras.json", status=0)
        assert path.read_bytes() == b'{"backend": "torch"}\r\n'
        kept = path.with_name("keras.json.bak").read_bytes()
        assert kept == '{"backend": "pytorch"}\r\n'.encode("utf-16")

    def test_a_link_stays_a_link(self, home: Home) -> None:
        put(home, '{"epsilon": 1}', "real.json")
        (home.cwd / "keras.json").symlink_to("real.json")
        home.kcfg("check", "--fix", "keras.json", status=0)
        assert (home.cwd / "keras.json").is_symlink()
        assert (home.cwd / "real.json").read_text() == '{"epsilon": 1.0}'

    def test_several_files_at_once(self, home: Home) -> None:
        paths = [put(home, '{"epsilon": 1}', f"{n}.json") for n in range(3)]
        home.kcfg("check", "--fix", *(path.name for path in paths), status=0)
        assert {path.read_text() for path in paths} == {'{"epsilon": 1.0}'}


class TestTheChecksThemselves:
    def test_list_names_all(self, home: Home) -> None:
        rows = [line.split("\t") for line in home.kcfg("check", "--list").stdout.splitlines()]
        assert [row[0] for row in rows] == [check.code for check in CHECKS]
        assert {len(row) for row in rows} == {5}

    def test_list_as_json(self, home: Home) -> None:
        told = json.loads(home.kcfg("check", "--list", "--json").stdout)
        assert told[0].keys() == {"code", "severity", "keras", "fix", "summary"}

    def test_explain(self, home: Home) -> None:
        told = home.kcfg("check", "--explain", "epsilon-lost-in-floatx", status=0).stdout
        assert told.startswith("epsilon-lost-in-floatx (warning; Keras: all, mended by ")
        assert "Read in: " in told
        assert "\n    " not in told

    @pytest.mark.parametrize(
        ("code", "meant"),
        [
            pytest.param("epsilon-lost-in-float", "epsilon-lost-in-floatx", id="slip"),
            pytest.param("epsilon-lost", "epsilon-lost-in-floatx", id="part"),
            pytest.param("EPSILON_NOT_FLOAT", "epsilon-not-float", id="case"),
            pytest.param("duplicate", "duplicate-key", id="first-word"),
        ],
    )
    def test_explain_of_a_slip(self, home: Home, code: str, meant: str) -> None:
        ran = home.kcfg("check", "--explain", code, status=2)
        assert f"did you mean {meant}?" in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-n"], id="dry-run-without-fix"),
        pytest.param(["--unsafe-fixes"], id="unsafe-without-fix"),
        pytest.param(["--json", "--github"], id="two-formats"),
        pytest.param(["-f", "a.json", "b.json"], id="file-twice"),
        pytest.param(["--fix", "-n", "--json"], id="diff-as-json"),
    ],
)
def test_what_makes_no_sense_is_refused(home: Home, arguments: list[str]) -> None:
    ran = home.kcfg("check", *arguments, status=2)
    assert ran.stdout == ""
    assert ran.stderr.count("\n") == 1


def test_the_pre_commit_hook_runs_its_own_line(home: Home) -> None:
    hook = (Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text()
    told = dict(line.strip(" -").split(": ", 1) for line in hook.splitlines())
    assert told["id"] == "kcfg-check"
    assert re.search(told["files"], "config/keras.json")
    assert not re.search(told["files"], "notkeras.json")
    put(home, '{"epsilon": 1}')
    name, *arguments = told["entry"].split()
    assert name == "kcfg"
    assert "keras.json:1:13: error" in home.kcfg(*arguments, "keras.json", status=1).stdout


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        pytest.param(b'{"a":' * 100_000, 1, "too-deep", id="deep-objects"),
        pytest.param(b'{"x":' + b"[" * 3_000_000, 1, "too-deep", id="deep-lists"),
        pytest.param(b" " * (17 << 20), 2, "16 MiB", id="17-mib"),
        pytest.param(b"\0" * 5_000_000, 1, "nul-bytes", id="five-million-nuls"),
        pytest.param(b'{"epsilon": ' + b"9" * 100_000 + b"}", 1, "malformed-json", id="digits"),
        pytest.param(b'{"epsilon": ' + b"9" * 4000 + b"}", 1, "epsilon-not-float", id="4000"),
        pytest.param(b'{"epsilon": 1e999999999}', 0, "epsilon-not-finite", id="exponent"),
        pytest.param(b'{"backend": "\\ud800"}', 1, "backend-unknown", id="lone-surrogate"),
        pytest.param(b'{"backend": "\xed\xa0\x80"}', 1, "not-utf-8", id="encoded-surrogate"),
        pytest.param(b'{"backend": "' + b"x" * 4_000_000 + b'"}', 1, "backend-", id="long-text"),
        pytest.param(b'{"floatx": ' + b"[1," * 400 + b"1" + b"]" * 400 + b"}", 1, "floatx", id="l"),
        pytest.param(b"'" * 200_000, 1, "malformed-json", id="quotes"),
        pytest.param(b"{" + b'"a":1,' * 30_000 + b'"a":2}', 0, "duplicate-key", id="30000-alike"),
    ],
)
def test_unkind_files_get_a_clear_answer_soon(
    home: Home, content: bytes, status: int, said: str
) -> None:
    put(home, content)
    begun = time.monotonic()
    ran = home.kcfg("check", "keras.json", status=status)
    home.kcfg("check", "--fix", "--unsafe-fixes", "-n", "keras.json")
    assert time.monotonic() - begun < 40
    assert said in ran.stdout + ran.stderr
    assert len(ran.stdout) < 100_000


def test_duplicates_that_mean_the_same_are_mended_safely(home: Home) -> None:
    path = put(home, '{"epsilon": 1e-3, "floatx": "float32", "epsilon": 1.0e-3}')
    home.kcfg("check", "--fix", "keras.json", status=0)
    assert path.read_text() == '{"floatx": "float32", "epsilon": 1.0e-3}'


def test_of_two_slips_of_one_key_none_is_mended(home: Home) -> None:
    text = '{"Floatx": "float16", "float_x": "float64"}'
    path = put(home, text)
    ran = home.kcfg("check", "--fix", "--unsafe-fixes", "keras.json", status=0)
    assert ran.stdout.count("[unknown-key]") == 2
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("key", "depth"), [("backend", 400), ("backend", 899), ("mine", 905), ("mine", 2000)]
)
def test_a_nested_value_is_told_by_show_as_by_check(home: Home, key: str, depth: int) -> None:
    """As deep as Python's json reads it, or deeper."""
    home.write(f'{{"{key}": ' + "[" * depth + "]" * depth + "}")
    told = json.loads(home.kcfg("check", "--json").stdout)["files"][0]["problems"]
    shown = json.loads(home.kcfg("show", "--json").stdout)["problems"]
    assert [problem["code"] for problem in told] == [problem["code"] for problem in shown]
    assert told


@needs_fork
def test_a_fifo_among_condas_scripts(home: Home) -> None:
    folder = home.directory / "conda" / "etc" / "conda" / "activate.d"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "wait.sh")
    home.kcfg("show", env={"CONDA_PREFIX": str(home.directory / "conda")}, status=0)


@needs_fork
def test_a_fifo_does_not_make_it_wait(home: Home) -> None:
    os.mkfifo(home.cwd / "keras.json")
    ran = home.kcfg("check", "keras.json", status=2)
    assert "not a regular file" in ran.stderr


def test_a_directory_is_an_error_of_the_file(home: Home) -> None:
    (home.cwd / "keras.json").mkdir()
    ran = home.kcfg("check", "keras.json", status=1)
    assert ran.stdout.startswith("keras.json: error[directory-in-place]: ")
    ran = home.kcfg("check", "./keras.json/", status=1)
    assert ran.stdout.endswith("\n    mv -i ./keras.json ./keras.json.bak\n")
    assert "mv " not in home.kcfg("check", ".", status=1).stdout


class TestTerminal:
    def test_the_line_and_a_caret(self, home: Home) -> None:
        put(home, '{\n\t"mine": "ありがとう", "epsilon": 1\n}\n')
        screen = on_a_terminal(home, "check", "keras.json", env={"TERM": "dumb"})
        source = next(line for line in screen.splitlines() if "epsilon" in line and "|" in line)
        caret = next(line for line in screen.splitlines() if line.rstrip().endswith("^"))
        before = source[: source.index("1", source.index("epsilon"))]
        wide = sum(ord(char) > 0x3000 for char in before)
        assert caret.index("^") == len(before) + wide

    def test_no_colour_when_it_is_not_wanted(self, home: Home) -> None:
        put(home, BAD)
        colour = re.compile(r"\x1b\[[0-9;]*3[0-9]m")
        assert colour.search(on_a_terminal(home, "check", "keras.json"))
        assert not colour.search(on_a_terminal(home, "check", "keras.json", env={"NO_COLOR": "1"}))

    def test_an_endless_line_is_shown_in_part(self, home: Home) -> None:
        put(home, '{"pad": "' + "x" * 100_000 + '", "epsilon": 1}')
        screen = on_a_terminal(home, "check", "keras.json")
        assert len(screen) < 2000
        assert "epsilon" in screen

    @pytest.mark.parametrize("columns", [60, 80, 200])
    def test_the_list_is_a_table(self, home: Home, columns: int) -> None:
        screen = on_a_terminal(home, "check", "--list", env={"NO_COLOR": "1"}, columns=columns)
        plain = re.sub(r"\x1b\[[0-9;]*m", "", screen)
        head, *rows = plain.splitlines()
        assert head.split()[:2] == ["code", "severity"]
        assert ("mended by" in head) == (columns == 200)
        starts = [tuple(row.split()[:2]) for row in rows if not row.startswith(" ")]
        assert starts == [(check.code, check.severity) for check in CHECKS]

    def test_show_tells_problems(self, home: Home) -> None:
        home.write('{"epsilon": 1}')
        assert "epsilon-not-float" in on_a_terminal(home, "show", env={"TERM": "dumb"})
