"""One tile into another dtype; float16 at several times numpy's speed, all with numpy's bits.

numpy converts float16 in software, element by element (numpy/_core/src/npymath/halffloat.cpp), at
2 to 2.5 ns each. Here whole tiles go through a few exact vector operations: a float16's bits,
shifted to float32's place, are the number times 2**-112. Where that isn't so, below 2**-14 and from
65520 on, other vector operations do it: numpy raises a flag of the processor for each such element
(60 ns). NaNs, whose payload counts, are left to numpy itself.
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

BLOCK_BYTES = 1 << 21
"""Of float32 or float64 that go through all operations at once. With fewer, threads wait more often
for the interpreter after each of them; more don't stay in the cache that the threads share."""

_DOWN = np.float32(2.0**-112)
_UP = np.float32(2.0**112)
_SMALLEST_NORMAL = np.uint16(0x0400)
"""The bits of 2**-14 as a float16; what is below it, and this itself, may have rounded twice."""
_LAST_BIT_2_24 = {4: np.float32(0.5), 8: np.float64(2.0**28)}
"""By the size of a number: the power of 2 whose last bit stands for 2**-24, as a float16's does
below 2**-14. Its own low 16 bits are 0."""
_ROUNDS_TO_INF = np.float32(65520.0)
_INFINITE = np.uint16(0x7C00)
_NOWHERE = np.empty(0, np.intp)
_NARROWED_FROM = {np.dtype(char): "d" if char == "d" else "f" for char in "bBhHiIlLqQfd"}
"""The dtype from which such numbers are rounded to float16. An integer that float32 can't hold is
infinite there anyway."""

FEW = 32
"""Up to one in so many, elements are picked out one by one."""


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

    def convert(self, numbers: Array, out: Array) -> tuple[int, int] | None:
        """`out[...] = numbers`, as `numbers.astype(out.dtype)` would (1-d, same length).

        Returns how many numbers (overflowed, underflowed) where that is known.
        """
        if numbers.dtype == np.float16 and out.dtype in ("f4", "f8"):
            block = numbers.size if out.dtype == np.float32 else BLOCK_BYTES // out.itemsize
            for part, into in _blocks(numbers, out, block):
                self.widen(part, into)
            return None
        through = _NARROWED_FROM.get(numbers.dtype.newbyteorder("="))
        if out.dtype != np.float16 or through is None:
            np.copyto(out, numbers, casting="unsafe")
            return None
        overflowed = underflowed = 0
        block = BLOCK_BYTES // np.dtype(through).itemsize
        for part, into in _blocks(numbers, out, block):
            lost = self.narrow(self._plain(part, through), into)
            overflowed, underflowed = overflowed + lost[0], underflowed + lost[1]
        return overflowed, underflowed

    def _plain(self, numbers: Array, dtype: str) -> Array:
        """The numbers in such a dtype, native and C-contiguous."""
        if numbers.dtype == dtype and numbers.flags.c_contiguous:
            return numbers
        plain = self._buffer("plain", dtype, numbers.size)
        plain[...] = numbers
        return plain

    def widen(self, halves: Array, out: Array) -> None:
        """float16 (native, 1-d) -> float32 or float64, as `out[...] = halves`."""
        strange = _NOWHERE  # infinite or NaN
        if (
            halves.view(np.int16).max(initial=0) >= _INFINITE
            or halves.view(np.uint16).max(initial=0) >= 0x8000 | _INFINITE
        ):
            strange = np.flatnonzero(halves.view(np.uint16) & _INFINITE == _INFINITE)
            if strange.size > halves.size // FEW:
                out[...] = halves
                return
        single = out if out.dtype == np.float32 else self._buffer("single", "f4", halves.size)
        bits = single.view(np.int32)
        bits[...] = halves.view(np.int16)  # the sign fills the upper half
        np.left_shift(bits, 13, out=bits)
        np.bitwise_and(bits, np.int32(-0x70002000), out=bits)  # 0x8fffe000
        np.multiply(single, _UP, out=single)
        if single is not out:
            out[...] = single
        out[strange] = halves[strange]

    def narrow(self, numbers: Array, out: Array) -> tuple[int, int]:
        """float32 or float64 (native, 1-d, not empty) -> float16, as `out[...] = numbers`.

        Returns how many numbers became infinite, and how many 0, that weren't.
        """
        single = self._plain(numbers, "f")
        lowest, highest = single.min(), single.max()
        mark = self._buffer("mark", "?", numbers.size)
        sign = self._buffer("sign", "u2", numbers.size)
        work = self._buffer("work", "f4", numbers.size)
        bits = work.view(np.uint32)
        np.multiply(single, _DOWN, out=work)
        # Round at bit 13. No number that is kept reaches bit 28, and the sign is lost.
        ties = _NOWHERE
        if single is numbers:
            even = self._buffer("even", "u4", numbers.size)
            np.right_shift(bits, np.uint32(13), out=even)
            np.bitwise_and(even, np.uint32(1), out=even)
            np.add(bits, even, out=bits)
            np.add(bits, np.uint32(0xFFF), out=bits)
        else:
            # Rounded twice, and a tie always up: wrong only where the first rounding gave a tie.
            np.add(bits, np.uint32(0x1000), out=bits)
            _low_half(bits, sign)
            np.bitwise_and(sign, np.uint16(0x1FFF), out=sign)
            ties = np.flatnonzero(np.equal(sign, np.uint16(0), out=mark))
        np.right_shift(bits, np.uint32(13), out=bits)
        halves = out.view(np.uint16)
        _low_half(bits, halves)
        underflowed = 0
        large: Array | slice = _NOWHERE
        if not (lowest > -_ROUNDS_TO_INF and highest < _ROUNDS_TO_INF):
            np.greater_equal(np.abs(single, out=work), _ROUNDS_TO_INF, out=mark)
            large = _places(mark)
            if isinstance(large, slice):
                self._put(_INFINITE, mark, halves)
            else:
                halves[large] = _INFINITE
        if halves.min() <= _SMALLEST_NORMAL:
            np.less_equal(halves, _SMALLEST_NORMAL, out=mark)
            underflowed = self._round_small(numbers, mark, halves)
        if not lowest > 0:
            np.copyto(sign, np.signbit(single, out=mark))
            np.multiply(sign, np.uint16(0x8000), out=sign)
            np.bitwise_or(halves, sign, out=halves)
        nans = np.flatnonzero(np.isnan(single)) if np.isnan(lowest) else _NOWHERE
        for places in (ties, nans):
            if places.size > numbers.size // FEW:
                out[...] = numbers
            elif places.size:
                out[places] = numbers[places]
        infinite = np.bitwise_and(halves[large], np.uint16(0x7FFF)) == _INFINITE
        overflowed = int(np.count_nonzero(infinite) - np.count_nonzero(np.isinf(numbers[large])))
        return overflowed, underflowed

    def _round_small(self, numbers: Array, mark: Array, halves: Array) -> int:
        """What is marked rounds to at most 2**-14: to a multiple of 2**-24, the last bit of the sum
        with a number so large. Returns how many become 0 that weren't.
        """
        last_bit = _LAST_BIT_2_24[numbers.dtype.itemsize]
        places = _places(mark)
        if isinstance(places, slice):  # many, but perhaps most of them 0
            nonzero = np.not_equal(numbers, 0, out=self._buffer("nonzero", "?", numbers.size))
            places = _places(np.logical_and(mark, nonzero, out=mark))
        some = numbers[places]
        sums = np.abs(some, out=self._buffer("sums", numbers.dtype.char, some.size))
        np.add(sums, last_bit, out=sums)
        found = self._buffer("found", "u2", some.size)
        _low_half(sums.view(f"u{sums.itemsize}"), found)
        if not isinstance(places, slice):
            halves[places] = found
            return int(np.count_nonzero(some) - np.count_nonzero(found))
        self._put(found, mark, halves)
        marked = np.count_nonzero(mark)
        return int(marked - np.count_nonzero(np.logical_and(mark, found, out=mark)))

    def _put(self, found: Any, mark: Array, halves: Array) -> None:
        """`halves[mark] = found[mark]`, at the same speed wherever the marks are."""
        mask = self._buffer("mask", "u2", halves.size)
        np.copyto(mask, mark)
        np.negative(mask, out=mask)
        np.bitwise_and(mask, np.bitwise_xor(halves, found), out=mask)
        np.bitwise_xor(halves, mask, out=halves)


def _blocks(numbers: Array, out: Array, size: int) -> Iterator[tuple[Array, Array]]:
    """Both, by so many elements at a time."""
    for first in range(0, numbers.size, max(1, size)):
        yield numbers[first : first + size], out[first : first + size]


def _places(mark: Array) -> Array | slice:
    """Where the marks are if they are few, else everywhere."""
    few = np.count_nonzero(mark) <= mark.size // FEW
    return np.flatnonzero(mark) if few else slice(None)


def _low_half(words: Array, out: Array) -> None:
    """The low 16 bits of larger words."""
    np.copyto(out, words, casting="unsafe")
