"""A plan on its way through a cluster: cut into stretches, and numpy's own bits back."""

from __future__ import annotations

import numpy as np
import pytest

from kcfg.arrays import cast as casting
from kcfg.arrays import cluster, cluster_run, files, info
from kcfg.arrays import cluster_tasks as tasks
from kcfg.arrays.plan import memory_axes, plan_prod
from kcfg.problems import KcfgError
from tests.arrays.support import DTYPES, bits, numbers
from tests.support.cluster import COLUMNS, ROWS, needs_dask, run_prod

pytestmark = needs_dask

FORMS = [
    pytest.param((17, 33), "C", None, id="all"),
    pytest.param((17, 33), "C", 0, id="down"),
    pytest.param((17, 133), "F", 0, id="fortran-down"),
    pytest.param((40, 3, 5), "C", 1, id="middle"),
    pytest.param((40, 3, 5), "F", (0, 2), id="two-axes"),
    pytest.param((3, 900), "C", -1, id="long-rows"),
    pytest.param((900, 3), "C", 1, id="short-rows"),
]


@pytest.mark.parametrize(("shape", "order", "axis"), FORMS)
def test_products_have_numpys_bits(tmp_path, small, workers, shape, order, axis):
    for dtype in DTYPES:
        path = tmp_path / "x.npy"
        np.save(path, np.asarray(numbers(dtype, shape), order=order))
        with np.errstate(all="ignore"):
            want = np.asarray(np.prod(np.load(path), axis=axis))
        here = run_prod(path, axis)
        got = run_prod(path, axis, execute=workers.run)
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        assert bits(got.array) == bits(want), (dtype, shape, order, axis)
        assert got.losses == here.losses
    assert workers.tasks >= len(DTYPES)


@pytest.mark.parametrize("target", ["f2", "f4", "i1", "c8"])
def test_casts_have_numpys_bits(tmp_path, small, workers, target):
    for dtype in DTYPES[1::3] if target in ("i1", "c8") else DTYPES[::2]:
        path, out = tmp_path / "x.npy", tmp_path / f"{dtype}.npy"
        odd = numbers(dtype, (31, 70), spread=40.0)
        np.save(path, np.asarray(odd, order="F"))
        results = []
        for options in ({}, {"execute": workers.run, "out": str(out)}):
            with files.open_input(str(path)) as source:
                results.append(
                    casting.run(
                        source,
                        np.dtype(target),
                        exact=False,
                        overwrite=False,
                        threads=None,
                        progress=None,
                        **({"out": None} | options),
                    )
                )
        got = np.load(out)
        assert bits(got) == bits(results[0].array), dtype
        assert got.flags.f_contiguous
        assert results[0].losses == results[1].losses


def test_behind_a_refusal_no_more_is_begun(tmp_path, small, workers):
    values = np.full(300_000, 0.1, "f4")
    values[:3000] = 1
    np.save(tmp_path / "x.npy", values)
    with (
        files.open_input(str(tmp_path / "x.npy")) as source,
        pytest.raises(KcfgError, match=r": element 3,000 .* would change") as caught,
    ):
        casting.run(
            source,
            np.dtype("f2"),
            exact=True,
            out=str(tmp_path / "o.npy"),
            overwrite=False,
            threads=None,
            progress=None,
            execute=workers.run,
        )
    assert caught.value.status == 1


def test_statistics_are_one_machines(tmp_path, small, workers):
    for dtype in ("f4", "i2", "c16", ">f8", "?"):
        path = tmp_path / "x.npy"
        values = numbers(dtype, (57, 91), spread=9.0)
        if values.dtype.kind == "f":
            values[3, 5], values[50, 1], values[0, 0] = np.nan, np.inf, 0
        np.save(path, values)
        with files.open_input(str(path)) as source:
            here = info.stats(source, threads=1, progress=None)
            got = info.stats(source, threads=None, progress=None, execute=workers.run)
        assert got == here


@pytest.mark.parametrize(
    ("dtype", "divided"),
    [
        pytest.param("i4", True, id="integers-are-associative"),
        pytest.param("?", True, id="bools-are-associative"),
        pytest.param("f8", False, id="floats-keep-their-order"),
        pytest.param("c8", False, id="complex-keep-their-order"),
    ],
)
def test_only_integers_are_divided_along_the_axis(tmp_path, small, workers, dtype, divided):
    np.save(tmp_path / "x.npy", numbers(dtype, (9000,)))
    got = run_prod(tmp_path / "x.npy", None, execute=workers.run)
    assert bits(got.array) == bits(np.asarray(np.prod(np.load(tmp_path / "x.npy"))))
    assert (workers.tasks > 1) == divided


def test_a_product_that_is_zero_needs_no_more_tasks(tmp_path, small, workers):
    values = np.full(1_000_000, 2, np.int64)
    np.save(tmp_path / "x.npy", values)
    got = run_prod(tmp_path / "x.npy", None, execute=workers.run)
    assert got.array == 0
    assert 0 < workers.tasks < 200  # of 5334 stretches


@pytest.mark.parametrize(("shape", "order", "axis"), FORMS)
@pytest.mark.parametrize("associative", [True, False])
@pytest.mark.parametrize("budget", [1, 700, 10_000])
def test_stretches_have_every_step_once(shape, order, axis, associative, budget):
    every = range(len(shape))
    axes = frozenset(every[one] for one in np.atleast_1d(every if axis is None else axis))
    lengths, reduced = memory_axes(shape, axes, fortran=order == "F")
    plan = plan_prod(lengths, reduced, 40)
    found = []
    for stretch in cluster_run.stretches(plan, 8, associative=associative, budget=budget):
        part = tasks.StretchedPlan(plan, stretch)
        steps = list(part.steps_interleaved(1))
        assert len(steps) == part.steps
        assert steps[0].first
        assert steps[-1].last
        assert associative or stretch.end - stretch.begin == plan.steps_per_task
        found += [(step.start, step.size) for step in steps]
    assert sorted(found) == sorted((s.start, s.size) for s in plan.steps_in_file_order())


def test_results_that_are_too_many_to_travel(tmp_path, workers, monkeypatch):
    monkeypatch.setattr(cluster, "TRAVEL_BYTES", 100)
    np.save(tmp_path / "x.npy", numbers("f4", (30, 4)))
    with pytest.raises(KcfgError, match=r"120 bytes of results are too many.*-o OUT"):
        run_prod(tmp_path / "x.npy", 1, execute=workers.run)


def test_progress_counts_the_clusters_bytes(tmp_path, large, workers):
    heard = []
    run_prod(large, 1, execute=workers.run, progress=lambda *told: heard.append(told))
    total = ROWS * COLUMNS * 8
    assert heard[-1] == (total, total)
    assert len({done for done, _ in heard}) > 3
    assert all(0 <= done <= total for done, _ in heard)
