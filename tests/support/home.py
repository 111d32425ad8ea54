"""Run the installed kcfg as a user does: a real process, an environment that the test names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def coverage_variables() -> dict[str, str]:
    """What a child process needs so that coverage counts what it runs; {} without coverage."""
    return {name: held for name, held in os.environ.items() if name.startswith("COVERAGE_")}


class Home:
    """A home directory of the test's own, with no Keras installed, and kcfg run in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cwd = directory / "cwd"
        self.home = directory / "home"
        self.environment = directory / "environment"
        for made in (self.cwd, self.home):
            made.mkdir(parents=True)
        self.site = self.environment / "lib" / "python3.11" / "site-packages"
        self.site.mkdir(parents=True)
        self.keras_json = self.home / ".keras" / "keras.json"

    def write(self, text: str | bytes) -> Path:
        """Put a keras.json below the home directory."""
        self.keras_json.parent.mkdir(exist_ok=True)
        self.keras_json.write_bytes(text.encode() if isinstance(text, str) else text)
        return self.keras_json

    def install(self, *distributions: str) -> None:
        """Pretend that pip installed these, such as "keras-3.15.1"."""
        for name in distributions:
            (self.site / f"{name}.dist-info").mkdir()

    def env(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a process started in this home sees."""
        kept = ("PATH", "PYTHONPATH", "SYSTEMROOT")
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            **coverage_variables(),
            "HOME": str(self.home),
            "VIRTUAL_ENV": str(self.environment),
            "LC_ALL": "C.UTF-8",
            **(extra or {}),
        }

    def kcfg(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        status: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `kcfg ARGUMENTS` here; with `status` given, demand it."""
        ran = subprocess.run(
            command(*arguments),
            cwd=self.cwd,
            env=self.env(env),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        done = subprocess.CompletedProcess(
            ran.args, ran.returncode, ran.stdout.decode(), ran.stderr.decode()
        )
        assert "Traceback" not in done.stderr, done.stderr
        if status is not None:
            assert done.returncode == status, done
        return done


def command(*arguments: str) -> Sequence[str]:
    """The command line of the installed kcfg."""
    return [sys.executable, "-m", "kcfg", *arguments]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A fresh home; nothing of the machine's own is seen or touched."""
    return Home(tmp_path)
