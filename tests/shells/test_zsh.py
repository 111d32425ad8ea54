"""TAB in a real zsh: its own completion system, in a pseudo-terminal."""

from __future__ import annotations

import posixpath
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shells.lines import INSERTED, LINES
from tests.shells.support import COMPLETIONS, Terminal, environment, is_short, terminal, tree
from tests.support.probes import needs_zsh

pytestmark = needs_zsh

# compadd is what every completion function calls in the end; the candidates that it keeps are what
# zsh offers. With -O, -A or -D it only computes.
PROBE = """
fpath=({completions} $fpath)
autoload -Uz compinit && compinit -D -u
compadd() {{
    builtin compadd "$@"
    local result=$?
    if [[ ${{@[1,(i)(-|--)]}} != *-(O|A|D)\\ * ]]; then
        local -a kept
        builtin compadd -A kept "$@"
        print -rl -- $kept >> {directory}/offered
    fi
    return result
}}
probe() {{
    : > {directory}/offered
    zle list-choices
    BUFFER=
    : > {directory}/done
}}
zle -N probe
bindkey '^I' probe
inserted() {{
    zle complete-word
    print -r -- "$BUFFER" > {directory}/offered
    BUFFER=
    : > {directory}/done
}}
zle -N inserted
bindkey '^T' inserted
: > {directory}/done
"""


class Zsh:
    """An interactive zsh that writes down what is offered, or inserted."""

    def __init__(self, shell: Terminal, directory: Path) -> None:
        self._shell, self._directory = shell, directory

    def _pressed(self, line: str, key: str) -> str:
        done = self._directory / "done"
        done.unlink()
        self._shell.type(line + key)
        self._shell.wait_for(done)
        return (self._directory / "offered").read_text()

    def offered(self, line: str) -> set[str]:
        return set(self._pressed(line, "\t").split("\n")) - {""}

    def inserted(self, line: str) -> str:
        return self._pressed(line, "\x14").removesuffix("\n")


@pytest.fixture(scope="module")
def zsh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zsh]:
    directory = tmp_path_factory.mktemp("zsh")
    work = tree(directory)
    (directory / ".zshrc").write_text(PROBE.format(completions=COMPLETIONS, directory=directory))
    with terminal(["zsh", "-d", "-i"], environment(directory), work) as shell:
        shell.wait_for(directory / "done")
        yield Zsh(shell, directory)


@pytest.mark.parametrize("line", LINES)
def test_candidates(zsh: Zsh, line: str) -> None:
    expected = {alone(word) for word in LINES[line]}
    offered = {word.replace("\\ ", " ") for word in zsh.offered(line) if not is_short(word)}
    if not expected:  # where nothing else can follow, zsh offers the options
        offered = {word for word in offered if not word.startswith("--")}
    assert offered == expected


@pytest.mark.parametrize("line", INSERTED)
def test_the_line_after_tab(zsh: Zsh, line: str) -> None:
    assert zsh.inserted(line) == INSERTED[line]


def test_loaded_from_a_pipe(tmp_path: Path) -> None:
    """`source <(kcfg completion zsh)` in .zshrc."""
    loading = f"autoload -Uz compinit; compinit -D -u; source {COMPLETIONS}/_kcfg; "
    ran = subprocess.run(
        ["zsh", "-d", "-f", "-c", loading + "print -r -- $_comps[kcfg]"],
        env=environment(tmp_path),
        capture_output=True,
        check=True,
    )
    assert (ran.stdout, ran.stderr) == (b"_kcfg\n", b"")


def alone(word: str) -> str:
    """zsh keeps what stands before the candidate, and its suffix, apart."""
    value = word.partition("=")[2] or word.removesuffix("=")
    return posixpath.basename(value.removesuffix("/"))
