"""What a Dask cluster costs and gives: 1 and 2 workers, and the scheduler's own share.

    python -m tests.benchmarks.cluster --size 1024 --repeats 3

Starts schedulers and workers of one thread each on this machine (`dask scheduler`, `dask worker`)
and prints in Markdown: whole commands with one thread, with one and with two workers, whose outputs
are compared byte by byte first; how many tasks that do nothing (but carry as many bytes) go out and
come back in a second, and the processor time that the scheduler takes for each, which bears other
load on the machine better; and from both the size of a task from which on they are less than 2 %
of its work, and how many workers one scheduler can keep busy with tasks of the size in use.

All processes share this machine's cores: two workers can't be faster here than two threads.
`--scratch` chooses the filesystem. A machine that does other work at the same time spoils the
figures: the first line gives its load.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from kcfg.arrays import cluster, cluster_run
from kcfg.arrays import cluster_tasks as tasks
from kcfg.arrays.plan import plan_elementwise
from tests.support.cluster import Dask, finished, kcfg

CASES = [
    ("prod of rows, float64", "f8", 1000, ["prod", "--axis", "1"]),
    ("prod of columns, float32", "f4", 1000, ["prod", "--axis", "0"]),
    ("prod of all, int32", "i4", 0, ["prod"]),
    ("cast float32 to float64", "f4", 0, ["cast", "float64"]),
    ("cast float64 to float16", "f8", 0, ["cast", "float16"]),
]
SHARE = 0.02
"""Of the time that the scheduler may cost."""

NOTHING = "('done', [0], [])"
"""In place of `cluster_tasks.WORK`: the empty kernel."""


class Counting:
    """A job that hears nothing."""

    itemsize = 1
    associative = False

    def add(self, told):
        """As Portable.add."""


def seconds_of(directory, arguments):
    """Of one whole command."""
    start = time.perf_counter()
    done = finished(kcfg(*arguments, home=directory), timeout=3600)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{arguments} ended with {done.returncode}: {done.stderr}")
    return seconds


def make(source, dtype, columns, size):
    """In a process of its own, as its numbers take memory."""
    script = f"from tests.benchmarks.arrays import make; make('prod', {str(source)!r}, {dtype!r}, "
    script += f"{columns}, 'C', {size})"
    subprocess.run([sys.executable, "-c", script], check=True)


def compare(options, scratch, one, two):
    """The table of whole commands; gives one thread's bytes per second, by case."""
    print("| case | 1 thread | 1 worker | 2 workers | 1 worker / 2 workers |")
    print("| --- | ---: | ---: | ---: | ---: |")
    small, source = scratch / "small.npy", scratch / "in.npy"
    rates = {}
    for name, dtype, columns, (kind, *rest) in CASES:
        make(source, dtype, columns, options.size << 20)
        make(small, dtype, columns, 1 << 20)
        ways = [["--threads", "1"], ["--cluster", one.address], ["--cluster", two.address]]
        outs = [scratch / f"out-{place}.npy" for place in range(len(ways))]
        commands = [
            [kind, source, *rest, *way, "-o", out, "--force"]
            for way, out in zip(ways, outs, strict=True)
        ]
        for command in commands:
            seconds_of(scratch, command)
        if not all(filecmp.cmp(outs[0], out, shallow=False) for out in outs[1:]):
            raise SystemExit(f"{name}: the outputs differ")
        start = [kind, small, *rest, *ways[0], "-o", scratch / "small-out.npy", "--force"]
        rows = [
            [seconds_of(scratch, c) for c in (*commands, start)] for _ in range(options.repeats)
        ]
        medians = [statistics.median(column) for column in zip(*rows, strict=True)]
        speedup = statistics.median(row[1] / row[2] for row in rows)
        cells = " | ".join(f"{median:.2f} s" for median in medians[:3])
        print(f"| {name} | {cells} | {speedup:.2f} |", flush=True)
        begun, least = min(row[3] for row in rows), min(row[0] for row in rows)
        rates[name] = ((options.size - 1) << 20) / (least - begun)
        for path in (source, small, *outs):
            path.unlink()
    return rates


def tasks_per_second(dask, count, packed):
    """(tasks that do nothing in a second, the scheduler's processor seconds for each).

    packed: as many bytes as a task carries.
    """
    real, tasks.WORK = tasks.WORK, NOTHING
    try:
        with cluster.Cluster(dask.address) as workers:
            workers.connect()
            plan = plan_elementwise(count, 1)
            parts = cluster_run.stretches(plan, 1, associative=False, budget=1)
            run = cluster_run.Run(workers, plan, Counting(), packed, parts)
            run.window = cluster_run.WINDOW * sum(workers.nthreads().values())
            start, before = time.perf_counter(), processor_seconds(dask.scheduler.pid)
            run.to_the_end(None, None)
            seconds = time.perf_counter() - start
            return count / seconds, (processor_seconds(dask.scheduler.pid) - before) / count
    finally:
        tasks.WORK = real


def processor_seconds(pid):
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=1024, help="MiB of each file")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=5000, help="that do nothing")
    parser.add_argument("--scratch", default=None)
    options = parser.parse_args()
    print(
        f"{options.size} MiB, {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, numpy {version('numpy')}, distributed "
        f"{version('distributed')}, {time.strftime('%Y-%m-%d')}, load {os.getloadavg()[0]:.1f}\n"
    )
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        started = []
        try:
            for count in (1, 2):
                directory = Path(scratch, f"dask-{count}")
                directory.mkdir()
                started.append(Dask(directory))
                for name in range(count):
                    started[-1].worker(str(name))
                started[-1].has_workers(count)
            report(options, Path(scratch), *started)
        finally:
            for one in started:
                one.close()


def report(options, scratch, one, two):
    """Both tables and what follows from them."""
    rates = compare(options, scratch, one, two)
    found = [tasks_per_second(two, options.tasks, bytes(1000)) for _ in range(3)]
    rate = statistics.median(rate for rate, _ in found)
    own = statistics.median(seconds for _, seconds in found)
    largest = cluster_run.LARGEST_STRETCH
    print(
        f"\nTasks that do nothing: {rate:,.0f} a second, {1e3 / rate:.1f} ms each; "
        f"{1e3 * own:.2f} ms of these are the scheduler's own processor time.\n"
    )
    print(f"| case | one thread | {SHARE:.0%} of a task | its own {SHARE:.0%} | workers it feeds |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, speed in rates.items():
        sizes = [speed * cost / SHARE / 2**20 for cost in (1 / rate, own)]
        cells = " | ".join(f"{size:,.0f} MiB" for size in sizes)
        feeds = largest / speed / own
        print(f"| {name} | {speed / 2**30:.2f} GiB/s | {cells} | {feeds:,.0f} |")
    print(f"\nThe last column: tasks of {largest >> 20} MiB, as kcfg makes them of large files.")


if __name__ == "__main__":
    main()
