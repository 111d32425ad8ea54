"""COMMAND with a private keras directory, on POSIX: prepare, leave a cleaner behind, exec.

kcfg becomes COMMAND, so pid, terminal, process group, signals and status are COMMAND's own. What
must be tidied afterwards is left to a shell that waits for its end (cleaning.py).

What COMMAND downloads goes through the links into the real directory at once (hold.py makes
`datasets/` and `models/` there, if they are missing, for as long as they are needed). Whatever else
it makes at the top of its keras directory is moved there at the end; nothing is ever overwritten:
a name that is taken meanwhile gets the run's name behind it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import sys
import time

from kcfg.launch import cleaning
from kcfg.launch.hold import Holds
from kcfg.launch.place import (
    CONFIG,
    DOWNLOADS,
    PREFIX,
    UNFINISHED,
    cannot_make,
    entries,
    new_name,
    not_executable,
    not_found,
    temporary_directory,
)
from kcfg.problems import KcfgError
from kcfg.system import try_lock

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import NoReturn

# Where get_file goes when the keras directory isn't writable (Keras 2.3 and 3,
# utils/file_utils.py). Keras's own word, not a temporary file of ours.
FALLBACK = "/tmp/.keras"

# Descriptors from here on: shell scripts use 3 to 9, dash and bash keep their own from 10 on.
HIGH = 100


def launch(
    command: Sequence[str], environ: Mapping[str, str], *, contents: bytes | None, directory: str
) -> NoReturn:
    """Become COMMAND; see `kcfg.launch.plan.launch`."""
    program = _locate(command[0], environ.get("PATH", os.defpath))
    if contents is None:
        _become(program, command, environ)
    cleaning.sweep(temporary_directory(environ), environ)
    private = Private(contents, directory, environ)
    try:
        _become(program, command, {**environ, "KERAS_HOME": private.home})
    except KcfgError:
        private.abandon()
        raise


class Private:
    """A private keras directory with its cleaner waiting; `home` is what KERAS_HOME must name."""

    def __init__(self, contents: bytes, directory: str, environ: Mapping[str, str]) -> None:
        self._real = os.path.abspath(directory)
        self._writable = _writable(self._real)
        self._outer = _outer_data(self._real)
        # Where new entries belong. Root isn't kept out by modes, but by a read-only mount it is.
        locked = not self._writable and os.geteuid() == 0
        self._data = self._outer or (FALLBACK if locked else self._real)
        self._descriptors: list[int] = []
        base = temporary_directory(environ)
        name = new_name()
        self._name = PREFIX + name
        self._path = os.path.join(base, self._name)
        self.home = os.path.join(self._path, "keras")
        try:
            with _signals_wait():
                self._begin(os.path.join(base, UNFINISHED + name), environ)
            self._fill(contents)
        except OSError as error:
            self.abandon()
            raise cannot_make(base, error, "TMPDIR") from error

    def abandon(self) -> None:
        """COMMAND won't run: let the cleaner do its work now, and wait for it."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        deadline = time.monotonic() + 5
        while os.path.lexists(self._path) and time.monotonic() < deadline:
            time.sleep(0.005)

    def _begin(self, unfinished: str, environ: Mapping[str, str]) -> None:
        """The directory, locked before it has the name that is swept; then its cleaner."""
        _private(unfinished)
        try:
            lock = _high(os.open(unfinished, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            self._descriptors.append(lock)
            try_lock(lock)
            _private(os.path.join(unfinished, "held"))
            _private(os.path.join(unfinished, "shown"))
            os.symlink(self._data, os.path.join(unfinished, "data"))
            os.rename(unfinished, self._path)
            read, write = os.pipe()
            self._descriptors.append(_high(write))
            arguments = ("wait", self._path, self._name, self._data)
            cleaning.start(arguments, environ, read, lock)
            os.close(read)
        except OSError:
            cleaning.remove(unfinished)
            cleaning.remove(self._path)
            raise

    def _fill(self, contents: bytes) -> None:
        """keras.json and the links; the directory is as writable as the real one."""
        _private(self.home)
        path = os.path.join(self.home, CONFIG)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(contents)
        holds = Holds(self._name.removeprefix(PREFIX), self._record)
        links = {name: self._end(name) for name in entries(self._real)}
        if self._writable or self._data != self._real:
            held = [name for name in DOWNLOADS if holds.hold(self._data, name)]
            links.update({name: os.path.join(self._data, name) for name in held})
        for name, target in links.items():
            for directory in (os.path.join(self._path, "shown"), self.home):
                os.symlink(target, os.path.join(directory, name))
        if not self._writable:
            # get_file asks os.access: it must hear what it would hear of the real directory.
            os.chmod(self.home, 0o500)

    def _end(self, name: str) -> str:
        """Where a link leads; not by way of an outer run's directory, which may go first."""
        path = os.path.join(self._real, name)
        return os.readlink(path) if self._outer is not None and os.path.islink(path) else path

    def _record(self, directory: str, missing: bool) -> None:
        """For the cleaner, which goes by these names: the deepest first."""
        held = os.path.join(self._path, "held")
        number = f"{9999 - directory.count('/'):04}-{len(os.listdir(held)):04}"
        os.symlink(directory, os.path.join(held, number + ("-missing" if missing else "")))


def _high(descriptor: int) -> int:
    """The same, inheritable, out of the way of COMMAND's own numbers; the given one is closed."""
    import fcntl

    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD, HIGH)
    except OSError:
        # Fewer descriptors are allowed than that (`ulimit -n`).
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10)
    finally:
        os.close(descriptor)


def _private(path: str) -> None:
    os.mkdir(path, 0o700)
    os.chmod(path, 0o700)  # Whatever umask took away.


def _outer_data(directory: str) -> str | None:
    """Of a keras directory that is itself a run's private one: where its new entries belong."""
    above, name = os.path.split(directory)
    if name != "keras" or not os.path.basename(above).startswith(PREFIX):
        return None
    try:
        return os.readlink(os.path.join(above, "data"))
    except OSError:
        return None


def _writable(directory: str) -> bool:
    """As `os.access` would say once Keras has tried to make it, which it does on import."""
    if os.path.lexists(directory):
        return os.access(directory, os.W_OK)
    parent = os.path.dirname(directory)
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    return os.path.isdir(parent) and os.access(parent, os.W_OK | os.X_OK)


@contextlib.contextmanager
def _signals_wait() -> Iterator[None]:
    """No signal between making the directory and having somebody who removes it."""
    held = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _locate(program: str, path: str) -> str:
    """The file that execvp(3) would take; missing: 127, not executable: 126, as env(1) has it."""
    if not program:
        raise not_found("''")
    places = [""] if "/" in program else path.split(os.pathsep)
    refused = None
    for place in places:
        candidate = os.path.join(place, program)
        if os.path.isfile(candidate) and os.access(candidate, os.X_OK):
            return candidate
        if os.path.isfile(candidate) or ("/" in program and _is_barred(candidate)):
            refused = candidate
    if refused is not None:
        raise not_executable(refused, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    raise not_found(program)


def _is_barred(path: str) -> bool:
    """A directory, or behind one that we may not search."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except PermissionError:
        return True
    except OSError:
        return False


def _become(program: str, command: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    # Python ignores these from its start on, and an ignored signal stays so over an exec.
    before = {
        number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGPIPE, signal.SIGXFSZ)
    }
    try:
        try:
            os.execve(program, list(command), dict(environ))  # noqa: S606 - env(1) does that
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # A script without its #! line: execvp(3) gives it to the shell.
            shell = "/bin/sh"
            os.execve(shell, [shell, program, *command[1:]], dict(environ))  # noqa: S606
    except OSError as error:
        for number, handler in before.items():
            signal.signal(number, handler)
        if error.errno == errno.ENOENT:
            # Its interpreter is what's missing.
            raise not_found(program) from error
        raise not_executable(program, error) from error
