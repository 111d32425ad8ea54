"""`kcfg completion SHELL`: print the static script that the wheel carries for that shell.

The scripts in `completions/` are made from the command tree beforehand, by
`python -m tests.support.completions`.
"""

from __future__ import annotations

import os

from kcfg.cli.boundary import put_bytes
from kcfg.keras.names import near
from kcfg.problems import KcfgError

FILES = {
    "bash": "kcfg.bash",
    "zsh": "_kcfg",
    "fish": "kcfg.fish",
    "powershell": "kcfg.ps1",
}
"""By shell, the file in `completions/`."""


def completion(shell: str) -> int:
    """`kcfg completion SHELL`: the same bytes as in the file where that shell looks."""
    if shell not in FILES:
        meant = "powershell" if shell == "pwsh" else near(shell, FILES)
        raise KcfgError(
            f"{shell!r} is no shell that kcfg completes in",
            where=None,
            keras=None,
            mend=f"did you mean {meant}?" if meant else f"one of {', '.join(FILES)}",
        )
    with open(os.path.join(_directory(), FILES[shell]), "rb") as script:
        put_bytes(script.read())
    return 0


def _directory() -> str:
    """Where the scripts lie: beside this module in a wheel, at the top in a source tree."""
    here = os.path.dirname(os.path.abspath(__file__))
    carried = os.path.join(here, "completions")
    if os.path.isdir(carried):
        return carried
    return os.path.join(os.path.dirname(os.path.dirname(here)), "completions")
