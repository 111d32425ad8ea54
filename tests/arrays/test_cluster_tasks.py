"""What runs on a worker, and workers that are not as they should be."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

from kcfg.arrays import cast as casting
from kcfg.arrays import cluster_tasks as tasks
from kcfg.arrays import executor, files, info
from kcfg.problems import KcfgError
from tests.arrays.support import numbers
from tests.support.cluster import finished, needs_dask, run_prod
from tests.support.command import is_one_line
from tests.support.home import ROOT
from tests.support.probes import needs_mounts

pytestmark = needs_dask


def test_a_task_is_about_a_kilobyte(tmp_path, monkeypatch):
    path = tmp_path / "x.npy"
    np.save(path, numbers("f4", (3, 4, 5)))
    sizes = []

    def measure(plan, source, job, **_):
        target = tasks.Target("/" + "o" * 60, 10**12, 128, True)
        errand = tasks.Errand(
            "/" + "x" * 60, tasks.seen(source), plan.replace(), job, target, tasks.setting(), None
        )
        sizes.append(len(pickle.dumps(errand, protocol=4)))
        executor.run(plan, source, job, **_)

    run_prod(path, 1, execute=measure)
    with files.open_input(str(path)) as source:
        casting.run(
            source, np.dtype("f2"), exact=False, out=None, overwrite=False, threads=None,
            progress=None, execute=measure,
        )  # fmt: skip
        info.stats(source, threads=None, progress=None, execute=measure)
    assert max(sizes) < 2000, sizes


def test_arithmetic_is_probed():
    ballast, found = [], {tasks.arithmetic()}
    for size in range(1, 200, 7):
        ballast.append(bytearray(size))  # memory lies elsewhere
        found.add(tasks.arithmetic())
    script = "from kcfg.arrays.cluster_tasks import arithmetic; print(arithmetic())"
    for _ in range(4):
        other = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found.add(other.stdout.strip())
    assert len(found) == 1
    wrong = [(name, "other" if name == "arithmetic" else text) for name, text in tasks.setting()]
    with pytest.raises(KcfgError, match=r"has arithmetic .*, this machine other"):
        tasks.require_same_setting(tuple(wrong))


def shut_away(directory, then="true"):
    """A prefix for a process that sees an empty directory in place of another."""
    script = f'mount -t tmpfs none "$0" && {then} && exec "$@"'
    return ["unshare", "-m", "--propagation", "private", "sh", "-c", script, str(directory)]


@needs_mounts
@pytest.mark.parametrize(
    ("hidden", "then", "words"),
    [
        pytest.param("data", "true", ("x.npy", "no such file"), id="no-file"),
        pytest.param(
            "data", 'head -c 900 /dev/zero > "$0/x.npy"', ("x.npy", "no .npy file"), id="zeros"
        ),
        pytest.param(
            "data", 'cp "$0/../copy.npy" "$0/x.npy"', ("modification time",), id="another-file"
        ),
        pytest.param("out", "true", ("temporary file for the output",), id="no-output"),
    ],
)
def test_a_worker_that_sees_other_files_is_named(tmp_path, own, hidden, then, words, start):
    for name in ("data", "out"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "data" / "x.npy", numbers("f4", (40, 50)))
    shutil.copy(tmp_path / "data" / "x.npy", tmp_path / "copy.npy")
    own.worker("good")
    own.worker("bad", prefix=shut_away(tmp_path / hidden, then))
    own.has_workers(2)
    done = finished(
        start(
            *("cast", tmp_path / "data" / "x.npy", "float16", "-o", tmp_path / "out" / "o.npy"),
            *("--cluster", own.address),
        )
    )
    assert done.returncode == 2
    assert is_one_line(done.stderr)
    assert "worker tcp://127.0.0.1:" in done.stderr
    for word in words:
        assert word in done.stderr
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("version", "words"),
    [
        pytest.param("0.0.7", "has kcfg 0.0.7, this machine ", id="another-kcfg"),
        pytest.param(None, "has no kcfg", id="no-kcfg"),
    ],
)
def test_a_worker_with_another_kcfg_is_named(tmp_path, own, version, words, start):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    other = tmp_path / "other" / "kcfg"
    other.mkdir(parents=True)
    text = f"__version__ = {version!r}" if version else "raise ModuleNotFoundError('not here')"
    (other / "__init__.py").write_text(text + "\n")
    own.worker("old", PYTHONPATH=str(other.parent))
    own.has_workers(1)
    done = finished(start("prod", tmp_path / "x.npy", "--cluster", own.address))
    assert done.returncode == 2
    assert is_one_line(done.stderr)
    assert "worker tcp://127.0.0.1:" in done.stderr
    assert words in done.stderr


def test_a_worker_with_another_numpy_is_named(tmp_path, own, start):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import numpy\nnumpy.__version__ = '1.99.0'\n")
    own.worker("old", PYTHONPATH=f"{site}{os.pathsep}{ROOT}")
    own.has_workers(1)
    done = finished(start("prod", tmp_path / "x.npy", "--cluster", own.address))
    assert (done.returncode, is_one_line(done.stderr)) == (2, True)
    assert f"has numpy 1.99.0, this machine {np.__version__}" in done.stderr


def test_a_file_that_changes_meanwhile_is_told(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, numbers("f4", (40, 50)))
    with files.open_input(str(path)) as source:
        errand = tasks.Errand(
            str(path), tasks.seen(source), None, None, None, tasks.setting(), None
        )
        packed = pickle.dumps(errand)
        assert tasks.trial(packed) == ("done",)
        os.utime(path, ns=(1, 1))
        assert "modification time" in tasks.trial(packed)[1]
        os.truncate(path, 1000)
        assert tasks.trial(packed)[0] == "refused"
