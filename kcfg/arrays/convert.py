"""One tile into another dtype; float16 at several times numpy's speed, all with numpy's bits.

numpy converts float16 in software, element by element (numpy/_core/src/npymath/halffloat.cpp), at
2 to 2.5 ns each. Here whole tiles go through a few exact vector operations: a float16's bits,
shifted to float32's place, are the number times 2**-112. The rare elements for which that
isn't so (infinite, NaN, below 2**-14 or above 65504) are left to numpy itself.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]

BLOCK = 1 << 18
"""Elements that go through all operations at once: fewer would leave less of the time to the
operations, more would need larger buffers."""

_DOWN = np.float32(2.0**-112)
_UP = np.float32(2.0**112)
_SMALLEST_NORMAL = np.uint16(0x0400)
"""The bits of 2**-14 as a float16; what is below it, and this itself, may have rounded twice."""
_ROUNDS_TO_INF = np.float32(65520.0)


@contextlib.contextmanager
def quietly(source: np.dtype[Any], target: np.dtype[Any]) -> Iterator[None]:
    """Keep numpy from warning that imaginary parts are dropped; they are counted and told.

    To be entered once, in the thread that starts the others: filters belong to the process.
    """
    if source.kind != "c" or target.kind == "c":
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class Converter:
    """Converts one thread's tiles; keeps its buffers, so an instance belongs to one thread."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, str], Array] = {}

    def _buffer(self, use: str, dtype: str, count: int) -> Array:
        found = self._buffers.get((use, dtype))
        if found is None or found.size < count:
            found = self._buffers[use, dtype] = np.empty(count, dtype)
        return found[:count]

    def convert(self, numbers: Array, out: Array) -> bool:
        """`out[...] = numbers`, as `numbers.astype(out.dtype)` would (1-d, same length).

        Returns True if something may have overflowed or underflowed on the way to float16.
        """
        suspicious = False
        singles = (np.float32, np.float64)
        plain = np.float16 not in (numbers.dtype, out.dtype) or out.dtype == np.float32
        block = max(1, numbers.size) if plain else BLOCK
        for first in range(0, numbers.size, block):
            part, into = numbers[first : first + block], out[first : first + block]
            if part.dtype == np.float16 and out.dtype in singles:
                self.widen(part, into)
            elif out.dtype == np.float16 and part.dtype in singles and part.flags.c_contiguous:
                suspicious |= self.narrow(part, into)
            else:
                np.copyto(into, part, casting="unsafe")
        return suspicious

    def widen(self, halves: Array, out: Array) -> None:
        """float16 (native, 1-d) -> float32 or float64, as `out[...] = halves`."""
        if (
            halves.view(np.int16).max(initial=0) >= 0x7C00
            or halves.view(np.uint16).max(initial=0) >= 0xFC00
        ):
            out[...] = halves  # infinite or NaN somewhere
            return
        single = out if out.dtype == np.float32 else self._buffer("single", "f4", halves.size)
        bits = single.view(np.int32)
        bits[...] = halves.view(np.int16)  # the sign fills the upper half
        np.left_shift(bits, 13, out=bits)
        np.bitwise_and(bits, np.int32(-0x70002000), out=bits)  # 0x8fffe000
        np.multiply(single, _UP, out=single)
        if single is not out:
            out[...] = single

    def narrow(self, numbers: Array, out: Array) -> bool:
        """float32 or float64 (native, 1-d, not empty) -> float16, as `out[...] = numbers`.

        Returns True if some number was at most 2**-14 (other than zero), above 65504 or NaN.
        """
        single = numbers
        ties: Array | None = None
        work = self._buffer("work", "f4", numbers.size)
        bits, mark = work.view(np.uint32), self._buffer("mark", "?", numbers.size)
        spare = self._buffer("spare", "u4", numbers.size)
        sign = self._buffer("sign", "u2", numbers.size)
        if numbers.dtype != np.float32:
            single = self._buffer("single", "f4", numbers.size)
            single[...] = numbers
            # Rounded twice: wrong only where the first rounding gave just a tie of the second.
            _low_half(single.view(np.uint32), sign)
            np.bitwise_and(sign, np.uint16(0x1FFF), out=sign)
            ties = np.flatnonzero(np.equal(sign, np.uint16(0x1000), out=mark))
        lowest, highest = single.min(), single.max()
        np.multiply(single, _DOWN, out=work)
        # round half to even at bit 13; no number that is kept reaches bit 28, and the sign is lost
        np.right_shift(bits, np.uint32(13), out=spare)
        np.bitwise_and(spare, np.uint32(1), out=spare)
        np.add(bits, spare, out=spare)
        np.add(spare, np.uint32(0xFFF), out=spare)
        np.right_shift(spare, np.uint32(13), out=spare)
        halves = out.view(np.uint16)
        _low_half(spare, halves)
        odd: Array | None = None
        if halves.min() <= _SMALLEST_NORMAL:
            nonzero = spare.view(np.bool_)[: numbers.size]
            np.less_equal(halves, _SMALLEST_NORMAL, out=mark)
            np.logical_and(mark, np.not_equal(single, 0, out=nonzero), out=mark)
            odd = np.flatnonzero(mark)
        if not lowest > 0:
            np.copyto(sign, np.signbit(single, out=mark))
            np.left_shift(sign, np.uint16(15), out=sign)
            np.bitwise_or(halves, sign, out=halves)
        for places in (ties, odd):
            if places is not None and places.size:
                out[places] = numbers[places]
        if not (lowest > -_ROUNDS_TO_INF and highest < _ROUNDS_TO_INF):
            np.logical_not(np.less(np.abs(single), _ROUNDS_TO_INF, out=mark), out=mark)
            places = np.flatnonzero(mark)
            out[places] = numbers[places]
            return True
        return odd is not None and odd.size > 0


def _low_half(words: Array, out: Array) -> None:
    """The low 16 bits of 32-bit words."""
    np.copyto(out, words, casting="unsafe")
