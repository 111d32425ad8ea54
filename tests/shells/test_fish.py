"""TAB in a real fish, asked by `complete -C` what it would offer."""

from __future__ import annotations

import subprocess

import pytest

from tests.shells.lines import LINES
from tests.shells.support import COMPLETIONS, environment, is_short, tree
from tests.support.probes import needs_fish

pytestmark = needs_fish

ASK = """
source {script}
while read -l line
    echo -- "> $line"
    complete -C "$line"
end
"""


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What fish offers for each of the lines, in one process."""
    directory = tmp_path_factory.mktemp("fish")
    work = tree(directory)
    ran = subprocess.run(
        ["fish", "--no-config", "-c", ASK.format(script=COMPLETIONS / "kcfg.fish")],
        input="".join(line + "\n" for line in LINES).encode(),
        env=environment(directory),
        cwd=work,
        capture_output=True,
        check=True,
    )
    assert ran.stderr == b""
    found: dict[str, set[str]] = {}
    for row in ran.stdout.decode().splitlines():
        if row.startswith("> "):
            at = found.setdefault(row.removeprefix("> "), set())
        else:
            at.add(row.partition("\t")[0])
    assert not (directory / "started").exists()
    return found


@pytest.mark.parametrize("line", LINES)
def test_candidates(offered: dict[str, set[str]], line: str) -> None:
    told = {word for word in offered[line] if not is_short(word)}
    assert told == LINES[line]
