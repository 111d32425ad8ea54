"""A cast of every element: file in, the bits of `numpy.ndarray.astype` out.

`cast` is for Python callers; `run` is the same for the command line, and also says what was lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import convert, executor, files
from kcfg.arrays import losses as losing
from kcfg.arrays.arguments import check_threads, numeric_dtype
from kcfg.arrays.plan import plan_elementwise, tile_bytes
from kcfg.arrays.portable import Outcome, Writing
from kcfg.problems import KcfgError
from kcfg.record import Record

if TYPE_CHECKING:
    from typing import Any

    from kcfg.arrays.executor import Execute, Progress
    from kcfg.arrays.plan import Plan, Step

    Array = np.ndarray[Any, np.dtype[Any]]

TILE_BYTES = 4 << 20
"""Of the larger of the two sides of a tile, at most (see `plan.tile_bytes`)."""


class Losses(Record):
    """How many elements a cast could not keep."""

    overflowed: int
    """Finite before, infinite after."""
    underflowed: int
    """Zero after, not before (from one floating type to another)."""
    out_of_range: int
    """NaN, infinite, or beyond the integer type: wraps, or whatever this processor makes of it."""
    imaginary: int
    """Imaginary parts other than zero that were dropped."""


def cast(
    path: str,
    dtype: str | np.dtype[Any],
    out: str | None = None,
    *,
    exact: bool = False,
    overwrite: bool = False,
    threads: int | None = None,
) -> Array | None:
    """The same bits as `numpy.load(path).astype(dtype)`.

    path: a `.npy` file of any numeric or bool dtype, any size; "-" reads stdin.
    dtype: a numeric or bool dtype of numpy (Keras 3's own `ops.cast` takes fewer names).
    out: write a `.npy` file there instead ("-": stdout) and return None.
    exact: raise KcfgError (status 1) at the first value that would change, as
        `astype(dtype, casting="same_value")` of numpy 2.4 does; nothing is written then.
    Returns an array of the file's shape and order. Raises KcfgError for every file or argument
    that can't be used, and for I/O errors.

    >>> import kcfg, numpy
    >>> numpy.save("data.npy", numpy.array([[2, 4, 6], [2, 4, 6]]))
    >>> kcfg.cast("data.npy", "float16").sum(axis=0)
    array([ 4.,  8., 12.], dtype=float16)
    """
    target = numeric_dtype(dtype)
    check_threads(threads)
    with files.open_input(path) as source:
        return run(
            source,
            target,
            exact=exact,
            out=out,
            overwrite=overwrite,
            threads=threads,
            progress=None,
        ).array


def run(
    source: files.Input,
    dtype: np.dtype[Any],
    *,
    exact: bool,
    out: str | None,
    overwrite: bool,
    threads: int | None,
    progress: Progress | None,
    spill: bool = False,
    execute: Execute = executor.run,
) -> Outcome[Losses]:
    """The cast of an open input; into `out` if given.

    spill: a large result without `out` may be a memory map of a nameless temporary file.
    execute: what runs the plan.
    """
    header = source.header
    files.refuse_itself(source, out, overwrite=overwrite)
    with files.open_output(
        out, dtype, header.shape, fortran=header.fortran, overwrite=overwrite, spill=spill
    ) as output:
        lost = [0, 0, 0, 0]
        if header.size:
            threads = threads or executor.default_threads()
            widest = max(header.dtype.itemsize, dtype.itemsize)
            budget = max(1, tile_bytes(TILE_BYTES, threads) // widest)
            plan = plan_elementwise(header.size, budget)
            job = CastJob(plan, header.dtype, dtype, output.sink, exact=exact, where=source.where)
            with convert.quietly(header.dtype, dtype):
                execute(plan, source, job, threads=threads, progress=progress)
            lost = job.lost
        source.drain()
        array = output.array()
    return Outcome(dtype, header.shape, array, Losses(*lost), source.surplus())


class CastJob(Writing):
    """What the executor does with each tile of a cast."""

    parts = 1

    def __init__(
        self,
        plan: Plan,
        dtype: np.dtype[Any],
        target: np.dtype[Any],
        sink: files.Sink,
        *,
        exact: bool,
        where: str,
    ) -> None:
        super().__init__(sink)
        self.plan, self.dtype, self.target = plan, dtype, target
        self.exact = exact and losing.may_change(dtype, target)
        self.where = where
        self.itemsize = dtype.itemsize
        self.flagged = losing.cast_raises_flags(dtype, target)
        self.lost = [0, 0, 0, 0]

    def prepare(self, step: Step, buffer: memoryview, scratch: dict[str, Any]) -> Array:
        """Cast one tile."""
        elements = np.frombuffer(buffer, self.dtype, step.size)
        if "results" not in scratch:
            scratch["results"] = np.empty(self.plan.tile, self.target)
            scratch["converter"] = convert.Converter()
        results: Array = scratch["results"][: step.size]
        with np.errstate(all="call", call=(flags := losing.Flags())):
            known = scratch["converter"].convert(elements, results)
        if self.exact:
            self._refuse_changes(elements, results, step.start)
        elif known is not None:
            self._count([*known, 0, 0])
        elif flags.raised or not self.flagged:
            self._count(losing.of_cast(elements, results))
        return results

    def _count(self, lost: list[int]) -> None:
        if any(lost):
            with self.counting:
                self.lost = [a + b for a, b in zip(self.lost, lost, strict=True)]

    def _refuse_changes(self, elements: Array, results: Array, start: int) -> None:
        changed = losing.changed(elements, results)
        if changed.any():
            place = int(changed.argmax())
            was, is_now = elements[place].item(), results[place].item()  # all digits that differ
            raise KcfgError(
                f"element {start + place:,} (from 0, as stored) would change: "
                f"{was!s} -> {is_now!s} in {self.target.name}",
                where=self.where,
                keras=None,
                mend="leave out --exact to cast all the same",
                status=1,
            )

    def compute(self, _step: Step, prepared: Array, _part: int, _carry: None, /) -> Array:
        """Nothing is left to do."""
        return prepared

    def settled(self, _carries: list[Any], /) -> bool:
        """Each tile is a task of its own."""
        return False

    def finish(self, task: int, carries: list[Any]) -> None:
        """Hand the results to the sink."""
        self.sink.write(self.plan.results_of(task)[0], carries[0])
