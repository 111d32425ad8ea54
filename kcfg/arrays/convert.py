"""One tile into another dtype; float16 at several times numpy's speed, all with numpy's bits.

numpy converts float16 in software, element by element (numpy/_core/src/npymath/halffloat.cpp), at
2 to 2.5 ns each, and 60 to 80 ns where it raises a flag of the processor: for what is too large,
and for most of what is below 2**-14. Here whole tiles go through a few exact vector operations:

- float16 -> float32: its bits, shifted to float32's place, are the number times 2**-112; a table
  of all 65,536 has those for which that is slow, or not so;
- float32 -> float16: in the sum with a power of 2 that is large enough, the processor has rounded
  the number where float16 does, half to even, and the last bits of the sum count in its units;
- float64 -> float16: the same, but that takes twice the bytes: as long as hardly any number would
  raise a flag, numpy's own loop is as fast.

NaNs, whose payload counts, are left to numpy itself.
"""

from __future__ import annotations

import contextlib
import functools
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

FEW = 64
"""Up to one in so many, elements are left to numpy one by one."""

SAMPLED = 251
"""One in so many says what most of a tile is."""

LOOKED_UP = 1 << 17
"""So many are looked up at once: numpy makes larger integers of them first."""

_UP = np.float32(2.0**112)
_SMALLEST_NORMAL = 2.0**-14
_ROUNDS_TO_INF = 65520.0
_LARGEST = 65536.0
"""As good as anything larger: it is rounded to infinity as well."""
_MAGNITUDE = np.uint16(0x7FFF)
_SIGN = np.uint16(0x8000)
_NORMAL, _INFINITE = np.uint16(0x0400), np.uint16(0x7C00)
_EXPONENT = np.uint32(0x7F800000)
_LEAST_EXPONENT, _LARGEST_EXPONENT = np.uint32(127 - 14 << 23), np.uint32(127 + 16 << 23)
"""float16's, and that of `_LARGEST`, in a float32; below the least one all are 2**-24 apart."""
_NOWHERE = np.empty(0, np.intp)
_NARROWED_FROM = {np.dtype(char): "d" if char == "d" else "f" for char in "bBhHiIlLqQfd"}
"""The dtype from which such numbers are rounded to float16. An integer that float32 can't hold is
infinite there anyway."""


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
        """float16 (native, 1-d, not empty) -> float32 or float64, as `out[...] = halves`."""
        if not (_are_finite(halves) and _are_mostly_normal(halves)):
            every = _every_float16(out.dtype)
            for some, into in _blocks(halves.view(np.uint16), out, LOOKED_UP):
                np.take(every, some, out=into, mode="wrap")
            return
        single = out if out.dtype == np.float32 else self._buffer("single", "f4", halves.size)
        bits = single.view(np.int32)
        bits[...] = halves.view(np.int16)  # the sign fills the upper half
        np.left_shift(bits, 13, out=bits)
        np.bitwise_and(bits, np.int32(-0x70002000), out=bits)  # 0x8fffe000
        np.multiply(single, _UP, out=single)
        if single is not out:
            out[...] = single

    def narrow(self, numbers: Array, out: Array) -> tuple[int, int]:
        """float32 or float64 (native, 1-d, not empty) -> float16, as `out[...] = numbers`.

        Returns how many numbers became infinite, and how many 0, that weren't.
        """
        if numbers.itemsize == 8 and _is_ordinary(numbers):
            return self._by_numpy(numbers, out)
        magnitude = np.abs(numbers, out=self._buffer("magnitude", numbers.dtype.char, numbers.size))
        highest = magnitude.max()
        nans = np.flatnonzero(np.isnan(numbers)) if np.isnan(highest) else _NOWHERE
        if nans.size > numbers.size // FEW:
            return self._by_numpy(numbers, out)
        if not highest < _LARGEST:
            np.minimum(magnitude, magnitude.dtype.type(_LARGEST), out=magnitude)
        halves = out.view(np.uint16)
        if numbers.itemsize == 4:
            self._round(magnitude, halves)
        else:
            self._round_double(magnitude, halves)
        out[nans] = numbers[nans]
        lost = self._lost(numbers, halves)
        negative = np.signbit(numbers, out=self._buffer("mark", "?", numbers.size))
        if negative.any():
            sign = self._buffer("half", "u2", numbers.size)
            np.multiply(negative, _SIGN, out=sign)
            np.bitwise_or(halves, sign, out=halves)
        return lost

    def _by_numpy(self, numbers: Array, out: Array) -> tuple[int, int]:
        out[...] = numbers
        magnitudes = self._buffer("half", "u2", numbers.size)
        return self._lost(numbers, np.bitwise_and(out.view(np.uint16), _MAGNITUDE, out=magnitudes))

    def _round(self, magnitude: Array, halves: Array) -> None:
        """The bits of float16 for float32 from 0 to 2**16. `magnitude` is written to.

        To a number of 2**e the sum adds 2**(e + 13), whose last bit stands for 2**(e - 10), as
        float16's does. So the sum ends in the number's 11 bits, the first of which, always 1, is
        one in the exponent; the rest of the exponent stands 13 bits higher, too large by 126: in
        the 16 bits that are kept, 2048 takes that away.
        """
        power = self._power_of_2(magnitude, np.uint32((13 << 23) + 2048))
        total = np.add(magnitude, power.view(np.float32), out=magnitude).view(np.uint32)
        np.right_shift(total, np.uint32(13), out=power)
        np.add(power, total, out=halves, dtype=power.dtype, casting="unsafe")

    def _round_double(self, magnitude: Array, halves: Array) -> None:
        """The same for float64, whose last bit stands for 2**(e - 10) beside 2**(e + 42)."""
        single = self._buffer("single", "f4", magnitude.size)
        np.copyto(single, magnitude, casting="unsafe")  # its exponent is all that counts
        power = self._power_of_2(single, np.uint32(42 << 23))
        np.copyto(wide := self._buffer("wide", "f8", magnitude.size), power.view(np.float32))
        total = np.add(magnitude, wide, out=wide)
        _low_half(total.view(np.uint64), halves)
        np.right_shift(power, np.uint32(13), out=power)
        exponent = self._buffer("half", "u2", magnitude.size)
        _low_half(power, exponent)
        too_much = 127 + 42 - 14 << 10  # beside a number's first bit, which is one in it
        np.subtract(exponent, np.uint16(too_much & 0xFFFF), out=exponent)
        np.add(halves, exponent, out=halves)

    def _power_of_2(self, magnitude: Array, more: np.uint32) -> Array:
        """The bits of a float32 with the exponent of each number, and `more` added to them."""
        power = self._buffer("power", "u4", magnitude.size)
        np.bitwise_and(magnitude.view(np.uint32), _EXPONENT, out=power)
        # None is larger than the largest: `maximum` with one number takes three times as long.
        np.clip(power, _LEAST_EXPONENT, _LARGEST_EXPONENT, out=power)
        return np.add(power, more, out=power)

    def _lost(self, numbers: Array, magnitudes: Array) -> tuple[int, int]:
        """How many of the numbers, whose float16 have these bits, became infinite, and how many 0,
        that weren't."""
        overflowed = underflowed = 0
        mark = self._buffer("mark", "?", numbers.size)
        if magnitudes.max() >= _INFINITE:
            overflowed = int(np.count_nonzero(np.equal(magnitudes, _INFINITE, out=mark)))
            overflowed -= int(np.count_nonzero(np.isinf(numbers, out=mark)))
        if magnitudes.min() == 0:
            underflowed = int(np.count_nonzero(np.equal(magnitudes, np.uint16(0), out=mark)))
            underflowed -= int(np.count_nonzero(np.equal(numbers, 0, out=mark)))
        return overflowed, underflowed


@functools.cache
def _every_float16(dtype: np.dtype[Any]) -> Array:
    """The number of such a dtype for each float16, by its bits."""
    with np.errstate(invalid="ignore"):  # signalling NaNs
        return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(dtype)


def _are_finite(halves: Array) -> bool:
    positive, any_sign = halves.view(np.int16).max(), halves.view(np.uint16).max()
    return bool(positive < _INFINITE and any_sign < _SIGN | _INFINITE)


def _are_mostly_normal(halves: Array) -> bool:
    """Are few of the numbers subnormal, with which some processors multiply slowly?"""
    some = np.bitwise_and(halves.view(np.uint16)[::SAMPLED], _MAGNITUDE)
    subnormal = (some < _NORMAL) & (some != 0)
    return bool(np.count_nonzero(subnormal) <= some.size // FEW)


def _is_ordinary(numbers: Array) -> bool:
    """Does numpy convert nearly all of them to float16 without raising a flag?"""
    some = np.abs(numbers[::SAMPLED])
    strange = (some < _SMALLEST_NORMAL) & (some != 0) | (some >= _ROUNDS_TO_INF)
    return bool(np.count_nonzero(strange) <= some.size // FEW)


def _blocks(numbers: Array, out: Array, size: int) -> Iterator[tuple[Array, Array]]:
    """Both, by so many elements at a time."""
    for first in range(0, numbers.size, max(1, size)):
        yield numbers[first : first + size], out[first : first + size]


def _low_half(words: Array, out: Array) -> None:
    """The low 16 bits of larger words."""
    np.copyto(out, words, casting="unsafe")
