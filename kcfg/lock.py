"""One writer at a time in a directory, without litter, and never stale.

In: an open folder; out: a lock that the kernel drops when the process dies, however it dies. It is
flock(2) on the directory itself, so nothing is created and nothing can be left behind. A network
filesystem keeps such a lock to one machine without saying so (`torvalds/linux fs/nfs/dir.c` has
no `.flock`); there a record lock on the file is taken as well. Waiting is bounded, because anybody
who can open a directory can lock it.
"""

from __future__ import annotations

import errno
import os
import time

from kcfg import system
from kcfg.problems import KcfgError
from kcfg.system import Folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NETWORK = ("nfs", "cifs", "smb", "lustre", "9p", "fuse", "gpfs", "beegfs", "ceph", "afs")
"""Beginnings of the names of filesystems on which a directory's flock may be local."""

_NO_LOCKS = system.UNSUPPORTED | {errno.ENOLCK}
_HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05
_PATIENCE = 1.0  # seconds until somebody is told that we wait


class Lock:
    """The right to write in one folder. Both ways return False where the system has no locks."""

    def __init__(
        self, folder: Folder, where: str, timeout: float, notice: Callable[[str], None] | None
    ) -> None:
        self._folder = folder
        self._where = where
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._notice = notice
        self._marker: tuple[int, str] | None = None

    def take_folder(self) -> bool:
        """flock on the directory; closing its descriptor drops it."""
        fd = self._folder.fd
        if fd is None:
            return self._take_marker()
        import fcntl

        how = fcntl.LOCK_EX | fcntl.LOCK_NB
        return self._wait(lambda: fcntl.flock(fd, how), _HELD, self._folder.status())

    def take_file(self, fd: int) -> bool:
        """Record lock on the open file, which reaches the file server. Closing any descriptor of
        that file drops it (fcntl(2))."""
        import fcntl

        how = fcntl.LOCK_EX | fcntl.LOCK_NB
        held = _HELD | {errno.EACCES}  # POSIX allows both answers
        return self._wait(lambda: fcntl.lockf(fd, how), held, os.fstat(fd))

    def require_time(self) -> None:
        """KcfgError where the time for waiting is over."""
        if time.monotonic() >= self._deadline:
            raise self._timed_out(None)

    def release(self) -> None:
        """Drop what closing the folder does not drop."""
        marker, self._marker = self._marker, None
        if marker is not None:
            os.close(marker[0])
            system.quietly(lambda: os.unlink(marker[1]))

    def _take_marker(self) -> bool:
        """Windows: a file that only one process can create, gone when its holder dies."""
        path = _marker_path(self._folder.path)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | system.CLOEXEC
        flags |= getattr(os, "O_TEMPORARY", 0)

        def create() -> None:
            self._marker = (os.open(path, flags, 0o600), path)

        # EACCES: the last holder's file is being deleted.
        return self._wait(create, frozenset({errno.EEXIST, errno.EACCES}), None)

    def _wait(
        self, attempt: Callable[[], None], held: frozenset[int], status: os.stat_result | None
    ) -> bool:
        began = time.monotonic()
        pause = _FIRST_PAUSE
        told = self._notice is None
        while (taken := _take(attempt, held)) is None:
            now = time.monotonic()
            if now >= self._deadline:
                raise self._timed_out(status)
            if not told and self._notice is not None and now - began >= _PATIENCE:
                told = True
                self._notice(f"waiting for the lock of {self._where}, held by {holder(status)}")
            jitter = 0.75 + os.urandom(1)[0] / 510
            time.sleep(max(0.0, min(pause * jitter, self._deadline - now)))
            pause = min(pause * 2, _LONGEST_PAUSE)
        return taken

    def _timed_out(self, status: os.stat_result | None) -> KcfgError:
        return KcfgError(
            f"another writer has locked it for {self._timeout:g} s: {holder(status)}",
            where=self._where,
            keras="nothing was changed",
            mend="wait for it or end it, then run the command again; --lock-timeout waits longer",
        )


def _take(attempt: Callable[[], None], held: frozenset[int]) -> bool | None:
    """True: taken; None: somebody holds it; False: there are no locks here."""
    try:
        attempt()
    except OSError as error:
        if error.errno in held:
            return None
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True


def holder(status: os.stat_result | None) -> str:
    """Who holds a lock on this file, in words: "process 4711 (kcfg)" where the system tells."""
    pid = _holder_pid(status) if status is not None else None
    if pid is None:
        return "a process of another container, user or machine"
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return f"process {pid} ({file.read().strip()})"
    except OSError:
        return f"process {pid}"


def _holder_pid(status: os.stat_result) -> int | None:
    """From lines of /proc/locks such as `1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`."""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in system.lines("/proc/locks"):
        fields = line.split()
        if len(fields) >= 6 and fields[1] != "->" and fields[5] == device and fields[4] != "-1":
            return int(fields[4])
    return None


def is_on_network(status: os.stat_result) -> bool:
    """May another machine have this directory open, too?"""
    return system.filesystem(status).startswith(NETWORK)


def _marker_path(folder: str) -> str:
    """Where Windows keeps the lock of a folder: in the user's own local directory."""
    import hashlib

    base = os.path.join(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~"), "kcfg")
    os.makedirs(base, exist_ok=True)
    name = os.path.normcase(os.path.realpath(folder))
    return os.path.join(base, hashlib.sha256(os.fsencode(name)).hexdigest()[:32] + ".lock")
