"""A shell in a pseudo-terminal, and a directory for it to complete in."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

COMPLETIONS = Path(__file__).parents[2] / "completions"


def tree(directory: Path) -> Path:
    """Files and directories to complete, and a PATH whose kcfg and python complain loudly."""
    work = directory / "work"
    for made in ("sub dir", "plain"):
        (work / made).mkdir(parents=True)
    for made in ("small.npy", "with space.npy", "sub dir/inner.npy", "keras.json", "notes.txt"):
        (work / made).touch()
    bin_ = directory / "bin"
    bin_.mkdir()
    for name in ("kcfg", "python", "python3", "uncommon-command"):
        loud = bin_ / name
        loud.write_text(f'#!/bin/sh\necho "{name} $*" >> "{directory}/started"\nexit 99\n')
        loud.chmod(0o755)
    return work


def environment(directory: Path) -> dict[str, str]:
    """What the shell sees: nothing of the machine's own configuration."""
    return {
        "PATH": f"{directory / 'bin'}:/usr/bin:/bin",
        "HOME": str(directory),
        "ZDOTDIR": str(directory),
        "XDG_CONFIG_HOME": str(directory),
        "XDG_DATA_HOME": str(directory),
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        "PS1": "> ",
    }


class Terminal:
    """An interactive program and the keys that are typed into it."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], command, env)
        self.seen = ""

    def type(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._fd, data) :]

    def wait_for(self, marker: Path, seconds: float = 30) -> None:
        """Until the shell has made this file; its output is read meanwhile."""
        end = time.monotonic() + seconds
        while not marker.exists():
            self._read(0.005)
            assert time.monotonic() < end, f"the shell says: {self.seen[-2000:]}"

    def _read(self, seconds: float) -> None:
        if select.select([self._fd], [], [], seconds)[0]:
            try:
                self.seen += os.read(self._fd, 1 << 16).decode(errors="replace")
            except OSError:
                raise AssertionError(f"the shell is gone: {self.seen[-2000:]}") from None

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)


@contextmanager
def terminal(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Iterator[Terminal]:
    opened = Terminal(command, env, cwd)
    try:
        yield opened
    finally:
        opened.close()


def is_short(word: str) -> bool:
    return len(word) == 2 and word[0] == "-" and word[1].isalpha()
