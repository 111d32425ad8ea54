"""`kcfg prod` and `kcfg cast` beside what a user would type instead, whole processes.

    python -m tests.benchmarks.arrays --size 1024 --repeats 5

Makes files of that many MiB (of a cast: the larger of its two) in a scratch directory (`--scratch`,
by default the system's temporary one; give a tmpfs to leave the disk out). For each case runs in
turn kcfg, the numpy one-liner and the floor (`cat FILE >/dev/null` for prod, `cp` of the larger
file for cast), forwards and backwards, each without an output from before. Prints a table in
Markdown: medians, the median of the ratios within each turn, peak memory, and the geometric means.
With `--check` the two outputs are compared byte by byte first. `--only TEXT|TEXT` chooses cases.
`--sparse GIB` instead runs kcfg alone along each axis of one sparse file of that size. A machine
that does other work at the same time spoils the figures: the first line gives its load.
"""

from __future__ import annotations

import argparse
import filecmp
import math
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version

KCFG = shutil.which("kcfg", path=os.path.dirname(sys.executable))
"""The command that is installed beside this Python, as a user starts it."""

# name, dtype, columns (0: one axis; -R: R long rows; a tuple: the inner axes), order, axis or dtype
PROD = [
    ("long rows", "f4", 1000, "C", 1),
    ("long rows", "f8", 1000, "C", 1),
    ("32 very long rows", "f8", -32, "C", 1),
    ("long rows", "f2", 1000, "C", 1),
    ("long columns", "f4", 1000, "C", 0),
    ("(N, 3)", "f4", 3, "C", 1),
    ("(N, 3)", "f8", 3, "C", 1),
    ("(N, 10)", "f4", 10, "C", 1),
    ("(N, 10)", "i4", 10, "C", 1),
    ("(N, 3)", "f4", 3, "C", 0),
    ("(N, 10)", "f4", 10, "C", 0),
    ("(N, 10)", "i8", 10, "C", 0),
    ("(N,)", "f4", 0, "C", None),
    ("(N,)", "f8", 0, "C", None),
    ("(N,)", "i4", 0, "C", None),
    ("middle of three", "f4", (3, 100), "C", 1),
    ("Fortran (1000, N)", "f4", 1000, "F", 0),
    ("Fortran (1000, N)", "f4", 1000, "F", 1),
]
CAST = [
    ("float32 to float64", "f4", 0, "C", "float64"),
    ("float64 to float32", "f8", 0, "C", "float32"),
    ("float32 to int32", "f4", 0, "C", "int32"),
    ("int32 to float32", "i4", 0, "C", "float32"),
    ("float32 to float16", "f4", 0, "C", "float16"),
    ("float16 to float32", "f2", 0, "C", "float32"),
    ("float64 to float16", "f8", 0, "C", "float16"),
    ("Fortran, float32 to float64", "f4", 1000, "F", "float64"),
]


def make(kind, path, dtype, columns, order, size):
    """A file of about `size` bytes: factors near 1, so that products stay ordinary numbers; for a
    cast normally distributed numbers, some of which float16 can only round below 2**-14."""
    import numpy as np

    count = size // np.dtype(dtype).itemsize
    inner = columns if isinstance(columns, tuple) else (columns,)
    if columns == 0:
        shape = (count,)
    elif columns != () and inner[0] < 0:
        shape = (-inner[0], count // -inner[0])
    else:
        shape = (count // math.prod(inner), *inner)
    if order == "F":
        shape = shape[::-1]
    random = np.random.default_rng(0)
    if np.dtype(dtype).kind == "i":
        block = random.integers(-100, 100, 1 << 20).astype(dtype) | 1
    elif kind == "cast":
        block = random.standard_normal(1 << 20).astype(dtype)
    else:
        exponents = random.standard_normal(1 << 19) * 1e-3
        exponents -= exponents.mean()  # else columns of 4 GiB overflow, or end in slow denormals
        block = np.exp(np.stack([exponents, -exponents], 1).ravel()).astype(dtype)
    with open(path, "wb") as file:
        fields = {"descr": block.dtype.str, "fortran_order": order == "F", "shape": shape}
        np.lib.format.write_array_header_1_0(file, fields)
        left = math.prod(shape)
        while left:
            part = block[:left]
            part.tofile(file)
            left -= part.size
        file.flush()
        os.fsync(file.fileno())  # else the kernel writes it out while commands are timed


def run(command):
    """(seconds, peak MiB) of one whole process, with its modules compiled as in daily use."""
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=compiled)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:  # interrupted: the scratch directory goes, and nobody may write to it
        process.kill()
        process.wait()
        raise
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return seconds, usage.ru_maxrss / 1024


def measure(kind, case, options, scratch):
    """The row of one case."""
    name, dtype, columns, order, what = case
    leaves = ("in.npy", "kcfg.npy", "numpy.npy", "copy.npy", "larger.npy")
    source, out, other, copy, larger = (os.path.join(scratch, leaf) for leaf in leaves)
    size = options.size << 20
    if kind == "cast":
        size = size * width(dtype) // max(width(dtype), width(what))
    # In a process of its own: a child's peak memory includes what it was forked from.
    given = (kind, source, dtype, columns, order, size)
    maker = f"from tests.benchmarks.arrays import make; make(*{given!r})"
    subprocess.run([sys.executable, "-c", maker], check=True)
    kcfg = [KCFG, kind, source]
    if kind == "prod":
        kcfg += [] if what is None else ["--axis", str(what)]
        expression = f"np.prod(np.load({source!r}, mmap_mode='r'), axis={what})"
    else:
        kcfg += [what]
        expression = f"np.load({source!r}, mmap_mode='r').astype({what!r})"
    kcfg += ["-o", out]
    numpy = [sys.executable, "-c", f"import numpy as np; np.save({other!r}, {expression})"]
    run(kcfg)
    if options.check:
        run(numpy)
        if not filecmp.cmp(out, other, shallow=False):
            raise SystemExit(f"{name}: the outputs differ")
    if kind == "prod":
        floor = ["sh", "-c", f"exec cat '{source}' >/dev/null"]
    else:
        os.link(max(source, out, key=os.path.getsize), larger)
        floor = ["cp", larger, copy]
    commands = [kcfg, numpy, floor]
    rows = []
    for turn in range(options.repeats):
        row = {}
        for place in (0, 1, 2) if turn % 2 == 0 else (2, 1, 0):
            for leaf in (out, other, copy):
                if os.path.exists(leaf):
                    os.unlink(leaf)
            row[place] = run(commands[place])
        rows.append(row)
    medians = [statistics.median(row[place][0] for row in rows) for place in range(3)]
    ratio = statistics.median(row[1][0] / row[0][0] for row in rows)
    to_floor = statistics.median(row[2][0] / row[0][0] for row in rows)
    peaks = [max(row[place][1] for row in rows) for place in (0, 1)]
    print(
        f"| {label(kind, case)} | {medians[0]:.2f} | {medians[1]:.2f} | {medians[2]:.2f} "
        f"| {ratio:.2f} | {to_floor:.2f} | {peaks[0]:.0f} | {peaks[1]:.0f} |",
        flush=True,
    )
    return ratio


def label(kind, case):
    """What the table calls a case, and `--only` finds it by."""
    name, dtype, _, _, what = case
    return f"prod {name}, axis {what} {dtype}" if kind == "prod" else f"cast {name}"


def width(dtype):
    """Bytes of an element."""
    import numpy as np

    return np.dtype(dtype).itemsize


def sparse(gib, scratch):
    """kcfg alone on a sparse file of three axes, along each of them."""
    source, out = os.path.join(scratch, "in.npy"), os.path.join(scratch, "out.npy")
    shape = (64, 1 << 14, gib << 8)
    maker = (
        "import numpy as np; np.lib.format.write_array_header_1_0(open("
        f"{source!r}, 'wb'), {{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}})"
    )
    subprocess.run([sys.executable, "-c", maker], check=True)
    os.truncate(source, os.path.getsize(source) + 4 * math.prod(shape))
    print(
        f"{gib} GiB, float32, shape {shape}\n\n| axis | kcfg s | kcfg MiB |\n| --- | ---: | ---: |"
    )
    for axis in ("0", "1", "2", None):
        options = [] if axis is None else ["--axis", axis]
        seconds, peak = run([KCFG, "prod", source, *options, "-o", out])
        print(f"| {axis} | {seconds:.1f} | {peak:.0f} |", flush=True)
        os.unlink(out)


def available_memory():
    """Bytes that can be had without harm to other processes; endless where nobody says."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            rows = dict(line.split(":") for line in file)
        return int(rows["MemAvailable"].split()[0]) << 10
    except OSError:
        return sys.maxsize


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB of each file")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--scratch", default=None)
    parser.add_argument("--only", default="")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--sparse", type=int, metavar="GIB")
    options = parser.parse_args()
    # Terminated (`timeout`), too, it takes its gigabytes away: a tmpfs would keep them in memory.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    if KCFG is None:
        raise SystemExit(f"kcfg is not installed for {sys.executable}")
    # The input, the larger file under another name, one output, and as much in numpy's memory.
    need = 0 if options.sparse else 4 * options.size << 20
    free = shutil.disk_usage(options.scratch or tempfile.gettempdir()).free
    if min(free, available_memory()) < need:
        raise SystemExit(f"{need >> 20:,} MiB of memory and of scratch space are needed at once")
    print(
        f"{options.size} MiB, {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, numpy {version('numpy')}, {time.strftime('%Y-%m-%d')}, "
        f"load {os.getloadavg()[0]:.1f}\n"
    )
    if options.sparse:
        with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
            sparse(options.sparse, scratch)
        return
    print("| case | kcfg s | numpy s | floor s | x numpy | x floor | kcfg MiB | numpy MiB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for kind, cases in (("prod", PROD), ("cast", CAST)):
        ratios = []
        for case in cases:
            if any(text in label(kind, case) for text in options.only.split("|")):
                with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
                    ratios.append(measure(kind, case, options, scratch))
        if ratios:
            mean = statistics.geometric_mean(ratios)
            print(f"| **{kind}, geometric mean** | | | | **{mean:.2f}** | | | |", flush=True)


if __name__ == "__main__":
    main()
