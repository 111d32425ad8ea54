"""The command on real filesystems that are full, read-only, mounted oddly, or hostile."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.command import ROOT, Home, is_one_line
from tests.support.probes import (
    needs_chattr,
    needs_fork,
    needs_mounts,
    needs_proc_locks,
    needs_root,
)

pytestmark = needs_fork

OLD = b'{\n    "floatx": "float32",\n    "mine": "' + b"x" * 5000 + b'"\n}\n'
NEW = OLD.replace(b"float32", b"float16")
SET = ("set", "floatx", "float16", "--keras", "3.15")
NOBODY = 65534


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", OLD)


def mounted(script: str) -> list[str]:
    """A prefix that runs the command in a mount namespace of its own, behind a shell script."""
    return ["unshare", "-m", "sh", "-ec", script + '\nexec "$@"', "sh"]


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done
    assert is_one_line(done.stderr), done.stderr
    for word in words:
        assert word in done.stderr


@needs_mounts
def test_a_full_disk(home: Home) -> None:
    mount = f"""
    mount -t tmpfs -o size=64k none {home.directory}
    printf %s "$OLD" > {home.file}
    dd if=/dev/zero of={home.directory}/fill bs=4k 2>/dev/null || true
    """
    look = [*mounted(mount), "sh", "-c", f'"$@"; echo $?; ls -A {home.directory}', "sh"]
    home.environ["OLD"] = OLD.decode()
    done = home.run(*SET, prefix=look)
    status, *names = done.stdout.split()
    assert status == "2"
    assert is_one_line(done.stderr)
    assert "no space is left on the device (ENOSPC); nothing was changed; free some" in done.stderr
    assert names == ["fill", "keras.json"]


@needs_mounts
def test_a_full_disk_keeps_the_old_bytes(home: Home) -> None:
    mount = f"""
    mount -t tmpfs -o size=64k none {home.directory}
    printf %s "$OLD" > {home.file}
    dd if=/dev/zero of={home.directory}/fill bs=4k 2>/dev/null || true
    """
    look = [*mounted(mount), "sh", "-c", f'"$@"; cat {home.file}', "sh"]
    home.environ["OLD"] = OLD.decode()
    assert home.run(*SET, prefix=look).stdout == OLD.decode()


@needs_mounts
def test_a_read_only_bind_mount(home: Home) -> None:
    place = home.directory
    mount = f"mount --bind {place} {place}\nmount -o remount,ro,bind {place}"
    assert_refused(home.run(*SET, prefix=mounted(mount)), "mounted read-only (EROFS)")
    assert (home.content(), home.names()) == (OLD, ["keras.json"])


@needs_mounts
def test_a_single_file_mounted_into_a_container(home: Home, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(OLD)
    mount = f"mount --bind {outside} {home.file}"
    done = home.run(*SET, prefix=mounted(mount))
    assert_refused(done, "mount point", "(EBUSY)", "mount its directory instead")
    assert outside.read_bytes() == OLD
    assert home.names() == ["keras.json"]


@needs_mounts
def test_a_link_to_another_filesystem(home: Home, tmp_path: Path) -> None:
    """The temporary file is made where the target is, so that nothing crosses."""
    (tmp_path / "other").mkdir()
    home.file.unlink()
    home.file.symlink_to(tmp_path / "other" / "keras.json")
    mount = f"""
    mount -t tmpfs none {tmp_path}/other
    printf %s "$OLD" > {tmp_path}/other/keras.json
    """
    home.environ["OLD"] = OLD.decode()
    look = [*mounted(mount), "sh", "-c", f'"$@" && ls -A {tmp_path}/other && cat {home.file}', "sh"]
    assert home.run(*SET, prefix=look).stdout == "keras.json\n" + NEW.decode()
    assert home.file.is_symlink()


@needs_chattr
def test_an_immutable_file(home: Home) -> None:
    subprocess.run(["chattr", "+i", home.file], check=True)
    try:
        assert_refused(home.run(*SET), "(EPERM)", "chattr -i")
        assert home.names() == ["keras.json"]
    finally:
        subprocess.run(["chattr", "-i", home.file], check=True)
    assert home.content() == OLD


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param("fifo", "regular file", id="fifo"),
        pytest.param("directory", "directory", id="directory"),
        pytest.param("circle", "circle", id="links-in-a-circle"),
        pytest.param("dangling", "link to", id="dangling-link"),
        pytest.param("huge", "16 MiB", id="huge"),
    ],
)
def test_what_is_no_file_ends_in_one_line_and_in_time(
    tmp_path: Path, kind: str, words: str
) -> None:
    home = Home(tmp_path / "home", None)
    home.directory.mkdir()
    if kind == "fifo":
        os.mkfifo(home.file)
    elif kind == "directory":
        home.file.mkdir()
    elif kind == "huge":
        home.file.touch()
        os.truncate(home.file, 50_000_000)
    else:
        home.file.symlink_to("keras.json" if kind == "circle" else "none/keras.json")
    began = time.monotonic()
    done = home.run("set", "-f", str(home.file), "floatx", "float16", timeout=60)
    assert time.monotonic() - began < 15
    assert_refused(done, words, str(home.file))
    assert home.names() == ["keras.json"]


@needs_root
@pytest.mark.parametrize(
    ("owner", "mode"),
    [pytest.param(NOBODY, 0o755, id="another-owner"), pytest.param(0, 0o777, id="world-writable")],
)
def test_a_directory_that_others_rule_is_refused_unless_forced(
    home: Home, owner: int, mode: int
) -> None:
    os.chown(home.directory, owner, -1)
    home.directory.chmod(mode)
    assert_refused(home.run(*SET), str(home.directory), "--force")
    assert home.content() == OLD
    forced = home.run(*SET, "--force")
    assert forced.returncode == 0, forced.stderr
    assert home.content() == NEW


@needs_root
def test_root_under_sudo_trusts_the_caller(home: Home) -> None:
    for path in (home.root, home.directory, home.file):
        os.chown(path, NOBODY, NOBODY)
    assert_refused(home.run(*SET), str(NOBODY))
    home.environ["SUDO_UID"] = str(NOBODY)
    assert home.run(*SET).returncode == 0
    assert home.content() == NEW
    assert home.file.stat().st_uid == NOBODY


@needs_root
def test_a_link_that_another_user_planted(home: Home, tmp_path: Path) -> None:
    """As in /tmp; the kernel's own guard, fs.protected_symlinks, may be off."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    link = shared / ".keras"
    link.symlink_to(home.directory)
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    assert_refused(home.run(*SET, "-f", str(link / "keras.json")), "link", str(link))
    assert home.content() == OLD


@needs_proc_locks
def test_a_hanging_lock_holder_is_named_in_time(home: Home) -> None:
    holder = subprocess.Popen(["flock", str(home.directory), "sleep", "60"], start_new_session=True)
    try:
        wait_until_locked(home)
        began = time.monotonic()
        done = home.run(*SET, "--lock-timeout", "0.2")
        assert time.monotonic() - began < 10
        assert_refused(done, f"process {holder.pid} (", "--lock-timeout")
        assert home.content() == OLD
        # Reading takes no lock.
        assert home.run("get", "floatx", "--keras", "3.15").stdout == "float32\n"
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
    assert home.run(*SET, "--lock-timeout", "5").returncode == 0


def wait_until_locked(home: Home) -> None:
    import fcntl

    fd = os.open(home.directory, os.O_RDONLY)
    try:
        for _ in range(500):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            fcntl.flock(fd, fcntl.LOCK_UN)
            time.sleep(0.01)
    finally:
        os.close(fd)
    pytest.fail("nobody took the lock")


@needs_proc_locks
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_waiting_for_the_lock(home: Home, number: int) -> None:
    holder = subprocess.Popen(["flock", str(home.directory), "sleep", "60"], start_new_session=True)
    try:
        wait_until_locked(home)
        process = home.start(*SET, "--lock-timeout", "50")
        assert process.stderr is not None
        assert "waiting for the lock" in process.stderr.readline()
        process.send_signal(number)
        _, rest = process.communicate(timeout=60)
        assert process.returncode in (-number, 128 + number)
        assert "Traceback" not in rest
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()
    assert (home.content(), home.names()) == (OLD, ["keras.json"])


def test_ctrl_c_ends_a_shell_loop_too(home: Home) -> None:
    """bash goes on after `exit 130`; after death by the signal itself it stops.

    Three loops: a signal may come when a run has done its work and is about to end with 0.
    """
    script = (
        "for value in float16 float64 float16 float64 float16 float64 float16 float64; do\n"
        f'  "{sys.executable}" -m kcfg set floatx $value --keras 3.15; echo done; done'
    )
    stopped = 0
    for _ in range(3):
        loop = subprocess.Popen(
            ["bash", "-c", script],
            env=home.environ | {"PYTHONPATH": str(ROOT)},
            cwd=home.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert loop.stdout is not None
        assert loop.stdout.readline() == "done\n"
        time.sleep(0.4)  # into the next run
        os.killpg(loop.pid, signal.SIGINT)
        out, _ = loop.communicate(timeout=60)
        stopped += out.count("done") < 7
        assert home.values()["floatx"] in ("float16", "float64")
        assert home.names() == ["keras.json"]
    assert stopped


def test_a_signal_at_a_random_moment_leaves_the_old_or_the_new_file(home: Home) -> None:
    died = 0
    for number in range(12):
        home.file.write_bytes(OLD)
        process = home.start(*SET)
        time.sleep(0.05 + 0.04 * number)
        process.send_signal(signal.SIGTERM if number % 2 else signal.SIGINT)
        process.communicate(timeout=60)
        died += process.returncode < 0
        assert home.content() in (OLD, NEW)
        assert home.names() == ["keras.json"]
    assert died
