"""Start real runs: a user's keras directory, a TMPDIR, and a process that becomes COMMAND."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

# argv: the room's name, the real keras directory, keras.json or "", then COMMAND
DRIVER = """
import os, sys
from kcfg.launch.plan import Plan
from kcfg.problems import KcfgError
room = __import__("kcfg.launch." + sys.argv[1], fromlist=["launch"])
contents = os.fsencode(sys.argv[3]) if sys.argv[3] else None
try:
    if sys.argv[1] == "plan":
        status = room.launch(sys.argv[4:], os.environ, Plan((), contents, sys.argv[2]))
    else:
        status = room.launch(sys.argv[4:], os.environ, contents=contents, directory=sys.argv[2])
except KcfgError as error:
    sys.exit(print(error, file=sys.stderr) or error.status)
sys.exit(status)
"""

HALF = '{"floatx": "float16"}'


class Place:
    """A home with a keras directory, and an empty TMPDIR."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.python = sys.executable
        self.real = root / "home" / ".keras"
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True)
        (self.real / "datasets").mkdir(parents=True)
        (self.real / "datasets" / "mnist.npz").write_bytes(b"cached")
        (self.real / "models").mkdir()
        (self.real / "keras.json").write_text('{"floatx": "float32", "mine": 1}')
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self.environ = {**os.environ, "TMPDIR": str(self.temporary), "PYTHONPATH": path}
        self.environ["HOME"] = str(root / "home")
        self.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        self.environ.pop("KERAS_HOME", None)

    def arguments(
        self, *command: str | bytes, contents: str = HALF, room: str = "plan"
    ) -> list[str | bytes]:
        return [self.python, "-c", DRIVER, room, str(self.real), contents, *command]

    def start(self, *command: str | bytes, **options: Any) -> subprocess.Popen[bytes]:
        given = {key: options.pop(key) for key in ("contents", "room") if key in options}
        prefix = options.pop("prefix", [])
        options = {"env": self.environ, "stdin": subprocess.DEVNULL} | options
        return subprocess.Popen([*prefix, *self.arguments(*command, **given)], **options)

    def run(self, *command: str | bytes, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Run to the end, and until the cleaner is done, too."""
        clean = options.pop("clean", True)
        with self.start(
            *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
        ) as process:
            out, err = process.communicate(timeout=60)
        if clean:
            self.wait_until_clean()
        return subprocess.CompletedProcess([], process.returncode, out, err)

    def left(self) -> list[str]:
        return sorted(os.listdir(self.temporary))

    def wait_until_clean(self, seconds: float = 10) -> None:
        wait_for(lambda: not self.left(), seconds, f"left: {self.left()}")


def wait_for(condition: Any, seconds: float = 10, otherwise: str = "it never came") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)


def tree(root: Path) -> dict[bytes, tuple[int, bytes]]:
    """Every entry below root: mode, and bytes or link target."""
    found: dict[bytes, tuple[int, bytes]] = {}
    for directory, names, files in os.walk(os.fsencode(root)):
        for name in [*names, *files]:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            body = b""
            if stat.S_ISLNK(mode):
                body = os.readlink(path)
            elif stat.S_ISREG(mode) and os.access(path, os.R_OK):
                body = Path(os.fsdecode(path)).read_bytes()
            found[os.path.relpath(path, os.fsencode(root))] = (mode, body)
    return found


def cleaners(place: Place) -> list[int]:
    """The shells that wait to tidy in this TMPDIR."""
    found = []
    mark = os.fsencode(place.temporary) + b"/kcfg-run-"
    for process in os.listdir("/proc"):
        if process.isdigit():
            try:
                arguments = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"kcfg-run-cleaner" in arguments and any(a.startswith(mark) for a in arguments):
                found.append(int(process))
    return found
