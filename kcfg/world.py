"""The world as an argument: environment, home, working directory, path rules, read-only file tree.

For all that Keras reads, this room alone asks for `os.environ`, the password database and what lies
on the disk; the others get a `World`, so that Windows' rules and another user's view can be tested
on any machine. Nothing here creates or changes anything.
"""

from __future__ import annotations

import errno
import os
import stat
import sys

from kcfg.problems import KcfgError
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Protocol

    class Files(Protocol):
        """A read-only view of a file tree, as one user sees it."""

        def exists(self, path: str) -> bool:
            """As `os.path.exists`: links are followed."""

        def is_link(self, path: str) -> bool:
            """As `os.path.islink`."""

        def is_dir(self, path: str) -> bool:
            """As `os.path.isdir`."""

        def writable(self, path: str) -> bool:
            """As `os.access(path, os.W_OK)`."""

        def searchable(self, path: str) -> bool:
            """As `os.access(path, os.X_OK)`."""

        def is_mine(self, path: str) -> bool:
            """It is there, and this user's: who may change its mode."""

        def read(self, path: str) -> bytes:
            """The file's bytes. Raises OSError as `open` would, KcfgError where that would hang."""

        def names(self, path: str) -> list[str]:
            """As `os.listdir`; [] where that fails."""

        def target(self, path: str) -> str:
            """As `os.readlink`."""


LARGEST = 16 * 1024 * 1024
"""Bytes: no keras.json is larger, and parsing a hostile one of 37 MB takes a gigabyte."""


class World(Record):
    """Everything outside that decides what Keras resolves."""

    env: Mapping[str, str]
    cwd: str
    """Working directory, absolute; "" where it was deleted."""
    files: Files
    user_home: Callable[[str], str | None]
    """The password database's home directory of a user ("": of this one), None where unknown."""
    paths: ModuleType
    """`posixpath` or `ntpath`."""
    module_path: tuple[str, ...]
    """`sys.path` of the Python that runs kcfg: its own environment."""

    @property
    def windows(self) -> bool:
        """Windows' rules hold (`os.name == "nt"`)."""
        return bool(self.paths.sep == "\\")

    def join(self, *parts: str) -> str:
        """As `os.path.join`."""
        return self.paths.join(*parts)  # type: ignore[no-any-return]

    def expand_user(self, path: str) -> str:
        """As `os.path.expanduser` of CPython 3.8 and later, in this world's environment.

        Source: CPython Lib/posixpath.py and Lib/ntpath.py. On Windows `HOME` plays no part.
        """
        if not path.startswith("~"):
            return path
        return self._expand_windows(path) if self.windows else self._expand_posix(path)

    def _expand_posix(self, path: str) -> str:
        name, slash, rest = path[1:].partition("/")
        home = self.env.get("HOME") if not name and "HOME" in self.env else self.user_home(name)
        if home is None:
            return path
        return home.rstrip("/") + slash + rest or "/"

    def _expand_windows(self, path: str) -> str:
        end = next((at for at, char in enumerate(path) if char in "\\/"), len(path))
        name, rest = path[1:end], path[end:]
        if "USERPROFILE" in self.env:
            home = self.env["USERPROFILE"]
        elif "HOMEPATH" in self.env:
            home = self.join(self.env.get("HOMEDRIVE", ""), self.env["HOMEPATH"])
        else:
            return path
        if name and name != self.env.get("USERNAME"):
            if self.env.get("USERNAME") != self.paths.basename(home):
                return path
            home = self.join(self.paths.dirname(home), name)
        return home + rest

    def absolute(self, path: str) -> str:
        """The same place, absolute, and without `.` and `..` where leaving them out is safe.

        `link/..` isn't the directory that holds `link`, and `missing/..` isn't there at all: the
        dots stay.
        """
        joined = self.join(self.cwd, path)
        parts = joined.replace("\\", "/").split("/") if self.windows else joined.split("/")
        for at, part in enumerate(parts):
            before = self.paths.sep.join(parts[:at]) or self.paths.sep
            if part == ".." and (self.files.is_link(before) or not self.files.is_dir(before)):
                return joined
        return self.paths.normpath(joined) if joined else joined


class RealFiles:
    """The machine's own file tree, as the user who runs kcfg sees it."""

    exists = staticmethod(os.path.exists)
    is_link = staticmethod(os.path.islink)
    is_dir = staticmethod(os.path.isdir)
    target = staticmethod(os.readlink)

    def writable(self, path: str) -> bool:
        return os.access(path, os.W_OK)

    def searchable(self, path: str) -> bool:
        return os.access(path, os.X_OK)

    def is_mine(self, path: str) -> bool:
        try:
            owner = os.stat(path).st_uid
        except OSError:  # a directory above it is closed
            return False
        return not hasattr(os, "geteuid") or os.geteuid() in (0, owner)

    def names(self, path: str) -> list[str]:
        try:
            return os.listdir(path)
        except OSError:
            return []

    def read(self, path: str) -> bytes:
        # O_NONBLOCK: a FIFO would make open wait for a writer.
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            about = os.fstat(fd)
            if stat.S_ISDIR(about.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            if not stat.S_ISREG(about.st_mode) and not stat.S_ISCHR(about.st_mode):
                raise KcfgError(
                    "this is not a regular file",
                    where=path,
                    keras="`import keras` would wait here until somebody writes to it",
                    mend="put a regular file in its place",
                )
            return read_at_most(fd, LARGEST, path)
        finally:
            os.close(fd)


def read_at_most(fd: int, largest: int, path: str) -> bytes:
    """All bytes of an open file; KcfgError where there are more than `largest`."""
    pieces = []
    total = 0
    while piece := os.read(fd, 1 << 20):
        pieces.append(piece)
        total += len(piece)
        if total > largest:
            raise KcfgError(
                f"more than {largest >> 20} MiB, which no keras.json is",
                where=path,
                keras="Keras would read all of it at every import",
                mend="look at what was written there, and write a small file in its place",
            )
    return b"".join(pieces)


def real_user_home(name: str) -> str | None:
    """From the password database, as `os.path.expanduser` asks it; None on Windows."""
    try:
        import pwd

        return (pwd.getpwnam(name) if name else pwd.getpwuid(os.getuid())).pw_dir
    except (ImportError, KeyError):
        return None


def real_world() -> World:
    """The world that this process lives in."""
    try:
        cwd = os.getcwd()
    except OSError:  # deleted: Keras finds nothing there either
        cwd = ""
    return World(
        env=os.environ,
        cwd=cwd,
        files=RealFiles(),
        user_home=real_user_home,
        paths=os.path,
        module_path=tuple(sys.path),
    )
