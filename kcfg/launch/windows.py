"""COMMAND with a private keras directory where no process can become another: Windows.

kcfg starts COMMAND, waits, tidies and hands on its status. A run that was killed leaves its
directory, with an unlocked file in it, to the next one. Directories are shown by junctions, which
need no privilege as symbolic links do there; files by hard links, or copies from another volume.

Nothing in here needs Windows but the junctions, so the tests run it everywhere.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys

from kcfg.launch.hold import Holds, release
from kcfg.launch.place import (
    CONFIG,
    DOWNLOADS,
    PREFIX,
    cannot_make,
    entries,
    new_name,
    not_executable,
    not_found,
    temporary_directory,
)

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

# Open and locked while a run lives.
ALIVE = "alive"


def launch(
    command: Sequence[str], environ: Mapping[str, str], *, contents: bytes | None, directory: str
) -> int:
    """Run COMMAND and wait for it; see `kcfg.launch.plan.launch`. Returns its status."""
    program = shutil.which(command[0], path=environ.get("PATH"))
    if program is None:
        raise not_found(command[0])
    if contents is None:
        return _wait([program, *command[1:]], environ)
    base = temporary_directory(environ)
    sweep(base)
    directory = os.path.abspath(directory)
    path = os.path.join(base, PREFIX + new_name())
    try:
        alive = _prepare(path, contents, directory)
    except OSError as error:
        tidy(path)
        raise cannot_make(base, error, "TEMP") from error
    try:
        home = os.path.join(path, "keras")
        return _wait([program, *command[1:]], {**environ, "KERAS_HOME": home})
    finally:
        alive.close()
        tidy(path)


def sweep(base: str) -> None:
    """Tidy what killed runs left behind."""
    try:
        names = os.listdir(base)
    except OSError:
        return
    for name in names:
        path = os.path.join(base, name)
        if not name.startswith(PREFIX) or not os.path.lexists(os.path.join(path, ALIVE)):
            continue
        try:
            with open(os.path.join(path, ALIVE), "r+b") as file:
                dead = _try_lock(file)
        except OSError:
            continue
        if dead:
            tidy(path)


def tidy(path: str) -> None:
    """Move what COMMAND made into the real directory, never over anything; remove the rest."""
    name = os.path.basename(path).removeprefix(PREFIX)
    real, held = _recorded(path)
    home = os.path.join(path, "keras")
    kept = False
    for entry in os.listdir(home) if os.path.isdir(home) else ():
        mine, theirs = os.path.join(home, entry), os.path.join(real, entry)
        if _is_link(mine):
            os.unlink(mine)
        elif not entry.startswith((CONFIG, "." + CONFIG)) and not _same(mine, theirs):
            kept = not _move(mine, theirs, f"{theirs}.{PREFIX}{name}") or kept
    for directory, missing in reversed(held):
        release(directory, name, missing)
    if not kept:
        shutil.rmtree(path, ignore_errors=True)


def _prepare(path: str, contents: bytes, real: str) -> BinaryIO:
    os.mkdir(path, 0o700)
    alive = open(os.path.join(path, ALIVE), "x+b")  # noqa: SIM115 - stays open with the run
    try:
        _try_lock(alive)
        _record(path, real, False)
        name = os.path.basename(path).removeprefix(PREFIX)
        holds = Holds(name, functools.partial(_record, path))
        home = os.path.join(path, "keras")
        os.mkdir(home)
        with open(os.path.join(home, CONFIG), "xb") as file:
            file.write(contents)
        names = {*entries(real), *(name for name in DOWNLOADS if holds.hold(real, name))}
        for name in sorted(names):
            show(os.path.join(real, name), os.path.join(home, name))
    except OSError:
        alive.close()
        raise
    return alive


def _wait(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Ctrl-C reaches COMMAND by itself, and COMMAND decides what it means."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.call(command, env=environ)
    except OSError as error:
        raise not_executable(command[0], error) from error
    finally:
        signal.signal(signal.SIGINT, before)


def _record(path: str, directory: str, missing: bool) -> None:
    """The real directory first, then what is held, as the sweep needs it; NUL is in no name."""
    with open(os.path.join(path, "directories"), "ab") as file:
        file.write((b"-" if missing else b"+") + os.fsencode(directory) + b"\0")


def _recorded(path: str) -> tuple[str, list[tuple[str, bool]]]:
    try:
        with open(os.path.join(path, "directories"), "rb") as file:
            lines = file.read().split(b"\0")[:-1]
    except OSError:
        lines = []
    real, *held = [(os.fsdecode(line[1:]), line[:1] == b"-") for line in lines or [b"+"]]
    return real[0], held


def show(target: str, link: str) -> None:
    if not os.path.isdir(target):
        try:
            os.link(target, link)
        except OSError:
            shutil.copy2(target, link)
    elif sys.platform == "win32":
        import _winapi

        _winapi.CreateJunction(target, link)
    else:
        os.symlink(target, link)


def _is_link(path: str) -> bool:
    """A symbolic link, or a junction (a mount point by its tag)."""
    mount_point = 0xA0000003
    return os.path.islink(path) or getattr(os.lstat(path), "st_reparse_tag", 0) == mount_point


def _same(mine: str, theirs: str) -> bool:
    """A hard link to the real file, or an unchanged copy of it."""
    import filecmp

    try:
        return os.path.samefile(mine, theirs) or filecmp.cmp(mine, theirs, shallow=False)
    except OSError:
        return False


def _move(source: str, target: str, otherwise: str) -> bool:
    for name in (target, otherwise):
        if not os.path.lexists(name):
            try:
                os.makedirs(os.path.dirname(name), exist_ok=True)
                shutil.move(source, name)
            except OSError:
                return False
            return True
    return False


def _try_lock(file: BinaryIO) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
