"""The product of an array's elements along axes: file in, numpy's own bits out.

`prod` is for Python callers; `run` is the same for the command line, and also says what was lost.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import executor, files, kernels, npy
from kcfg.arrays.plan import memory_axes, plan_prod
from kcfg.problems import KcfgError
from kcfg.record import Record

if TYPE_CHECKING:
    from typing import Any

    from kcfg.arrays.executor import Progress
    from kcfg.arrays.plan import Plan, Step

    Array = np.ndarray[Any, np.dtype[Any]]

TILE_BYTES = 1 << 20


class Losses(Record):
    """How many results of a product are not what exact arithmetic would give."""

    overflowed: int
    """Infinite, although no factor is."""
    underflowed: int
    """Zero, although no factor is."""
    invalid: int
    """NaN, although no factor is (infinity times zero)."""


class Outcome(Record):
    """What a run gives."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    array: Array | None
    """None when it went into `out`."""
    losses: Losses
    surplus: int
    """Bytes behind the data, not read."""


def prod(
    path: str,
    axis: int | tuple[int, ...] | None = None,
    dtype: str | np.dtype[Any] | None = None,
    keepdims: bool = False,
    out: str | None = None,
    *,
    overwrite: bool = False,
    threads: int | None = None,
) -> Array | None:
    """The same bits and dtype as `numpy.prod(numpy.load(path), axis, dtype, keepdims=keepdims)`.

    path: a `.npy` file of any numeric or bool dtype, any size; "-" reads stdin.
    axis: None (all), an int or a tuple of ints, negative ones from the end.
    dtype: of the product; by default numpy's rule (bool and small integers become 64-bit).
        Keras 3's own `ops.prod` differs: it never gives 64-bit types.
    out: write a `.npy` file there instead ("-": stdout) and return None.
    Returns an array of `numpy.prod`'s shape. Raises KcfgError for every file or argument that
    can't be used, and for I/O errors.
    """
    with files.open_input(path) as source:
        axes = normalize_axes(axis, source.header, path)
        outcome = run(
            source,
            axes,
            dtype=None if dtype is None else np.dtype(dtype),
            keepdims=keepdims,
            out=out,
            overwrite=overwrite,
            threads=threads,
            progress=None,
        )
    return outcome.array


def normalize_axes(
    axis: int | tuple[int, ...] | None, header: npy.Header, where: str
) -> frozenset[int]:
    """The reduced axes, from 0; KcfgError as numpy raises AxisError or ValueError."""
    ndim = len(header.shape)
    if axis is None:
        return frozenset(range(ndim))
    given = axis if isinstance(axis, tuple) else (axis,)
    if ndim == 0 and len(given) == 1 and given[0] in (0, -1):
        return frozenset()  # numpy allows it (ufunc_object.c, "scalars")
    found: set[int] = set()
    for one in given:
        if not -ndim <= one < ndim:
            raise KcfgError(
                f"axis {one} is out of bounds for an array of {ndim} dimension{'s' * (ndim != 1)}",
                where=where,
                keras=None,
                mend=f"its shape is {npy.shape_text(header.shape)}: "
                + (f"axes -{ndim} to {ndim - 1}" if ndim else "it has no axis"),
            )
        if one % ndim in found:
            raise KcfgError(
                f"axis {one} is given twice", where=where, keras=None, mend="name each axis once"
            )
        found.add(one % ndim)
    return frozenset(found)


def result_dtype(dtype: np.dtype[Any], asked: np.dtype[Any] | None) -> np.dtype[Any]:
    """The dtype in which numpy multiplies and which the result has."""
    return np.asarray(np.prod(np.ones(1, dtype), dtype=asked)).dtype


def run(
    source: files.Input,
    axes: frozenset[int],
    *,
    dtype: np.dtype[Any] | None,
    keepdims: bool,
    out: str | None,
    overwrite: bool,
    threads: int | None,
    progress: Progress | None,
) -> Outcome:
    """The product over `axes` of an open input; into `out` if given."""
    header = source.header
    if out not in (None, "-"):
        refuse_existing(source, str(out), overwrite=overwrite)
    op_dtype = result_dtype(header.dtype, dtype)
    shape = tuple(
        1 if axis in axes else length
        for axis, length in enumerate(header.shape)
        if keepdims or axis not in axes
    )
    fortran = header.fortran and sum(length != 1 for length in shape) > 1 and 0 not in shape
    count = 1
    for length in shape:
        count *= length
    with contextlib.ExitStack() as stack:
        sink: files.MemorySink | files.FileSink | files.PipeSink
        if out is None:
            sink = files.MemorySink(count, op_dtype)
        else:
            head = npy.header_bytes(op_dtype, shape, fortran=fortran)
            sink = stack.enter_context(
                files.open_sink(out, head, count * op_dtype.itemsize, overwrite=overwrite)
            )
        losses = _multiply(
            source, axes, op_dtype, sink, threads or executor.default_threads(), progress
        )
        source.drain()
    array = None
    if isinstance(sink, files.MemorySink):
        array = sink.flat.reshape(shape[::-1]).T if fortran else sink.flat.reshape(shape)
    return Outcome(op_dtype, shape, array, losses, source.surplus())


def refuse_existing(source: files.Input, out: str, *, overwrite: bool) -> None:
    """An output that is the input itself needs --force; say so in these words."""
    if not overwrite and files.same_file(source.fd, out):
        raise KcfgError(
            "this is the input itself", where=out, keras=None, mend="use --force to replace it"
        )


def _multiply(
    source: files.Input,
    axes: frozenset[int],
    op_dtype: np.dtype[Any],
    sink: Any,
    threads: int,
    progress: Progress | None,
) -> Losses:
    header = source.header
    if 0 in header.shape:
        kept = [n for axis, n in enumerate(header.shape) if axis not in axes]
        count = int(np.prod(kept, dtype=object)) if kept else 1
        sink.write(0, np.ones(count, op_dtype))
        return Losses(0, 0, 0)
    lengths, reduced = memory_axes(header.shape, axes, fortran=header.fortran)
    budget = max(1, TILE_BYTES // max(header.dtype.itemsize, op_dtype.itemsize))
    plan = plan_prod(lengths, reduced, budget)
    job = ProdJob(plan, header.dtype, op_dtype, sink)
    executor.run(plan, source, job, threads=threads, progress=progress)
    return Losses(*job.lost)


class ProdJob:
    """What the executor does with each tile of a product."""

    def __init__(
        self, plan: Plan, dtype: np.dtype[Any], op_dtype: np.dtype[Any], sink: Any
    ) -> None:
        self.plan = plan
        self.dtype = dtype
        self.op_dtype = op_dtype
        self.sink = sink
        self.itemsize = dtype.itemsize
        self.reduced = (plan.split_reduced, *plan.inner_reduced)
        self.half_run = (
            kernels.family(op_dtype) == kernels.HALF and plan.split_reduced and not plan.inner
        )
        self.integer = kernels.family(op_dtype) == kernels.INTEGER
        self.lost = [0, 0, 0]

    def compute(
        self, step: Step, tile: memoryview, carry: Any, scratch: dict[str, object]
    ) -> Array:
        """Multiply one tile into the accumulators."""
        elements = np.frombuffer(tile, self.dtype)
        if self.dtype != self.op_dtype:
            with np.errstate(all="ignore"):
                elements = elements.astype(self.op_dtype)
        elements = elements.reshape(self.plan.tile_shape(step.count))
        with np.errstate(all="ignore"):
            if not self.half_run:
                return kernels.multiply_tile(elements, self.reduced, carry)
            product = kernels.multiply_half_run(elements, carry)
            return product.astype(np.float16) if step.ends_run else product

    def settled(self, carry: Any) -> bool:
        """No further factor can change an integer 0, nor a NaN."""
        return self.integer and not carry.any()

    def finish(self, task: int, carry: Any) -> None:
        """Hand the results to the sink."""
        self.sink.write(self.plan.results_of(task)[0], carry)
