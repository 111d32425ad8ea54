"""`prod` against `numpy.prod`: the same bits for every dtype, order, axis form and tile size."""

from __future__ import annotations

import io
import itertools
import time
import warnings

import numpy as np
import pytest

from kcfg.arrays import fast, files, half, kernels, stuck
from kcfg.arrays import prod as multiplying
from kcfg.problems import KcfgError
from tests.arrays.support import DTYPES, bits, nans, numbers

SHAPES = [(), (1,), (7,), (3, 4), (17, 33), (1, 5, 1, 3), (12, 3, 5, 2), (3, 900), (900, 3)]


def axis_forms(ndim):
    single = [None, *range(-ndim, ndim)]
    several = [c for k in range(2, ndim + 1) for c in itertools.combinations(range(ndim), k)]
    return single + several


def assert_numpys(path, **arguments):
    with np.errstate(all="ignore"):
        want = np.asarray(np.prod(np.load(path), **arguments))
    got = multiplying.prod(path, **arguments)
    assert (got.dtype, got.shape) == (want.dtype, want.shape), arguments
    assert bits(got) == bits(want), arguments


@pytest.mark.parametrize("tile_bytes", [pytest.param(1 << 20, id="whole"), 2000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_are_numpys(tmp_path, monkeypatch, dtype, tile_bytes):
    monkeypatch.setattr(multiplying, "TILE_BYTES", tile_bytes)
    path = str(tmp_path / "x.npy")
    for shape, order in itertools.product(SHAPES, "CF"):
        np.save(path, np.asarray(numbers(dtype, shape), order=order))
        for axis in axis_forms(len(shape)):
            assert_numpys(path, axis=axis)


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i4", ">i4", "i8", "u8"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        pytest.param((25003,), None, id="one-run"),
        pytest.param((9001, 3), 0, id="narrow"),
        pytest.param((3031, 10), 0, id="ten"),
        pytest.param((751, 5, 7), 0, id="two-kept"),
        pytest.param((7001, 3), 1, id="short-rows"),
        pytest.param((2001, 10), 1, id="even-once"),
        pytest.param((2001, 11), 1, id="eleven"),
        pytest.param((2001, 12), 1, id="twice-even"),
        pytest.param((2001, 16), 1, id="a-power-of-2"),
        pytest.param((751, 5, 7), (0, 2), id="short-runs"),
        pytest.param((40, 700), 1, id="long-rows"),
        pytest.param((90, 300), 0, id="columns"),
        pytest.param((7, 30000), 0, id="parts-of-rows"),
        pytest.param((40, 30, 25), 1, id="middle"),
    ],
)
def test_every_integer_is_multiplied(tmp_path, monkeypatch, dtype, shape, axis):
    """Odd factors never vanish: one that is left out or taken twice shows. Several tiles."""
    monkeypatch.setattr(multiplying, "TILE_BYTES", 40_000)
    monkeypatch.setattr(fast, "LEAST_LANE", 10)
    path = str(tmp_path / "x.npy")
    np.save(path, numbers(dtype, shape))
    assert_numpys(path, axis=axis)
    np.save(path, np.maximum(numbers(dtype, shape), np.ones((), dtype)))
    assert_numpys(path, axis=axis, dtype="u8")


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", ">u2", "i4", ">i4", "u4"])
@pytest.mark.parametrize("length", [2, 6, 10, 16])
@pytest.mark.parametrize("asked", [None, "i2", "u8"])
def test_neighbours_are_widened_in_time(tmp_path, dtype, length, asked):
    # Products of 2, 4 and 8 factors fit in the factors' dtype, just so, or not; and one late factor
    # that alone doesn't must be seen, too.
    path = str(tmp_path / "x.npy")
    limits = np.iinfo(dtype)
    for root, late in itertools.product((2, 4, 8), (0, 1, limits.min, limits.max)):
        most = int(limits.max ** (1 / root))
        for number in (most, most + 1, -most if limits.min else 1):
            rows = np.full((333, length), min(number, limits.max), dtype)
            rows[-1, -1] = late
            np.save(path, rows)
            assert_numpys(path, axis=1, dtype=asked)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        pytest.param((20000,), None, id="one-run"),
        pytest.param((5, 9000), 1, id="long-rows"),
        pytest.param((9000, 5), 0, id="long-columns"),
        pytest.param((70, 300), 1, id="rows"),
        pytest.param((700, 333), 1, id="many-rows"),
        pytest.param((70, 300), 0, id="columns"),
        pytest.param((4, 5, 3000), (0, 2), id="around-an-axis"),
        pytest.param((3000, 5, 4), (0, 2), id="short-around-an-axis"),
        pytest.param((40, 300, 2), 1, id="middle-long"),
        pytest.param((2, 3, 9000), (1, 2), id="merged"),
    ],
)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("tile_bytes", [pytest.param(1 << 20, id="whole"), 20000])
def test_rounding_is_numpys(tmp_path, monkeypatch, shape, axis, order, tile_bytes):
    """Factors near 1, so that every rounding on the way shows; around numpy's buffer of 8192."""
    monkeypatch.setattr(multiplying, "TILE_BYTES", tile_bytes)
    monkeypatch.setattr(fast, "LEAST_LANE", 10)
    path = str(tmp_path / "x.npy")
    for dtype, asked in [
        ("f2", None), (">f2", None), ("f4", "f2"), ("f4", None), (">f8", None), ("f4", "f8"),
        ("g", None), ("c8", None), (">c16", None), ("f4", "c8"),
    ]:  # fmt: skip
        values = numbers(dtype, shape, spread=0.3 / np.prod(shape) ** 0.5)
        np.save(path, np.asarray(values, order=order))
        assert_numpys(path, axis=axis, dtype=asked)


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f4", "f8", "g", "c8", "c16"])
@pytest.mark.parametrize(
    "shape", [(50,), (40, 3), (30, 10), (7, 70), (4, 3, 40), (300, 2), (520, 30)]
)
def test_special_values(tmp_path, dtype, shape):
    """NaNs of different payloads meet, infinities meet zeros, zeros have signs."""
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        pytest.skip("which of two NaNs numpy 1 gives depends on the memory's alignment")
    random = np.random.default_rng(5)
    path = str(tmp_path / "x.npy")
    for share, order in itertools.product((0.02, 0.1, 0.4), "CF"):
        values = numbers(dtype, shape)
        for part in (values.real, values.imag) if values.dtype.kind == "c" else (values,):
            for special in (np.inf, -np.inf, 0.0, -0.0):
                part[random.random(shape) < share / 5] = special
            if dtype != "g":
                where = random.random(shape) < share / 3
                part[where] = nans(part.dtype, where.sum(), random)
        np.save(path, np.asarray(values, order=order))
        for axis in axis_forms(len(shape)):
            assert_numpys(path, axis=axis)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "g"])
@pytest.mark.parametrize(
    "late", [[], [0.0], [-0.0], [np.inf], [-np.inf, 0.0], [np.nan, -np.inf], [0.0, 0.0, np.inf]]
)
@pytest.mark.parametrize("scale", [0.1, 10.0])
def test_products_that_are_zero_or_infinite_long_before_the_end(
    tmp_path, monkeypatch, dtype, late, scale, threads
):
    """From there on most tiles change signs alone; what a late factor does is numpy's, too."""
    path = str(tmp_path / "x.npy")
    monkeypatch.setattr(multiplying, "TILE_BYTES", 8192)
    random = np.random.default_rng(7)
    for shape, axis in (((30_001,), None), ((2, 9_001), 1), ((9_001, 3), 0), ((4_001, 10), 0)):
        values = (scale * random.standard_normal(shape)).astype(dtype)
        places = random.integers(values.size // 2, values.size, len(late))
        values.reshape(-1)[places] = late
        np.save(path, values)
        with np.errstate(all="ignore"):
            want = np.asarray(np.prod(np.load(path), axis=axis))
        got = multiplying.prod(path, axis=axis, threads=threads)
        assert bits(got) == bits(want), (shape, axis)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", ["f2", ">f2", "f4", ">f8"])
@pytest.mark.parametrize("late", [[], [0.5], [-1.5], [0.0], [3e-5, 3e4], [np.inf], [np.nan, 0.4]])
@pytest.mark.parametrize("signs", [[1], [-1], [1, -1]])
def test_products_that_stay_below_the_least_normal_number(
    tmp_path, monkeypatch, dtype, late, signs, threads
):
    """Factors near 1 leave them as they are; which ones are near enough, numpy says."""
    path = str(tmp_path / "x.npy")
    random = np.random.default_rng(11)
    cases = [
        ((30_001,), None), ((2, 9_001), 1), ((40, 3_001), 1), ((9_001, 3), 0), ((901, 50), 0),
        ((3_001, 3, 4), (0, 2)), ((2, 3_001, 3), 1),
    ]  # fmt: skip
    for (shape, axis), tile_bytes, near in itertools.product(cases, (8192, 1 << 20), (0.2, 0.47)):
        monkeypatch.setattr(multiplying, "TILE_BYTES", tile_bytes)
        values = random.uniform(1 - near, 1 + near, shape) * random.choice(signs, shape)
        small = np.sqrt(float(np.finfo(dtype).smallest_subnormal))
        values[:2] = np.reshape([3 * small, small], (2,) + (1,) * (values.ndim - 1))
        if axis == 1:
            values[:, :2] = np.reshape([3 * small, small], (2,) + (1,) * (values.ndim - 2))
        places = random.integers(values.size // 2, values.size, len(late))
        values.reshape(-1)[places] = late
        np.save(path, values.astype(dtype))
        with np.errstate(all="ignore"):
            want = np.asarray(np.prod(np.load(path), axis=axis))
        got = multiplying.prod(path, axis=axis, threads=threads)
        assert bits(got) == bits(want), (shape, axis)


@pytest.mark.parametrize("tile_bytes", [4096, 1 << 20], ids=["many-tiles", "one-tile"])
def test_runs_of_float16_change_what_single_factors_do_not(tmp_path, monkeypatch, tile_bytes):
    """3 times the least number times 0.9 is rounded to the same; times 0.9**4 it isn't."""
    monkeypatch.setattr(multiplying, "TILE_BYTES", tile_bytes)
    path = str(tmp_path / "x.npy")
    values = np.ones((2_000, 3, 4), np.float16)
    values[:2, :, 0] = [[3 * 2.0**-12], [2.0**-12]]
    values[1_500:] = 0.9
    np.save(path, values)
    assert_numpys(path, axis=(0, 2))


@pytest.mark.parametrize("tile_bytes", [1 << 16, 1 << 22], ids=["many-tiles", "one-tile"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
@pytest.mark.parametrize("factor", [0.1, 0.6, -10])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        pytest.param((90_000,), 0, id="one-run"),
        pytest.param((60_000, 3), 0, id="columns"),
        pytest.param((20, 30_000), 1, id="rows"),
        pytest.param((20_000, 3, 4), (0, 2), id="around"),
        pytest.param((5, 40_000, 2), 1, id="middle"),
    ],
)
def test_most_factors_of_what_stays_are_not_multiplied(
    tmp_path, monkeypatch, dtype, factor, shape, axis, tile_bytes
):
    """Zeros, infinities and subnormal numbers; the results are written in numpy's dtype, too."""
    if axis == (0, 2) and dtype == "f2":
        pytest.skip("float16 rounds at the end of each run: all of its factors are multiplied")
    if axis == len(shape) - 1 and dtype == "f2" and half.piece_size(buffered=False):
        pytest.skip("numpy 1 rounds float16 within a run, too: not below the least normal number")
    if factor != 0.6 and (axis == (0, 2) or (len(shape) > 1 and tile_bytes > 1 << 16)):
        pytest.skip("multiplying with zeros and infinities takes no longer there")
    monkeypatch.setattr(multiplying, "TILE_BYTES", tile_bytes)
    looked_at, stayed, look, after = [], [], stuck.look, stuck.after

    def spied_look(tile, reduced):
        looked_at.append(tile.size)
        return look(tile, reduced)

    def spied_after(before, seen):
        stayed.append(after(before, seen))
        return stayed[-1]

    monkeypatch.setattr(stuck, "look", spied_look)
    monkeypatch.setattr(stuck, "after", spied_after)
    path, out = str(tmp_path / "x.npy"), str(tmp_path / "out.npy")
    values = np.full(shape, factor, dtype)
    np.save(path, values)
    with np.errstate(all="ignore"):
        want = np.asarray(np.prod(values, axis=axis))
    with files.open_input(path) as source:
        axes = frozenset(axis) if isinstance(axis, tuple) else frozenset([axis])
        multiplying.run(
            source, axes, dtype=None, keepdims=False, out=out, overwrite=False,
            threads=1, progress=None,
        )  # fmt: skip
    got = np.load(out)
    assert (got.dtype, bits(got)) == (want.dtype, bits(want))
    assert sum(looked_at) > values.size / 2
    assert all(one is not None for one in stayed)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("dtype", ["f2", ">f2", "f4", "f8", "g", "c8", "c16"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        pytest.param((30_000,), None, id="one-run"),
        pytest.param((3, 9_000), 1, id="long-rows"),
        pytest.param((9_000, 5), 0, id="long-columns"),
        pytest.param((400, 75), 0, id="wide-columns"),
        pytest.param((100, 333), 0, id="few-rows-at-a-time"),
        pytest.param((30, 3_100), 0, id="columns-cut"),
        pytest.param((3_000, 9), 1, id="short-rows"),
        pytest.param((4, 500, 13), 1, id="middle"),
        pytest.param((30, 2_437), 0, id="columns-cut-unevenly"),
        pytest.param((3_000, 5, 3), (0, 2), id="short-runs"),
        pytest.param((20, 22, 10, 7), (0, 2), id="rows-around"),
        pytest.param((2, 3_000, 5), (0, 2), id="rows-again"),
    ],
)
def test_special_values_over_many_tiles(tmp_path, monkeypatch, dtype, shape, axis, threads):
    """A NaN of one tile meets those of the next ones; its payload and sign stay as numpy's."""
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        pytest.skip("which of two NaNs numpy 1 gives depends on the memory's alignment")
    monkeypatch.setattr(multiplying, "TILE_BYTES", 20_000)
    monkeypatch.setattr(fast, "LEAST_LANE", 10)
    monkeypatch.setattr(fast, "LEAST_ABREAST", 20)
    monkeypatch.setattr(kernels, "LEAST_SAMPLED", 20)
    random = np.random.default_rng(6)
    path = str(tmp_path / "x.npy")
    for share in (1e-4, 1e-3, 0.02, 0.5, 1):
        values = numbers(dtype, shape, spread=0.3 / np.prod(shape) ** 0.5)
        native = values.astype(values.dtype.newbyteorder("="))
        for part in (native.real, native.imag) if native.dtype.kind == "c" else (native,):
            where = random.random(shape) < share
            part[where] = nans(part.dtype, where.sum(), random)
            part[random.random(shape) < share / 4] = np.inf
        np.save(path, native.astype(values.dtype))
        with np.errstate(all="ignore"):
            want = np.asarray(np.prod(np.load(path), axis=axis))
        got = multiplying.prod(path, axis=axis, threads=threads)
        assert bits(got) == bits(want), share


@pytest.mark.parametrize("looked_up", [True, False])
@pytest.mark.parametrize("shape", [(1, 30_000), (400, 70), (3, 9_000), (3_000, 4)])
def test_the_nan_of_float16_is_numpys(tmp_path, monkeypatch, shape, looked_up):
    """Also where neither the first nor the last is kept, and numpy's own loop says which."""
    monkeypatch.setattr(multiplying, "TILE_BYTES", 20_000)
    monkeypatch.setattr(kernels, "LEAST_SAMPLED", 20)
    if not looked_up:
        monkeypatch.setattr(half, "kept_nan", lambda: None)
    random = np.random.default_rng(7)
    path = str(tmp_path / "x.npy")
    for share, early in itertools.product((0, 1e-4, 1e-3, 0.02, 0.5), (False, True)):
        values = numbers("f2", shape, spread=0.3 / np.prod(shape) ** 0.5)
        where = random.random(shape) < share
        where[:, 1] |= early
        values[where] = nans(values.dtype, where.sum(), random)
        values[random.random(shape) < share / 4] = np.inf
        values[random.random(shape) < share / 4] = 0
        np.save(path, values)
        assert_numpys(path, axis=1)


@pytest.mark.parametrize("dtype", ["c8", "c16"])
@pytest.mark.parametrize(("shape", "axis"), [((75,), 0), ((22, 10, 7), (0, 2))])
def test_imaginary_zeros_keep_their_sign(tmp_path, monkeypatch, dtype, shape, axis):
    """1 times such an accumulator would be another one. Few rows behind it don't hide that."""
    monkeypatch.setattr(multiplying, "TILE_BYTES", 20_000)
    path = str(tmp_path / "x.npy")
    for rows in range(20, 60):
        values = numbers(dtype, (rows, *shape), spread=0.01)
        values.real = np.copysign(values.real, values.real - 1)
        values.imag = np.copysign(0, values.imag)
        np.save(path, values)
        assert_numpys(path, axis=axis)


@pytest.mark.parametrize("imaginary", [0.0, -0.0, np.nan])
def test_complex_columns_take_about_as_long_as_in_numpy(tmp_path, monkeypatch, imaginary):
    """A call of numpy for each row took fifty times as long."""
    monkeypatch.setattr(multiplying, "TILE_BYTES", 1 << 20)
    path = str(tmp_path / "x.npy")
    values = np.full((300_000, 3), 1, np.complex64)
    values.imag = imaginary
    np.save(path, values)

    def least(function, *arguments):
        took = []
        for _ in range(3):
            begin = time.perf_counter()
            function(*arguments)
            took.append(time.perf_counter() - begin)
        return min(took)

    with np.errstate(all="ignore"):
        assert least(multiplying.prod, path, 0) < 10 * least(np.prod, values, 0)
    assert_numpys(path, axis=0)


@pytest.mark.parametrize("asked", ["?", "i1", "u8", "f2", "f4", "f8", "c16"])
@pytest.mark.parametrize("dtype", ["?", "i2", "u4", "f2", ">f8", "c8"])
def test_dtype(tmp_path, dtype, asked):
    path = str(tmp_path / "x.npy")
    np.save(path, numbers(dtype, (6, 5)))
    for axis in (None, 0, 1):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # imaginary parts are dropped
            want = np.asarray(np.prod(np.load(path), axis=axis, dtype=asked))
        got = multiplying.prod(path, axis=axis, dtype=asked)
        assert (got.dtype, bits(got)) == (want.dtype, bits(want))


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        pytest.param((0,), None, id="no-elements"),
        pytest.param((0, 3), 0, id="empty-reduced"),
        pytest.param((3, 0), 0, id="empty-kept"),
        pytest.param((3, 0), 1, id="ones"),
        pytest.param((), 0, id="0-d-axis-0"),
        pytest.param((), -1, id="0-d-axis-minus-1"),
        pytest.param((2, 3), (), id="no-axes"),
    ],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_empty_and_odd_forms(tmp_path, shape, axis, keepdims):
    path = str(tmp_path / "x.npy")
    np.save(path, np.full(shape, 3, np.float32))
    assert_numpys(path, axis=axis, keepdims=keepdims)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2)])
def test_output_file_is_numpy_saves(tmp_path, order, axis):
    path, out = str(tmp_path / "x.npy"), str(tmp_path / "o.npy")
    np.save(path, np.asarray(numbers("f4", (4, 5, 6)), order=order))
    assert multiplying.prod(path, axis=axis, out=out) is None
    want = io.BytesIO()
    np.save(want, np.prod(np.load(path), axis=axis))
    assert (tmp_path / "o.npy").read_bytes() == want.getvalue()


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
    with pytest.raises(KcfgError, match=words) as caught:
        multiplying.prod(path, axis=axis)
    assert caught.value.status == 2


def test_stops_early_where_nothing_can_change(tmp_path, monkeypatch):
    """All columns are 0 after the first tiles: the end of the (sparse) file is never read."""
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((1, 4), np.int64))
    with path.open("r+b") as file:
        file.seek(0)
        header = file.read(128).replace(b"(1, 4), ", b"(9999999, 4), ")[:128]
        file.seek(0)
        file.write(header.rstrip() + b" " * (127 - len(header.rstrip())) + b"\n")
        file.truncate(128 + 9999999 * 32)
    read = []
    whole = files.Input.read
    monkeypatch.setattr(
        files.Input,
        "read",
        lambda self, start, into: (read.append(start), whole(self, start, into)),
    )
    assert multiplying.prod(str(path), axis=0).tolist() == [0, 0, 0, 0]
    assert len(read) < 20


def lost(path, axis):
    with files.open_input(path) as source:
        losses = multiplying.run(
            source, frozenset([axis]), dtype=None, keepdims=False, out=None, overwrite=False,
            threads=2, progress=None,
        ).losses  # fmt: skip
    return losses.overflowed, losses.underflowed, losses.invalid


def test_losses_are_counted(tmp_path):
    path = str(tmp_path / "x.npy")
    rows = [[1e30, 1e30], [np.inf, 2], [1e-30, 1e-30], [0, 5], [np.nan, 1], [2, 3]]
    np.save(path, np.array(rows, np.float32))
    assert lost(path, 1) == (1, 1, 0)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param([1e60] * 10, (1, 0, 0), id="infinite"),
        pytest.param([1e-60] * 10, (0, 1, 0), id="zero"),
        pytest.param([1e60] * 9 + [0], (1, 0, 1), id="infinite-on-the-way"),
    ],
)
def test_what_a_short_row_loses_is_counted(tmp_path, row, expected):
    rows = numbers("f8", (500, 10))
    rows[333] = row
    path = str(tmp_path / "x.npy")
    np.save(path, rows)
    assert lost(path, 1) == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([[1e-30, 1e-30], [0, 5], [2, 3]], (0, 1, 0), id="a-factor-is-zero"),
        pytest.param([[-1e30, 1e30], [-3, 5], [2, 3]], (1, 0, 0), id="minus-infinite"),
        pytest.param([[1e30, 1e30], [np.nan, 3], [0, 5]], (1, 0, 0), id="others-are-nan-or-zero"),
        pytest.param([[1e-30, 1e-30], [np.inf, 3], [0, 5]], (0, 1, 0), id="another-is-infinite"),
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("tile", [8, 1 << 20], ids=["many-tiles", "one-tile"])
def test_what_the_factors_are_is_no_loss(tmp_path, monkeypatch, rows, expected, axis, tile):
    monkeypatch.setattr(multiplying, "TILE_BYTES", tile)
    path = str(tmp_path / "x.npy")
    values = np.array(rows, np.float32)
    np.save(path, values.T if axis == 0 else values)
    assert lost(path, axis) == expected


@pytest.mark.parametrize("tile", [800, 1 << 22], ids=["many-tiles", "one-tile"])
@pytest.mark.parametrize(
    ("factor", "last", "expected"),
    [
        pytest.param(1e10, 0, (1, 0, 1), id="overflowed-then-zero"),
        pytest.param(1e-10, np.inf, (0, 1, 1), id="underflowed-then-infinite"),
        pytest.param(1, 0, (0, 0, 0), id="zero"),
    ],
)
def test_tiles_hide_no_loss(tmp_path, monkeypatch, tile, factor, last, expected):
    monkeypatch.setattr(multiplying, "TILE_BYTES", tile)
    path = str(tmp_path / "x.npy")
    np.save(path, np.append(np.full(1000, factor), last))
    assert lost(path, 0) == expected


def test_an_overflow_at_the_start_of_a_tile_is_counted(tmp_path, monkeypatch):
    """A column overflows at each row from the 39th on, wherever a tile begins."""
    monkeypatch.setattr(multiplying, "TILE_BYTES", 20_000)
    path = str(tmp_path / "x.npy")
    np.save(path, np.tril(np.full((200, 100), 9, "f4")) + 1)
    assert lost(path, 0) == (100, 0, 0)


@pytest.mark.parametrize("tile", [2000, 1 << 20], ids=["many-tiles", "one-tile"])
@pytest.mark.parametrize("shape", [(5000,), (20, 5000)])
@pytest.mark.parametrize(
    ("dtype", "factor", "each"),
    [
        pytest.param("f4", 0.9, 0, id="stays-subnormal"),
        pytest.param("f4", -0.4, 1, id="zero"),
        pytest.param("f2", 0.9, 1, id="float32-until-float16-rounds"),
    ],
)
def test_what_stays_is_no_loss(tmp_path, monkeypatch, tile, shape, dtype, factor, each):
    monkeypatch.setattr(multiplying, "TILE_BYTES", tile)
    path = str(tmp_path / "x.npy")
    np.save(path, np.full(shape, factor, dtype))
    assert lost(path, len(shape) - 1) == (0, each * (20 if len(shape) == 2 else 1), 0)
