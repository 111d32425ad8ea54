"""The doors in `kcfg/cli/arrays.py`, and streams between real processes."""

from __future__ import annotations

import bisect
import collections
import itertools
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from kcfg.cli import arrays
from kcfg.cli.render import arrays as render
from kcfg.problems import KcfgError

PROD = {
    "axis": None, "keepdims": False, "dtype": None, "out": None, "force": False, "threads": None,
    "json": False,
}  # fmt: skip
CAST = {
    "floatx": lambda: "float16", "exact": False, "out": None, "force": False, "threads": None,
    "json": False,
}  # fmt: skip


@pytest.fixture
def path(tmp_path):
    found = str(tmp_path / "x.npy")
    np.save(found, np.array([[2, 4, 6], [2, 4, 6]]))
    return found


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        pytest.param({"axis": "1"}, "[48 48]\n", id="axis"),
        pytest.param({"axis": "-2"}, "[ 4 16 36]\n", id="negative"),
        pytest.param({}, "2304\n", id="scalar"),
        pytest.param({"axis": "0,1", "keepdims": True}, "[[2304]]\n", id="several"),
    ],
)
def test_prod_prints_as_numpy(path, capsys, options, shown):
    assert arrays.prod(path, **{**PROD, **options}) == 0
    assert capsys.readouterr() == (shown, "")


def test_prod_json(path, capsys):
    assert arrays.prod(path, **{**PROD, "axis": "1", "json": True}) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"dtype": "int64", "shape": [2], "data": [48, 48]}


def test_cast_goes_to_floatx(path, tmp_path):
    out = tmp_path / "o.npy"
    assert arrays.cast(path, None, **{**CAST, "out": str(out)}) == 0
    assert np.load(out).dtype == np.float16


def test_cast_json_of_what_json_lacks(tmp_path, capsys):
    path = str(tmp_path / "x.npy")
    np.save(path, np.array([np.nan, np.inf, -np.inf, 0.1]))
    arrays.cast(path, "float32", **{**CAST, "json": True})
    assert json.loads(capsys.readouterr().out)["data"] == ["nan", "inf", "-inf", 0.1]


def test_a_long_result_is_shown_in_part(tmp_path, capsys):
    path = str(tmp_path / "x.npy")
    np.save(path, np.zeros(5000))
    arrays.cast(path, "float32", **CAST)
    out, err = capsys.readouterr()
    assert out == "[0. 0. 0. ... 0. 0. 0.]\n"
    assert "5,000 elements, shown in part" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"axis": "x"}, "--axis 'x' is no axis", id="axis"),
        pytest.param({"dtype": "flaot32"}, "did you mean float32?", id="typo"),
        pytest.param({"dtype": "bfloat16"}, "is not a dtype of numpy", id="bfloat16"),
        pytest.param({"dtype": "f4,f4"}, "is no numeric dtype", id="structured"),
        pytest.param({"threads": 0}, "at least one thread", id="threads"),
    ],
)
def test_options_that_are_refused(path, options, words):
    with pytest.raises(KcfgError) as caught:
        arrays.prod(path, **{**PROD, **options})
    assert words in str(caught.value)
    assert caught.value.status == 2


def test_the_input_as_output_needs_force(path):
    with pytest.raises(KcfgError, match="the input itself"):
        arrays.cast(path, "float32", **{**CAST, "out": path})
    arrays.cast(path, "float32", **{**CAST, "out": path, "force": True})
    assert np.load(path).tolist() == [[2, 4, 6], [2, 4, 6]]


def test_info(path, tmp_path, capsys):
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    status = arrays.info([path, str(tmp_path / "bad.npy")], stats=True, json=True, threads=1)
    out, err = capsys.readouterr()
    (found,) = json.loads(out)
    assert status == 2
    assert "no .npy file" in err
    assert (found["dtype"], found["shape"], found["nbytes"]) == ("int64", [2, 3], 48)
    assert (found["stats"]["min"], found["stats"]["max"], found["stats"]["mean"]) == (2, 6, 4)


@pytest.mark.parametrize("threads", [1, 3])
def test_stats(tmp_path, monkeypatch, threads):
    from kcfg.arrays import files, info

    monkeypatch.setattr(info, "TILE_BYTES", 256)
    monkeypatch.setattr(info, "SUMMED", 64)
    values = np.random.default_rng(0).standard_normal(5000).astype("f4") * 1e4
    values[:9] = [np.nan, np.inf, -np.inf, 0, -0.0, 1e-9, 3.39e38, 7e4, 1e-41]
    np.save(tmp_path / "x.npy", values)
    with files.open_input(str(tmp_path / "x.npy")) as source:
        found = info.stats(source, threads=threads, progress=None)
    finite = values[np.isfinite(values)]
    assert (found.nan, found.inf, found.zero) == (1, 2, 2)
    assert (found.min, found.max) == (-np.inf, np.inf)
    assert found.mean == pytest.approx(finite.mean(dtype="f8"))
    with np.errstate(all="ignore"):
        half = finite.astype("f2")
    assert found.float16_overflow == np.isinf(half).sum()
    assert found.float16_underflow == ((half == 0) & (finite != 0)).sum()
    assert sum(count for _, count in found.histogram) == np.count_nonzero(finite)


@pytest.mark.parametrize("char", "efdg")
def test_the_histogram_is_exact_at_its_edges(tmp_path, char):
    from kcfg.arrays import files, info

    edges = np.array([10.0**power for power in info.DECADES])
    with np.errstate(over="ignore", under="ignore"):
        near = edges.astype(char)
    near = near[np.isfinite(near)]
    values = np.concatenate([near, np.nextafter(near, 0), -np.nextafter(near, near.dtype.type(9))])
    values = np.concatenate([np.resize(values, 300), np.ones(30_000, char)])  # few are small
    np.save(tmp_path / "x.npy", values)
    exact = [abs(Fraction(*one.as_integer_ratio())) for one in values]
    bounds = [Fraction(edge) for edge in edges.tolist()]
    expected = collections.Counter(bisect.bisect_right(bounds, one) for one in exact if one)
    with files.open_input(str(tmp_path / "x.npy")) as source:
        found = info.stats(source, threads=1, progress=None)
    assert [count for _, count in found.histogram] == [expected[n] for n in range(len(bounds) + 1)]
    assert found.zero == exact.count(0)


@pytest.mark.parametrize(
    ("values", "lost"),
    [
        pytest.param([65520, 1, 2.0**-25], (1, 1, 0, 0), id="float16"),
        pytest.param([65519.99, 1, 2.0**-24.99], (0, 0, 0, 0), id="in-float16"),
        pytest.param([(2 - 2.0**-8) * 2.0**127, 2.0**-134], (1, 1, 1, 1), id="bfloat16"),
    ],
)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_is_lost_is_exact_at_its_edges(tmp_path, dtype, values, lost):
    from kcfg.arrays import files, info

    np.save(tmp_path / "x.npy", np.array(values, dtype))
    with files.open_input(str(tmp_path / "x.npy")) as source:
        found = info.stats(source, threads=1, progress=None)
    halves = found.float16_overflow, found.float16_underflow
    assert (*halves, found.bfloat16_overflow, found.bfloat16_underflow) == lost


@pytest.mark.parametrize("values", ["f4", "nan"])
def test_the_mean_is_the_same_for_tiles_of_any_size(tmp_path, monkeypatch, values):
    from kcfg.arrays import files, info

    monkeypatch.setattr(info, "SUMMED", 100)
    numbers = np.random.default_rng(0).standard_normal(20_000).astype("f4")
    if values == "nan":
        numbers[::7] = np.nan
    np.save(tmp_path / "x.npy", numbers)
    means = set()
    for tile in (100, 1300, 9000, 1 << 20):
        monkeypatch.setattr(info, "TILE_BYTES", 4 * tile)
        with files.open_input(str(tmp_path / "x.npy")) as source:
            means.add(info.stats(source, threads=2, progress=None).mean)
    assert len(means) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(np.full(999, 1e308), (1e308, 1e308, 1e308), id="sum-beyond-float64"),
        pytest.param(np.array([1.5, 2.5], "g"), (1.5, 2.5, 2.0), id="long-double"),
        pytest.param(np.array([3 + 4j], "G"), (5.0, 5.0, 5.0), id="long-double-complex"),
        pytest.param(np.full(8, np.finfo("g").max), (np.finfo("g").max,) * 3, id="beyond-float64"),
        pytest.param(np.array([np.nan, np.nan]), (None, None, None), id="nothing-but-nan"),
        pytest.param(np.array([np.nan, -np.inf]), (-np.inf, -np.inf, None), id="nothing-finite"),
    ],
)
def test_least_greatest_and_mean(tmp_path, capsys, values, expected):
    path = str(tmp_path / "x.npy")
    np.save(path, values)
    arrays.info([path], stats=True, threads=1)
    told = dict(line.split("\t")[:2] for line in capsys.readouterr().out.splitlines()[1:4])
    shown = tuple("-" if one is None else str(one) for one in expected)
    assert (told["  min"], told["  max"], told["  mean"]) == shown
    arrays.info([path], stats=True, threads=1, json=True)
    (found,) = json.loads(capsys.readouterr().out)
    for name, one in zip(("min", "max", "mean"), expected, strict=True):
        plain = one is None or np.isfinite(np.float64(one))
        assert found["stats"][name] == (one if plain else str(one))


def test_tiles_of_any_number_and_order_are_summed_exactly_in_little_memory():
    from kcfg.arrays import info
    from kcfg.arrays.plan import plan_elementwise

    values = np.array([1e300, 3.0, -1e300, 5e-324, 1e-300, -1e-300] * 200)
    plan = plan_elementwise(values.size, 1)
    told = []
    for seed in range(2):
        job = info.StatsJob(values.dtype)
        for task in np.random.default_rng(seed).permutation(plan.tasks):
            step = plan.step(int(task), 0)
            tile = memoryview(values[step.start : step.start + step.size]).cast("B")
            job.finish(step.task, [job.prepare(step, tile, {})])
        told.append(job.told())
        assert job.result().mean == 0.5
    assert pickle.dumps(told[0]) == pickle.dumps(told[1])
    assert len(pickle.dumps(told[0])) < 2000


def test_the_json_of_many_empty_rows_comes_piece_by_piece():
    parts = render.json_parts(np.empty((2, 10**12, 0)), {})
    tracemalloc.start()
    some = "".join(itertools.islice(parts, 8))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert some.endswith("[], []")
    assert most < 20 << 20


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="tells what is in memory")
def test_the_json_of_a_mapped_result_is_let_go_of(tmp_path):
    array = np.memmap(tmp_path / "x", np.longdouble, "w+", shape=(1 << 19, 2))
    array[...] = 1
    array.flush()
    for _ in render.json_parts(array, {}):
        pass
    rows = Path("/proc/self/smaps").read_text().partition(str(tmp_path / "x"))[2].splitlines()
    in_memory = next(int(row.split()[1]) for row in rows if row.startswith("Rss:"))
    assert in_memory < array.nbytes >> 13  # KiB, an eighth


def test_signalling_nans_are_no_least_number(tmp_path):
    from kcfg.arrays import files, info

    words = [0x7F800001] * 5 + [0x40000000, 0x3F800000] * 20 + [0xFF800001] * 3
    np.save(tmp_path / "x.npy", np.array(words, "u4").view("f4"))
    with files.open_input(str(tmp_path / "x.npy")) as source:
        found = info.stats(source, threads=1, progress=None)
    assert (found.min, found.max, found.mean, found.nan) == (1, 2, 1.5, 8)


DOOR = """
import sys
from kcfg.cli import arrays
kind, file, *rest = sys.argv[1:]
if kind == "prod":
    arrays.prod(file, axis=rest[0], keepdims=False, dtype=None, out=rest[1], force=True,
                threads=None, json=False)
else:
    arrays.cast(file, rest[0], floatx=None, exact=False, out=rest[1], force=True, threads=None,
                json=False)
"""


def door(*arguments, **options):
    return subprocess.Popen([sys.executable, "-c", DOOR, *arguments], **options)


@pytest.mark.parametrize("shape", [(200_000, 3), (3, 200_000), (50, 4, 3000)])
def test_a_pipeline(tmp_path, shape):
    values = np.random.default_rng(0).standard_normal(shape)
    np.save(tmp_path / "x.npy", values)
    with (tmp_path / "x.npy").open("rb") as source:
        first = door("cast", "-", "float32", "-", stdin=source, stdout=subprocess.PIPE)
        second = door("prod", "-", "0", "-", stdin=first.stdout, stdout=subprocess.PIPE)
        first.stdout.close()
        data = second.communicate(timeout=60)[0]
    assert (first.wait(60), second.returncode) == (0, 0)
    (tmp_path / "o.npy").write_bytes(data)
    want = np.prod(values.astype(np.float32), axis=0)
    assert np.load(tmp_path / "o.npy").tobytes() == want.tobytes()


@pytest.mark.parametrize("number", [signal.SIGINT])
def test_an_interrupted_run_leaves_nothing(tmp_path, number):
    """The input is a pipe that never ends: the threads wait for it when the signal comes."""
    out = tmp_path / "o.npy"
    process = door(
        "cast", "-", "float32", str(out), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    whole = np.lib.format.header_data_from_array_1_0(np.empty(0))
    with (tmp_path / "head").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {**whole, "shape": (1 << 20,)})
    process.stdin.write((tmp_path / "head").read_bytes() + bytes(1000))
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while len(os.listdir(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    assert process.wait(10) != 0
    assert os.listdir(tmp_path) == ["head"]
    process.stdin.close()


def test_a_stream_that_ends_early(tmp_path):
    out = tmp_path / "o.npy"
    np.save(tmp_path / "x.npy", np.zeros(100_000))
    data = (tmp_path / "x.npy").read_bytes()[:-1]
    process = door("cast", "-", "float32", str(out), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    message = process.communicate(data, timeout=60)[1].decode()
    assert "stdin: the stream ended after" in message
    assert not out.exists()
