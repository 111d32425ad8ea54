"""A shell for examples: of the README, of `--help`."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def shell(home):
    """Run a line of shell as a reader would, in a directory that has what the examples name."""
    tools = home.directory / "bin"
    tools.mkdir()
    for name, line in {
        "kcfg": f'exec {sys.executable} -m kcfg "$@"',
        "python": f'exec {sys.executable} "$@"',
        "python3": f'exec {sys.executable} "$@"',
        "sbatch": 'test -f "$2"',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{line}\n")
        (tools / name).chmod(0o755)
    (home.cwd / "train.py").touch()
    (home.cwd / "train.sh").touch()
    (home.cwd / "config").mkdir()
    (home.cwd / "config" / "keras.json").write_text('{"floatx": "float32"}\n')
    (home.home / ".config" / "fish" / "completions").mkdir(parents=True)
    env = home.env({"GITHUB_ENV": str(home.directory / "github_env")})
    env["PATH"] = f"{tools}:{env['PATH']}"

    def run(line):
        return subprocess.run(
            ["bash", "-e", "-c", line],
            cwd=home.cwd,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    return run
