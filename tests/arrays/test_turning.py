"""Rows turned by the OpenBLAS that numpy brings along, and products where it brings none."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from kcfg.arrays import fast, kernels, turning
from tests.arrays.support import bits, nans, numbers

ALONG = (False, True)


NUMPY_1 = np.lib.NumpyVersion(np.__version__) < "2.0.0"


def blas_of_numpy():
    if NUMPY_1:
        return None
    return np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]


@pytest.fixture(params=["f", "d"])
def char(request):
    if not turning.turns(request.param):
        pytest.skip("numpy brings no OpenBLAS here")
    return request.param


@pytest.fixture
def without(monkeypatch):
    """As where numpy was built on something else."""
    monkeypatch.setattr(turning, "PREFIXES", ())
    for cached in (turning.turns, turning._omatcopy):
        cached.cache_clear()
    yield
    for cached in (turning.turns, turning._omatcopy):
        cached.cache_clear()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere its functions may not be reached")
def test_found_in_numpys_own_packages():
    if blas_of_numpy() != "scipy-openblas":
        pytest.skip("this numpy was built on something else")
    assert turning.turns("f")
    assert turning.turns("d")
    assert not turning.turns("e")


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 9), (9, 1), (3, 5), (4, 4), (16, 8), (255, 17), (300, 1000), (1025, 33)]
)
def test_only_what_it_should_is_written(char, shape):
    """Every element at its place, and nothing in front of or behind them."""
    n, length = shape
    rows = np.arange(n * length, dtype=char).reshape(shape)
    room = np.full(n * length + 128, -1, char)
    turning.turn(rows, room[64:-64].reshape(length, n))
    assert bits(room[64:-64]) == bits(rows.T)
    assert (room[:64] == -1).all()
    assert (room[-64:] == -1).all()


def products(char, shape):
    random = np.random.default_rng(3)
    tile = numbers(char, shape, spread=0.05)
    for special in (0.0, -0.0, np.inf, -np.inf, np.finfo(char).tiny):
        tile[random.random(shape) < 1e-3] = special
    # Which of two NaNs numpy 1 gives depends on the memory's alignment.
    places = random.random(shape) < (0 if NUMPY_1 else 1e-3)
    tile[places] = nans(char, places.sum(), random)
    with np.errstate(all="ignore"):
        return kernels.start(tile.copy(), ALONG), np.multiply.reduce(tile, axis=1), tile


SHAPES = [(300, 9), (5000, 10), (70_000, 24), (40_000, 25), (300, 1001), (256, 4095)]


@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_turned_rows_are_numpys(char, shape, monkeypatch):
    monkeypatch.setitem(fast.LONGEST_TURNED, char, shape[1])
    got, want, tile = products(char, shape)
    assert fast.turning_pays(tile)
    assert bits(got) == bits(want)


@pytest.mark.parametrize("shape", SHAPES)
def test_products_are_numpys_where_nothing_turns(without, shape):
    got, want, tile = products("f", shape)
    assert not fast.turning_pays(tile)
    assert bits(got) == bits(want)
