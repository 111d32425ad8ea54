"""A cast of every element: file in, the bits of `numpy.ndarray.astype` out."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import executor, files, npy
from kcfg.arrays.plan import plan_elementwise
from kcfg.arrays.prod import refuse_existing
from kcfg.problems import KcfgError
from kcfg.record import Record

if TYPE_CHECKING:
    from typing import Any

    from kcfg.arrays.executor import Progress
    from kcfg.arrays.plan import Plan, Step

    Array = np.ndarray[Any, np.dtype[Any]]

TILE_BYTES = 1 << 20


class Losses(Record):
    """How many elements a cast could not keep."""

    overflowed: int
    """Finite before, infinite after."""
    out_of_range: int
    """NaN, infinite or too large for the integer type: the result depends on the processor."""
    changed: int | None
    """Elements whose value is another one after the cast; None where nobody asked (`exact`)."""


class Outcome(Record):
    """What a run gives."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    array: Array | None
    losses: Losses
    surplus: int


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
    dtype: a numeric or bool dtype of numpy. out: write a `.npy` file there instead ("-": stdout)
    and return None. exact: raise KcfgError (status 1) if any value would change.
    Returns an array of the file's shape and order.
    """
    with files.open_input(path) as source:
        return run(
            source,
            np.dtype(dtype),
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
) -> Outcome:
    """The cast of an open input; into `out` if given."""
    header = source.header
    if out not in (None, "-"):
        refuse_existing(source, str(out), overwrite=overwrite)
    fortran = header.fortran and sum(n != 1 for n in header.shape) > 1 and 0 not in header.shape
    with contextlib.ExitStack() as stack:
        sink: Any
        if out is None:
            sink = files.MemorySink(header.size, dtype)
        else:
            head = npy.header_bytes(dtype, header.shape, fortran=fortran)
            sink = stack.enter_context(
                files.open_sink(out, head, header.size * dtype.itemsize, overwrite=overwrite)
            )
        losses = Losses(0, 0, 0 if exact else None)
        if header.size:
            budget = max(1, TILE_BYTES // max(header.dtype.itemsize, dtype.itemsize))
            plan = plan_elementwise(header.size, budget)
            job = CastJob(plan, header.dtype, dtype, sink, exact=exact, where=source.where)
            executor.run(
                plan, source, job, threads=threads or executor.default_threads(), progress=progress
            )
            losses = job.losses()
        source.drain()
    array = None
    if isinstance(sink, files.MemorySink):
        shape = header.shape
        array = sink.flat.reshape(shape[::-1]).T if fortran else sink.flat.reshape(shape)
    return Outcome(dtype, header.shape, array, losses, source.surplus())


class CastJob:
    """What the executor does with each tile of a cast."""

    def __init__(
        self,
        plan: Plan,
        dtype: np.dtype[Any],
        target: np.dtype[Any],
        sink: Any,
        *,
        exact: bool,
        where: str,
    ) -> None:
        self.plan, self.dtype, self.target, self.sink = plan, dtype, target, sink
        self.exact, self.where = exact, where
        self.itemsize = dtype.itemsize
        self.overflowed = 0
        self.out_of_range = 0

    def compute(
        self, step: Step, tile: memoryview, carry: Any, scratch: dict[str, object]
    ) -> Array:
        """Cast one tile."""
        elements = np.frombuffer(tile, self.dtype)
        with np.errstate(all="ignore"):
            result = elements.astype(self.target)
        if self.exact:
            self._refuse_changes(elements, result, step.start)
        return result

    def _refuse_changes(self, elements: Array, result: Array, start: int) -> None:
        changed = changes(elements, result)
        if changed.any():
            place = int(changed.argmax())
            raise KcfgError(
                f"element {start + place:,} would change: {elements[place]!s} -> {result[place]!s}",
                where=self.where,
                keras=None,
                mend="leave out --exact to cast all the same",
                status=1,
            )

    def settled(self, carry: Any) -> bool:
        """Each tile is a task of its own."""
        return False

    def finish(self, task: int, carry: Any) -> None:
        """Hand the results to the sink."""
        self.sink.write(self.plan.results_of(task)[0], carry)

    def losses(self) -> Losses:
        """What was lost so far."""
        return Losses(self.overflowed, self.out_of_range, 0 if self.exact else None)


def changes(before: Array, after: Array) -> Array:
    """Which elements have another value after a cast (NaN stays NaN, as numpy's same_value)."""
    with np.errstate(all="ignore"):
        back = after.astype(before.dtype)
        same = (back == before) | ((back != back) & (before != before))
        if before.dtype.kind in "iu" and after.dtype.kind in "iu":
            same &= (before < 0) == (after < 0)
    return np.asarray(~same)


def nbytes(header: npy.Header, dtype: np.dtype[Any]) -> int:
    """Bytes of the result's data."""
    return math.prod(header.shape) * dtype.itemsize
