"""TAB in a real bash: its own splitting of the line, its own editing, in a pseudo-terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shells.lines import LINES
from tests.shells.support import COMPLETIONS, Terminal, environment, is_short, terminal, tree
from tests.support.probes import needs_bash

pytestmark = needs_bash

PROBE = """
source {script}
_probe() {{
    _kcfg "$@"
    {{
        printf '%s\\n' "$COMP_LINE" "${{_probe_word}}"
        for _probe_one in "${{COMPREPLY[@]}}"; do printf '%s\\n' "$_probe_one"; done
    }} > {directory}/offered
    COMPREPLY=()
    : > {directory}/done
}}
complete -F _probe kcfg
: > {directory}/done
"""


class Bash:
    """An interactive bash that writes down what `_kcfg` offers, and how long it took."""

    def __init__(self, shell: Terminal, directory: Path) -> None:
        self._shell, self._directory = shell, directory

    def offered(self, line: str) -> set[str]:
        done = self._directory / "done"
        done.unlink()
        self._shell.type(f"\x15{line}\t")
        self._shell.wait_for(done)
        given, _, *candidates = (self._directory / "offered").read_text().splitlines()
        assert given == line
        return set(candidates)


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


def behind_the_break(word: str) -> str:
    """bash replaces what stands behind "=" alone; it adds the "/" of a directory itself."""
    behind = word.partition("=")[2] or word
    return behind.removesuffix("/")
