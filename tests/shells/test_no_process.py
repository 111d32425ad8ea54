"""TAB starts no program in any shell: not kcfg, not Python, nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.shells.lines import LINES
from tests.shells.support import COMPLETIONS, environment, terminal, tree
from tests.support.probes import needs_bash, needs_fish, needs_strace, needs_zsh

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {completions}/kcfg.bash\n"),
    "zsh": (
        ["zsh", "-d", "-f", "-i"],
        # Typed ahead, a TAB would be a mere character.
        (
            "fpath=({completions} $fpath); autoload -Uz compinit; compinit -D -u; "
            "zstyle ':completion:*' insert-tab false\n"
        ),
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        "function fish_prompt; end; source {completions}/kcfg.fish\n",
    ),
}
EACH = [
    pytest.param("bash", marks=needs_bash),
    pytest.param("zsh", marks=needs_zsh),
    pytest.param("fish", marks=needs_fish),
]
TYPED = [line for line in LINES if " -- " not in line]
"""What follows `kcfg run --` isn't kcfg's: fish asks apropos about the commands that it offers."""
_PROGRAM = re.compile(r'^(?P<pid>\d+) +execve\("(?P<path>[^"]*)"', re.MULTILINE)


@needs_strace
@pytest.mark.parametrize("name", EACH)
def test_no_program_is_started(name: str, tmp_path: Path) -> None:
    command, loading = SHELLS[name]
    work = tree(tmp_path)
    log = tmp_path / "log"
    ready, end = tmp_path / "ready", tmp_path / "end"
    traced = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-e",
        "trace=execve",
        "-o",
        str(log),
        *command,
    ]
    with terminal(traced, environment(tmp_path), work) as shell:
        shell.type(loading.format(completions=COMPLETIONS))
        shell.type(f": > {ready}\n")
        shell.wait_for(ready)
        before = len(_PROGRAM.findall(log.read_text()))
        for line in TYPED:
            shell.type(f"{line}\t\x15")
        shell.type(f": > {end}\n")
        shell.wait_for(end)
    started = _PROGRAM.findall(log.read_text())[before:]
    assert started == []
    assert not (tmp_path / "started").exists()
