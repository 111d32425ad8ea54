"""Each command's `--help` ends with real examples: a shell runs every one of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
import typer

from kcfg.cli.app import app

COMMANDS = typer.main.get_command(app).commands
EXAMPLES = {
    name: re.findall(r"^ *((?:kcfg|eval|source) .*)$", command.help, re.MULTILINE)
    for name, command in COMMANDS.items()
}


@pytest.mark.parametrize("name", COMMANDS)
def test_two_examples_at_least(home, name):
    assert len(EXAMPLES[name]) >= 2
    told = home.kcfg(name, "--help", status=0).stdout
    for line in EXAMPLES[name]:
        assert line in told  # as it is, not folded


@pytest.mark.parametrize("name", COMMANDS)
def test_usage_and_arguments_have_plain_names(home, name):
    told = home.kcfg(name, "--help", status=0).stdout
    usage, _, rest = told.partition("\n")
    assert "{" not in usage
    assert "<" not in rest.partition("Arguments:")[2]


def test_usage_tells_what_may_be_left_out(home):
    told = home.kcfg("cast", "--help", status=0).stdout
    assert told.startswith("Usage: kcfg cast [OPTIONS] FILE [DTYPE]\n")


@pytest.mark.parametrize("columns", ["40", "80"])
def test_no_summary_is_cut(home, columns):
    told = home.kcfg("--help", env={"COLUMNS": columns}, status=0).stdout
    assert "..." not in told.partition("Commands:")[2]


@pytest.mark.parametrize("arguments", [["help"], ["help", "set"]])
def test_help_is_a_command_to_those_who_look_for_it(home, arguments):
    assert home.kcfg(*arguments, status=0).stdout == home.kcfg(*arguments[1:], "--help").stdout


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_examples_work(home, shell, line):
    home.write('{"floatx": "float32", "backend": "tensorflow"}\n')
    (home.cwd / "keras.json").write_text('{"floatx": "float16",}\n')
    np.save(home.cwd / "data.npy", np.arange(6.0).reshape(2, 3))
    np.save(home.cwd / "big.npy", np.ones((2, 3, 4), np.float32))
    ran = shell(line)
    assert ran.returncode == 0, ran.stdout
    assert "Traceback" not in ran.stdout
