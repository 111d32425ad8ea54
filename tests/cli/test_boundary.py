"""The border: closed pipes, full disks, closed descriptors and signals, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from kcfg.cli import boundary
from kcfg.problems import KcfgError
from tests.support.home import command, coverage_variables

WITH_DATA = [
    pytest.param(["show"], id="quick-door"),
    pytest.param(["show", "--keras", "3.15"], id="typer"),
    pytest.param(["show", "--json"], id="json"),
    pytest.param(["path"], id="bytes"),
    pytest.param(["--help"], id="help"),
    pytest.param(["schema"], id="schema"),
    pytest.param(["check", "--list"], id="check-list"),
    pytest.param(["prod", "many.npy", "--axis", "1", "--json"], id="array"),
    pytest.param(["info", "many.npy"], id="info"),
]


@pytest.fixture
def shell(home):
    np.save(home.cwd / "many.npy", np.ones((200_000, 2)))

    def run(line, arguments):
        return subprocess.run(
            ["bash", "-c", line, "bash", *command(*arguments)],
            cwd=home.cwd,
            env=home.env(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.parametrize("arguments", WITH_DATA)
def test_a_closed_pipe_ends_quietly(shell, arguments):
    ran = shell('"$@" | true; echo "${PIPESTATUS[0]}"', arguments)
    assert (ran.stdout, ran.stderr) == ("0\n", "")


@pytest.mark.parametrize("arguments", WITH_DATA)
def test_a_full_disk_is_2(shell, arguments):
    ran = shell('"$@" > /dev/full', arguments)
    assert ran.returncode == 2
    assert "No space left on device" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", WITH_DATA)
def test_a_closed_standard_output_is_2(shell, arguments):
    ran = shell('"$@" >&-', arguments)
    assert ran.returncode == 2
    assert "standard output" in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["cast", "many.npy", "float16"], ["prod", "many.npy"]])
def test_an_array_for_a_closed_standard_output_is_2(shell, arguments):
    ran = shell('"$@" >&-', [*arguments, "-o", "-"])
    assert ran.returncode == 2
    assert (
        ran.stderr
        == "kcfg: stdout: cannot write it: it is closed (EBADF); leave it open, or name a file\n"
    )


def test_a_closed_standard_error_changes_no_answer(shell):
    ran = shell('"$@" 2>&-', ["set", "floatx", "float16"])
    assert (ran.returncode, ran.stdout) == (0, "")


SIGNAL_ITSELF = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "datetime":
            os.kill(os.getpid(), int(os.environ["NUMBER"]))
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("arguments", [["prod", "x.npy"], ["prod", "x.npy", "--axis=0"]])
def test_a_signal_while_numpy_is_loaded_is_no_error_of_numpys(home, number, arguments):
    """It comes as numpy's own C code imports datetime, and would turn it into an ImportError."""
    np.save(home.cwd / "x.npy", np.ones(9))
    (home.cwd / "sitecustomize.py").write_text(SIGNAL_ITSELF)
    path = os.pathsep.join(filter(None, [str(home.cwd), os.environ.get("PYTHONPATH")]))
    env = home.env({"PYTHONPATH": path, "NUMBER": str(int(number))})
    for name in coverage_variables():  # which imports datetime itself
        del env[name]
    ran = subprocess.run(
        command(*arguments), cwd=home.cwd, env=env, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (-number, "", "")


def test_output_that_the_encoding_lacks_is_escaped(home):
    ran = home.kcfg(
        *("get", "backend", "--keras", "2.15", "-f", "é.json"),
        env={"PYTHONIOENCODING": "ascii"},
        status=0,
    )
    assert ran.stdout == "tensorflow\n"
    shown = home.kcfg("show", env={"PYTHONIOENCODING": "ascii", "KERAS_BACKEND": "é"})
    assert "backend\t\\xe9\tenv" in shown.stdout


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name
)
def test_a_signal_ends_the_process_itself(home, number):
    """Waiting for data that never comes, as `kcfg prod -` does."""
    reading, writing = os.pipe()
    with subprocess.Popen(
        command("prod", "-"),
        stdin=reading,
        stderr=subprocess.PIPE,
        cwd=home.cwd,
        env=home.env(),
    ) as process:
        os.close(reading)
        header = (
            b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, "
            b"'shape': (100000000,), }"
        ).ljust(127) + b"\n"
        os.write(writing, header + b"\0" * 65536)  # a pipe holds no more: it is being read
        os.write(writing, b"\0" * 65536)
        process.send_signal(number)
        assert process.wait(60) == -number
        os.close(writing)
        assert b"Traceback" not in process.stderr.read()


SWALLOWS = """
import os, signal, sys, time
from kcfg.cli import boundary

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0)  # here the signal is noticed, where Python lets no exception out

def command():
    boundary.raise_on_signals()
    Dying()
    time.sleep(30)
    return 0

sys.exit(boundary.guard(command, process=True))
"""


def test_a_signal_is_not_swallowed_with_an_exception():
    ran = subprocess.run(
        [sys.executable, "-c", SWALLOWS], capture_output=True, text=True, timeout=20
    )
    assert (ran.returncode, ran.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize(("error", "told"), [("MemoryError", False), ("ValueError", True)])
def test_a_lack_of_memory_is_no_traceback_where_nothing_can_be_caught(error, told):
    code = SWALLOWS.replace("os.kill(os.getpid(), signal.SIGINT)", f"raise {error}")
    ran = subprocess.run(
        [sys.executable, "-c", code.replace("time.sleep(30)", "pass")],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (ran.returncode, error in ran.stderr) == (0, told)


class TestGuard:
    """In-process, where nothing of the process may be touched."""

    def test_statuses(self, capsys):
        def refuse():
            raise KcfgError("it is odd", where="here", keras=None, mend="even it", status=1)

        assert boundary.guard(lambda: 0, process=False) == 0
        assert boundary.guard(refuse, process=False) == 1
        assert capsys.readouterr().err == "kcfg: here: it is odd; even it\n"

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            pytest.param(KeyboardInterrupt(), 130, id="ctrl-c"),
            pytest.param(boundary.Terminated(15), 143, id="sigterm"),
            pytest.param(BrokenPipeError(), 0, id="closed-pipe"),
            pytest.param(OSError(28, "No space left on device"), 2, id="full-disk"),
        ],
    )
    def test_what_ends_a_command(self, error, status):
        def end():
            raise error

        assert boundary.guard(end, process=False) == status

    def test_a_signal_that_python_wrapped(self):
        """As Python 3.10 does; see tests/faults/test_system_calls.py."""

        wrapped = SystemError()
        wrapped.__cause__ = boundary.Terminated(1)

        def end():
            raise SystemError from wrapped

        assert boundary.guard(end, process=False) == 129

    @pytest.mark.parametrize("error", [ZeroDivisionError, SystemError])
    def test_a_bug_is_not_hidden(self, error):
        def end():
            raise error

        with pytest.raises(error):
            boundary.guard(end, process=False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("plain é 世", "plain é 世", id="printable"),
        pytest.param("a\tb\nc", "a\\tb\\nc", id="tab-and-line"),
        pytest.param("\x1b[31m\x9b", "\\x1b[31m\\x9b", id="escape"),
        pytest.param("\u202e\u200b\u2028", "\\u202e\\u200b\\u2028", id="invisible"),
        pytest.param("\ud800\udcff", "\\ud800\\udcff", id="surrogates"),
        pytest.param("\U000e0001", "\\U000e0001", id="tag"),
    ],
)
def test_escaped(text, shown):
    assert boundary.escaped(text) == shown
