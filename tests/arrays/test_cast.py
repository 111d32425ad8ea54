"""`cast` against `numpy.ndarray.astype`: the same bits from every dtype to every other."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

from kcfg.arrays import cast as casting
from kcfg.arrays import files, losses
from kcfg.arrays.convert import Converter
from kcfg.problems import KcfgError
from tests.arrays.support import DTYPES, bits

SPECIAL = [
    0, -0.0, 1, -1, 0.5, 65504, 65519.99, 65520, -7e4, 6e-8, 3e-8, 2.98e-8, 1e-8, 1e300, -1e300,
    np.nan, np.inf, -np.inf, 2.0**31, 2.0**31 - 1, -(2.0**31) - 1, 2.0**63, 2.0**64, -1e-320,
    127, 128, 255, 256, -128, -129, 300.7,
]  # fmt: skip


def samples(dtype):
    kind = np.dtype(dtype).kind
    if kind in "iub":
        random = np.random.default_rng(0).integers(0, 2**63, 3000)
        return [random.astype(dtype), np.arange(-60, 60).astype(dtype)]
    with np.errstate(all="ignore"):
        special = np.tile(np.array(SPECIAL), 7).astype(dtype)
        plain = (np.random.default_rng(0).standard_normal(3001) * 100).astype(dtype)
    return [special, plain]


@pytest.mark.parametrize("source", DTYPES)
def test_bits_are_numpys(tmp_path, monkeypatch, source):
    monkeypatch.setattr(casting, "TILE_BYTES", 4096)
    path = str(tmp_path / "x.npy")
    for values in samples(source):
        np.save(path, values)
        for target in DTYPES:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                want = np.load(path).astype(target)
            got = casting.cast(path, target)
            assert (got.dtype, bits(got)) == (want.dtype, bits(want)), target


def test_all_of_float16(tmp_path):
    every = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    rarely = np.arange(1 << 17) % 1000 == 0
    few = [
        np.where(rarely, np.resize(some[::-1], rarely.size), np.float16(1))
        for some in (every, finite, every[: 1 << 15], every[1 << 15 :])
    ]
    for values in (every, finite, *few):
        for target in ("f4", "f8"):
            out = np.empty(values.size, target)
            Converter().widen(values, out)
            assert out.tobytes() == values.astype(target).tobytes()


@pytest.mark.parametrize("source", ["f4", "f8"])
def test_to_float16_rounds_half_to_even(source):
    """Every tie between two neighbours, and its neighbours; and random bits."""
    every = np.arange(0x7BFF, dtype=np.uint16)
    low, high = (v.view(np.float16).astype("f8") for v in (every, every + np.uint16(1)))
    ties = np.concatenate([(low + high) / 2, low, -(low + high) / 2])
    near = [np.nextafter(ties.astype(source), np.array(to, source)) for to in (-9e9, 9e9)]
    bits_ = np.random.default_rng(1).integers(0, 2**63, 1 << 16).view(source)
    for values in (ties.astype(source), *near, bits_):
        narrowed_as_numpy_does(values)


@pytest.mark.parametrize("source", ["f4", "f8"])
@pytest.mark.parametrize("rare", [1, 0.1, 0.001])
@pytest.mark.parametrize(
    "size",
    [
        pytest.param(1e-5, id="below-the-smallest-normal"),
        pytest.param(2.0**-25, id="about-half-of-the-smallest"),
        pytest.param(7e4, id="about-the-largest"),
        pytest.param(2049, id="ties"),
        pytest.param(0, id="zero"),
        pytest.param(np.inf, id="infinite"),
        pytest.param(np.nan, id="nan"),
    ],
)
def test_to_float16_beside_ordinary_numbers(source, rare, size):
    """Numbers that float16 has no place for, all or few of them; every one that is lost counts."""
    random = np.random.default_rng(3)
    ordinary = random.normal(0, 1, 100_000)
    odd = size * random.choice([1, 1, -1, 0.9, 1.1], ordinary.size)
    narrowed_as_numpy_does(
        np.where(random.random(ordinary.size) < rare, odd, ordinary).astype(source)
    )


@pytest.mark.parametrize("source", ["f4", "f8"])
def test_a_few_that_would_be_rounded_twice(source):
    """Beside the ties below 2**-14, where a product with 2**-112 alone would be a tie again."""
    ties = np.arange(1, 2048, 2) * 2.0**-25
    near = [np.nextafter(ties.astype(source), np.array(to, source)) for to in (0, 1)]
    values = np.ones(128 * ties.size, source)  # one in 42
    values[::128], values[16::128], values[32::128] = ties, -near[0], near[1]
    narrowed_as_numpy_does(values)


@pytest.mark.parametrize("source", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", ">u8"])
def test_integers_to_float16(source):
    """All that have a float16, the ties between two, and those of any size."""
    lowest, highest = np.iinfo(source).min, np.iinfo(source).max
    near = np.arange(max(lowest, -66_000), min(highest, 66_000) + 1).astype(source)
    some = np.random.default_rng(5).integers(
        lowest, highest, 1000, np.dtype(source).newbyteorder("=")
    )
    values = np.concatenate([near, some.astype(source), np.array([lowest, highest], source)])
    out = np.empty(values.size, np.float16)
    with np.errstate(all="ignore"):
        want = values.astype(np.float16)
        assert Converter().convert(values, out) == (np.count_nonzero(np.isinf(want)), 0)
    assert out.tobytes() == want.tobytes()


def narrowed_as_numpy_does(values):
    with np.errstate(all="ignore"):
        want = values.astype(np.float16)
        out = np.empty(values.size, np.float16)
        overflowed, underflowed = Converter().narrow(values, out)
    assert out.tobytes() == want.tobytes()
    assert overflowed == np.count_nonzero(np.isinf(want) & ~np.isinf(values))
    assert underflowed == np.count_nonzero((want == 0) & (values != 0))


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("source", ["f4", "f8", ">f4"])
@pytest.mark.parametrize("target", ["u4", "i4", "u1", "i8", "u8"])
def test_tiles_end_where_vectors_do(tmp_path, monkeypatch, source, target, threads):
    """What an integer can't hold, the processor's vectors and scalars make different things of."""
    monkeypatch.setattr(casting, "TILE_BYTES", 9000)
    random = np.random.default_rng(3)
    with np.errstate(all="ignore"):
        values = random.standard_normal(20_003) * 10.0 ** random.integers(-3, 25, 20_003)
        values[random.random(20_003) < 0.1] = np.nan
        np.save(tmp_path / "x.npy", values.astype(source))
        want = values.astype(source).astype(target)
    assert bits(casting.cast(str(tmp_path / "x.npy"), target, threads=threads)) == bits(want)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (5,), (4, 5, 6), (0, 3), (1, 7)])
def test_output_file_is_numpy_saves(tmp_path, shape, order):
    path, out = str(tmp_path / "x.npy"), str(tmp_path / "o.npy")
    values = np.asarray(np.arange(np.prod(shape, dtype=int)).reshape(shape), order=order)
    np.save(path, values)
    casting.cast(path, "float16", out)
    want = io.BytesIO()
    np.save(want, np.load(path).astype("float16"))
    assert (tmp_path / "o.npy").read_bytes() == want.getvalue()


@pytest.mark.parametrize(
    ("values", "source", "target"),
    [
        pytest.param([1, 2, 0.1], "f8", "f4", id="rounded"),
        pytest.param([2.5], "f4", "i4", id="cut-off"),
        pytest.param([300], "i4", "u1", id="wrapped"),
        pytest.param([-1], "i8", "u8", id="sign-lost"),
        pytest.param([2**63 - 1], "i8", "f8", id="not-in-float64"),
        pytest.param([np.nan], "f4", "i4", id="nan"),
        pytest.param([1e30], "f4", "f2", id="infinite"),
        pytest.param([2], "i4", "?", id="bool"),
        pytest.param([-(2**63)], "i8", "f2", id="least-integer-infinite"),
        pytest.param([1 + 1j], "c8", "f4", id="imaginary"),
        pytest.param([complex(np.nan, 1e300)], "c16", "c8", id="part-beside-nan"),
        pytest.param([2**24 + 1], "i4", "c8", id="real-part"),
    ],
)
def test_exact_refuses(tmp_path, values, source, target):
    path, out = str(tmp_path / "x.npy"), tmp_path / "o.npy"
    np.save(path, np.array(values, source))
    with pytest.raises(KcfgError, match="would change") as caught:
        casting.cast(path, target, str(out), exact=True)
    assert caught.value.status == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "x.npy"]


@pytest.mark.parametrize("source", "?bBhHiIqQefdgFDG")
def test_what_is_not_looked_at_cannot_change(source):
    if source in "?bBhHiIqQ":
        limits = [0, 1] if source == "?" else [np.iinfo(source).min, 1, np.iinfo(source).max]
    else:
        finite = np.finfo(source)
        limits = [-0.0, finite.max, finite.min, finite.smallest_subnormal, np.inf, np.nan]
    values = np.array(limits, source)
    targets = [
        one for one in "?bBhHiIqQefdgFDG" if not losses.may_change(values.dtype, np.dtype(one))
    ]
    assert source in targets
    for target in targets:
        assert not losses.changed(values, values.astype(target)).any()
    assert losses.may_change(np.dtype(source), np.dtype("f2")) == (source not in "?bBe")


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_exact_names_the_first_whoever_finds_one_first(tmp_path, threads):
    path = str(tmp_path / "x.npy")
    values = np.full(1 << 22, 0.1, "f4")
    values[: 1 << 19] = 1  # most of the first tile
    np.save(path, values)
    for _ in range(10):
        with pytest.raises(KcfgError, match=": element 524,288 ") as caught:
            casting.cast(path, "f2", exact=True, threads=threads)
        assert caught.value.status == 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("target", ["f2", "f4", "c8", "c16"])
def test_exact_accepts_what_stays(tmp_path, target):
    path = str(tmp_path / "x.npy")
    np.save(path, np.array([0.5, -0.0, np.inf, np.nan, 2048]))
    assert casting.cast(path, target, exact=True).tolist()[:3] == [0.5, -0.0, np.inf]


def test_exact_accepts_complex_parts_that_stay(tmp_path):
    path = str(tmp_path / "x.npy")
    values = np.array([complex(np.nan, 0.5), complex(2, np.nan), 1 - 1j])
    np.save(path, values)
    assert bits(casting.cast(path, "c8", exact=True)) == bits(values.astype("c8"))


@pytest.mark.parametrize(
    ("values", "source", "target", "lost"),
    [
        pytest.param([1e300, np.inf, 1e-300, 0, 1], "f8", "f4", (1, 1, 0, 0), id="f8-f4"),
        pytest.param([70000, np.inf, 1e-9, 0, np.nan], "f4", "f2", (1, 1, 0, 0), id="f4-f2"),
        pytest.param([np.nan, 3e9, -3e9, 2**31 - 128, 1.5], "f4", "i4", (0, 0, 3, 0), id="f4-i4"),
        pytest.param([127.9, 128, -128.9, -129, 0], "f4", "i1", (0, 0, 2, 0), id="f4-i1"),
        pytest.param([1.5, 3e9], "f4", "i4", (0, 0, 1, 0), id="only-too-large"),
        pytest.param([1.5, -129], "f4", "i1", (0, 0, 1, 0), id="only-too-small"),
        pytest.param([1.5, 300], "f2", "u1", (0, 0, 1, 0), id="f2-u1"),
        pytest.param([2**32 - 1, 2**32, -0.5, -1], "f8", "u4", (0, 0, 2, 0), id="f8-u4"),
        pytest.param([127, 128, -129, 0], "i8", "i1", (0, 0, 2, 0), id="i8-i1"),
        pytest.param([70000, 5], "i4", "f2", (1, 0, 0, 0), id="i4-f2"),
        pytest.param([1 + 1j, 2], "c16", "f8", (0, 0, 0, 1), id="c16-f8"),
        pytest.param([1e-300, 0, 1e300, 1], "f8", "c8", (1, 1, 0, 0), id="f8-c8"),
    ],
)
def test_losses_are_counted(tmp_path, values, source, target, lost):
    path = str(tmp_path / "x.npy")
    np.save(path, np.array(values, source))
    with files.open_input(path) as opened:
        outcome = casting.run(
            opened, np.dtype(target), exact=False, out=None, overwrite=False, threads=1,
            progress=None,
        )  # fmt: skip
    losses = outcome.losses
    found = (losses.overflowed, losses.underflowed, losses.out_of_range, losses.imaginary)
    assert found == lost
