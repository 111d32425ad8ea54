"""The facts in the header of a `.npy` file without reading its data, and statistics of the data.

`facts` reads a few hundred bytes. `stats` streams the whole file once, in bounded memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import convert, executor, files
from kcfg.arrays.plan import plan_elementwise
from kcfg.arrays.portable import Portable
from kcfg.record import Record

if TYPE_CHECKING:
    from typing import Any

    from kcfg.arrays.executor import Execute, Progress
    from kcfg.arrays.plan import Step

    Array = np.ndarray[Any, np.dtype[Any]]

TILE_BYTES = 1 << 18

FLOAT16_INFINITE = 65520.0
"""The smallest magnitude that becomes infinite in float16."""
FLOAT16_ZERO = 2.0**-25
"""The largest magnitude that becomes 0 in float16."""
# The same of bfloat16.
BFLOAT16_INFINITE = (2.0 - 2.0**-8) * 2.0**127
BFLOAT16_ZERO = 2.0**-134

DECADES = range(-12, 13)
"""The histogram counts magnitudes by powers of ten; the outermost bins take the rest."""


class Facts(Record):
    """What the header says."""

    path: str
    dtype: str
    byte_order: str
    """One of "little", "big", or "none" for one-byte elements."""
    shape: tuple[int, ...]
    fortran_order: bool
    size: int
    """Elements."""
    nbytes: int
    """Bytes of data."""
    version: str
    surplus: int
    """Bytes of the file behind the data."""


class Stats(Record):
    """What the data says; of complex numbers the magnitudes count."""

    min: float | int | np.longdouble | None
    """Of the numbers that aren't NaN; None if there are none."""
    max: float | int | np.longdouble | None
    mean: float | np.longdouble | None
    """Of the finite numbers, summed in float64, or in long double where the data is."""
    nan: int
    inf: int
    zero: int
    float16_overflow: int
    """Finite numbers that would become infinite in float16; and so on."""
    float16_underflow: int
    bfloat16_overflow: int
    bfloat16_underflow: int
    histogram: tuple[tuple[str, int], ...]
    """(range of magnitudes, how many of the finite numbers other than 0)."""


def facts(path: str) -> Facts:
    """Read the header of `path` ("-": stdin). KcfgError if it can't be understood."""
    with files.open_input(path) as source:
        return of(source, path)


def of(source: files.Input, path: str) -> Facts:
    """The facts of an open input."""
    header = source.header
    return Facts(
        path,
        header.dtype.newbyteorder("=").name,
        {"<": "little", ">": "big"}.get(header.descr[0], "none"),
        header.shape,
        header.fortran,
        header.size,
        header.nbytes,
        "{}.{}".format(*header.version),
        source.surplus(),
    )


def stats(
    source: files.Input,
    *,
    threads: int | None,
    progress: Progress | None,
    execute: Execute = executor.run,
) -> Stats:
    """Stream the data of an open input once."""
    header = source.header
    job = StatsJob(header.dtype)
    if header.size:
        plan = plan_elementwise(header.size, max(1, TILE_BYTES // header.dtype.itemsize))
        threads = threads or executor.default_threads()
        execute(plan, source, job, threads=threads, progress=progress)
    source.drain()
    return job.result()


class StatsJob(Portable):
    """What the executor does with each tile for statistics."""

    headroom = 0
    parts = 1

    def __init__(self, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self.dtype = dtype
        self.itemsize = dtype.itemsize
        self.native = dtype.newbyteorder("=")
        self.lowest: list[Any] = []
        self.highest: list[Any] = []
        self.sums: dict[int, tuple[Any, int]] = {}
        """By a tile's first element: its sum and 1; where that is infinite, its mean and size."""
        self.counts = np.zeros(7, np.int64)
        self.bins = np.zeros(len(DECADES) + 1, np.int64)
        self.finite = 0

    def prepare(self, step: Step, buffer: memoryview, scratch: dict[str, Any]) -> Any:
        """Everything that one tile says."""
        numbers: Array = np.frombuffer(buffer, self.dtype, step.size)
        if self.dtype != self.native:
            numbers = numbers.astype(self.native)
        if numbers.dtype == np.float16:
            wide = scratch.setdefault("wide", np.empty(step.size, np.float32))[: step.size]
            scratch.setdefault("converter", convert.Converter()).convert(numbers, wide)
            numbers = wide
        with np.errstate(all="ignore"):
            if numbers.dtype.kind in "biu":
                return self._whole(numbers, step.start)
            return self._floating(np.abs(numbers) if numbers.dtype.kind == "c" else numbers, step)

    def _whole(self, numbers: Array, start: int) -> Any:
        zero = numbers.size - np.count_nonzero(numbers)
        low, high = numbers.min(), numbers.max()
        magnitude = np.abs(numbers.astype(np.float64))
        return self._counted(
            magnitude, start, low, high, 0, 0, zero, (float(numbers.sum(dtype="f8")), 1)
        )

    def _floating(self, numbers: Array, step: Step) -> Any:
        low, high = numbers.min(), numbers.max()
        magnitude = np.abs(numbers)
        nan = inf = 0
        if not magnitude.max() < np.inf:
            there = numbers[~np.isnan(numbers)]
            if there.size:
                low, high = there.min(), there.max()
            nan = numbers.size - there.size
            inf = int(np.count_nonzero(np.isinf(there)))
            finite = np.isfinite(numbers)
            numbers, magnitude = numbers[finite], magnitude[finite]
        zero = magnitude.size - int(np.count_nonzero(magnitude))
        wide = np.result_type(numbers, np.float64)
        total = numbers.sum(dtype=wide)
        share = 1
        if not np.isfinite(total):
            share = numbers.size
            total = (numbers.astype(wide) / share).sum()
        total = (total if wide.itemsize > 8 else float(total)), share
        return self._counted(magnitude, step.start, low, high, nan, inf, zero, total)

    def _counted(
        self, magnitude: Array, start: int, low: Any, high: Any, nan: int, inf: int, zero: int,
        total: Any,
    ) -> Any:  # fmt: skip
        """magnitude: of the finite numbers."""
        nonzero = magnitude[magnitude != 0] if zero else magnitude
        counts = np.array([
            nan, inf, zero,
            np.count_nonzero(nonzero >= FLOAT16_INFINITE),
            np.count_nonzero(nonzero <= FLOAT16_ZERO),
            np.count_nonzero(nonzero >= BFLOAT16_INFINITE),
            np.count_nonzero(nonzero <= BFLOAT16_ZERO),
        ])  # fmt: skip
        return start, low, high, total, magnitude.size, counts, _decades(nonzero)

    def compute(self, _step: Step, prepared: Any, _part: int, _carry: None, /) -> Any:
        """Nothing is left to do."""
        return prepared

    def settled(self, _carries: list[Any], /) -> bool:
        """Each tile is a task of its own."""
        return False

    def finish(self, _task: int, carries: list[Any], /) -> None:
        """Add what one tile says."""
        start, low, high, total, *counts = carries[0]
        self.add(([low], [high], {start: total}, *counts))

    def told(self) -> Any:
        """What the tiles so far say."""
        return self.lowest, self.highest, self.sums, self.finite, self.counts, self.bins

    def add(self, told: Any) -> None:
        """Add what other tiles say."""
        lowest, highest, sums, finite, counts, bins = told
        with self.counting:
            self.lowest = [np.fmin.reduce(self.lowest + lowest)]
            self.highest = [np.fmax.reduce(self.highest + highest)]
            self.sums.update(sums)
            self.finite += finite
            self.counts += counts
            self.bins += bins

    def result(self) -> Stats:
        """What all tiles say; the same for any number of threads."""
        low = self.lowest[0].item() if self.lowest else None
        high = self.highest[0].item() if self.highest else None
        mean = _mean([self.sums[start] for start in sorted(self.sums)], self.finite)
        nan, inf, zero, *lost = (int(count) for count in self.counts)
        names = [f"< 1e{DECADES[0]}"]
        names += [f"1e{power}" for power in DECADES[:-1]] + [f">= 1e{DECADES[-1]}"]
        return Stats(
            None if low != low else low,
            None if high != high else high,
            mean,
            nan,
            inf,
            zero,
            lost[0],
            lost[1],
            lost[2],
            lost[3],
            tuple(zip(names, (int(count) for count in self.bins), strict=True)),
        )


def _mean(sums: list[tuple[Any, int]], count: int) -> Any:
    """Of so many numbers, from the sums of `StatsJob`; None of none."""
    if not count:
        return None
    with np.errstate(over="ignore"):
        total = sum(one * share for one, share in sums)
    if np.isfinite(total):
        return total / count
    return sum(one * (share / count) for one, share in sums)


def _decades(magnitude: Array) -> Array:
    """How many numbers lie in each bin of `DECADES`."""
    edges = np.array([10.0**power for power in DECADES])
    low, high = (magnitude.min(), magnitude.max()) if magnitude.size else (1.0, 1.0)
    bins = np.zeros(len(edges) + 1, np.int64)
    below = 0
    for place, edge in enumerate(edges):
        if edge <= low:
            upto = 0
        elif edge > high:
            upto = magnitude.size
        else:
            upto = int(np.count_nonzero(magnitude < edge))
        bins[place] = upto - below
        below = upto
    bins[-1] = magnitude.size - below
    return bins
