import errno
import os
import subprocess
import sys
import time

import pytest

from kcfg import system
from kcfg.lock import Lock, holder, is_on_network
from kcfg.problems import KcfgError
from kcfg.system import Folder
from tests.support.probes import needs_fork, needs_proc_locks

pytestmark = needs_fork

# Takes the directory's lock as another kcfg would, says so, and holds it until stdin closes.
HOLD = """
import sys
from kcfg.lock import Lock
from kcfg.system import Folder
folder = Folder(sys.argv[1])
assert Lock(folder, sys.argv[1], 0, None).take_folder()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """A process that holds the lock of tmp_path."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.stdin.close()
    process.stdout.close()
    process.wait(60)


@pytest.fixture
def folder(tmp_path):
    opened = Folder(str(tmp_path))
    yield opened
    opened.close()


def test_a_free_lock_is_taken_and_leaves_no_litter(folder, tmp_path):
    assert Lock(folder, "here", 0, None).take_folder() is True
    assert os.listdir(tmp_path) == []


@needs_proc_locks
def test_waiting_ends_in_time_and_names_the_holder(folder, other):
    began = time.monotonic()
    with pytest.raises(KcfgError) as caught:
        Lock(folder, "here", 0.2, None).take_folder()
    assert 0.2 <= time.monotonic() - began < 5
    text = str(caught.value)
    assert f"process {other.pid} (" in text
    assert "0.2 s" in text
    assert "--lock-timeout" in text
    assert caught.value.status == 2


def test_after_a_second_somebody_is_told(folder, other):
    told = []
    with pytest.raises(KcfgError):
        Lock(folder, "here", 1.3, told.append).take_folder()
    assert len(told) == 1
    assert told[0].startswith("waiting for the lock of here, held by ")


def test_a_short_wait_is_not_worth_a_word(folder, other):
    told = []
    with pytest.raises(KcfgError):
        Lock(folder, "here", 0.1, told.append).take_folder()
    assert told == []


def test_the_lock_of_a_killed_process_is_free_at_once(folder, other):
    other.kill()
    other.wait(60)
    assert Lock(folder, "here", 0, None).take_folder() is True


def test_a_child_does_not_inherit_the_lock(tmp_path):
    folder = Folder(str(tmp_path))
    assert Lock(folder, "here", 0, None).take_folder()
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        close_fds=False,
    )
    folder.close()
    again = Folder(str(tmp_path))
    # exec closes it, a moment after the parent goes on; the child itself lives on.
    assert Lock(again, "here", 5, None).take_folder()
    assert child.poll() is None
    again.close()
    child.communicate()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_a_filesystem_without_locks_is_no_failure(folder, monkeypatch, number):
    import fcntl

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert Lock(folder, "here", 0, None).take_folder() is False


def test_a_failing_disk_is_one(folder, monkeypatch):
    import fcntl

    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match=r"."):
        Lock(folder, "here", 0, None).take_folder()


def test_the_record_lock_meets_other_processes(folder, tmp_path):
    """The second way, for network homes."""
    (tmp_path / "keras.json").write_bytes(b"{}")
    script = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'r+')\n"
        "fcntl.lockf(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "keras.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout.readline() == b"held\n"
    fd = folder.open("keras.json", os.O_RDWR)
    with pytest.raises(KcfgError, match="another writer has locked it"):
        Lock(folder, "here", 0.1, None).take_file(fd)
    other.communicate()
    assert Lock(folder, "here", 0, None).take_file(fd) is True
    os.close(fd)


@needs_proc_locks
def test_a_holder_that_the_system_does_not_show_is_admitted(tmp_path):
    assert "another container" in holder(os.stat(tmp_path))
    assert "another container" in holder(None)


def test_filesystems_are_known_by_their_mounts(tmp_path, monkeypatch):
    status = os.stat(tmp_path)
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    lines = [
        f"20 1 {device} / /home rw - ext4 /dev/sda rw",
        f"21 1 {device} / /home rw,noatime shared:1 - nfs4 server:/home rw",
        "22 1 0:1 / /other rw - tmpfs none rw",
    ]
    monkeypatch.setattr(system, "lines", lambda _: lines)
    assert system.filesystem(status) == "nfs4"
    assert is_on_network(status)
    monkeypatch.setattr(system, "lines", lambda _: lines[:1])
    assert not is_on_network(status)
    monkeypatch.setattr(system, "lines", lambda _: [])
    assert system.filesystem(status) == ""
    assert not is_on_network(status)


class TestWithoutDescriptorsOfDirectories:
    """Windows: a file that only one process can create, below the user's local directory."""

    @pytest.fixture(autouse=True)
    def _ways(self, tmp_path, monkeypatch):
        monkeypatch.setattr(system, "HAS_DIR_FD", False)
        monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
        (tmp_path / "keras").mkdir()

    def test_only_one_holds_it(self, tmp_path):
        folder = Folder(str(tmp_path / "keras"))
        first = Lock(folder, "here", 0, None)
        assert first.take_folder() is True
        with pytest.raises(KcfgError, match="another writer has locked it"):
            Lock(folder, "here", 0.05, None).take_folder()
        first.release()
        second = Lock(folder, "here", 0, None)
        assert second.take_folder() is True
        second.release()
        assert os.listdir(tmp_path / "keras") == []
        assert os.listdir(tmp_path / "local" / "kcfg") == []

    def test_each_folder_has_its_own(self, tmp_path):
        (tmp_path / "other").mkdir()
        one = Lock(Folder(str(tmp_path / "keras")), "here", 0, None)
        two = Lock(Folder(str(tmp_path / "other")), "there", 0, None)
        assert one.take_folder() is two.take_folder() is True
        one.release()
        two.release()
