import errno
import os
import stat
import struct

import pytest

from kcfg import system
from kcfg.problems import KcfgError
from kcfg.system import Folder, failure
from tests.support.probes import needs_attributes, needs_root

ERRORS = [
    *("ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EBUSY", "ELOOP", "ENOTDIR"),
    *("EISDIR", "ENOENT", "ENAMETOOLONG", "EFBIG", "EMFILE", "ENFILE", "ENOMEM", "ESTALE"),
    *("ETIMEDOUT", "EBADF"),
]


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_has_its_own_words_and_its_own_cure(name):
    number = getattr(errno, name)
    error = failure(OSError(number, os.strerror(number)), where="/a/b", doing="write it", kept=None)
    assert isinstance(error, KcfgError)
    text = str(error)
    assert text.startswith("/a/b: cannot write it: ")
    assert f"({name})" in text
    assert error.mend
    assert "\n" not in text


@pytest.mark.parametrize("name", ["EACCES", "ENOENT"])
def test_what_cannot_be_read_has_another_cure_than_what_cannot_be_written(name):
    error = OSError(getattr(errno, name), "")
    read, write = (failure(error, where="f", doing=doing) for doing in ("read it", "write it"))
    assert read.mend != write.mend
    assert "write" not in read.mend
    assert "create" not in read.mend


def test_no_two_errors_share_their_words():
    # ENOTSUP and EOPNOTSUPP are one number on Linux; EINVAL means the same thing.
    told = [system._WORDS[getattr(errno, name)] for name in ERRORS]
    assert len(set(told)) == len(told)


def test_an_unknown_error_is_still_told():
    assert "Exec format error" in str(
        failure(OSError(errno.ENOEXEC, "Exec format error"), where="f", doing="x")
    )


def test_a_folder_finds_names_in_itself_and_not_along_its_path(tmp_path):
    (tmp_path / "one").mkdir()
    folder = Folder(str(tmp_path / "one"))
    assert folder.is_still_at_its_path()
    (tmp_path / "one").rename(tmp_path / "two")
    (tmp_path / "one").mkdir()
    assert not folder.is_still_at_its_path()
    os.close(folder.open("file", os.O_WRONLY | os.O_CREAT))
    folder.close()
    assert os.listdir(tmp_path / "two") == ["file"]
    assert os.listdir(tmp_path / "one") == []


def test_a_folder_that_is_gone_is_not_at_its_path(tmp_path):
    (tmp_path / "one").mkdir()
    folder = Folder(str(tmp_path / "one"))
    (tmp_path / "one").rmdir()
    assert not folder.is_still_at_its_path()
    folder.close()
    folder.close()  # twice does no harm


def test_a_folder_is_no_link_and_no_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(OSError, match=r"."):
            Folder(str(tmp_path / name))


def test_a_link_in_a_folder_is_not_followed(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    folder = Folder(str(tmp_path))
    with pytest.raises(OSError, match=r".") as caught:
        folder.open("link", os.O_RDONLY)
    folder.close()
    assert caught.value.errno == errno.ELOOP


def test_descriptors_are_not_inherited(tmp_path):
    folder = Folder(str(tmp_path))
    fd = folder.open("file", os.O_WRONLY | os.O_CREAT)
    assert not os.get_inheritable(fd)
    assert folder.fd is None or not os.get_inheritable(folder.fd)
    os.close(fd)
    folder.close()


def two_files(tmp_path):
    """(descriptor of the old one, of the new one)."""
    old = os.open(tmp_path / "old", os.O_RDWR | os.O_CREAT, 0o600)
    new = os.open(tmp_path / "new", os.O_RDWR | os.O_CREAT, 0o600)
    return old, new


def test_mode_is_copied(tmp_path):
    old, new = two_files(tmp_path)
    os.fchmod(old, 0o2755)
    assert system.copy_attributes(old, os.fstat(old), new) == ()
    assert stat.S_IMODE(os.fstat(new).st_mode) == 0o2755
    os.close(old)
    os.close(new)


def acl(*entries):
    """A POSIX ACL as the kernel stores it: (tag, permissions, id)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


SOMEBODY_READS = acl(
    (1, 6, 2**32 - 1),
    (2, 4, os.getuid()),
    (4, 4, 2**32 - 1),
    (16, 4, 2**32 - 1),
    (32, 0, 2**32 - 1),
)


@needs_attributes
def test_attributes_and_acl_are_copied(tmp_path):
    old, new = two_files(tmp_path)
    os.setxattr(old, "user.origin", b"mine")
    os.setxattr(old, "system.posix_acl_access", SOMEBODY_READS)
    assert system.copy_attributes(old, os.fstat(old), new) == ()
    assert os.getxattr(new, "user.origin") == b"mine"
    assert os.getxattr(new, "system.posix_acl_access") == SOMEBODY_READS
    assert os.fstat(new).st_mode == os.fstat(old).st_mode
    os.close(old)
    os.close(new)


@needs_attributes
def test_an_acl_that_only_the_directory_gave_goes(tmp_path):
    old, new = two_files(tmp_path)
    os.fchmod(old, 0o644)
    os.setxattr(new, "system.posix_acl_access", SOMEBODY_READS)  # as a default ACL does
    assert system.copy_attributes(old, os.fstat(old), new) == ()
    assert "system.posix_acl_access" not in os.listxattr(new)
    assert stat.S_IMODE(os.fstat(new).st_mode) == 0o644
    os.close(old)
    os.close(new)


def test_an_owner_that_cannot_be_kept_is_told_and_set_user_id_goes(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    old, new = two_files(tmp_path)
    os.fchmod(old, 0o4755)
    status = os.stat_result([*os.fstat(old)[:4], os.getuid() + 1, *os.fstat(old)[5:]])
    monkeypatch.setattr(os, "fchown", refuse)  # what the system says to ordinary users
    lost = system.copy_attributes(old, status, new)
    assert any("owner" in what for what in lost)
    assert stat.S_IMODE(os.fstat(new).st_mode) == 0o755
    os.close(old)
    os.close(new)


@needs_root
def test_owner_is_copied_before_the_mode(tmp_path):
    old, new = two_files(tmp_path)
    os.fchown(old, 1234, 4321)
    os.fchmod(old, 0o6755)
    assert system.copy_attributes(old, os.fstat(old), new) == ()
    assert (os.fstat(new).st_uid, os.fstat(new).st_gid) == (1234, 4321)
    assert stat.S_IMODE(os.fstat(new).st_mode) == 0o6755
    os.close(old)
    os.close(new)


def test_a_failing_disk_is_no_refusal(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    old, new = two_files(tmp_path)
    monkeypatch.setattr(os, "fchmod", fail)
    with pytest.raises(OSError, match=r"."):
        system.copy_attributes(old, os.fstat(old), new)
    os.close(old)
    os.close(new)


def test_reserve_without_fallocate_asks_for_free_space(tmp_path, monkeypatch):
    monkeypatch.setattr(system, "_fallocate", lambda *_: False)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    system.reserve(fd, 5000)
    assert os.fstat(fd).st_size == 5000
    with pytest.raises(OSError, match=r".") as caught:
        system.reserve(fd, 1 << 60)
    assert caught.value.errno == errno.ENOSPC
    os.close(fd)


def test_on_a_tmpfs_room_is_asked_for_and_not_taken(tmp_path, monkeypatch):
    """There fallocate(2) would fill in every page: as slow as the writing that follows."""
    status = os.stat(tmp_path)
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    mounts = [f"20 1 {device} / {tmp_path} rw - tmpfs none rw"]
    monkeypatch.setattr(system, "lines", lambda _: mounts)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    system.reserve(fd, 1 << 20)
    assert (os.fstat(fd).st_size, os.fstat(fd).st_blocks) == (1 << 20, 0)
    with pytest.raises(OSError, match=r".") as caught:
        system.reserve(fd, 1 << 60)
    assert caught.value.errno == errno.ENOSPC
    os.close(fd)


def test_without_fallocate_no_byte_is_written(tmp_path, monkeypatch):
    """glibc's posix_fallocate would write one into every block instead, slowly."""
    monkeypatch.setattr(system, "_fallocate", lambda *_: False)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    system.reserve(fd, 1 << 20)
    assert os.fstat(fd).st_blocks == 0
    os.close(fd)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP])
def test_a_filesystem_without_fsync_is_told_apart_from_a_failing_disk(
    tmp_path, monkeypatch, number
):
    def refuse(fd):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    folder = Folder(str(tmp_path))
    assert folder.sync() is False
    folder.close()
