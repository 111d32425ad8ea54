"""The product of an array's elements along axes: file in, numpy's own bits out.

`prod` is for Python callers; `run` is the same for the command line, and also says what was lost.
"""

from __future__ import annotations

import contextlib
import math
from operator import index
from typing import TYPE_CHECKING

import numpy as np

from kcfg.arrays import convert, executor, fast, files, half, kernels, npy
from kcfg.arrays.arguments import check_threads, numeric_dtype
from kcfg.arrays.plan import memory_axes, plan_prod, tile_bytes
from kcfg.arrays.portable import Outcome
from kcfg.arrays.product import ProdJob
from kcfg.problems import KcfgError
from kcfg.record import Record

if TYPE_CHECKING:
    from typing import Any

    from kcfg.arrays.executor import Execute, Progress
    from kcfg.arrays.plan import Plan

    Array = np.ndarray[Any, np.dtype[Any]]

TILE_BYTES = 4 << 20
"""Of a tile, at most (see `plan.tile_bytes`)."""


class Losses(Record):
    """How many results of a product left exact arithmetic, at their end or on the way there; what
    an infinite or zero factor soon covered up may not be among them."""

    overflowed: int
    """Became infinite, although no factor is."""
    underflowed: int
    """Became zero, although no factor is."""
    invalid: int
    """Became NaN, although no factor is (infinity times zero)."""


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

    >>> import kcfg, numpy
    >>> numpy.save("data.npy", numpy.array([[2, 4, 6], [2, 4, 6]]))
    >>> kcfg.prod("data.npy", axis=1)
    array([48, 48])
    """
    asked = None if dtype is None else numeric_dtype(dtype)
    check_threads(threads)
    with files.open_input(path) as source:
        axes = normalize_axes(axis, source.header, path)
        outcome = run(
            source,
            axes,
            dtype=asked,
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
    try:
        given = [index(one) for one in (axis if isinstance(axis, tuple) else (axis,))]
    except TypeError:
        raise KcfgError(
            f"axis {axis!r} is neither an int nor a tuple of ints",
            where=where,
            keras=None,
            mend="give such as 1, -1 or (0, 2), or None for all",
        ) from None
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
    """The dtype in which numpy multiplies and which the result has; always native."""
    given = np.asarray(np.prod(np.ones(1, dtype))).dtype if asked is None else asked
    native: np.dtype[Any] = given.newbyteorder("=")
    return native


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
    spill: bool = False,
    execute: Execute = executor.run,
) -> Outcome[Losses]:
    """The product over `axes` of an open input; into `out` if given.

    spill: a large result without `out` may be a memory map of a nameless temporary file.
    execute: what runs the plan.
    """
    header = source.header
    files.refuse_itself(source, out, overwrite=overwrite)
    op_dtype = result_dtype(header.dtype, dtype)
    shape = tuple(
        1 if axis in axes else length
        for axis, length in enumerate(header.shape)
        if keepdims or axis not in axes
    )
    with files.open_output(
        out, op_dtype, shape, fortran=header.fortran, overwrite=overwrite, spill=spill
    ) as output:
        threads = threads or executor.default_threads()
        losses = _multiply(source, axes, op_dtype, output.sink, threads, progress, execute)
        source.drain()
        array = output.array()
    return Outcome(op_dtype, shape, array, losses, source.surplus())


def _multiply(
    source: files.Input,
    axes: frozenset[int],
    op_dtype: np.dtype[Any],
    sink: files.Sink,
    threads: int,
    progress: Progress | None,
    execute: Execute,
) -> Losses:
    header = source.header
    if 0 in header.shape:
        kept = [length for axis, length in enumerate(header.shape) if axis not in axes]
        files.write_ones(sink, math.prod(kept), op_dtype)
        return Losses(0, 0, 0)
    plan, piece = _planned(header, axes, op_dtype, threads)
    waiting = plan.results * op_dtype.itemsize  # where a pipe brings every task's first step first
    with contextlib.ExitStack() as stack:
        store: files.FileSink | None = None
        if source.sequential and plan.rounds > 1 and plan.tasks > 1 and waiting > files.IN_MEMORY:
            if isinstance(sink, files.FileSink):
                store = sink
            else:
                store = stack.enter_context(files.temporary_sink(waiting))
        job = ProdJob(plan, header.dtype, op_dtype, sink, store, threads, piece)
        with convert.quietly(header.dtype, op_dtype):
            execute(plan, source, job, threads=threads, progress=progress)
        if store is not None and store is not sink:
            store.copy_to(sink, plan.results, op_dtype)
    return Losses(*job.lost)


def _planned(
    header: npy.Header, axes: frozenset[int], op_dtype: np.dtype[Any], threads: int
) -> tuple[Plan, int]:
    """The plan, and the piece in which float16's innermost axis is cut, or 0."""
    dtype = header.dtype
    lengths, reduced = memory_axes(header.shape, axes, fortran=header.fortran)
    room = tile_bytes(TILE_BYTES, threads)
    if kernels.family(op_dtype) == kernels.INTEGER:  # which may need no copy in their wider dtype
        plan = plan_prod(lengths, reduced, max(1, room // max(dtype.itemsize, 4)))
        flags = (plan.split_reduced, *plan.inner_reduced)
        if fast.widens(dtype, op_dtype, plan.tile_shape(plan.tile), flags):
            return plan, 0
    widest = max(dtype.itemsize, op_dtype.itemsize, 4)  # float16 is widened
    if op_dtype == np.float16 != dtype:
        widest *= 2  # and rounded first, through buffers as large
    piece = 0
    if kernels.family(op_dtype) == kernels.HALF and reduced and reduced[-1]:
        piece = half.piece_size(buffered=dtype != op_dtype)
        piece = piece if lengths[-1] > piece else 0
    return plan_prod(lengths, reduced, max(1, room // widest), piece), piece
