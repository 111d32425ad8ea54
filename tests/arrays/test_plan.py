"""Plans are plain numbers: every element is read once, in the order that numpy multiplies."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kcfg.arrays.plan import memory_axes, plan_elementwise, plan_prod


@pytest.mark.parametrize(
    ("shape", "axes", "fortran", "lengths", "reduced"),
    [
        pytest.param((4, 5), {1}, False, (4, 5), (False, True), id="rows"),
        pytest.param((4, 5), {1}, True, (5, 4), (True, False), id="fortran"),
        pytest.param((2, 3, 4), {0, 1}, False, (6, 4), (True, False), id="merged"),
        pytest.param((2, 1, 4), {1}, False, (8,), (False,), id="length-1-left-out"),
        pytest.param((1, 1), {0}, False, (), (), id="one-element"),
    ],
)
def test_memory_axes(shape, axes, fortran, lengths, reduced):
    assert memory_axes(shape, frozenset(axes), fortran=fortran) == (lengths, reduced)


@given(
    st.lists(st.integers(2, 7), min_size=1, max_size=4),
    st.booleans(),
    st.integers(1, 60),
    st.integers(1, 3),
)
@settings(max_examples=300, deadline=None)
def test_a_product_by_the_plan(lengths, first_reduced, budget, lanes):
    reduced = tuple((place % 2 == 0) == first_reduced for place in range(len(lengths)))
    plan = pickle.loads(pickle.dumps(plan_prod(tuple(lengths), reduced, budget)))
    place = np.arange(np.prod(lengths)).reshape(lengths)
    axes = tuple(axis for axis, flag in enumerate(reduced) if flag)
    kept = [axis for axis, flag in enumerate(reduced) if not flag]
    # for every result, the elements that feed it, in memory order
    feeds = np.transpose(place, kept + list(axes)).reshape(plan.results, -1)
    for steps in (list(plan.steps_interleaved(lanes)), list(plan.steps_in_file_order())):
        found = [[] for _ in range(plan.results)]
        at = {}
        for step in steps:
            assert step.number == at.get(step.task, 0)
            at[step.task] = step.number + 1
            assert step.first == (step.number == 0)
            assert step.last == (step.number == plan.steps_per_task - 1)
            start, count = plan.results_of(step.task)
            tile = np.arange(step.start, step.start + step.size)
            tile = tile.reshape(plan.tile_shape(step.size))
            flags = (plan.split_reduced, *plan.inner_reduced)
            order = [a for a, f in enumerate(flags) if not f] + [
                a for a, f in enumerate(flags) if f
            ]
            for result, part in enumerate(np.transpose(tile, order).reshape(count, -1)):
                found[start + result].extend(part)
            assert step.size <= max(budget, 1)
        assert found == feeds.tolist()
    starts = [step.start for step in plan.steps_in_file_order()]
    assert starts == sorted(starts)


def test_elementwise():
    plan = plan_elementwise(10, 4)
    steps = list(plan.steps_interleaved(2))
    assert [(step.start, step.size) for step in steps] == [(0, 4), (4, 4), (8, 2)]
    assert all(step.first and step.last for step in steps)
    assert [plan.results_of(step.task) for step in steps] == [(0, 4), (4, 4), (8, 2)]


def test_long_columns_are_cut_so_that_threads_can_share_them():
    plan = plan_prod((100, 1 << 20), (True, False), 1 << 18)
    assert plan.tasks >= 8
    assert plan.chunk % 64 == 0


@pytest.mark.parametrize("columns", [300_000, 600_000, 1_000_000, 1_300_000])
def test_columns_are_shared_out_evenly(columns):
    plan = plan_prod((100, columns), (True, False), 1 << 20)
    parts = [plan.step(task, 0).size for task in range(plan.tasks)]
    assert len(parts) % 2 == 0
    assert max(parts) - min(parts) <= 64 * len(parts)
    assert sum(parts) == columns


def test_steps_of_neighbouring_tasks_alternate():
    plan = plan_prod((4, 100), (False, True), 50)
    tasks = [step.task for step in itertools.islice(plan.steps_interleaved(2), 4)]
    assert tasks == [0, 1, 0, 1]
