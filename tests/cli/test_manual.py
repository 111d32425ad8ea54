"""The man page: made of the command tree, and read without complaint."""

from __future__ import annotations

import re
import shutil
import subprocess

from tests.support.manual import PAGE, page
from tests.support.probes import needs


def test_the_page_is_that_of_the_command_tree():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.support.manual"


@needs(shutil.which("groff") is not None, "groff")
def test_groff_reads_it_without_a_warning():
    ran = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", str(PAGE)], capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    shown = re.sub(".\b", "", ran.stdout)  # bold is struck twice
    assert "kcfg set KEY VALUE" in shown
    assert "--lock-timeout SECONDS" in shown
