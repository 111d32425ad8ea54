"""A file replaced whole or not at all: readers see the old bytes or the new ones, never a mix.

The new bytes go into a temporary file beside the target, are confirmed by the disk, and take the
target's name in one step. Order: create, write, owner and mode, fsync, close, rename, fsync of the
directory (as PostgreSQL's durable_rename, `src/backend/storage/file/fd.c`). Killing a process at
any moment leaves at worst a temporary file, which the next writer sweeps away.

`Staged` is that temporary file, for `store`, which adds a lock. `replacing` wraps it for whole
outputs of any size. This is the only place in the program that gives a file its name.
"""

from __future__ import annotations

import errno
import os
import stat
import time

from kcfg import system
from kcfg.problems import KcfgError
from kcfg.system import Folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from types import TracebackType

_ENDING = ".kcfg-tmp"
_RANDOM_BYTES = 8
_LONGEST_STEM = 200  # bytes; with dots, 16 digits and the ending it stays below 255

_BUSY_ON_WINDOWS = (5, 32, 33)  # access denied, sharing violation, lock violation


class Staged:
    """A temporary file on its way to a name in an open folder.

    Create, write to `fd`, `confirm`, `publish`; after any exception `discard`. The temporary name
    is remembered before the file exists, so that an exception raised by a signal between the
    system call and the next line still finds it.
    """

    def __init__(self, folder: Folder, name: str, *, swept_with: str | None = None) -> None:
        """swept_with: the name whose `sweep` finds what is left, by default `name`."""
        self.folder = folder
        self.name = name
        self.swept_with = swept_with or name
        self.temporary: str | None = None
        self.fd = -1
        self._status: os.stat_result | None = None

    def create(self, mode: int) -> int:
        """Open a new, empty file with an unguessable name; umask applies to `mode`."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        while True:
            self.temporary = _temporary_name(self.swept_with)
            try:
                self.fd = self.folder.open(self.temporary, flags, mode)
            except FileExistsError:
                self.temporary = None  # somebody else's: leave it alone
                continue
            return self.fd

    def confirm(self, *, durable: bool = True) -> bool:
        """fsync (if durable) and close. False: not confirmed. Errors of close count: NFS and quotas
        may report a full disk only there (close(2)). It is never closed twice."""
        confirmed = durable and system.sync(self.fd)
        self._status = os.fstat(self.fd)
        fd, self.fd = self.fd, -1
        os.close(fd)
        return confirmed

    def publish(self, *, overwrite: bool) -> None:
        """Give the file its name, in one step. FileExistsError when the name is taken and
        `overwrite` is False."""
        try:
            self._publish(overwrite)
        except OSError:
            if not self._has_arrived():
                raise
        self.discard()  # after link(2) it is the second name of the same file

    def _publish(self, overwrite: bool) -> None:
        assert self.temporary is not None
        if not overwrite:
            if _link(self.folder, self.temporary, self.name):
                return
            self._require_free_name()  # no hard links: vfat, exfat, some FUSE
        _rename(self.folder, self.temporary, self.name)
        self.temporary = None

    def _require_free_name(self) -> None:
        try:
            self.folder.lstat(self.name)
        except FileNotFoundError:
            return
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.name)

    def _has_arrived(self) -> bool:
        """A failed rename or link on NFS may have happened (rename(2), BUGS)."""
        try:
            return self._status is not None and os.path.samestat(
                self._status, self.folder.lstat(self.name)
            )
        except OSError:
            return False

    def discard(self) -> None:
        """Remove the temporary file, if there is one. What cannot be removed is swept later."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            system.quietly(lambda: os.close(fd))
        name = self.temporary
        if name is not None and not system.quietly(lambda: self.folder.unlink(name)):
            system.quietly(lambda: self.folder.unlink(name))  # a passing fault of the disk
        self.temporary = None


def _temporary_stem(name: str) -> str:
    return "." + os.fsdecode(os.fsencode(name)[:_LONGEST_STEM]) + "."


def _temporary_name(name: str) -> str:
    return _temporary_stem(name) + os.urandom(_RANDOM_BYTES).hex() + _ENDING


def _is_temporary(entry: str, name: str) -> bool:
    """Is `entry` a name that `_temporary_name(name)` could give?"""
    stem = _temporary_stem(name)
    middle = entry[len(stem) : -len(_ENDING)]
    return (
        entry.startswith(stem)
        and entry.endswith(_ENDING)
        and len(middle) == 2 * _RANDOM_BYTES
        and all(digit in "0123456789abcdef" for digit in middle)
    )


def _rename(folder: Folder, source: str, target: str) -> None:
    """The one rename of the program. On Windows a reader may hold the target open: git's way
    (`compat/mingw.c`) is to try again for a moment."""
    deadline = time.monotonic() + 1.0
    while not _renamed(folder, source, target, final=time.monotonic() > deadline):
        time.sleep(0.02)


def _renamed(folder: Folder, source: str, target: str, *, final: bool) -> bool:
    try:
        os.replace(folder.at(source), folder.at(target), src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
    except OSError as error:
        if final or getattr(error, "winerror", None) not in _BUSY_ON_WINDOWS:
            raise
        return False
    return True


def _link(folder: Folder, source: str, target: str) -> bool:
    """A second name for `source`. False: this filesystem has no hard links."""
    try:
        os.link(folder.at(source), folder.at(target), src_dir_fd=folder.fd, dst_dir_fd=folder.fd)
    except OSError as error:
        if error.errno in system.UNSUPPORTED or error.errno == errno.EMLINK:
            return False
        raise
    return True


def sweep(folder: Folder, name: str, *, alone: bool, older_than: float) -> None:
    """Remove temporary files that killed writers of `name` left in `folder`.

    alone: the caller holds the lock of all writers; else a file is only taken where its own lock
    is free (its writer is dead). older_than: seconds since the last write. Only regular files of
    our own user are touched; one that cannot be removed stays.
    """
    mine = os.geteuid() if hasattr(os, "geteuid") else None
    for entry in folder.names():
        if not _is_temporary(entry, name):
            continue
        try:
            found = folder.lstat(entry)
            ours = stat.S_ISREG(found.st_mode) and mine in (None, found.st_uid)
            old = time.time() - found.st_mtime >= older_than
            if ours and old and (alone or _writer_is_dead(folder, entry)):
                folder.unlink(entry)
        except OSError:
            continue


def _writer_is_dead(folder: Folder, entry: str) -> bool:
    fd = folder.open(entry, os.O_RDONLY | system.NONBLOCK)
    try:
        return system.try_lock(fd)
    finally:
        os.close(fd)


def replacing(
    path: str, *, overwrite: bool, size: int | None = None, durable: bool = True
) -> AbstractContextManager[int]:
    """Write a whole file: `with replacing(path, overwrite=False, size=n) as fd: ...`.

    fd: an open descriptor of a temporary file in the directory of the resolved target, `size`
    bytes long already (room reserved where the filesystem can promise it), to be written with
    os.write or, from several threads, os.pwrite. When the block ends well the file gets its
    name: mode, owner, attributes of the file it replaces are kept, a new one gets 0666 minus
    umask. When it ends in any exception nothing is left. A FIFO or a character device is written
    through: fd is the target itself, which cannot be seeked.

    durable: False leaves it to the system when the bytes reach the disk, as `cp` does: for large
    results that can be computed again.

    KcfgError, before any work: the target exists and not `overwrite`, is a directory or a socket,
    its directory is missing, the disk has no room. An OSError from inside the block is taken for
    a failure to write and becomes a KcfgError too (convert the errors of other files before);
    BrokenPipeError passes.
    """
    return _Replacing(path, overwrite=overwrite, size=size, durable=durable)


class _Replacing:
    """A class, not a generator: `contextlib.contextmanager` has moments at which a signal's
    exception would reach neither the generator nor the block."""

    def __init__(self, path: str, *, overwrite: bool, size: int | None, durable: bool) -> None:
        self.durable = durable
        self.path = path
        self.overwrite = overwrite
        self.size = size
        self.folder: Folder | None = None
        self.staged: Staged | None = None
        self.through = -1

    def __enter__(self) -> int:
        try:
            return self._open()
        except OSError as error:
            self._forget()
            raise self._failure(error) from error
        except BaseException:
            self._forget()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._commit()
            elif isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                raise self._failure(error) from error
        except OSError as failed:
            raise self._failure(failed) from failed
        finally:
            self._forget()

    def __del__(self) -> None:
        # Reached with work left only if a signal's exception came between the block and __exit__.
        self._forget()

    def _open(self) -> int:
        try:
            existing = os.stat(self.path)
        except FileNotFoundError:
            existing = None
        if existing is not None:
            if stat.S_ISFIFO(existing.st_mode) or stat.S_ISCHR(existing.st_mode):
                self.through = os.open(self.path, os.O_WRONLY | system.CLOEXEC)
                return self.through
            self._refuse(existing)
        directory, name = os.path.split(os.path.realpath(self.path))
        try:
            self.folder = folder = Folder(directory)
        except FileNotFoundError as error:
            raise KcfgError(
                f"cannot write it: there is no directory {directory}",
                where=self.path,
                keras=None,
                mend="create it first, or correct the path",
            ) from error
        self.staged = staged = Staged(folder, name)
        fd = staged.create(0o600 if existing is not None else 0o666)
        system.try_lock(fd)  # tells a later sweep that we live
        sweep(folder, name, alone=False, older_than=60.0)
        if self.size is not None:
            system.reserve(fd, self.size)
        return fd

    def _refuse(self, existing: os.stat_result) -> None:
        if stat.S_ISDIR(existing.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(existing.st_mode):
            raise KcfgError(
                "is neither a file nor a FIFO nor a character device",
                where=self.path,
                keras=None,
                mend="name another place",
            )
        if not self.overwrite:
            raise self._exists()

    def _exists(self) -> KcfgError:
        return KcfgError(
            "exists already, and was left as it is",
            where=self.path,
            keras=None,
            mend="use --force to replace it",
        )

    def _commit(self) -> None:
        if self.through >= 0:
            fd, self.through = self.through, -1
            os.close(fd)
            return
        assert self.staged is not None
        assert self.folder is not None
        if self.overwrite:
            self._keep_attributes(self.staged)
        self.staged.confirm(durable=self.durable)
        try:
            self.staged.publish(overwrite=self.overwrite)
        except FileExistsError as error:
            raise self._exists() from error
        try:
            if self.durable:
                self.folder.sync()
        except OSError as error:
            raise system.failure(
                error,
                where=self.path,
                doing="confirm it: it is written, but the disk did not confirm its name",
            ) from error

    def _keep_attributes(self, staged: Staged) -> None:
        try:
            replaced = staged.folder.lstat(staged.name)
        except FileNotFoundError:
            return
        try:
            source = staged.folder.open(staged.name, os.O_RDONLY | system.NONBLOCK)
        except PermissionError:
            system.copy_attributes(None, replaced, staged.fd)
            return
        try:
            system.copy_attributes(source, replaced, staged.fd)
        finally:
            os.close(source)

    def _forget(self) -> None:
        if self.through >= 0:
            fd, self.through = self.through, -1
            system.quietly(lambda: os.close(fd))
        if self.staged is not None:
            self.staged.discard()
            self.staged = None
        if self.folder is not None:
            self.folder.close()
            self.folder = None

    def _failure(self, error: OSError) -> KcfgError:
        doing = "write it"
        if self.size and error.errno == errno.ENOSPC:
            doing = f"write its {self.size:,} bytes"
        return system.failure(error, where=self.path, doing=doing)
