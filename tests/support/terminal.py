"""What a person sees: a command whose streams are a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from collections.abc import Mapping

from tests.support.home import Home, command


def on_a_terminal(
    home: Home,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    columns: int = 200,
) -> str:
    """All that `kcfg ARGUMENTS` shows on a terminal; stdin is the terminal, too, if not given."""
    outer, inner = pty.openpty()
    with subprocess.Popen(
        command(*arguments),
        cwd=home.cwd,
        env=home.env({"TERM": "xterm-256color", "COLUMNS": str(columns), **(env or {})}),
        stdin=inner if stdin is None else stdin,
        stdout=inner,
        stderr=inner,
    ) as process:
        os.close(inner)
        seen = b""
        while select.select([outer], [], [], 30)[0]:
            try:
                piece = os.read(outer, 65536)
            except OSError:  # Linux: the other side was closed
                break
            if not piece:
                break
            seen += piece
        process.wait(60)
    os.close(outer)
    return seen.decode().replace("\r\n", "\n")
