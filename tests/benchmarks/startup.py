"""What a start of kcfg costs, beside the bare interpreter and beside others' commands.

    python -m tests.benchmarks.startup --repeats 31

Runs each command of the table, and the one that it is compared with, in turn: whole processes, the
same environment (that of this Python), warm caches. Prints a table in Markdown: medians of CPU time
(user and system), the median of the pairs' ratios, and the most that design.md allows. What isn't
installed (npm, a second pip, Keras) is left out. `--check` ends with 1 where a ratio is too high;
`--only TEXT` chooses rows. A machine that does other work at the same time spoils the figures.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

HERE = [sys.executable, "-c"]
BARE = [*HERE, "pass"]
NUMPY = [*HERE, "import numpy"]
TYPER_AND_PYDANTIC = [
    *HERE,
    """
import typer, pydantic
app = typer.Typer()
class Model(pydantic.BaseModel):
    floatx: str = "float32"
@app.command()
def get(key: str) -> None: ...
@app.command()
def put(key: str, value: str) -> None: ...
typer.main.get_command(app)
""",
]
KCFG = [os.path.join(sysconfig.get_path("scripts"), "kcfg")]

ROWS = [
    # name, command, the one it is compared with, the most of the ratio
    ("kcfg get floatx", [*KCFG, "get", "floatx"], BARE, 2.0),
    ("kcfg get floatx --json", [*KCFG, "get", "floatx", "--json"], BARE, 2.0),
    ("kcfg path", [*KCFG, "path"], BARE, 2.0),
    ("kcfg show", [*KCFG, "show"], BARE, 2.0),
    ("kcfg show --json", [*KCFG, "show", "--json"], BARE, 2.0),
    ("kcfg prod small.npy --axis 1", [*KCFG, "prod", "small.npy", "--axis", "1"], NUMPY, 1.35),
    ("kcfg cast small.npy float16", [*KCFG, "cast", "small.npy", "float16"], NUMPY, 1.35),
    ("kcfg set floatx float16", [*KCFG, "set", "floatx", "float16"], TYPER_AND_PYDANTIC, 1.15),
    ("kcfg check", [*KCFG, "check"], TYPER_AND_PYDANTIC, 1.15),
    ("kcfg --help", [*KCFG, "--help"], TYPER_AND_PYDANTIC, 1.5),
    ("git config --get", ["git", "config", "--get", "user.name"], BARE, None),
    ("npm config get", ["npm", "config", "get", "fund"], BARE, None),
    ("pip config get", [sys.executable, "-m", "pip", "config", "get", "a.b"], BARE, None),
    (
        "keras.config.floatx()",
        [*HERE, "import keras; print(keras.config.floatx())"],
        BARE,
        None,
    ),
]
NAMES = {
    id(BARE): "python -c pass",
    id(NUMPY): "import numpy",
    id(TYPER_AND_PYDANTIC): "Typer, pydantic",
}


def cpu_time(command, home):
    """Milliseconds, user and system, of one whole process and those it waited for."""
    process = subprocess.Popen(
        command,
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": home, "KERAS_BACKEND": "numpy"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return (usage.ru_utime + usage.ru_stime) * 1000


def present(command):
    """Whether this command can be measured here."""
    program = command[0]
    if "keras" in command[-1]:
        return find_spec("keras") is not None
    return shutil.which(program) is not None


def measure(row, repeats, home):
    """(ms, ms of the reference, ratio), medians."""
    _, command, reference, _ = row
    cpu_time(command, home), cpu_time(reference, home)
    pairs = [(cpu_time(command, home), cpu_time(reference, home)) for _ in range(repeats)]
    ours, theirs = zip(*pairs, strict=True)
    ratio = statistics.median(mine / its for mine, its in pairs)
    return statistics.median(ours), statistics.median(theirs), ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=31)
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    versions = ", ".join(f"{name} {version(name)}" for name in ("typer", "pydantic", "numpy"))
    print(
        f"Python {platform.python_version()}, {versions}; {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}; {options.repeats} pairs\n"
    )
    print("| command | CPU time | beside | its time | ratio | at most |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    missed = []
    with tempfile.TemporaryDirectory() as home:
        keras_json = Path(home, ".keras", "keras.json")
        keras_json.parent.mkdir()
        keras_json.write_text('{"floatx": "float32", "epsilon": 1e-07, "backend": "numpy"}\n')
        made = "import numpy as np; np.save('small.npy', np.full((2, 3), 2.0))"
        subprocess.run([*HERE, made], cwd=home, check=True)
        for row in ROWS:
            name, command, reference, most = row
            if options.only not in name or not present(command):
                continue
            ours, theirs, ratio = measure(row, options.repeats, home)
            limit = "" if most is None else f"{most:.2f}"
            times = f"{ours:.1f} ms | `{NAMES[id(reference)]}` | {theirs:.1f} ms"
            print(f"| `{name}` | {times} | {ratio:.2f} | {limit} |", flush=True)
            if most is not None and ratio > most:
                missed.append(name)
    if options.check and missed:
        raise SystemExit(f"too slow: {', '.join(missed)}")


if __name__ == "__main__":
    main()
