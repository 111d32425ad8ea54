"""Array commands with --cluster: a real scheduler and real workers, started from outside."""

from __future__ import annotations

import json
import os
import socket
import sys
import time

import numpy as np
import pytest

from kcfg.arrays import cluster
from tests.arrays.support import bits, numbers
from tests.support.cluster import finished, needs_dask
from tests.support.command import is_one_line
from tests.support.probes import needs_mounts

pytestmark = needs_dask


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["prod", "{x}", "--axis", "1"], id="prod"),
        pytest.param(["cast", "{x}", "float16"], id="cast"),
        pytest.param(["info", "{x}", "--stats"], id="info"),
    ],
)
def test_the_command_says_what_one_machine_says(tmp_path, dask, arguments, start):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50), spread=30000.0))
    given = [part.format(x=tmp_path / "x.npy") for part in arguments]
    here = finished(start(*given))
    there = finished(start(*given, "--cluster", dask.address))
    assert (there.returncode, there.stdout, there.stderr) == (0, here.stdout, here.stderr)
    named = finished(start(*given, "--json", environ={"DASK_SCHEDULER_ADDRESS": dask.address}))
    document = json.loads(named.stdout)
    document = document[0] if isinstance(document, list) else document
    assert (document["workers"], document["tasks"] >= 1) == (2, True)


def test_an_output_has_the_bytes_of_one_machines(tmp_path, dask, start):
    np.save(tmp_path / "x.npy", numbers("f4", (700, 3000)))
    for command in (["prod", "--axis", "0"], ["prod", "--axis", "1"], ["cast", "float16"]):
        rest = command[1:]
        here, there = (
            finished(
                start(command[0], tmp_path / "x.npy", *rest, "-o", tmp_path / out, "--force", *more)
            )
            for out, more in (
                ("here.npy", []),
                ("there.npy", ["--cluster", dask.address, "--json"]),
            )
        )
        assert (there.returncode, there.stderr) == (0, here.stderr)
        assert json.loads(there.stdout).keys() == {"workers", "tasks"}
        assert (tmp_path / "here.npy").read_bytes() == (tmp_path / "there.npy").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["here.npy", "there.npy", "x.npy"]


def test_the_input_may_be_the_output(tmp_path, dask, start):
    path = tmp_path / "x.npy"
    np.save(path, numbers("f4", (700, 300)))
    want = np.load(path).astype("f2")
    refused = finished(start("cast", path, "float16", "-o", path, "--cluster", dask.address))
    assert (refused.returncode, is_one_line(refused.stderr)) == (2, True)
    assert "--force" in refused.stderr
    done = finished(
        start("cast", path, "float16", "-o", path, "--force", "--cluster", dask.address)
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert bits(np.load(path)) == bits(want)


def test_exact_refuses_as_one_machine_does(tmp_path, dask, start):
    path = tmp_path / "x.npy"
    values = np.ones(1000, "f4")
    values[700] = 1.0001
    np.save(path, values)
    given = ["cast", path, "float16", "--exact", "-o", tmp_path / "o.npy"]
    here = finished(start(*given))
    there = finished(start(*given, "--cluster", dask.address))
    assert (there.returncode, there.stderr) == (1, here.stderr)
    assert os.listdir(tmp_path) == ["x.npy"]


def test_exact_names_the_first_of_all_workers(tmp_path, dask, start):
    values = np.full(6 << 20, 0.1, "f4")  # six stretches
    values[: 1 << 19] = 1
    np.save(tmp_path / "x.npy", values)
    given = ["cast", tmp_path / "x.npy", "float16", "--exact", "-o", tmp_path / "o.npy"]
    for _ in range(3):
        done = finished(start(*given, "--cluster", dask.address))
        assert done.returncode == 1
        assert ": element 524,288 (from 0" in done.stderr
    assert os.listdir(tmp_path) == ["x.npy"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["prod", "-"], "a pipe or terminal is this machine's alone", id="stdin"),
        pytest.param(["cast", "{x}", "float16", "-o", "-"], "this machine's alone", id="stdout"),
        pytest.param(["prod", "{x}", "-o", "/dev/null"], "this machine's alone", id="device"),
        pytest.param(["prod", "{x}", "--threads", "2"], "--threads 2 is for this", id="threads"),
        pytest.param(["prod", "{x}", "--cluster", "local:0"], "such as local:2", id="local-0"),
        pytest.param(["prod", "{x}", "--cluster", "local"], "such as local:2", id="local"),
        pytest.param(["prod", "{x}", "--cluster", "x:y"], "cannot be reached", id="no-address"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused(tmp_path, dask, arguments, words, start):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    given = [part.format(x=tmp_path / "x.npy") for part in arguments]
    done = finished(start(*given, environ={"DASK_SCHEDULER_ADDRESS": dask.address}))
    assert (done.returncode, done.stdout) == (2, "")
    assert is_one_line(done.stderr)
    assert words in done.stderr


@needs_mounts
def test_name_servers_that_are_silent_are_told_in_time(tmp_path, start):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.53\noptions timeout:20\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: dns\n")
    binds = "; ".join(f"mount --bind {tmp_path}/{leaf} /etc/{leaf}"
                      for leaf in ("resolv.conf", "nsswitch.conf"))  # fmt: skip
    touch = "touch /etc/resolv.conf /etc/nsswitch.conf"
    inside = ["unshare", "-m", "--propagation", "private", "sh", "-c"]
    inside += [f'{touch}; {binds}; exec "$@"', "sh", sys.executable, "-m", "kcfg"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.53", 53))
        began = time.monotonic()
        arguments = ("prod", tmp_path / "x.npy", "--cluster", "tcp://nowhere.example:8786")
        done = finished(start(*arguments, python=inside))
    assert (done.returncode, is_one_line(done.stderr)) == (2, True)
    assert "cannot be reached (no name server answers for nowhere.example)" in done.stderr
    assert time.monotonic() - began < cluster.CONNECT_SECONDS + 6


def test_an_empty_address_works_here(tmp_path, start):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    dead = {"DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:1"}
    assert finished(start("prod", tmp_path / "x.npy", "--cluster", "", environ=dead)).stderr == ""
    assert finished(start("info", tmp_path / "x.npy", environ=dead)).stderr == ""


def test_a_scheduler_that_does_not_answer_is_told_in_time(tmp_path, start):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        began = time.monotonic()
        started = [
            start(
                *("cast", tmp_path / "x.npy", "float16", "-o", tmp_path / "o.npy"),
                *("--cluster", f"127.0.0.1:{one.getsockname()[1]}"),
            )
            for one in (silent, closed)
        ]
        for process in started:
            done = finished(process)
            assert done.returncode == 2
            assert is_one_line(done.stderr)
            assert "cannot be reached (no answer in time)" in done.stderr
        assert time.monotonic() - began < 2 * (cluster.CONNECT_SECONDS + 2)
    assert os.listdir(tmp_path) == ["x.npy"]


def test_a_scheduler_without_workers_is_told(tmp_path, own, start):
    np.save(tmp_path / "x.npy", numbers("f4", (40, 50)))
    done = finished(start("prod", tmp_path / "x.npy", "--cluster", own.address))
    assert (done.returncode, is_one_line(done.stderr)) == (2, True)
    assert "the scheduler has no workers" in done.stderr
