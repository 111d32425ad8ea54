"""The array commands as a user calls them: what is shown, on a terminal and in a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time

import numpy as np
import pytest

from tests.support.home import command
from tests.support.terminal import on_a_terminal

MIXED = np.array([[0.0, -0.0, 1e-30, 1.0], [70000.0, np.nan, np.inf, -np.inf]])


def save(home, name, array):
    np.save(home.cwd / name, array)
    return array


class TestCastWithoutDtype:
    def test_to_the_floatx_of_the_configuration(self, home):
        home.write('{"floatx": "float16"}')
        held = save(home, "data.npy", np.array([1.0, 0.1]))
        home.kcfg("cast", "data.npy", "-o", "out.npy", status=0)
        found = np.load(home.cwd / "out.npy")
        assert found.dtype == np.float16
        assert found.tobytes() == held.astype(np.float16).tobytes()

    def test_to_that_of_another_file_and_release(self, home):
        save(home, "data.npy", np.array([1.0]))
        (home.cwd / "other.json").write_text('{"floatx": "float64"}')
        ran = home.kcfg("cast", "data.npy", "--file", "other.json", "--json", status=0)
        assert json.loads(ran.stdout)["dtype"] == "float64"

    def test_refused_where_keras_would_hold_none(self, home):
        home.write('{"floatx": "float8"}')
        save(home, "data.npy", np.array([1.0]))
        ran = home.kcfg("cast", "data.npy", status=1)
        assert ran.stdout == ""
        assert "kcfg check" in ran.stderr
        assert len(ran.stderr.splitlines()) == 1


class TestResults:
    def test_a_long_one_is_shown_in_part(self, home):
        save(home, "data.npy", np.ones((2000, 2), np.int8))
        ran = home.kcfg("prod", "data.npy", "--axis", "1", status=0)
        assert "..." in ran.stdout
        assert "2,000 elements" in ran.stderr

    @pytest.mark.parametrize(
        ("array", "data"),
        [
            pytest.param(np.array([True, False]), [True, False], id="bool"),
            pytest.param(np.array([1 + 2j]), [[1.0, 2.0]], id="complex"),
            pytest.param(
                np.array([np.nan, np.inf, -np.inf, -0.0]), ["nan", "inf", "-inf", -0.0], id="odd"
            ),
            pytest.param(np.array(7, np.int8), 7, id="scalar"),
            pytest.param(np.zeros((0, 2)), [], id="empty"),
            pytest.param(np.arange(6).reshape(1, 2, 3), [[[0, 1, 2], [3, 4, 5]]], id="nested"),
            pytest.param(np.zeros((2, 0, 3)), [[], []], id="empty-inside"),
            *(
                pytest.param(array, array.tolist(), id="x".join(map(str, array.shape)))
                for array in map(np.zeros, [(70_000,), (35_000, 2, 1), (2, 70_000), (2, 35_000, 2)])
            ),
        ],
    )
    def test_json(self, home, array, data):
        save(home, "data.npy", array)
        ran = home.kcfg("cast", "data.npy", array.dtype.name, "--json", status=0)
        shown = json.loads(ran.stdout)
        assert shown == {"dtype": array.dtype.name, "shape": list(array.shape), "data": data}

    def test_what_a_product_lost_is_told(self, home):
        save(home, "data.npy", np.array([[1e300, 1e300], [1e-300, 1e-300], [np.inf, 0]]))
        ran = home.kcfg("prod", "data.npy", "--axis", "1", status=0)
        assert "1 overflowed to inf" in ran.stderr
        assert "1 underflowed to 0" in ran.stderr
        assert "1 invalid" in ran.stderr

    def test_what_a_cast_lost_is_told(self, home):
        save(home, "data.npy", MIXED)
        ran = home.kcfg("cast", "data.npy", "float16", status=0)
        assert "1 overflowed to inf, 1 underflowed to 0; --exact refuses" in ran.stderr
        ran = home.kcfg("cast", "data.npy", "int8", status=0)
        assert "out of int8's range" in ran.stderr

    def test_bytes_behind_the_data_are_told(self, home):
        save(home, "data.npy", np.array([2, 3]))
        with open(home.cwd / "data.npy", "ab") as file:
            file.write(b"more")
        ran = home.kcfg("prod", "data.npy", status=0)
        assert ran.stdout == "6\n"
        assert "4 bytes behind the data" in ran.stderr


class TestInfo:
    def test_statistics(self, home):
        save(home, "data.npy", MIXED)
        ran = home.kcfg("info", "--stats", "data.npy", status=0)
        head, *rows = ran.stdout.splitlines()
        assert head == "data.npy\tfloat64\t(2, 4)\tC\t64 bytes"
        told = dict(row.strip().split("\t")[:2] for row in rows if "\t" in row)
        assert told["min"] == "-inf"
        assert told["max"] == "inf"
        assert told["nan"] == "1"
        assert told["zero"] == "2"

    def test_statistics_as_json(self, home):
        save(home, "data.npy", MIXED)
        ran = home.kcfg("info", "--stats", "--json", "data.npy", status=0)
        (row,) = json.loads(ran.stdout)
        assert row["shape"] == [2, 4]
        assert row["stats"]["min"] == "-inf"
        assert sum(row["stats"]["histogram"].values()) == 3

    def test_nothing_to_tell_of_an_empty_one(self, home):
        save(home, "data.npy", np.zeros((0, 3)))
        ran = home.kcfg("info", "--stats", "data.npy", status=0)
        assert "  min\t-\n" in ran.stdout
        assert "magnitudes" not in ran.stdout

    def test_one_bad_file_does_not_hide_the_others(self, home):
        save(home, "data.npy", MIXED)
        ran = home.kcfg("info", "no.npy", "data.npy", status=2)
        assert ran.stdout.startswith("data.npy\t")
        assert ran.stderr.startswith("kcfg: no.npy: ")

    def test_big_endian_and_fortran(self, home):
        save(home, "data.npy", np.asfortranarray(np.ones((2, 3), ">f4")))
        ran = home.kcfg("info", "data.npy", status=0)
        assert ran.stdout == "data.npy\tfloat32 (big-endian)\t(2, 3)\tfortran\t24 bytes\n"


def slow_pipe(array, pause):
    """A descriptor to read an .npy from, whose last quarter comes after `pause` seconds."""
    reading, writing = os.pipe()

    def write():
        with os.fdopen(writing, "wb") as pipe:
            np.lib.format.write_array_header_1_0(
                pipe, np.lib.format.header_data_from_array_1_0(array)
            )
            data = array.tobytes()
            half = len(data) * 3 // 4
            pipe.write(data[:half])
            pipe.flush()
            time.sleep(pause)
            pipe.write(data[half:])

    threading.Thread(target=write, daemon=True).start()
    return reading


class TestProgress:
    """The bar is drawn on a terminal alone, from the first second on, and taken away."""

    def test_on_a_terminal(self, home):
        pipe = slow_pipe(np.ones(8 << 20, np.int8), 2.5)
        screen = on_a_terminal(home, "prod", "-", stdin=pipe)
        os.close(pipe)
        assert "MiB" in screen or "MB" in screen
        assert screen.rstrip().endswith("1")

    def test_not_within_a_second(self, home):
        save(home, "data.npy", np.ones(1000))
        assert on_a_terminal(home, "prod", "data.npy") == "1.0\n"

    def test_not_in_a_pipe(self, home):
        pipe = slow_pipe(np.ones(8 << 20, np.int8), 1.5)
        ran = subprocess.run(
            command("prod", "-"), stdin=pipe, capture_output=True, env=home.env(), check=True
        )
        os.close(pipe)
        assert ran.stderr == b""
