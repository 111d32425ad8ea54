"""Directories that must exist while a run lives, and go with the last one that needs them.

A link to a `datasets/` that isn't there yet makes `os.makedirs(..., exist_ok=True)`, Keras's
way, raise FileExistsError. So a run makes it first, and leaves two kinds of file in it:

    .kcfg-made              a run made this directory
    .kcfg-run-BOOT-RANDOM   this run leans on it

At its end a run removes its own file; where a `.kcfg-made` is then left without any run, that
goes, and the directory if it is empty. So does one that the run found missing, if it is empty and
without either: it was killed before it could say whose it is. No locks: mkdir, O_EXCL and rmdir
are atomic on network file systems, too, where job arrays keep their homes, and where a flock on a
directory holds on one machine only. A directory that somebody else made and uses is never written
to.
"""

from __future__ import annotations

import contextlib
import os
import time

from kcfg.system import NOFOLLOW

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

MADE = ".kcfg-made"
RUN = ".kcfg-run-"

# Each begins with another run's making or removing the same directory at the same moment.
TRIES = 100

# A run that was killed with its cleaner, before a reboot: nobody else knows of it.
FORGOTTEN = 10 * 86400.0


class Holds:
    """What one run holds. `record(directory, missing)` is told of each before it is touched."""

    def __init__(self, name: str, record: Callable[[str, bool], None]) -> None:
        self._name = name
        self._record = record
        self._told: set[str] = set()

    def hold(self, directory: str, name: str) -> bool:
        """See that directory/name exists as long as this run; False: it can't be made.

        A dangling link of the user's stays one: COMMAND meets it as in the real directory.
        """
        if leanable(directory):
            self._hold(directory)
        path = os.path.join(directory, name)
        return (os.path.islink(path) and not os.path.exists(path)) or self._hold(path)

    def _hold(self, directory: str) -> bool:
        directory = os.path.realpath(directory)
        parent = os.path.dirname(directory)
        for _ in range(TRIES):
            if leanable(parent):
                self._hold(parent)
            try:
                self._lean(directory)
            except FileNotFoundError:
                continue  # The last other run has just removed it.
            except OSError:
                break
            return True
        return os.path.lexists(directory)

    def _lean(self, directory: str) -> None:
        if directory not in self._told:
            self._record(directory, not os.path.lexists(directory))
            self._told.add(directory)
        try:
            os.mkdir(directory)
            made = True
        except FileExistsError:
            made = False
        if made or leanable(directory):
            _touch(os.path.join(directory, RUN + self._name))
            _drop_forgotten(directory)
        if made:
            _touch(os.path.join(directory, MADE))


def leanable(directory: str) -> bool:
    """Missing, empty or marked by a run: another run may be about to make, mark or remove it.

    A directory may go between any two looks at it, so none but this one is taken.
    """
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return not names or any(name.startswith(".kcfg-") for name in names)


def release(directory: str, name: str, missing: bool) -> None:
    """Undo `Holds.hold` by what it recorded (on POSIX the cleaner does this, in the same steps)."""
    _remove(os.path.join(directory, RUN + name))
    made = os.path.join(directory, MADE)
    if missing and not os.path.lexists(made):  # killed between making it and marking it
        if not _leaned(directory):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
        if leanable(directory):  # who leans on it is to remove it
            _mark(directory)
    for _ in range(TRIES):
        if not os.path.lexists(made) or _leaned(directory):
            break
        _remove(made)
        with contextlib.suppress(OSError):
            os.rmdir(directory)
        if not leanable(directory):
            break  # Something came in: it's a directory like any other now.
        _mark(directory)  # Another run leans on it, or did for a moment.


def _leaned(directory: str) -> bool:
    try:
        return any(name.startswith(RUN) for name in os.listdir(directory))
    except OSError:
        return False


def _drop_forgotten(directory: str) -> None:
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        with contextlib.suppress(FileNotFoundError):
            if name.startswith(RUN) and time.time() - os.lstat(path).st_mtime > FORGOTTEN:
                os.remove(path)


def _mark(directory: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        _touch(os.path.join(directory, MADE))


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | NOFOLLOW, 0o600))


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)
