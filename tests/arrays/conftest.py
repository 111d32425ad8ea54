"""Fixtures for tests of arrays: a Dask cluster, and arrays that keep it busy."""

from __future__ import annotations

import os
import signal

import pytest

from tests.arrays.support import zeros
from tests.support.cluster import COLUMNS, ROWS, Dask, kcfg


@pytest.fixture(scope="session")
def dask(tmp_path_factory):
    """Two workers that nobody harms."""
    started = Dask(tmp_path_factory.mktemp("dask"))
    try:
        started.worker("1")
        started.worker("2")
        started.has_workers(2)
        yield started
    finally:
        started.close()


@pytest.fixture
def own(tmp_path):
    """A scheduler for one test, which starts its own workers."""
    directory = tmp_path / "dask"
    directory.mkdir()
    started = Dask(directory)
    yield started
    started.close()


@pytest.fixture
def workers(dask):
    """The two workers, as an executor."""
    from kcfg.arrays import cluster

    with cluster.Cluster(dask.address) as found:
        yield found


@pytest.fixture
def start(tmp_path_factory):
    """Start `kcfg` with some arguments, in an empty home; whatever is left ends with the test."""
    home = tmp_path_factory.mktemp("home")
    started = []

    def run(*arguments, **options):
        started.append(kcfg(*arguments, home=home, **options))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        if not process.stdout.closed:
            process.communicate()


@pytest.fixture
def small(monkeypatch):
    """Small tiles and small stretches, so that small arrays make many of both."""
    from kcfg.arrays import cast, cluster, cluster_run, info, prod

    for module in (prod, cast, info):
        monkeypatch.setattr(module, "TILE_BYTES", 600)
    monkeypatch.setattr(info, "SUMMED", 50)
    monkeypatch.setattr(cluster, "SMALLEST_STRETCH", 1500)
    monkeypatch.setattr(cluster, "LARGEST_STRETCH", 1500)
    monkeypatch.setattr(cluster_run, "PARTIAL_SHARE", 1)


@pytest.fixture
def large(tmp_path):
    """3 GB of zeros that are nowhere: a second of work for two workers."""
    path = tmp_path / "data" / "large.npy"
    path.parent.mkdir()
    zeros(path, (ROWS, COLUMNS))
    return path
