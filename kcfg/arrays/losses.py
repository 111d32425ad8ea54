"""What a product or a cast lost: counted, and looked for only where the processor raised a flag.

The processor's flags (overflow, underflow, invalid) cost nothing while nothing happens; numpy
hands them to a callback (`numpy.errstate(call=...)`). Only a tile that raised one is looked at
again, to tell what overflowed from what was infinite before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]


class Flags:
    """Takes numpy's floating-point flags: `errstate(all="call", call=Flags())`."""

    def __init__(self) -> None:
        self.raised = False

    def __call__(self, _kind: str, _flag: int) -> None:
        self.raised = True


def of_product(
    tile: Array, reduced: tuple[bool, ...], before: Array | None, after: Array
) -> list[int] | None:
    """How many results became (infinite, zero, NaN) in this tile without such a factor in it.

    before: the accumulators, None at the start. None: nothing was lost.
    """
    axes = tuple(axis for axis, flag in enumerate(reduced) if flag)

    def fresh(is_such: Callable[[Any], Any], results: Any) -> Any:
        """Those of the results without such an accumulator before and such a factor."""
        if before is not None:
            results = results & ~is_such(before).reshape(results.shape)
        if results.any() and (factors := is_such(tile)).any():
            results = results & ~factors.any(axis=axes).reshape(results.shape)
        return results

    with np.errstate(all="ignore"):  # signalling NaNs raise flags even when compared
        zero = _is_zero(after)
        if _are_finite(after):  # then what was zero is
            zeros = np.count_nonzero(zero)
            if zeros and before is not None:
                zeros -= np.count_nonzero(_is_zero(before))
            if zeros:
                zeros = np.count_nonzero(fresh(_is_zero, zero))
            return [0, int(zeros), 0] if zeros else None
        infinite = fresh(np.isinf, np.isinf(after))
        zero = fresh(_is_zero, zero)
        nan = fresh(np.isnan, np.isnan(after))
        if nan.any():
            # inf * 0: one of them the product itself became on the way, if it was nowhere else.
            infinite = infinite | fresh(np.isinf, nan)
            zero = zero | fresh(_is_zero, nan) if after.dtype.kind == "f" else zero
    counts = [int(np.count_nonzero(results)) for results in (infinite, zero, nan)]
    return counts if any(counts) else None


def _are_finite(numbers: Array) -> bool:
    if numbers.dtype.kind == "c" or numbers.itemsize == 2:
        return bool(np.isfinite(numbers).all())
    return bool(numbers.max() < np.inf and numbers.min() > -np.inf)


def _is_zero(numbers: Array) -> Array:
    return np.asarray(np.equal(numbers, 0))


def cast_raises_flags(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Does numpy raise a flag whenever such a cast loses something that is counted?

    From numpy 1.24 on it does between floating types, and from floating types to integers of 4
    and 8 bytes with a sign (smaller ones go through those, and wrap). Casts that can't lose
    anything that is counted need no flag either.
    """
    if np.lib.NumpyVersion(np.__version__) < "1.24.0":
        return False
    if target.kind == "b" or source.kind == "b":
        return True
    if source.kind in "iu":
        return target.kind == "c" or target.kind == "f" or np.can_cast(source, target)
    if source.kind == "c" and target.kind != "c":
        return False
    return target.kind in "fc" or (target.kind == "i" and target.itemsize >= 4)


def of_cast(before: Array, after: Array) -> list[int]:
    """How many elements (overflowed, underflowed, are out of range, lost an imaginary part)."""
    lost = [0, 0, 0, 0]
    if after.dtype.kind == "b":
        return lost
    if before.dtype.kind == "c" and after.dtype.kind != "c":
        lost[3] = int(np.count_nonzero(before.imag))
        before = before.real
    if after.dtype.kind in "fc":
        infinite = np.isinf(after)
        if infinite.any():
            lost[0] = int(np.count_nonzero(infinite & ~np.isinf(before)))
        if before.dtype.kind in "fc" and after.real.itemsize < before.real.itemsize:
            lost[1] = np.count_nonzero(before) - np.count_nonzero(after)
    else:
        with np.errstate(all="ignore"):
            lost[2] = _out_of_range(before, after.dtype)
    return lost


def _out_of_range(before: Array, target: np.dtype[Any]) -> int:
    """How many numbers an integer type can't hold (what lies between two integers is cut off)."""
    lowest, highest = np.iinfo(target).min, np.iinfo(target).max
    if before.dtype.kind in "iu":
        own = np.iinfo(before.dtype)
        low = int(before.min()) < lowest if own.min < lowest else False
        high = int(before.max()) > highest if own.max > highest else False
        if not low and not high:
            return 0
        wrong = np.zeros(before.shape, bool)
        if low:
            wrong |= before < lowest
        if high:
            wrong |= before > highest
        return int(np.count_nonzero(wrong))
    if before.itemsize == 2:  # numpy compares float16 in software
        before = before.astype(np.float32)
    # lowest - 1 < number < highest + 1; a type without a number between the two has its own bounds
    bound = before.dtype.newbyteorder("=").type
    over, below = bound(highest // 2 + 1) * 2, bound(lowest - 1)
    least, most = before.min(), before.max()
    if least >= lowest and most < over:  # neither is NaN
        return 0
    inside = before >= lowest if below == lowest else before > below
    return int(before.size - np.count_nonzero(np.logical_and(inside, before < over, out=inside)))


def may_change(source: np.dtype[Any], target: np.dtype[Any]) -> bool:
    """Is there a value of one dtype that isn't one of the other?

    Integers of 8 bytes numpy calls safe to cast to float64, which rounds the larger ones.
    """
    rounds = source.kind in "iu" and source.itemsize == 8 and target.kind in "fc"
    return rounds or not np.can_cast(source, target)


def changed(before: Array, after: Array) -> Array:
    """Which elements have another value after a cast; NaN stays NaN (as numpy's same_value)."""
    with np.errstate(all="ignore"):
        if before.dtype.kind == "c":
            if after.dtype.kind == "c":
                return changed(before.real, after.real) | changed(before.imag, after.imag)
            return np.asarray((before.imag != 0) | changed(before.real, after))
        if after.dtype.kind == "c":
            return changed(before, after.real)
        back = after.astype(before.dtype.newbyteorder("="))
        same = np.asarray(back == before)
        if not same.all():
            same |= (back != back) & (before != before)
        if before.dtype.kind in "iu" and after.dtype.kind in "iuf":
            same &= (before < 0) == (after < 0)
        if before.dtype.kind in "iu" and after.dtype.kind == "f":
            # 2**63 - 1 becomes 2**63 in float64, and what lies beyond a float16 infinite; some
            # processors turn them back into 2**63 - 1 and -2**63.
            limit = after.dtype.type(np.iinfo(before.dtype).max // 2 + 1) * 2
            same &= (after < limit) & np.isfinite(after)
        if before.dtype.kind == "f" and after.dtype.kind in "iu":
            same &= _in_range(before, after.dtype)
    return np.asarray(~same)


def _in_range(before: Array, target: np.dtype[Any]) -> Array:
    wide = before.astype(np.float64) if before.dtype.itemsize < 8 else before
    limit = wide.dtype.newbyteorder("=").type(np.iinfo(target).max // 2 + 1) * 2
    return np.asarray((wide >= np.iinfo(target).min) & (wide < limit))
