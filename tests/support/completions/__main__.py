"""Write the scripts into `completions/`."""

from __future__ import annotations

from tests.support.completions.scripts import DIRECTORY, scripts

for name, text in scripts().items():
    (DIRECTORY / name).write_text(text, encoding="utf-8", newline="\n")
