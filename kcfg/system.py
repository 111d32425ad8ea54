"""Where systems differ: an open directory, what an error number means, what a file keeps.

In: descriptors and names; out: the same answers on every system, or a `KcfgError` in plain words.
A system that lacks something (dir_fd on Windows, fsync of a directory on 9p, owners on FUSE) is
asked by trying, not by name; what could not be done is returned, never swallowed.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

from kcfg.problems import KcfgError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
CLOEXEC = getattr(os, "O_CLOEXEC", 0) or getattr(os, "O_NOINHERIT", 0)
NONBLOCK = getattr(os, "O_NONBLOCK", 0)
BINARY = getattr(os, "O_BINARY", 0)
_DIRECTORY = getattr(os, "O_DIRECTORY", 0)

HAS_DIR_FD = os.open in os.supports_dir_fd
"""False on Windows: a `Folder` then joins paths."""

# --- what an error number means -----------------------------------------------------------------

# errno: (what is the matter, what mends it). The one table for everything that writes.
_WORDS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: (
        "no space is left on the device",
        "free some space there (df -h and df -i show what is full), then run the command again",
    ),
    errno.EROFS: (
        "the filesystem is mounted read-only",
        "choose a directory that can be written, or have the filesystem remounted",
    ),
    errno.EACCES: (
        "permission denied",
        "you need write permission in the directory, and search permission in those above it",
    ),
    errno.EPERM: (
        "the system forbids it, whatever the permissions say; the file may be immutable",
        "look at `lsattr` of the file and of its directory; `chattr -i` lifts it",
    ),
    errno.EIO: (
        "the disk reported an input/output error",
        "save a copy of the directory and look at the system's log: the disk may be failing",
    ),
    errno.EBUSY: (
        "the file is in use as a mount point (a single file mounted into a container?)",
        "mount its directory instead of the file, or change the file on the host",
    ),
    errno.ELOOP: (
        "its symbolic links lead in a circle",
        "follow them with `ls -l`, and remove the wrong one",
    ),
    errno.ENOTDIR: (
        "a part of the path is a file where a directory should be",
        "correct the path, or move that file away",
    ),
    errno.EISDIR: (
        "a directory is in the place of the file",
        "move that directory away, or name another file",
    ),
    errno.ENOENT: (
        "there is no such file or directory",
        "create the directory first, or correct the path",
    ),
    errno.ENAMETOOLONG: ("the name is too long for the filesystem", "choose a shorter name"),
    errno.EFBIG: (
        "the file would be larger than this process, or the filesystem, allows",
        "raise `ulimit -f`, or choose another filesystem",
    ),
    errno.EMFILE: ("this process has too many files open", "raise `ulimit -n`"),
    errno.ENFILE: ("the system has too many files open", "try again in a moment"),
    errno.ENOMEM: ("the system is out of memory", "try again when less is running"),
    errno.EXDEV: (
        "the two names are on different filesystems",
        "name a file whose directory is not joined together from several filesystems",
    ),
    errno.EINVAL: ("the filesystem does not support it", "choose another filesystem"),
    errno.EBADF: ("it is closed", "leave it open, or name a file"),
    errno.ENXIO: (
        "it is a socket, or a device that is not there",
        "name a regular file, a FIFO or a device",
    ),
}
for _name, _what, _mend in (
    (
        "EDQUOT",
        "your disk quota is used up",
        "delete some of your files or ask for more quota (`quota -s` shows it)",
    ),
    (
        "ESTALE",
        "the file server has forgotten this directory (it was replaced meanwhile)",
        "run the command again",
    ),
    (
        "ETIMEDOUT",
        "the file server does not answer",
        "run the command again when it does",
    ),
    (
        "EOPNOTSUPP",
        "the filesystem does not support it",
        "choose another filesystem",
    ),
):
    if hasattr(errno, _name):  # Windows and macOS lack some
        _WORDS[getattr(errno, _name)] = (_what, _mend)

# What mends it where something is read, if that is something else.
_TO_READ = {
    errno.EACCES: (
        "you need read permission for it, and search permission in the directories above it"
    ),
    errno.ENOENT: "correct the path",
}

UNSUPPORTED = frozenset(
    getattr(errno, name)
    for name in ("EINVAL", "ENOSYS", "EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOTTY")
    if hasattr(errno, name)
)
"""What 9p, FUSE, WSL and network filesystems answer to a call that they do not know."""


def failure(
    error: OSError, *, where: str, doing: str, kept: str | None = None, mend: str | None = None
) -> KcfgError:
    """The one line for a failed system call.

    where: the path; doing: "cannot `doing`"; kept: what became of the old file; mend: a better
    cure than the table's.
    """
    number = error.errno or 0
    words, cure = _WORDS.get(
        number, (error.strerror or str(error), "find out what the system says about this path")
    )
    if doing.startswith("read"):
        cure = _TO_READ.get(number, cure)
    name = errno.errorcode.get(number, "")
    what = f"cannot {doing}: {words}" + (f" ({name})" if name else "")
    return KcfgError(what, where=where, keras=kept, mend=mend or cure)


# --- a directory, held open ---------------------------------------------------------------------


class Folder:
    """An open directory. Names are looked up in it, not along a path that may change meanwhile."""

    def __init__(self, path: str) -> None:
        """Open `path`; the last component must not be a link. OSError as the system gives it."""
        self.path = path
        self.fd: int | None = None
        if HAS_DIR_FD:
            self.fd = os.open(path, os.O_RDONLY | _DIRECTORY | NOFOLLOW | CLOEXEC)
        elif not stat.S_ISDIR(os.stat(path).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)

    def at(self, name: str) -> str:
        """`name` as system calls want it: alone beside dir_fd, else joined to the path."""
        return name if self.fd is not None else os.path.join(self.path, name)

    def open(self, name: str, flags: int, mode: int = 0o600) -> int:
        return os.open(self.at(name), flags | CLOEXEC | NOFOLLOW | BINARY, mode, dir_fd=self.fd)

    def lstat(self, name: str) -> os.stat_result:
        return os.stat(self.at(name), dir_fd=self.fd, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        os.unlink(self.at(name), dir_fd=self.fd)

    def names(self) -> list[str]:
        return os.listdir(self.path if self.fd is None else self.fd)

    def status(self) -> os.stat_result:
        """Of the directory itself."""
        return os.stat(self.path) if self.fd is None else os.fstat(self.fd)

    def is_still_at_its_path(self) -> bool:
        """False when the directory was replaced by another since it was opened."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        return os.path.samestat(self.status(), there)

    def sync(self) -> bool:
        """Ask the disk to confirm the names. False: this system cannot say; OSError: it failed."""
        if self.fd is None:
            return False
        return sync(self.fd)

    def close(self) -> None:
        """Release it. Errors don't matter: nothing was written through this descriptor."""
        fd, self.fd = self.fd, None
        if fd is not None:
            quietly(lambda: os.close(fd))


def quietly(call: Callable[[], None]) -> bool:
    """For cleaning up, which must not hide the error that made it necessary. True: done."""
    try:
        call()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def sync(fd: int) -> bool:
    """fsync, all the way to the medium on macOS. False: unsupported. Never retried: after a
    failure the kernel calls the pages clean ("Can Applications Recover from fsync Failures?",
    USENIX ATC 2020)."""
    try:
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fsync(fd)
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return False
        raise
    return True


# --- what a file keeps when it is replaced -------------------------------------------------------

_ACL = "system.posix_acl_access"


def copy_attributes(source: int | None, status: os.stat_result, fd: int) -> tuple[str, ...]:
    """Give `fd` the owner, mode, extended attributes and ACL of the file that it will replace.

    source: that file's descriptor, None where it could not be opened (then no attributes are
    known). Returns what could not be kept, in words; OSError where the disk fails.
    """
    lost: list[str] = []
    mode = stat.S_IMODE(status.st_mode)
    if hasattr(os, "fchown"):
        mine = os.fstat(fd)
        if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
            lost += _change_owner(fd, status)
            if lost:  # a set-user-id bit is for the old owner, not for the new one
                mode &= 0o777
    if hasattr(os, "fchmod"):  # after chown, which clears bits
        _permit(lambda: os.fchmod(fd, mode), lost, f"mode {mode:04o}")
    if hasattr(os, "listxattr"):
        _copy_extended(source, fd, lost)
    return tuple(lost)


def _change_owner(fd: int, status: os.stat_result) -> list[str]:
    lost: list[str] = []
    _permit(lambda: os.fchown(fd, status.st_uid, status.st_gid), lost, f"owner {status.st_uid}")
    if lost:  # an ordinary user may still give it to another of their groups
        _permit(lambda: os.fchown(fd, -1, status.st_gid), lost, f"group {status.st_gid}")
    return lost


def _copy_extended(source: int | None, fd: int, lost: list[str]) -> None:
    def names(of: int) -> list[str]:
        found: list[str] = []
        _permit(lambda: found.extend(os.listxattr(of)), [], "")
        return found

    wanted = names(source) if source is not None else []
    for name in wanted:

        def copy(name: str = name) -> None:
            assert source is not None
            value = os.getxattr(source, name)
            os.setxattr(fd, name, value)

        # Labels of security modules are the system's to give; it may refuse ours.
        _permit(copy, [] if name.startswith("security.") else lost, f"attribute {name}")
    # A directory's default ACL gave the new file entries that the old one did not have.
    if _ACL not in wanted and _ACL in names(fd):
        _permit(lambda: os.removexattr(fd, _ACL), lost, "absence of an ACL")


def _permit(call: Callable[[], object], lost: list[str], what: str) -> None:
    """Run `call`; a refusal (not a failure of the disk) is noted in `lost`."""
    try:
        call()
    except OSError as error:
        refused = UNSUPPORTED | {errno.ENODATA} if hasattr(errno, "ENODATA") else UNSUPPORTED
        if error.errno not in refused and not (error.errno == errno.EACCES and "security" in what):
            raise
        lost.append(what)


# --- filesystems, and room on them ---------------------------------------------------------------


def filesystem(status: os.stat_result) -> str:
    """The type of the filesystem that a file is on, as Linux calls it; "" where it is unknown."""
    if not hasattr(os, "major"):
        return ""
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    found = ""
    for line in lines("/proc/self/mountinfo"):
        mount, dash, rest = line.partition(" - ")
        if dash and mount.split(" ", 3)[2] == device:
            found = rest.split(" ", 1)[0]  # a later mount hides an earlier one
    return found


def lines(path: str) -> list[str]:
    """Of one of Linux's own files; [] where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError:  # not Linux, or /proc is not mounted
        return []


def reserve(fd: int, size: int) -> None:
    """Make `fd` `size` bytes long, with room on the disk for all of them where it can promise so.

    Raises OSError (ENOSPC, EDQUOT, EFBIG) before any work is done. `os.posix_fallocate` is not
    used: where the filesystem lacks the call glibc writes a byte into every block instead. A
    tmpfs has no cheap promise: there fallocate(2) takes as long as writing (0.25 s a GiB).
    """
    if size <= 0:
        return
    if filesystem(os.fstat(fd)) == "tmpfs" or not _fallocate(fd, size):
        room = os.fstatvfs(fd) if hasattr(os, "fstatvfs") else None
        if room is not None and room.f_blocks and room.f_bavail * room.f_frsize < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.ftruncate(fd, size)


def _fallocate(fd: int, size: int) -> bool:
    """Linux's own fallocate(2); False where it is not supported."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes  # numpy, the only caller's companion, has loaded it

    library = ctypes.CDLL(None, use_errno=True)
    call = getattr(library, "fallocate64", None) or getattr(library, "fallocate", None)
    if call is None:
        return False
    call.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    while call(fd, 0, 0, size):
        number = ctypes.get_errno()
        if number in UNSUPPORTED:
            return False
        if number != errno.EINTR:
            raise OSError(number, os.strerror(number))
    return True


def try_lock(fd: int) -> bool:
    """Lock an open file for this process alone, without waiting. False: somebody holds it, or
    nothing here can tell."""
    try:
        import fcntl
    except ImportError:  # Windows: an open file cannot be removed anyway
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
