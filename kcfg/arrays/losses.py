"""What a product or a cast lost: counted, and looked for only where the processor raised a flag.

The processor's flags (overflow, underflow, invalid) cost nothing while nothing happens; numpy
hands them to a callback (`numpy.errstate(call=...)`). Only a tile that raised one is looked at
again, to tell what overflowed from what was infinite before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    Array = np.ndarray[Any, np.dtype[Any]]


class Flags:
    """Takes numpy's floating-point flags: `errstate(all="call", call=Flags())`."""

    def __init__(self) -> None:
        self.raised = False

    def __call__(self, kind: str, flag: int) -> None:
        self.raised = True


def of_product(
    tile: Array, reduced: tuple[bool, ...], before: Array | None, after: Array
) -> list[int] | None:
    """Results that became (infinite, zero, NaN) in this tile without such a factor in it.

    before: the accumulators, None at the start. None: nothing was lost.
    """
    axes = tuple(axis for axis, flag in enumerate(reduced) if flag)
    counts = [0, 0, 0]
    for place, is_such in enumerate((np.isinf, _is_zero, np.isnan)):
        became = is_such(after)
        if before is not None:
            became = became & ~is_such(before).reshape(became.shape)
        if not became.any():
            continue
        factors = is_such(tile)
        if factors.any():
            became = became & ~factors.any(axis=axes).reshape(became.shape)
        counts[place] = int(np.count_nonzero(became))
    return counts if any(counts) else None


def _is_zero(numbers: Array) -> Array:
    return np.asarray(np.equal(numbers, 0))
