"""`kcfg completion`, and the scripts that it prints."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from kcfg.cli.completion import FILES
from tests.support.completions.scripts import DIRECTORY, scripts
from tests.support.completions.tree import commands, values, words
from tests.support.home import ROOT, command


def test_the_scripts_are_what_the_command_tree_makes():
    """If not: python -m tests.support.completions."""
    for name, text in scripts().items():
        assert (DIRECTORY / name).read_text(encoding="utf-8") == text, name
    assert sorted(FILES.values()) == sorted(scripts())


@pytest.mark.parametrize(("shell", "name"), FILES.items())
def test_the_same_bytes_as_the_file(home, shell, name):
    ran = subprocess.run(command("completion", shell), env=home.env(), capture_output=True)
    assert ran.returncode == 0
    assert ran.stdout == (DIRECTORY / name).read_bytes()


@pytest.mark.parametrize(
    ("shell", "hint"),
    [
        pytest.param("pwsh", "did you mean powershell?", id="pwsh"),
        pytest.param("bsh", "did you mean bash?", id="slip"),
        pytest.param("tcsh-like", "one of bash, zsh, fish, powershell", id="another"),
    ],
)
def test_no_such_shell(home, shell, hint):
    ran = home.kcfg("completion", shell, status=2)
    assert hint in ran.stderr
    assert ran.stdout == ""


def test_typers_own_completion_is_off(home):
    told = home.kcfg("--help", status=0).stdout
    assert "--install-completion" not in told
    assert "--show-completion" not in told


def test_the_wheel_carries_them(tmp_path):
    """Where the shells look, and where `kcfg completion` reads."""
    built = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(built, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    # --ignore-installed: without it pip removes the kcfg that the tests run.
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--ignore-installed"]
    subprocess.run([*pip, "--prefix", str(installed), str(wheel)], check=True, capture_output=True)
    places = {
        "bash": "share/bash-completion/completions/kcfg",
        "zsh": "share/zsh/site-functions/_kcfg",
        "fish": "share/fish/vendor_completions.d/kcfg.fish",
    }
    for shell, place in places.items():
        assert (installed / place).read_bytes() == (DIRECTORY / FILES[shell]).read_bytes()
    (package,) = installed.glob("lib*/python3*/site-packages")
    for shell, name in FILES.items():
        # -I: neither the working directory nor PYTHONPATH leads to the source tree.
        script = (
            f"import sys; sys.path.insert(0, {str(package)!r}); from kcfg.__main__ import main; "
            f"import kcfg; assert kcfg.__file__.startswith({str(package)!r}); "
            f"sys.exit(main(['completion', {shell!r}]))"
        )
        ran = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, check=True)
        assert ran.stdout == (DIRECTORY / name).read_bytes()


class TestPowerShell:
    """There is no PowerShell here: only what the script holds, and that its brackets close."""

    TEXT = (DIRECTORY / "kcfg.ps1").read_text(encoding="utf-8")

    def table(self, name):
        (block,) = re.findall(
            rf"^    \${name} = @\{{\n(.*?)^    \}}", self.TEXT, re.MULTILINE | re.DOTALL
        )
        rows = re.findall(r"^        '([^']*)' = (.*)$", block, re.MULTILINE)
        return {key: re.findall(r"'([^']*)'", held) for key, held in rows}

    def test_brackets_close(self):
        code = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", "", self.TEXT)
        waiting = []
        for char in code:
            if char in "([{":
                waiting.append(")]}"["([{".index(char)])
            elif char in ")]}":
                assert waiting.pop() == char
        assert waiting == []

    def test_tables(self):
        for one in commands():
            names = [name for option in one.options for name in option.names]
            assert self.table("options")[one.name] == names
            if one.positional:
                assert self.table("positional")[one.name] == list(one.positional)
            for option in one.options:
                for name in option.names:
                    taken = self.table("optionTakes").get(f"{one.name} {name}")
                    assert taken == ([option.takes] if option.takes else None)
        for key, found in values().items():
            assert self.table("values")[key] == [word.text for word in found]
        assert self.table("words")["version"] == [word.text for word in words("version")]
        for one in commands():
            assert f"'{one.name}'" in self.TEXT

    def test_each_kind_is_answered(self):
        answered = set(re.findall(r"^            '(\w+)' \{", self.TEXT, re.MULTILINE))
        answered |= set(self.table("words")) | {"nothing"}
        for one in commands():
            kinds = {option.takes for option in one.options if option.takes}
            assert kinds | set(one.positional) <= answered, one.name
