"""The README's examples, executed: `console` blocks with their output, `sh` blocks with status 0.

The two lines of the Quick start set up an environment of their own; `.ci/run` executes those.
"""

from __future__ import annotations

import doctest
import os
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_console_blocks_print_what_they_say(shell):
    blocks = [text for language, text in BLOCKS if language == "console"]
    assert len(blocks) >= 4
    for block in blocks:
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, expected = example.partition("\n")
            printed = shell(line).stdout
            matches = doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS)
            assert matches, f"$ {line}\n{printed}\n--- instead of\n{expected}"


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(text, id=text.splitlines()[0])
        for language, text in BLOCKS
        if language == "sh" and "venv" not in text
    ],
)
def test_shell_blocks_work(shell, block):
    ran = shell(block)
    assert ran.returncode == 0, ran.stdout


def test_the_line_for_a_dockerfile_works(shell):
    (line,) = re.findall(r"^RUN (.*)$", TEXT, re.MULTILINE)
    assert shell(line).returncode == 0


def test_there_are_exactly_two_commands_to_start_with():
    lines = re.findall(r"^python3 -m venv .*$", TEXT, re.MULTILINE)
    assert len(lines) == 2
    assert lines[0].endswith("kcfg show")
    assert "pytest" in lines[1]


def test_every_command_has_its_row(home):
    help_text = home.kcfg("--help", status=0).stdout
    commands = re.findall(r"^  (\w+)  ", help_text.partition("Commands:")[2], re.MULTILINE)
    rows = re.findall(r"^\| `kcfg (\w+)", TEXT.partition("## Recipes")[0], re.MULTILINE)
    assert sorted(rows) == sorted(commands)


def test_every_picture_is_there():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT)
    assert pictures
    for picture in pictures:
        assert os.path.exists(README.parent / picture), picture
