"""Short rows in one go: numpy's bits where einsum's are, and where they aren't."""

from __future__ import annotations

import numpy as np
import pytest

from kcfg.arrays import at_once, fast, kernels
from tests.arrays.support import bits, nans, numbers

ALONG = (False, True)
LENGTHS = [5, 8, 30, 31, 47, 60]
NUMPY_1 = np.lib.NumpyVersion(np.__version__) < "2.0.0"


@pytest.fixture
def taken(monkeypatch):
    """The shapes of what is multiplied in one go."""
    at_once._is_in_order()  # once for all
    shapes = []
    products = at_once.products
    monkeypatch.setattr(
        at_once, "products", lambda tile: (shapes.append(tile.shape), products(tile))[1]
    )
    return shapes


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("odd", [0, 0.01, 0.3, 2])
def test_rows_of_float64_are_numpys(taken, length, odd):
    random, share = np.random.default_rng(length), odd / length
    tile = numbers("f8", (1001, length))
    for special in (0.0, -0.0, np.inf, -np.inf, 1e-300, -1e-300, 1e300):
        tile[random.random(tile.shape) < share] = special
    # Which of two NaNs numpy 1 gives depends on the memory's alignment.
    places = random.random(tile.shape) < (0 if NUMPY_1 else share)
    tile[places] = nans("f8", places.sum(), random)
    with np.errstate(all="ignore"):
        assert bits(kernels.start(tile.copy(), ALONG)) == bits(np.multiply.reduce(tile, axis=1))
    # Where many rows are odd, none is multiplied twice.
    assert taken == ([] if odd >= 0.3 else [tile.shape])


@pytest.mark.parametrize("dtype", ["i8", "u8"])
@pytest.mark.parametrize("length", [5, 10, 31, 47, 60])
def test_rows_of_integers_are_numpys(taken, dtype, length):
    limits = np.iinfo(dtype)
    random = np.random.default_rng(1)
    tile = random.integers(limits.min, limits.max, (1001, length), dtype) | np.ones((), dtype)
    assert bits(kernels.start(tile, ALONG)) == bits(np.multiply.reduce(tile, axis=1))
    assert len(taken) == 1


def test_another_order_is_not_taken(monkeypatch, taken):
    """Products of which einsum would round another way are left to numpy's own loop."""
    backwards = np.einsum
    monkeypatch.setattr(
        np, "einsum", lambda to, *operands, **how: backwards(to, *operands[::-1], **how)
    )
    at_once._is_in_order.cache_clear()
    try:
        tile = numbers("f8", (300, 10))
        assert not at_once.pays(tile, tile.dtype)
        assert bits(fast.start(tile, ALONG, tile.dtype)) == bits(np.multiply.reduce(tile, axis=1))
        assert taken == [(64, at_once.LONGEST)]
    finally:
        at_once._is_in_order.cache_clear()
