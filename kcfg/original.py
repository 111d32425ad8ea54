"""The file that is to be replaced, held open from reading to renaming.

In: a name in an open folder; out: its bytes, and the answer to "is it still what was read?". Only
regular files of at most 16 MiB are read; a FIFO does not hang, a device is not opened. `read` gives
the bytes at a path, without a lock, to whoever only looks.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from kcfg import system
from kcfg.problems import KcfgError
from kcfg.system import Folder

LARGEST = 16 * 1024 * 1024
"""Bytes. A larger keras.json is a mistake, and reading it would take hundreds of megabytes."""

_YOUNG = (
    2.0  # seconds: `open(path, "w")` in a first `import keras` shows an empty file for a moment
)


class Original:
    """The file that will be replaced, held open from reading to renaming (on a network home the
    record lock on it lasts only as long as no descriptor of it is closed)."""

    def __init__(self, folder: Folder, name: str, path: str, *, writable: bool) -> None:
        self.folder = folder
        self.name = name
        self.path = path
        self.status: os.stat_result | None = None
        self.data: bytes | None = None
        self.fd, self.writable = _open_old(folder, name, path, writable=writable)

    def read(self) -> bytes | None:
        """The content; an empty file that was just made is looked at again."""
        if self.fd is None:
            return None
        deadline = time.monotonic() + _YOUNG
        while True:
            self.status = os.fstat(self.fd)
            self.data = content(self.fd, self.path)
            young = abs(time.time() - self.status.st_mtime) < _YOUNG
            if self.data or not young or time.monotonic() > deadline:
                return self.data
            time.sleep(0.02)

    def has_its_name(self) -> bool:
        """Does the name still stand for the file that was opened?"""
        status = self.status if self.fd is None else os.fstat(self.fd)
        try:
            return status is not None and os.path.samestat(status, self.folder.lstat(self.name))
        except FileNotFoundError:
            return False

    def is_unchanged(self) -> bool:
        """Does the name still stand for what was read, down to the last byte?"""
        try:
            now = self.folder.lstat(self.name)
        except FileNotFoundError:
            return self.status is None
        if self.status is None or self.fd is None:
            return False
        return _identity(now) == _identity(self.status) and self.data == content(self.fd, self.path)

    def close(self) -> None:
        fd, self.fd = self.fd, None
        if fd is not None:
            system.quietly(lambda: os.close(fd))


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode)


def _open_old(folder: Folder, name: str, path: str, *, writable: bool) -> tuple[int | None, bool]:
    """(descriptor or None, may it carry a record lock)."""
    try:
        _require_regular(folder.lstat(name), path)
        if writable:
            try:
                return folder.open(name, os.O_RDWR | system.NONBLOCK), True
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                    raise
        return folder.open(name, os.O_RDONLY | system.NONBLOCK), False
    except FileNotFoundError:
        return None, False


def read(path: str) -> bytes | None:
    """The bytes that Keras would read there, without any lock; None: there is no file."""
    try:
        fd = os.open(path, os.O_RDONLY | system.NONBLOCK | system.CLOEXEC | system.BINARY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise system.failure(error, where=path, doing="read it") from error
    try:
        return content(fd, path)
    except OSError as error:
        raise system.failure(error, where=path, doing="read it") from error
    finally:
        system.quietly(lambda: os.close(fd))


def content(fd: int, path: str) -> bytes:
    """All bytes of an open regular file that is not too large."""
    status = os.fstat(fd)
    _require_regular(status, path)
    size = status.st_size
    pieces: list[bytes] = []
    done = 0
    while done <= LARGEST and size <= LARGEST:
        piece = _read_at(fd, done)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        done += len(piece)
    raise KcfgError(
        f"is larger than {LARGEST // 1024**2} MiB, which no keras.json is",
        where=path,
        keras=None,
        mend="move it away, and write a new one with `kcfg init`",
    )


def _read_at(fd: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(fd, 1 << 20, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, 1 << 20)


def _require_regular(status: os.stat_result, path: str) -> None:
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    kinds = (
        (stat.S_ISFIFO, "a FIFO (named pipe)"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a disk device"),
    )
    kind = next((words for test, words in kinds if test(mode)), "something strange")
    raise KcfgError(
        f"is {kind}, not a file",
        where=path,
        keras="Keras would wait on it or fail",
        mend="move it away, or name another file",
    )
