"""COMMAND with values in force for it alone: real processes, real directories, real shells."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kcfg.launch.place import new_name, shown
from kcfg.launch.plan import Plan, exports, github, plan
from kcfg.problems import KcfgError
from tests.support.runs import HALF, Place, tree

MODERN = {"KERAS_HOME", "KERAS_BACKEND", "KERAS_NNX_ENABLED"}
OLD = {"KERAS_BACKEND"}
OTHER = b'{"floatx": "float16"}'


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(params=["plan", "windows"])
def room(request: pytest.FixtureRequest) -> str:
    """exec with a cleaner, and the way of systems that can't: start, wait, tidy."""
    return str(request.param)


class TestPlan:
    @pytest.mark.parametrize(
        ("reads", "current", "wanted", "variables", "contents"),
        [
            pytest.param(MODERN, None, None, {}, None, id="nothing asked"),
            pytest.param(MODERN, b"{}", None, {"KERAS_BACKEND": "jax"}, None, id="backend alone"),
            pytest.param(MODERN, b"{}", OTHER, {}, OTHER, id="a value from the file"),
            pytest.param(MODERN, None, OTHER, {}, OTHER, id="no file yet"),
            pytest.param(MODERN, b"", OTHER, {"KERAS_BACKEND": "jax"}, OTHER, id="both"),
            pytest.param(MODERN, OTHER, OTHER, {}, OTHER, id="says so already, may change"),
            pytest.param(OLD, OTHER, OTHER, {}, None, id="old Keras, says so already"),
            pytest.param(OLD, b"{}", None, {"KERAS_BACKEND": "theano"}, None, id="old, backend"),
        ],
    )
    def test_what_is_needed(self, reads, current, wanted, variables, contents):
        made = plan(
            release="3.15",
            reads=reads,
            directory="/h/.keras",
            current=current,
            wanted=wanted,
            variables=variables,
        )
        assert made == Plan(tuple(variables.items()), contents, "/h/.keras")

    @pytest.mark.parametrize(
        ("release", "reads", "wanted", "variables", "words"),
        [
            pytest.param("2.1.6", OLD, OTHER, {}, "KERAS_HOME", id="old Keras, the file's"),
            pytest.param("2.15", {"KERAS_HOME"}, None, {"KERAS_BACKEND": "jax"}, "KERAS_BACKEND",
                         id="tf.keras knows one backend"),
        ],
    )  # fmt: skip
    def test_refused(self, release, reads, wanted, variables, words):
        with pytest.raises(KcfgError, match=words) as caught:
            plan(
                release=release,
                reads=reads,
                directory="/h/.keras",
                current=b"{}",
                wanted=wanted,
                variables=variables,
            )
        assert caught.value.status == 2
        assert caught.value.mend
        assert "\n" not in str(caught.value)


class TestCommand:
    def test_sees_the_values(self, place, room):
        done = place.run("sh", "-c", 'cat "$KERAS_HOME/keras.json"', room=room)
        assert done.stdout.decode() == HALF

    def test_status_is_its_own(self, place, room):
        assert place.run("sh", "-c", "exit 77", room=room).returncode == 77

    def test_arguments_arrive_as_they_are(self, place, room):
        odd = [b"a b", b"", b"*", b"'\"\n", b"\xff$HOME"]
        done = place.run("printf", "%s|", *odd, room=room)
        assert done.stdout == b"|".join(odd) + b"|"

    def test_without_values_it_just_runs(self, place, room):
        before = tree(place.root)
        done = place.run(
            "sh", "-c", 'ls -A "$TMPDIR"; echo ${KERAS_HOME-unset}', contents="", room=room
        )
        assert done.stdout == b"unset\n"
        assert tree(place.root) == before

    @pytest.mark.parametrize("contents", ["", HALF], ids=["plain", "with values"])
    def test_not_found(self, place, room, contents):
        done = place.run("no-such-command", contents=contents, room=room)
        assert done.returncode == 127
        assert done.stderr == b"no-such-command: command not found\n"

    def test_not_executable(self, place):
        (place.root / "text").write_text("x")
        (place.root / "text").chmod(0o644)
        for name in (place.root / "text", place.root):
            done = place.run(str(name))
            assert done.returncode == 126, name
            assert done.stderr.startswith(b"%s: cannot execute it: permission" % bytes(name))
            assert done.stderr.count(b"\n") == 1

    def test_missing_interpreter(self, place):
        script = place.root / "script"
        script.write_text("#!/no/such/interpreter\n")
        script.chmod(0o755)
        before = tree(place.root)
        assert place.run(str(script)).returncode == 127
        assert tree(place.root) == before

    def test_broken_program(self, place):
        program = place.root / "program"
        program.write_bytes(b"\x7fELF" + bytes(60))
        program.chmod(0o755)
        done = place.run(str(program))
        # As env(1) has it: what isn't a program goes to the shell, which refuses it.
        assert done.returncode == subprocess.run(["env", program], capture_output=True).returncode

    def test_script_without_its_first_line(self, place):
        script = place.root / "script"
        script.write_text('echo "got $1"\n')
        script.chmod(0o755)
        assert place.run(str(script), "it").stdout == b"got it\n"

    def test_found_on_its_path(self, place):
        program = place.root / "bin" / "mine"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\necho mine\n")
        program.chmod(0o755)
        place.environ["PATH"] = f"{program.parent}:{place.environ['PATH']}"
        assert place.run("mine").stdout == b"mine\n"

    def test_is_this_process(self, place):
        with place.start("sh", "-c", "echo $$ $PPID", stdout=subprocess.PIPE) as process:
            out, _ = process.communicate()
        assert out.split() == [b"%d" % process.pid, b"%d" % os.getpid()]
        place.wait_until_clean()

    def test_has_no_child_that_it_did_not_make(self, place):
        code = "import os\ntry: os.wait()\nexcept ChildProcessError: print('none')"
        assert place.run(sys.executable, "-c", code).stdout == b"none\n"

    def test_signals_are_as_they_were(self, place):
        """Python ignores SIGPIPE; COMMAND must die of it, as `yes | head` does."""
        shell = shutil.which("sh")  # with its directory, as Python's own path is: started alike
        assert shell is not None
        command = [shell, "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status"]
        direct = subprocess.run(command, capture_output=True)
        assert direct.stdout.count(b"\n") == 2
        assert place.run(*command).stdout == direct.stdout

    def test_what_was_ignored_stays_ignored(self, place):
        done = place.run("sh", "-c", "kill -HUP $$; echo alive", prefix=["nohup"])
        assert done.stdout == b"alive\n"

    def test_low_descriptors_are_its_own(self, place):
        """A script may say `exec 3>log`: that must not be the end of its keras directory."""
        script = 'exec 3>/dev/null 4>&3 5>&3 9>&3; exec 3>&- 4>&- 9>&-; sleep 0.3; ls "$KERAS_HOME"'
        assert b"keras.json" in place.run("sh", "-c", script).stdout

    def test_its_new_descriptors_are_high(self, place):
        """For dash a number has one digit; bash and dash keep their own from 10 on."""
        done = place.run("sh", "-c", "ls /proc/$$/fd", close_fds=True)
        new = {int(number) for number in done.stdout.split()} - {0, 1, 2, 10}
        assert len(new) == 2
        assert min(new) >= 100

    def test_few_descriptors_allowed(self, place):
        done = place.run(
            "sh", "-c", 'ls "$KERAS_HOME"', prefix=["sh", "-c", 'ulimit -n 40; exec "$@"', "sh"]
        )
        assert b"keras.json" in done.stdout, done.stderr

    def test_a_pipe_ends_with_it(self, place):
        """The cleaner holds none of the descriptors that COMMAND was given."""
        read, write = os.pipe()
        with place.start("sh", "-c", "echo done", stdout=write, pass_fds=(write,)) as process:
            os.close(write)
            assert os.read(read, 100) == b"done\n"
            assert os.read(read, 100) == b""
            process.wait()
        os.close(read)
        place.wait_until_clean()

    def test_on_a_terminal(self, place):
        """It is in the foreground, and Ctrl-C goes to it alone."""
        code = (
            "import os, signal, sys, time\n"
            "signal.signal(signal.SIGINT, lambda *_: sys.exit(9))\n"
            "print('front', os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n"
            "time.sleep(30)\n"
        )
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(sys.executable, place.arguments(sys.executable, "-c", code), place.environ)
        seen = b""
        while b"\n" not in seen:
            seen += os.read(terminal, 100)
        assert seen == b"front True\r\n"
        os.write(terminal, b"\x03")
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
        os.close(terminal)
        place.wait_until_clean()


class TestDirectory:
    def test_is_private_and_holds_links(self, place):
        (place.real / "notes.txt").write_text("mine")
        (place.real / ".hidden").mkdir()
        code = (
            "import json, os\nos.chdir(os.environ['KERAS_HOME'])\n"
            "modes = [os.stat(name).st_mode & 0o777 for name in ('.', '..', 'keras.json')]\n"
            "names = {n: os.path.islink(n) and os.readlink(n) for n in os.listdir('.')}\n"
            "print(json.dumps([modes, names]))"
        )
        modes, names = json.loads(place.run(sys.executable, "-c", code).stdout)
        assert modes == [0o700, 0o700, 0o600]
        assert names.pop("keras.json") is False
        assert names == {
            name: str(place.real / name) for name in ("datasets", "models", "notes.txt", ".hidden")
        }

    def test_cached_files_are_seen(self, place, room):
        done = place.run("sh", "-c", 'cat "$KERAS_HOME/datasets/mnist.npz"', room=room)
        assert done.stdout == b"cached"

    def test_nothing_is_left(self, place, room):
        before = tree(place.root)
        place.run("true", room=room)
        assert tree(place.root) == before

    @pytest.mark.parametrize("umask", ["000", "077", "777"])
    def test_whatever_the_umask(self, place, umask):
        before = tree(place.root)
        done = place.run(
            "sh",
            "-c",
            'stat -c %a "$KERAS_HOME"',
            prefix=["sh", "-c", f'umask {umask}; exec "$@"', "sh"],
        )
        assert done.stdout == b"700\n", done.stderr
        assert tree(place.root) == before

    def test_a_download_is_in_the_real_directory_at_once(self, place, room):
        place.run("sh", "-c", 'echo new >"$KERAS_HOME/datasets/new"', clean=False, room=room)
        assert (place.real / "datasets" / "new").read_text() == "new\n"
        place.wait_until_clean()

    def test_also_where_there_was_no_datasets(self, place, room):
        """The trap: makedirs(exist_ok=True) on a dangling link raises FileExistsError."""
        shutil.rmtree(place.real / "datasets")
        code = (
            "import os; d = os.path.join(os.environ['KERAS_HOME'], 'datasets', 'fashion')\n"
            "os.makedirs(d, exist_ok=True); open(os.path.join(d, 'new'), 'w').close()"
        )
        assert place.run(sys.executable, "-c", code, clean=False, room=room).returncode == 0
        assert (place.real / "datasets" / "fashion" / "new").exists()
        place.wait_until_clean()
        assert os.listdir(place.real / "datasets") == ["fashion"]

    def test_no_empty_directory_stays(self, place, room):
        shutil.rmtree(place.real / "datasets")
        (place.real / "models").rmdir()
        before = tree(place.root)
        place.run("sh", "-c", 'ls "$KERAS_HOME"/datasets "$KERAS_HOME"/models', room=room)
        assert tree(place.root) == before

    def test_an_empty_one_of_the_user_stays(self, place, room):
        before = tree(place.root)
        assert os.listdir(place.real / "models") == []
        place.run("true", room=room)
        assert tree(place.root) == before

    def test_missing_real_directory(self, place, room):
        shutil.rmtree(place.root / "home")
        before = tree(place.root)
        assert place.run("sh", "-c", 'ls "$KERAS_HOME/models"', room=room).returncode == 0
        assert tree(place.root) == before

    def test_missing_real_directory_gets_the_download(self, place, room):
        shutil.rmtree(place.root / "home")
        place.run("sh", "-c", 'echo new >"$KERAS_HOME/models/new"', room=room)
        assert set(tree(place.root / "home")) == {b".keras", b".keras/models", b".keras/models/new"}

    def test_what_else_it_makes_is_moved(self, place, room):
        script = (
            'cd "$KERAS_HOME"; mkdir -p flowers/a .deep; echo 1 >flowers/a/x; echo 2 >.deep/y;'
            "echo 3 >..odd; ln -s flowers link; echo 4 >keras.json; echo 5 >keras.json.bak"
        )
        before = tree(place.real)
        place.run("sh", "-c", script, room=room)
        after = tree(place.real)
        assert {name: after[name] for name in before} == before
        new = {b"flowers", b"flowers/a", b"flowers/a/x", b".deep", b".deep/y", b"..odd"}
        if room == "plan":
            new.add(b"link")
        assert set(after) - set(before) == new

    def test_a_name_that_is_taken_meanwhile(self, place, room):
        """Nothing is overwritten, nothing is lost."""
        script = (
            'mkdir "$KERAS_HOME/both" "$1/both"; echo mine >"$KERAS_HOME/both/x";'
            'echo theirs >"$1/both/y"; echo mine >"$KERAS_HOME/file"; echo theirs >"$1/file"'
        )
        place.run("sh", "-c", script, "sh", str(place.real), room=room)
        assert (place.real / "file").read_text() == "theirs\n"
        assert os.listdir(place.real / "both") == ["y"]
        (other,) = place.real.glob("file.*")
        assert other.read_text() == "mine\n"
        (other,) = place.real.glob("both.*")
        assert os.listdir(other) == ["x"]

    def test_a_link_it_replaced_does_not_replace_the_real_one(self, place):
        (place.real / "notes").write_text("mine")
        place.run("sh", "-c", 'cd "$KERAS_HOME"; echo new >t; mv t notes')
        assert (place.real / "notes").read_text() == "mine"
        (other,) = place.real.glob("notes.*")
        assert other.read_text() == "new\n"

    def test_links_it_removed_stay_in_the_real_directory(self, place, room):
        before = tree(place.root)
        place.run("sh", "-c", 'rm -rf "$KERAS_HOME"/datasets', room=room)
        if room == "plan":
            assert tree(place.root) == before

    @pytest.mark.parametrize(
        "name",
        [b"a b", b"x\ny", b"end\n", b"\n", b"\xff\xfe", b"-rf", b"*", b"?[x]", b"'\"$HOME`x`"],
    )  # fmt: skip
    def test_odd_names(self, place, name):
        """Beside keras.json, as the keras directory's own name, and as what COMMAND makes."""
        odd = os.fsencode(place.real.parent) + b"/" + name
        os.rename(place.real, odd)
        place.real = Path(os.fsdecode(odd))
        (place.real / os.fsdecode(name)).write_text("kept")
        before = tree(place.root)
        script = 'cat -- "$KERAS_HOME/$1"; mkdir -- "$KERAS_HOME/made$1"'
        assert place.run("sh", "-c", script, "sh", name).stdout == b"kept"
        after = tree(place.root)
        assert set(after) - set(before) == {b"home/" + name + b"/made" + name}

    def test_odd_temporary_directory(self, place):
        place.temporary = place.root / "tmp\n'*\udcff"
        place.temporary.mkdir()
        place.environ["TMPDIR"] = str(place.temporary)
        before = tree(place.root)
        assert b"keras.json" in place.run("sh", "-c", 'ls "$KERAS_HOME"').stdout
        assert tree(place.root) == before

    def test_dangling_link_of_the_user(self, place):
        """An unmounted disk: COMMAND meets it as it is, and nothing is made in its place."""
        shutil.rmtree(place.real / "datasets")
        (place.real / "datasets").symlink_to(place.root / "disk" / "datasets")
        before = tree(place.root)
        assert place.run("sh", "-c", 'test -L "$KERAS_HOME/datasets"').returncode == 0
        assert tree(place.root) == before

    def test_linked_real_directory(self, place):
        target = place.root / "elsewhere"
        os.rename(place.real, target)
        place.real.symlink_to(target)
        shutil.rmtree(target / "datasets")
        before = tree(place.root)
        place.run("sh", "-c", 'mkdir "$KERAS_HOME/datasets/x"; mkdir "$KERAS_HOME/y"')
        new = set(tree(place.root)) - set(before)
        assert new == {b"elsewhere/datasets", b"elsewhere/datasets/x", b"elsewhere/y"}

    def test_real_directory_is_a_file(self, place):
        shutil.rmtree(place.real)
        place.real.write_text("x")
        before = tree(place.root)
        assert place.run("sh", "-c", 'ls "$KERAS_HOME"').stdout == b"keras.json\n"
        assert tree(place.root) == before

    def test_a_run_within_a_run(self, place):
        script = place.root / "script"
        script.write_text(
            'mkdir "$KERAS_HOME/made"; readlink "$KERAS_HOME"/d*; cat "$KERAS_HOME/keras.json" "$1"'
        )
        inner = place.arguments("sh", str(script), contents="inner")
        inner[inner.index(str(place.real))] = "."
        outer = ["sh", "-c", 'cd "$KERAS_HOME" && exec "$@" keras.json', "sh", *inner]
        datasets = bytes(place.real) + b"/datasets\n"
        assert place.run(*outer, contents="outer").stdout == datasets + b"innerouter"
        assert (place.real / "made").is_dir()
        assert place.temporary.is_dir()

    def test_which_entries_are_shown(self):
        ours = ["keras.json", ".kcfg-run-x", ".kcfg-made", "kcfg-run-0-1", ".keras.json.0.kcfg-tmp"]
        theirs = [".git", "datasets", "keras.json.bak"]
        assert shown([*ours, *theirs]) == theirs

    def test_no_two_names_alike(self):
        assert len({new_name() for _ in range(1000)}) == 1000


SHELLS = [name for name in ("sh", "dash", "bash", "zsh", "ksh", "busybox") if shutil.which(name)]
ODD_VALUES = [
    pytest.param("plain", id="plain"),
    pytest.param("", id="empty"),
    pytest.param("it's", id="quote"),
    pytest.param("''''", id="quotes"),
    pytest.param('$(touch x) `x` \\ \\n "', id="commands"),
    pytest.param("a\nexport X=1\n", id="lines"),
    pytest.param(os.fsdecode(bytes(range(1, 256))), id="every byte"),
]


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize("shell", SHELLS)
def test_exports_in_a_real_shell(tmp_path, shell, value):
    text = os.fsencode(exports({"KERAS_HOME": value, "KERAS_BACKEND": "jax"}))
    command = [shell, *(["sh"] if shell == "busybox" else [])]
    script = b"\nenv -0; :\n"
    done = subprocess.run([*command], input=text + script, capture_output=True, cwd=tmp_path)
    seen = dict(line.split(b"=", 1) for line in done.stdout.split(b"\0") if b"=" in line)
    assert seen[b"KERAS_HOME"] == os.fsencode(value)
    assert seen[b"KERAS_BACKEND"] == b"jax"
    assert os.listdir(tmp_path) == []


def test_exports_by_eval(tmp_path):
    """The documented line."""
    (tmp_path / "lines").write_text(exports({"KERAS_HOME": "/a b/it's"}))
    done = subprocess.run(
        ["sh", "-c", 'eval "$(cat lines)"; printf %s "$KERAS_HOME"'],
        capture_output=True,
        cwd=tmp_path,
    )
    assert done.stdout == b"/a b/it's"


def as_the_runner_reads(text: str) -> dict[str, str]:
    """actions/runner, src/Runner.Worker/FileCommandManager.cs, EnvFileKeyValuePairs."""
    found = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            found[line[:equals]] = line[equals + 1 :]
            continue
        name, mark = line.split("<<", 1)
        value = []
        for inner in lines:
            if inner == mark:
                break
            value.append(inner)
        else:
            raise AssertionError("no end")
        found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize(
    "value",
    ["/plain", "", "a=b", "a\nPATH=/evil\nb", "EOF\nPATH=/evil\n<<", "x<<EOF", "\u00e9\u4e2d"],
)
def test_github(value):
    given = {"KERAS_HOME": value, "KERAS_BACKEND": "jax"}
    assert as_the_runner_reads(github(given)) == given


def test_github_cannot_be_guessed():
    assert github({"A": "b"}) != github({"A": "b"})


def test_github_takes_unicode_alone():
    with pytest.raises(KcfgError, match="not UTF-8"):
        github({"KERAS_HOME": "/a/\udcff"})


def test_ctrl_c_while_waiting(place):
    """Where no exec is: kcfg waits on, COMMAND decides, and the directory goes."""
    code = (
        "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *_: sys.exit(5))\n"
        "print('up', flush=True)\ntime.sleep(30)"
    )
    with place.start(
        sys.executable, "-c", code, room="windows", stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 5
    assert place.left() == []


def test_killed_while_waiting(place):
    """Where no exec is, the next run tidies what a killed one left, and not what lives."""
    shutil.rmtree(place.real / "datasets")
    before = tree(place.root)
    script = 'mkdir "$KERAS_HOME/made"; echo "$KERAS_HOME"; exec sleep 60'
    with place.start(
        "sh", "-c", script, room="windows", stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        home = Path(os.fsdecode(process.stdout.readline().rstrip()))
        place.run("true", room="windows", clean=False)
        assert (home / "keras.json").exists()
        assert (home / "datasets").is_dir()
        os.killpg(process.pid, signal.SIGKILL)
    assert len(place.left()) == 1
    place.run("true", room="windows")
    after = tree(place.root)
    assert after.pop(b"home/.keras/made")
    assert after == before
