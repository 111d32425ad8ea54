"""`prod` against `numpy.prod`: the same bits for every dtype, order, axis form and tile size."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from kcfg.arrays import prod as multiplying
from kcfg.problems import KcfgError
from tests.arrays.support import DTYPES, bits, numbers

SHAPES = [(), (1,), (7,), (3, 4), (17, 33), (2, 3, 4), (1, 5, 1, 3), (40, 3, 5, 2), (3, 900)]


def axis_forms(ndim):
    single = [None, *range(-ndim, ndim)]
    several = [c for k in range(2, ndim + 1) for c in itertools.combinations(range(ndim), k)]
    return single + several


@pytest.mark.parametrize("tile_bytes", [1 << 20, 600, 50])
@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_are_numpys(tmp_path, monkeypatch, dtype, tile_bytes):
    monkeypatch.setattr(multiplying, "TILE_BYTES", tile_bytes)
    path = str(tmp_path / "x.npy")
    for shape, order in itertools.product(SHAPES, "CF"):
        np.save(path, np.asarray(numbers(dtype, shape), order=order))
        for axis in axis_forms(len(shape)):
            with np.errstate(all="ignore"):
                want = np.asarray(np.prod(np.load(path), axis=axis))
            got = multiplying.prod(path, axis=axis)
            assert (got.dtype, got.shape) == (want.dtype, want.shape)
            assert bits(got) == bits(want), (shape, order, axis)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        pytest.param((0,), None, id="no-elements"),
        pytest.param((0, 3), 0, id="empty-reduced"),
        pytest.param((3, 0), 0, id="empty-kept"),
        pytest.param((3, 0), 1, id="ones"),
    ],
)
def test_empty(tmp_path, shape, axis):
    path = str(tmp_path / "x.npy")
    np.save(path, np.empty(shape, np.float32))
    want = np.asarray(np.prod(np.load(path), axis=axis))
    got = multiplying.prod(path, axis=axis)
    assert (got.dtype, got.shape, got.tobytes()) == (want.dtype, want.shape, want.tobytes())


@pytest.mark.parametrize(
    ("shape", "axis", "words"),
    [
        pytest.param((2, 3), 2, "axis 2 is out of bounds for an array of 2 dimensions", id="high"),
        pytest.param((2, 3), -3, "axis -3 is out of bounds", id="low"),
        pytest.param((2, 3), (0, -2), "axis -2 is given twice", id="twice"),
        pytest.param((), 1, "of 0 dimensions", id="no-axis"),
    ],
)
def test_axes_that_are_refused(tmp_path, shape, axis, words):
    path = str(tmp_path / "x.npy")
    np.save(path, np.ones(shape))
    with pytest.raises(KcfgError, match=words):
        multiplying.prod(path, axis=axis)
