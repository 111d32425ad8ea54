"""Export the README's pictures from real runs: `python -m tests.support.pictures`, as root.

On Linux, with mounts of its own, so that the home directory shown is /home/ann and nobody's real.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

from rich.console import Console
from rich.text import Text

from kcfg.checks import registry
from kcfg.cli.render import terminal
from kcfg.situation import observe
from kcfg.world import real_world
from tests.conformance.real import empty, own_mounts

PICTURES = Path(__file__).parents[2] / ".pictures"
KERAS_JSON = """\
{
    "floatx": "float16",
    "epsilon": 1e-07,
    "backend": "theano",
    "image_data_format": "channels_last"
}
"""


def show() -> str:
    """`kcfg show` where a variable hides a removed backend, and epsilon is lost in floatx."""
    os.makedirs("/home/ann/.keras")
    Path("/home/ann/.keras/keras.json").write_text(KERAS_JSON)
    site = "/home/ann/venv/lib/python3.12/site-packages"
    for package in ("keras-3.15.1.dist-info", "jax-0.10.2.dist-info", "jax"):
        os.makedirs(f"{site}/{package}")
    Path(f"{site}/jax/__init__.py").touch()
    os.environ.clear()
    os.environ.update(HOME="/home/ann", KERAS_BACKEND="jax", VIRTUAL_ENV="/home/ann/venv")
    os.chdir("/home/ann")
    situation = observe(real_world())
    console = Console(record=True, width=112, markup=False, highlight=False, file=io.StringIO())
    console.print(Text("$ kcfg show", "bold"))
    console.print(terminal.head(situation))
    console.print(terminal.show_table(situation))
    for problem in registry.run(situation):
        console.print(terminal.problem(problem))
    # The reader's own monospaced font will do; nothing is fetched for a picture.
    return re.sub(r"@font-face {.*?}", "", console.export_svg(title="kcfg"), flags=re.DOTALL)


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    target = os.open(PICTURES / "show.svg", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    own_mounts()
    empty(b"/home", b"755")
    with os.fdopen(target, "w") as picture:
        picture.write(show())
