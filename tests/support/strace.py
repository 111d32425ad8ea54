"""Which system calls a command makes in a directory, and what happens when one of them fails.

Calls are counted from the start of the process, as strace's `when=N` does; the interpreter's own
come first. So a log of an undisturbed run says which N belongs to the directory, and every
disturbed run is asked whether it was hit there.
"""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from kcfg.record import Record

MUTATING = (
    "openat,write,pwrite64,pwritev,fallocate,ftruncate,fchmod,fchown,fsetxattr,fremovexattr,fsync,"
    "fdatasync,close,flock,fcntl,?rename,renameat,renameat2,?link,linkat,?unlink,unlinkat,?mkdir,"
    "mkdirat,?rmdir,symlinkat,getdents64"
)
_LINE = re.compile(r"^\d+ +(?P<name>\w+)\(")


class Call(Record):
    """The N-th `name` of the process."""

    name: str
    number: int
    line: str  # as strace shows it, with the paths of descriptors

    def __str__(self) -> str:
        return f"{self.name}#{self.number}"


def log(run: Callable[[Sequence[str]], object]) -> list[str]:
    """The lines of an undisturbed run. run: starts the command behind the given prefix."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "log")
        run(["strace", "-f", "-qq", "-y", "-s", "64", "-o", str(file), "-e", f"trace={MUTATING}"])
        return file.read_text(errors="replace").splitlines()


def calls_in(directory: str, lines: Sequence[str]) -> list[Call]:
    """Those calls of a log that name the directory or something in it."""
    seen: Counter[str] = Counter()
    found = []
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        name = match["name"]
        seen[name] += 1
        if directory in line:
            found.append(Call(name, seen[name], line))
    return found


class Missed(AssertionError):
    """The disturbance met another call than it was meant for."""


def disturb(call: Call, how: str, directory: str, run: Callable[[Sequence[str]], object]) -> None:
    """Run once, with `how` (such as "signal=KILL" or "error=EIO") done to this call."""
    # Much faster, as the other calls run untraced; strace 6.1 injects no signals with it.
    faster = ["--seccomp-bpf"] if not how.startswith("signal=") else []
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "log")
        run(
            [
                *("strace", "-f", "-qq", "-y", "-s", "64", *faster, "-o", str(file)),
                *("-e", f"trace={call.name}", "-e", f"inject={call.name}:{how}"),
            ]
        )
        lines = file.read_text(errors="replace").splitlines()
    names = [line for line in lines if _LINE.match(line)]
    there = len(names) >= call.number and directory in names[call.number - 1]
    done = any("(INJECTED)" in line or "--- SIG" in line or "killed by" in line for line in lines)
    if not there or not done:
        raise Missed(f"{call} with {how}: {names[-1:] or lines[-1:]}")
