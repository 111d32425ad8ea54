"""TAB in a real bash: its own splitting of the line, its own editing, in a pseudo-terminal."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shells.lines import INSERTED, LINES
from tests.shells.support import COMPLETIONS, Terminal, environment, is_short, terminal, tree
from tests.support.probes import needs_bash

pytestmark = needs_bash

PROBE = """
source {script}
_probe() {{
    _kcfg "$@"
    {{
        printf '%s\\n' "$COMP_LINE"
        for _probe_one in "${{COMPREPLY[@]}}"; do printf '%s\\n' "$_probe_one"; done
    }} > {directory}/offered
    COMPREPLY=()
    : > {directory}/done
}}
complete -F _probe kcfg
complete -F _kcfg kcfg-itself
_line() {{
    printf '%s\\n' "$READLINE_LINE" > {directory}/offered
    READLINE_LINE=
    : > {directory}/done
}}
bind -x '"\\C-t": _line'
: > {directory}/done
"""


class Bash:
    """An interactive bash that writes down what `_kcfg` offers, and how long it took."""

    def __init__(self, shell: Terminal, directory: Path) -> None:
        self._shell, self._directory = shell, directory

    def _typed(self, keys: str) -> str:
        done = self._directory / "done"
        done.unlink()
        self._shell.type("\x15" + keys)
        self._shell.wait_for(done)
        return (self._directory / "offered").read_text()

    def offered(self, line: str) -> set[str]:
        given, *candidates = self._typed(line + "\t").splitlines()
        assert given == line
        return set(candidates)

    def inserted(self, line: str) -> str:
        """The line after TAB; `kcfg-itself` is completed as kcfg, without the probe."""
        after = self._typed(line.replace("kcfg", "kcfg-itself", 1) + "\t\x14")
        return after.removesuffix("\n").replace("kcfg-itself", "kcfg", 1)


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bash]:
    directory = tmp_path_factory.mktemp("bash")
    work = tree(directory)
    probe = directory / "probe"
    probe.write_text(PROBE.format(script=COMPLETIONS / "kcfg.bash", directory=directory))
    command = ["bash", "--norc", "--noprofile", "-i"]
    with terminal(command, environment(directory), work) as shell:
        shell.type(f"source {probe}\n")
        shell.wait_for(directory / "done")
        yield Bash(shell, directory)


@pytest.mark.parametrize("line", LINES)
def test_candidates(bash: Bash, line: str) -> None:
    expected = {behind_the_break(word) for word in LINES[line]}
    offered = {word for word in bash.offered(line) if not is_short(word)}
    assert offered == expected


@pytest.mark.parametrize("line", INSERTED)
def test_the_line_after_tab(bash: Bash, line: str) -> None:
    assert bash.inserted(line) == INSERTED[line]


def test_the_command_behind_the_dashes_has_its_own_completion(tmp_path: Path) -> None:
    """With bash-completion loaded, its function for `sudo` and `env` is asked."""
    script = f"""
        _comp_command_offset() {{ COMPREPLY=("from word $1: ${{COMP_WORDS[$1]}}"); }}
        source {COMPLETIONS}/kcfg.bash
        COMP_WORDS=(kcfg run floatx = float16 -- git ch) COMP_CWORD=7
        COMP_LINE="kcfg run floatx=float16 -- git ch" COMP_POINT=33
        _kcfg kcfg ch git
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "from word 6: git\n"


def behind_the_break(word: str) -> str:
    """bash replaces what stands behind "=" alone; it adds the "/" of a directory itself."""
    behind = word.partition("=")[2] or word
    return behind.removesuffix("/")
