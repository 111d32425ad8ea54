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

TOO_LARGE_BITS = 64
"""Numbers are divided by this power of 2 where the sum of a tile doesn't fit their dtype."""

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
    """Of the finite numbers: the sums of tiles in float64, or in long double where the data is,
    then exact."""
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

    parts = 1

    def __init__(self, dtype: np.dtype[Any]) -> None:
        super().__init__()
        self.dtype = dtype
        self.itemsize = dtype.itemsize
        self.native = dtype.newbyteorder("=")
        self.lowest: list[Any] = []
        self.highest: list[Any] = []
        self.wide = np.result_type(np.empty(0, self.native).real, np.float64)
        """The dtype in which tiles are summed."""
        least = np.finfo(self.wide)
        self.shift = int(least.nmant - least.minexp)
        """All sums of tiles are multiples of 2**-shift."""
        self.total = 0
        """Their sum in such units: exact, so that it doesn't depend on the order of the tiles."""
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
                return self._whole(numbers)
            return self._floating(np.abs(numbers) if numbers.dtype.kind == "c" else numbers)

    def _whole(self, numbers: Array) -> Any:
        zero = numbers.size - np.count_nonzero(numbers)
        low, high = numbers.min(), numbers.max()
        magnitude = np.abs(numbers.astype(np.float64))
        return self._counted(magnitude, low, high, 0, 0, zero, self._sum(numbers))

    def _floating(self, numbers: Array) -> Any:
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
        return self._counted(magnitude, low, high, nan, inf, zero, self._sum(numbers))

    def _sum(self, numbers: Array) -> int:
        """Of finite numbers, in units of 2**-shift."""
        total, shift = numbers.sum(dtype=self.wide), self.shift
        if not np.isfinite(total):
            total = np.ldexp(numbers.astype(self.wide), -TOO_LARGE_BITS).sum()
            shift += TOO_LARGE_BITS
        numerator, denominator = total.as_integer_ratio()
        return int(numerator << (shift - denominator.bit_length() + 1))

    def _counted(
        self, magnitude: Array, low: Any, high: Any, nan: int, inf: int, zero: int, total: int
    ) -> Any:
        """magnitude: of the finite numbers."""
        nonzero = magnitude[magnitude != 0] if zero else magnitude
        counts = np.array([
            nan, inf, zero,
            np.count_nonzero(nonzero >= FLOAT16_INFINITE),
            np.count_nonzero(nonzero <= FLOAT16_ZERO),
            np.count_nonzero(nonzero >= BFLOAT16_INFINITE),
            np.count_nonzero(nonzero <= BFLOAT16_ZERO),
        ])  # fmt: skip
        return low, high, total, magnitude.size, counts, _decades(nonzero)

    def compute(self, _step: Step, prepared: Any, _part: int, _carry: None, /) -> Any:
        """Nothing is left to do."""
        return prepared

    def settled(self, _carries: list[Any], /) -> bool:
        """Each tile is a task of its own."""
        return False

    def finish(self, _task: int, carries: list[Any], /) -> None:
        """Add what one tile says."""
        low, high, *counts = carries[0]
        self.add(([low], [high], *counts))

    def told(self) -> Any:
        """What the tiles so far say."""
        return self.lowest, self.highest, self.total, self.finite, self.counts, self.bins

    def add(self, told: Any) -> None:
        """Add what other tiles say."""
        lowest, highest, total, finite, counts, bins = told
        with self.counting:
            self.lowest = [np.fmin.reduce(self.lowest + lowest)]
            self.highest = [np.fmax.reduce(self.highest + highest)]
            self.total += total
            self.finite += finite
            self.counts += counts
            self.bins += bins

    def result(self) -> Stats:
        """What all tiles say; the same for any number of threads."""
        low = self.lowest[0].item() if self.lowest else None
        high = self.highest[0].item() if self.highest else None
        nan, inf, zero, *lost = (int(count) for count in self.counts)
        names = [f"< 1e{DECADES[0]}"]
        names += [f"1e{power}" for power in DECADES[:-1]] + [f">= 1e{DECADES[-1]}"]
        return Stats(
            None if low != low else low,
            None if high != high else high,
            self._mean(),
            nan,
            inf,
            zero,
            lost[0],
            lost[1],
            lost[2],
            lost[3],
            tuple(zip(names, (int(count) for count in self.bins), strict=True)),
        )

    def _mean(self) -> Any:
        if not self.finite:
            return None
        quotient = (self.total << 64) // self.finite
        extra = max(0, quotient.bit_length() - 128)  # more than any dtype has
        number = self.wide.type(quotient >> extra)
        return np.ldexp(number, extra - 64 - self.shift).item()


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
