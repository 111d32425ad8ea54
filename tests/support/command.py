"""Run the command itself, as a user would, on a home of its own.

KCFG in the environment names another one to test (a path, no arguments); by default it is this
tree's, run by the Python that runs the tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.home import coverage_variables

ROOT = Path(__file__).parents[2]
COMMAND = [os.environ["KCFG"]] if os.environ.get("KCFG") else [sys.executable, "-m", "kcfg"]


class Home:
    """A home directory, perhaps with a keras.json, and the processes that use it."""

    def __init__(self, root: Path, content: bytes | None) -> None:
        self.root = root
        self.directory = root / ".keras"
        self.file = self.directory / "keras.json"
        root.mkdir(parents=True, exist_ok=True)
        if content is not None:
            self.directory.mkdir()
            self.file.write_bytes(content)
        kept = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT")
        self.environ = {key: os.environ[key] for key in kept if key in os.environ}
        self.environ |= coverage_variables()
        self.environ |= {
            "HOME": str(root),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
        }

    def start(
        self, *arguments: str, prefix: Sequence[str] = (), **options: Any
    ) -> subprocess.Popen[str]:
        options = {
            "env": self.environ,
            "cwd": self.root,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "text": True,
        } | options
        return subprocess.Popen([*prefix, *COMMAND, *arguments], **options)

    def run(
        self, *arguments: str, prefix: Sequence[str] = (), timeout: float = 60, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, prefix=prefix, **options) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def names(self) -> list[str]:
        """What is in the keras directory; [] where there is none."""
        return sorted(os.listdir(self.directory)) if self.directory.is_dir() else []

    def content(self) -> bytes | None:
        return self.file.read_bytes() if self.file.exists() else None

    def values(self) -> Any:
        """As Keras reads it."""
        with self.file.open() as file:
            return json.load(file)


def is_one_line(text: str) -> bool:
    return text.endswith("\n") and text.count("\n") == 1 and "Traceback" not in text
