import errno
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from kcfg import atomic, system
from kcfg.atomic import Staged, replacing
from kcfg.problems import KcfgError
from kcfg.system import Folder
from tests.support.probes import needs_attributes, needs_fork, needs_root


@pytest.fixture(params=["descriptors", "joined-paths"])
def ways(request, monkeypatch):
    """Both ways of finding a name in a directory: POSIX's, and the one left on Windows."""
    if request.param == "joined-paths":
        monkeypatch.setattr(system, "HAS_DIR_FD", False)


def nothing():
    """What happens meanwhile, as a rule."""


def write(path, data, *, meanwhile=nothing, **options):
    with replacing(str(path), **({"overwrite": True} | options)) as fd:
        os.write(fd, data)
        meanwhile()


def names(directory):
    return sorted(os.listdir(directory))


@pytest.mark.usefixtures("ways")
def test_a_new_file_appears_whole(tmp_path):
    out = tmp_path / "out"
    with replacing(str(out), overwrite=False) as fd:
        assert len(names(tmp_path)) == 1  # the temporary file, beside the target
        assert not out.exists()
        os.write(fd, b"new")
    assert out.read_bytes() == b"new"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_mode_that_open_would_give(tmp_path, umask):
    before = os.umask(umask)
    try:
        write(tmp_path / "ours", b"")
        (tmp_path / "theirs").write_bytes(b"")
    finally:
        os.umask(before)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "theirs").stat().st_mode


@pytest.mark.usefixtures("ways")
def test_an_existing_file_is_left_alone_without_overwrite(tmp_path):
    out = tmp_path / "out"
    out.write_bytes(b"old")
    with pytest.raises(KcfgError, match=r"exists already.*--force"):
        write(out, b"new", overwrite=False)
    assert out.read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


@pytest.mark.usefixtures("ways")
def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(KcfgError, match="exists already"):
        write(out, b"new", overwrite=False, meanwhile=lambda: out.write_bytes(b"first"))
    assert out.read_bytes() == b"first"
    assert names(tmp_path) == ["out"]


def test_without_hard_links_a_file_that_appears_meanwhile_is_left_alone(tmp_path, monkeypatch):
    def refuse(*_, **__):  # as vfat answers
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    out = tmp_path / "out"
    write(out, b"one", overwrite=False)
    assert (out.read_bytes(), names(tmp_path)) == (b"one", ["out"])
    out.unlink()
    with pytest.raises(KcfgError, match="exists already"):
        write(out, b"new", overwrite=False, meanwhile=lambda: out.write_bytes(b"first"))
    assert (out.read_bytes(), names(tmp_path)) == (b"first", ["out"])


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError, GeneratorExit])
def test_any_exception_leaves_nothing(tmp_path, error):
    out = tmp_path / "out"
    out.write_bytes(b"old")

    def fail():
        raise error

    with pytest.raises(error):
        write(out, b"half", meanwhile=fail)
    assert (out.read_bytes(), names(tmp_path)) == (b"old", ["out"])


def test_an_exception_before_the_block_leaves_nothing_either(tmp_path):
    manager = replacing(str(tmp_path / "out"), overwrite=False)
    manager.__enter__()
    assert len(names(tmp_path)) == 1
    del manager  # a signal's exception came between the block's end and __exit__
    assert names(tmp_path) == []


def test_an_exception_in_the_moment_after_open_leaves_nothing(tmp_path, monkeypatch):
    """The signal's handler may run before the descriptor is stored anywhere."""
    real = Folder.open

    def interrupted(self, *arguments):
        os.close(real(self, *arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(Folder, "open", interrupted)
    with pytest.raises(KeyboardInterrupt), replacing(str(tmp_path / "out"), overwrite=False):
        pytest.fail("the block must not be reached")
    assert names(tmp_path) == []


@needs_attributes
def test_mode_and_attributes_of_the_old_file_stay(tmp_path):
    out = tmp_path / "out"
    out.write_bytes(b"old")
    out.chmod(0o640)
    os.setxattr(out, "user.origin", b"mine")
    write(out, b"new")
    assert out.read_bytes() == b"new"
    assert stat.S_IMODE(out.stat().st_mode) == 0o640
    assert os.getxattr(out, "user.origin") == b"mine"


@needs_root
def test_owner_and_group_of_the_old_file_stay(tmp_path):
    out = tmp_path / "out"
    out.write_bytes(b"old")
    os.chown(out, 1234, 4321)
    out.chmod(0o6750)  # chown clears these bits, so it must come first
    write(out, b"new")
    assert (out.stat().st_uid, out.stat().st_gid) == (1234, 4321)
    assert stat.S_IMODE(out.stat().st_mode) == 0o6750


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("real/file")
    write(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"new"
    assert names(tmp_path / "real") == ["file"]


def test_a_dangling_link_gets_its_target(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("target")
    write(link, b"new", overwrite=False)
    assert link.is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_hard_link_keeps_the_old_bytes(tmp_path):
    out = tmp_path / "out"
    out.write_bytes(b"old")
    os.link(out, tmp_path / "other")
    write(out, b"new")
    assert (tmp_path / "other").read_bytes() == b"old"


@needs_fork
def test_a_fifo_is_written_through(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    got = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
    reader.start()
    write(fifo, b"through", overwrite=False, size=7)
    reader.join(10)
    assert got == [b"through"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_devices_are_written_through(tmp_path):
    write("/dev/null", b"gone", overwrite=False)
    with pytest.raises(KcfgError, match=r"no space.*ENOSPC"):
        write("/dev/full", b"no", overwrite=False)


@needs_fork
def test_standard_output_can_be_named():
    script = (
        "import os; from kcfg.atomic import replacing\n"
        "with replacing('/dev/stdout', overwrite=False) as fd: os.write(fd, b'out')"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert ran.stdout == b"out"


def test_a_closed_pipe_is_not_an_error_of_the_file(tmp_path):
    with pytest.raises(BrokenPipeError), replacing(str(tmp_path / "out"), overwrite=False):
        raise BrokenPipeError
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "words"),
    [
        pytest.param("directory", "a directory is in the place", id="directory"),
        pytest.param("none/out", "there is no directory", id="no-directory"),
        pytest.param("file/out", "a part of the path is a file", id="file-on-the-way"),
        pytest.param("circle", "lead in a circle", id="links-in-a-circle"),
        pytest.param("x" * 256, "too long", id="name-too-long"),
    ],
)
def test_what_cannot_be_replaced_is_told_before_any_work(tmp_path, place, words):
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "circle").symlink_to("circle")
    before = names(tmp_path)
    with pytest.raises(KcfgError, match=words) as caught:
        write(tmp_path / place, b"new")
    assert caught.value.where == str(tmp_path / place)
    assert caught.value.mend
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == before


def test_a_full_disk_is_told_before_the_work(tmp_path):
    with pytest.raises(KcfgError, match=r"no space|larger than"):
        write(tmp_path / "out", b"", size=1 << 60)
    assert names(tmp_path) == []


def test_room_is_reserved_and_threads_may_write_anywhere(tmp_path):
    out = tmp_path / "out"
    size = 64 * 4096
    with replacing(str(out), overwrite=False, size=size) as fd:
        assert os.fstat(fd).st_size == size
        threads = [
            threading.Thread(target=os.pwrite, args=(fd, bytes([n]) * 4096, n * 4096))
            for n in range(64)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert out.read_bytes() == b"".join(bytes([n]) * 4096 for n in range(64))


def test_a_long_name_still_gets_a_temporary_one(tmp_path):
    out = tmp_path / ("é" * 127)
    write(out, b"new", overwrite=False)
    assert out.read_bytes() == b"new"


def leftover(directory, name="out", age=0.0, digits="0" * 16):
    file = Path(directory, f".{name}.{digits}.kcfg-tmp")
    file.write_bytes(b"half")
    then = time.time() - age
    os.utime(file, (then, then))
    return file.name


def test_what_a_killed_writer_left_is_swept(tmp_path):
    leftover(tmp_path, age=120)
    young = leftover(tmp_path, digits="1" * 16)
    other = leftover(tmp_path, name="other", age=120)
    strange = leftover(tmp_path, age=120, digits="xyz")
    write(tmp_path / "out", b"new")
    assert names(tmp_path) == sorted([young, other, strange, "out"])


@needs_fork
def test_what_a_living_writer_writes_is_not_swept(tmp_path):
    with replacing(str(tmp_path / "out"), overwrite=True) as fd:
        os.write(fd, b"slow")
        os.utime(fd, (0, 0))
        write(tmp_path / "out", b"quick")
    assert (tmp_path / "out").read_bytes() == b"slow"
    assert names(tmp_path) == ["out"]


def test_under_the_lock_of_all_writers_every_leftover_is_swept_at_once(tmp_path):
    leftover(tmp_path)
    (tmp_path / f".out.{'2' * 16}.kcfg-tmp").mkdir()  # not a file: not ours
    folder = Folder(str(tmp_path))
    atomic.sweep(folder, "out", alone=True, older_than=0)
    folder.close()
    assert names(tmp_path) == [f".out.{'2' * 16}.kcfg-tmp"]


def test_a_name_that_is_taken_is_not_removed_by_cleaning_up(tmp_path, monkeypatch):
    """O_EXCL: the file of that name is somebody else's."""
    first = [b"\0" * 8, b"\1" * 8]
    monkeypatch.setattr(os, "urandom", lambda _: first.pop(0))
    theirs = tmp_path / f".out.{'00' * 8}.kcfg-tmp"
    theirs.write_bytes(b"theirs")
    folder = Folder(str(tmp_path))
    staged = Staged(folder, "out")
    staged.create(0o600)
    assert staged.temporary == f".out.{'01' * 8}.kcfg-tmp"
    staged.discard()
    folder.close()
    assert theirs.read_bytes() == b"theirs"
    assert names(tmp_path) == [theirs.name]


def test_a_reader_that_holds_the_file_on_windows_is_waited_for(tmp_path, monkeypatch):
    """os.replace says winerror 32 as long as somebody has the target open there."""
    real = os.replace
    refusals = [5, 32, 33]

    def replace(*arguments, **options):
        if refusals:
            error = PermissionError(13, "sharing violation")
            error.winerror = refusals.pop()
            raise error
        real(*arguments, **options)

    monkeypatch.setattr(os, "replace", replace)
    write(tmp_path / "out", b"new")
    assert (tmp_path / "out").read_bytes() == b"new"
    assert refusals == []


def test_a_rename_that_failed_and_yet_happened_is_seen(tmp_path, monkeypatch):
    """NFS may say so (rename(2), BUGS)."""
    real = os.replace

    def replace(*arguments, **options):
        real(*arguments, **options)
        raise OSError(5, "input/output error")

    monkeypatch.setattr(os, "replace", replace)
    write(tmp_path / "out", b"new")
    assert (tmp_path / "out").read_bytes() == b"new"
    assert names(tmp_path) == ["out"]
