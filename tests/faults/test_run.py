"""`run` under attack: killed anywhere, many at once, full and read-only directories."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kcfg.launch.cleaning import CLEANER
from kcfg.launch.place import boot
from tests.support.runs import HALF, Place, cleaners, tree, wait_for

LIVES = 'echo "$KERAS_HOME"; exec sleep 60'


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for pid in cleaners(made):
        os.kill(pid, signal.SIGKILL)


def started(place: Place, script: str = LIVES, **options) -> tuple[subprocess.Popen[bytes], Path]:
    """A COMMAND that is up, and its keras directory."""
    process = place.start("sh", "-c", script, stdout=subprocess.PIPE, **options)
    assert process.stdout is not None
    return process, Path(os.fsdecode(process.stdout.readline().rstrip(b"\n")))


def ended(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    process.stdout.close()
    return process.wait(60)


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV]
)
def test_command_dies_of_a_signal(place, number):
    shutil.rmtree(place.real / "datasets")
    before = tree(place.root)
    process, home = started(place)
    assert (home / "datasets").is_dir()
    process.send_signal(number)
    assert ended(process) == -number
    place.wait_until_clean()
    assert tree(place.root) == before


def test_signal_to_the_group(place):
    """Ctrl-C at a shell: the cleaner is in no group that it could reach."""
    # No shell waits here: dash misses a SIGINT that comes while it starts a child.
    process, _ = started(place, start_new_session=True)
    os.killpg(process.pid, signal.SIGINT)
    assert ended(process) == -signal.SIGINT
    place.wait_until_clean()


def test_the_cleaner_is_small(place):
    process, _ = started(place)
    (pid,) = cleaners(place)
    status = Path(f"/proc/{pid}/status").read_text()
    anonymous = re.search(r"RssAnon:\s+(\d+) kB", status)
    assert anonymous
    assert int(anonymous[1]) < 700
    assert b"python" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    assert os.getsid(pid) != os.getsid(0)
    assert {os.readlink(f"/proc/{pid}/fd/{n}") for n in (1, 2)} == {"/dev/null"}
    process.kill()
    ended(process)
    place.wait_until_clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_cleaner_stays_at_its_post(place, number):
    """A service is stopped by a signal to every process of it."""
    process, home = started(place)
    (pid,) = cleaners(place)
    os.kill(pid, number)
    time.sleep(0.1)
    assert home.is_dir()
    process.kill()
    ended(process)
    place.wait_until_clean()


def test_the_lock_alone_tells_that_it_lives(place):
    """Where the environment doesn't: there is no /proc, or COMMAND cleared it."""
    process, home = started(place, 'echo "$KERAS_HOME"; exec env -i sleep 60')
    wait_for(lambda: b"sleep" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
    (pid,) = cleaners(place)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not cleaners(place))
    place.run("true", clean=False)
    wait_for(lambda: len(place.left()) == 1)
    assert (home / "keras.json").exists()
    process.kill()
    ended(process)
    place.run("true")


@pytest.mark.parametrize("order", ["cleaner first", "command first", "command lives on"])
def test_a_killed_cleaner(place, order):
    """The next run tidies, as soon as COMMAND is gone and not before."""
    shutil.rmtree(place.real / "datasets")
    before = tree(place.root)
    process, home = started(place)
    (home / "made").mkdir()
    (pid,) = cleaners(place)
    if order == "command first":
        os.kill(pid, signal.SIGSTOP)
        process.kill()
        ended(process)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not cleaners(place))
    if order == "cleaner first":
        process.kill()
        ended(process)
    if order == "command lives on":
        place.run("true", clean=False)
        assert (home / "keras.json").read_text() == HALF
        assert (home / "datasets").is_dir()
        wait_for(lambda: len(place.left()) == 1)
        process.kill()
        ended(process)
    assert len(place.left()) == 1
    place.run("true")
    after = tree(place.root)
    assert after.pop(b"home/.keras/made")
    assert after == before


def test_fifty_at_once(place):
    """Each sees its own values; then nothing is left."""
    shutil.rmtree(place.real / "datasets")
    (place.real / "models").rmdir()
    before = tree(place.root)
    script = 'cd "$KERAS_HOME" && mkdir -p datasets && sleep 0.2 && ls models && cat keras.json'
    processes = [
        place.start("sh", "-c", script, contents=f'{{"epsilon": 1e-{n}}}', stdout=subprocess.PIPE)
        for n in range(50)
    ]
    for n, process in enumerate(processes):
        out, _ = process.communicate(timeout=60)
        assert out.decode() == f'{{"epsilon": 1e-{n}}}'
        assert process.returncode == 0
    place.wait_until_clean(30)
    assert tree(place.root) == before


@pytest.mark.slow
def test_many_come_and_go(place):
    """No real directory at all: whoever leaves must not take it from those who come."""
    shutil.rmtree(place.root / "home")
    script = 'cd "$KERAS_HOME/datasets" && mkdir -p ../models/ && cd "$KERAS_HOME/models"'
    loop = 'n=0; while [ $n -lt 12 ]; do "$@" || exit 1; n=$((n + 1)); done'
    processes = [
        place.start("sh", "-c", script, prefix=["sh", "-c", loop, "sh"], stderr=subprocess.PIPE)
        for _ in range(12)
    ]
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, b"")
    place.wait_until_clean(30)
    assert not (place.root / "home").exists()


def left_behind(place: Place) -> tuple[str, ...]:
    """The CLEANER's arguments for a run that was killed with its cleaner, after some work."""
    process, home = started(place)
    (home / "made").mkdir()
    (home / "made" / "file").write_text("x")
    (home / ".other").write_text("y")
    (pid,) = cleaners(place)
    os.kill(pid, signal.SIGSTOP)
    process.kill()
    ended(process)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not cleaners(place))
    return ("sweep", str(home.parent), home.parent.name, str(place.real))


MADE = {b"home/.keras/made", b"home/.keras/made/file", b"home/.keras/.other"}


@pytest.mark.parametrize(
    "shell", [name for name in ("dash", "bash", "ksh", "busybox") if shutil.which(name)]
)
def test_the_cleaner_in_every_shell(place, shell):
    """/bin/sh is another one on every system."""
    shutil.rmtree(place.real / "datasets")
    before = tree(place.root)
    arguments = left_behind(place)
    command = [shell, *(["sh"] if shell == "busybox" else []), "-c", CLEANER, "kcfg", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert set(tree(place.root)) - set(before) == MADE
    assert place.left() == []


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("who", ["the shell", "what it runs"])
def test_the_cleaner_is_killed_at_every_step(place, who):
    """The next run goes on where it was; nothing is lost, nothing is left."""
    (place.real / "models").rmdir()
    before = set(tree(place.root))
    log = str(place.root / "log")
    call, follow = ("wait4", []) if who == "the shell" else ("unlinkat,?unlink,?rename", ["-f"])
    for step in range(1, 60):
        arguments = left_behind(place)
        inject = [*follow, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={step}"]
        command = ["strace", "-qq", "-o", log, *inject, "/bin/sh", "-c", CLEANER, "x", *arguments]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
        killed = "killed by SIGKILL" in Path(log).read_text()
        os.remove(log)
        place.run("true")
        assert set(tree(place.root)) - before == MADE, step
        shutil.rmtree(place.real / "made")
        (place.real / ".other").unlink()
        if not killed:
            break
    assert not killed
    assert step > 3


class TestGrandchild:
    def test_that_inherits(self, place):
        script = 'echo "$KERAS_HOME"; setsid sh -c "sleep 1; ls \\"$KERAS_HOME\\"" >"$1" 2>&1 &'
        out = place.root / "out"
        process = place.start("sh", "-c", script, "sh", str(out), stdout=subprocess.DEVNULL)
        assert process.wait(60) == 0
        place.wait_until_clean()
        assert "keras.json" in out.read_text()

    @pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="no /proc to find it by")
    def test_that_closed_its_descriptors(self, place):
        """Python's subprocess does that; its environment tells."""
        child = "import os, time; time.sleep(0.8); print(os.listdir(os.environ['KERAS_HOME']))"
        code = (
            "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]],"
            " stdout=open(sys.argv[2], 'w'), start_new_session=True)"
        )
        out = place.root / "out"
        process = place.start(sys.executable, "-Wignore", "-c", code, child, str(out))
        assert process.wait(60) == 0
        place.wait_until_clean()
        assert "keras.json" in out.read_text()


class TestSweep:
    def test_leaves_what_is_not_ours(self, place):
        file = place.temporary / "kcfg-run-file"
        file.write_text("x")
        (place.temporary / "kcfg-run-link").symlink_to(place.real)
        foreign = place.temporary / "kcfg-run-00000000-0123"
        foreign.mkdir()
        (place.temporary / "other").mkdir()
        before, left = tree(place.root), place.left()
        place.run("true", clean=False)
        wait_for(lambda: place.left() == left)
        assert tree(place.root) == before

    def test_another_machine_s_after_ten_days(self, place):
        """A TMPDIR that machines share: there is no telling what lives elsewhere."""
        foreign = place.temporary / "kcfg-run-00000000-0123"
        foreign.mkdir()
        old = time.time() - 11 * 86400
        os.utime(foreign, (old, old))
        place.run("true")

    def test_unfinished_after_a_minute(self, place):
        new, old = (place.temporary / f"kcfg-new-{boot()}-{n}" for n in "12")
        new.mkdir()
        old.mkdir()
        os.utime(old, (time.time() - 70, time.time() - 70))
        place.run("true", clean=False)
        wait_for(lambda: place.left() == [new.name])

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
    def test_another_user_s(self, place):
        theirs = place.temporary / f"kcfg-run-{boot()}-0123"
        theirs.mkdir()
        os.chown(theirs, 65534, 65534)
        place.run("true", clean=False)
        wait_for(lambda: place.left() == [theirs.name])


def as_user(place: Place) -> list[str]:
    """The prefix that makes an ordinary user of root; the tree becomes that user's."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv(1) to become another user")
    for path in [place.root, *place.root.rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    above = place.root
    while above != above.parent:
        if not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
        above = above.parent
    prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    for python in (sys.executable, "/usr/bin/python3"):
        probe = [*prefix, "sh", "-c", 'exec "$0" -c "import kcfg.launch.posix"', python]
        if subprocess.run(probe, env=place.environ, capture_output=True).returncode == 0:
            place.python = python
            return prefix
    pytest.skip("another user can't run any Python with kcfg here")


class TestUnwritable:
    def test_read_only_real_directory(self, place):
        """os.access says of it what it would say of the real one: get_file asks."""
        prefix = as_user(place)
        place.real.chmod(0o555)
        before = tree(place.root)
        code = (
            "import os; h = os.environ['KERAS_HOME']\n"
            "print(os.access(h, os.W_OK), open(h + '/datasets/mnist.npz').read(), os.listdir(h))"
        )
        try:
            done = place.run(place.python, "-c", code, prefix=prefix)
            assert done.stdout.startswith(b"False cached ["), done.stderr
            assert b"keras.json" in done.stdout
            assert tree(place.root) == before
        finally:
            place.real.chmod(0o755)

    def test_a_program_behind_a_closed_directory(self, place):
        """126, as env(1) and bash: nobody knows whether it is there."""
        prefix = as_user(place)
        closed = place.root / "closed"
        closed.mkdir()
        closed.chmod(0)
        try:
            done = place.run(str(closed / "program"), prefix=prefix)
            assert done.returncode == 126, done.stderr
            assert done.stderr.startswith(b"%s/program: cannot execute it" % bytes(closed))
        finally:
            closed.chmod(0o755)

    def test_unreadable_real_directory(self, place):
        prefix = as_user(place)
        place.real.chmod(0o311)
        try:
            done = place.run("sh", "-c", 'cat "$KERAS_HOME/datasets/mnist.npz"', prefix=prefix)
            assert done.stdout == b"cached", done.stderr
        finally:
            place.real.chmod(0o755)

    def test_home_that_cannot_hold_one(self, place):
        prefix = as_user(place)
        shutil.rmtree(place.real)
        place.real.parent.chmod(0o555)
        before = tree(place.root)
        try:
            done = place.run("sh", "-c", 'ls "$KERAS_HOME"', prefix=prefix)
            assert done.stdout == b"keras.json\n", done.stderr
            assert tree(place.root) == before
        finally:
            place.real.parent.chmod(0o755)

    @pytest.mark.parametrize("why", ["missing", "a file", "read-only"])
    def test_temporary_directory(self, place, why):
        prefix = as_user(place)
        place.temporary.rmdir()
        if why == "a file":
            place.temporary.write_text("")
        if why == "read-only":
            place.temporary.mkdir(0o555)
        before = tree(place.root)
        done = place.run("echo", "ran", prefix=prefix, clean=False)
        assert done.returncode == 2
        assert done.stdout == b""
        assert done.stderr.startswith(b"%s: cannot make a private keras" % bytes(place.temporary))
        assert done.stderr.count(b"\n") == 1
        assert tree(place.root) == before


def mounted(place: Place, options: str, script: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script where TMPDIR is a file system of its own; the mount ends with it."""
    mount = f'mount -t tmpfs -o {options} kcfg "$TMPDIR"'
    command = ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "-m", "sh", "-ec"]
    if subprocess.run([*command, mount], env=place.environ, capture_output=True).returncode:
        pytest.skip("no mount(2) of our own here")
    wait = """for n in 1 2 3 4 5 6 7 8 9 x; do
        ls -A "$TMPDIR" | grep -q kcfg || exit 0; sleep 0.2
    done; exit 9"""
    return subprocess.run(
        [*command, f"{mount}\n{script}\n{wait}", "sh", *place.arguments("echo", "ran")],
        env=place.environ,
        capture_output=True,
        timeout=60,
    )


class TestMounts:
    def test_noexec(self, place):
        done = mounted(place, "noexec,size=1m", '"$@"')
        assert (done.returncode, done.stdout) == (0, b"ran\n"), done.stderr

    @pytest.mark.parametrize("full", ["blocks", "inodes"])
    def test_full(self, place, full):
        """At whichever entry it happens: one line, nothing run, nothing left."""
        if full == "blocks":
            options, filler = "size=64k", 'dd if=/dev/zero of="$TMPDIR/x" 2>/dev/null ||:'
            counts = [""]
        else:
            options, filler = "size=1m,nr_inodes=16", 'for n in %s; do : >"$TMPDIR/$n"; done'
            counts = [" ".join(map(str, range(n))) for n in range(3, 16)]
        before = tree(place.root)
        seen = set()
        for count in counts:
            fill = filler % count if count else filler
            done = mounted(place, options, f'{fill}\n"$@" || s=$?; echo "status ${{s-0}}"')
            if b"ran" in done.stdout:
                continue
            seen.add(done.stderr)
            assert b"status 2\n" in done.stdout
            assert done.stderr.startswith(b"%s: cannot make" % bytes(place.temporary))
            assert b"no space is left on the device (ENOSPC)" in done.stderr
            assert done.stderr.count(b"\n") == 1
            assert done.returncode == 0, "something was left"
        assert seen
        assert tree(place.root) == before

    @pytest.mark.skipif(os.geteuid() != 0, reason="as root access(2) sees through modes")
    def test_read_only_mount_as_root(self, place):
        """A container's ~/.keras, mounted read-only: downloads go where Keras would put them."""
        place.environ["COMMAND"] = 'cd "$KERAS_HOME"; mkdir -p datasets/x other; readlink datasets'
        script = """
            u=$TMPDIR; mkdir $u/up $u/work
            mount -t overlay -o lowerdir=/tmp,upperdir=$u/up,workdir=$u/work kcfg /tmp || exit 77
            rm -rf /tmp/.keras
            mount --bind "$HOME/.keras" "$HOME/.keras"
            mount -o remount,ro,bind "$HOME/.keras"
            "$1" "$2" "$3" "$4" "$5" "$6" sh -c "$COMMAND"
            sleep 1; cd /tmp/.keras; find . | sort
        """
        before = tree(place.root)
        done = mounted(place, "size=1m", script)
        if done.returncode == 77:
            pytest.skip("no overlay file system here")
        assert done.stdout.decode().split() == [
            "/tmp/.keras/datasets", ".", "./datasets", "./datasets/x", "./other",
        ], done.stderr  # fmt: skip
        assert tree(place.root) == before


CALLS = (
    "mkdir mkdirat symlink symlinkat rename renameat chmod fchmodat openat flock fcntl pipe2 "
    "vfork fork clone clone3 wait4 write close execve"
)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_killed_at_every_call(place):
    """Whatever kcfg was just doing: after the next run nothing is left, the tree as it was."""
    shutil.rmtree(place.real / "datasets")
    before = tree(place.root)
    log = place.root / "log"
    calls = ",".join(f"?{name}" for name in CALLS.split())
    strace = ["strace", "-qq", "-o", str(log), "-e", f"trace={calls}"]
    done = place.run("true", prefix=strace)
    assert done.returncode == 0, done.stderr
    lines = log.read_text().splitlines()
    first = next(n for n, line in enumerate(lines) if "kcfg-new-" in line)
    points = []
    for n, line in enumerate(lines):
        name = line.split("(")[0]
        if n >= first and line.split("(")[0].isidentifier():
            when = sum(1 for other in lines[: n + 1] if other.startswith(f"{name}("))
            points.append((name, when))
    assert len(points) > 20
    for name, when in points:
        inject = ["-e", f"inject={name}:signal=KILL:when={when}"]
        died = place.run("true", prefix=[*strace, *inject], clean=False)
        log.unlink()
        if died.returncode == 0:
            continue  # The shell's own doings differ a little from run to run.
        for directory in place.temporary.glob("kcfg-new-*"):
            os.utime(directory, (time.time() - 70, time.time() - 70))
        place.run("true")
        assert tree(place.root) == before, (name, when)
