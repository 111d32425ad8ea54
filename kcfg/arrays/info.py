"""The facts in the header of a `.npy` file without reading its data, and statistics of the data.

`facts` reads a few hundred bytes. `stats` streams the whole file once, in bounded memory.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import convert, executor, files
from kcfg.arrays.plan import plan_elementwise, tile_bytes
from kcfg.arrays.portable import Portable
from kcfg.record import Record

if TYPE_CHECKING:
    from typing import Any

    from kcfg.arrays.executor import Execute, Progress
    from kcfg.arrays.plan import Step

    Array = np.ndarray[Any, np.dtype[Any]]

TILE_BYTES = 2 << 20
"""Of a tile in the dtype that is looked at, at most (see `plan.tile_bytes`)."""

SUMMED = 1 << 16
"""Numbers that are summed in floating point; tiles have a multiple of it. So the mean is the same
for tiles of any size."""

FLOAT16_INFINITE = 65520.0
"""The smallest magnitude that becomes infinite in float16."""
FLOAT16_ZERO = 2.0**-25
"""The largest magnitude that becomes 0 in float16."""
# The same of bfloat16.
BFLOAT16_INFINITE = (2.0 - 2.0**-8) * 2.0**127
BFLOAT16_ZERO = 2.0**-134

TOO_LARGE_BITS = 64
"""Numbers are divided by this power of 2 where their sum doesn't fit their dtype."""

DECADES = range(-12, 13)
"""The histogram counts magnitudes by powers of ten; the outermost bins take the rest."""

FEW = 64
"""Up to one in so many, numbers are set apart faster than all are compared with further edges."""


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
    """Of the finite numbers: the sums of `SUMMED` in float64, or in long double where the data is,
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
        threads = threads or executor.default_threads()
        budget = tile_bytes(TILE_BYTES, threads) // job.widest
        plan = plan_elementwise(header.size, max(1, budget // SUMMED) * SUMMED)
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
        """The dtype in which numbers are summed."""
        looked_at = np.float32 if dtype.char == "e" else self.wide if dtype.kind in "biu" else dtype
        self.widest = max(self.itemsize, np.dtype(looked_at).itemsize)
        """Bytes of an element in the dtype that is looked at."""
        least = np.finfo(self.wide)
        self.shift = int(least.nmant - least.minexp)
        """All such sums are multiples of 2**-shift."""
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
            if "wide" not in scratch:  # the first tile is the largest
                scratch["wide"] = np.empty(step.size, np.float32)
                scratch["converter"] = convert.Converter()
            wide: Array = scratch["wide"][: step.size]
            scratch["converter"].convert(numbers, wide)
            numbers = wide
        with np.errstate(all="ignore"):
            if numbers.dtype.kind in "biu":
                return self._whole(numbers)
            return self._floating(np.abs(numbers) if numbers.dtype.kind == "c" else numbers)

    def _whole(self, numbers: Array) -> Any:
        magnitude = numbers.astype(np.float64)
        np.abs(magnitude, out=magnitude)
        return self._counted(magnitude, numbers.min(), numbers.max(), 0, 0, self._sum(numbers))

    def _floating(self, numbers: Array) -> Any:
        low, high = numbers.min(), numbers.max()
        nan = inf = 0
        if not (low > -np.inf and high < np.inf):  # a NaN is neither
            quiet = numbers * numbers.dtype.type(1)  # `fmin` doesn't pass over signalling NaNs
            low, high = np.fmin.reduce(quiet), np.fmax.reduce(quiet)
            finite = np.isfinite(numbers)
            nan = int(np.count_nonzero(np.isnan(numbers)))
            inf = numbers.size - int(np.count_nonzero(finite)) - nan
            numbers = np.where(finite, numbers, 0)
        return self._counted(np.abs(numbers), low, high, nan, inf, self._sum(numbers))

    def _sum(self, numbers: Array) -> int:
        """Of finite numbers, in units of 2**-shift."""
        return sum(
            self._rounded_sum(numbers[first : first + SUMMED])
            for first in range(0, numbers.size, SUMMED)
        )

    def _rounded_sum(self, numbers: Array) -> int:
        total, shift = numbers.sum(dtype=self.wide), self.shift
        if not np.isfinite(total):
            total = np.ldexp(numbers.astype(self.wide), -TOO_LARGE_BITS).sum()
            shift += TOO_LARGE_BITS
        numerator, denominator = total.as_integer_ratio()
        return int(numerator << (shift - denominator.bit_length() + 1))

    def _counted(
        self, magnitude: Array, low: Any, high: Any, nan: int, inf: int, total: int
    ) -> Any:
        """magnitude: of the finite numbers; 0 in place of the others."""
        least, most = magnitude.min(), magnitude.max()
        zero = int(np.count_nonzero(magnitude == 0)) if least == 0 else 0
        finite = magnitude.size - nan - inf

        def from_on(limit: float) -> int:
            return int(np.count_nonzero(magnitude >= limit)) if most >= limit else 0

        def up_to(limit: float) -> int:
            return int(np.count_nonzero(magnitude <= limit)) - zero if least <= limit else 0

        counts = np.array([
            nan, inf, zero - nan - inf,
            from_on(FLOAT16_INFINITE), up_to(FLOAT16_ZERO),
            from_on(BFLOAT16_INFINITE), up_to(BFLOAT16_ZERO),
        ])  # fmt: skip
        return low, high, total, finite, counts, _decades(magnitude, zero, most)

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


@functools.cache
def _edges(dtype: np.dtype[Any]) -> Array:
    """Of `DECADES`, as the least numbers of such a dtype that aren't below them."""
    exact = np.array([10.0**power for power in DECADES])
    edges = exact.astype(dtype)
    below = edges < exact
    edges[below] = np.nextafter(edges[below], dtype.type(np.inf))
    return edges


def _decades(magnitude: Array, zero: int, most: Any) -> Array:
    """How many numbers lie in each bin of `DECADES`. zero: so many are 0; most: the largest.

    From the largest edge down: soon only few numbers are left below one.
    """
    edges = _edges(magnitude.dtype)
    bins = np.zeros(len(edges) + 1, np.int64)
    rest, left = magnitude, magnitude.size
    for place in reversed(range(len(edges))):
        if edges[place] > most:
            continue
        below = rest < edges[place]
        fewer = int(np.count_nonzero(below))
        bins[place + 1] = left - fewer
        left = fewer
        if left == zero:
            break
        if left < rest.size // FEW:
            rest = rest[np.flatnonzero(below)]
    bins[0] = left - zero
    return bins
