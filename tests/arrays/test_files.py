"""Arrays from and to what is no ordinary file; what the disk and memory refuse."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from kcfg.arrays import cast as casting
from kcfg.arrays import files
from kcfg.arrays import prod as multiplying
from kcfg.arrays.cast import cast
from kcfg.arrays.prod import prod
from kcfg.problems import KcfgError
from tests.arrays.support import bits, numbers

FULL = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")


def fed(path, data):
    """A FIFO that somebody writes these bytes into."""
    os.mkfifo(path)

    def write():
        with open(path, "wb") as pipe:
            pipe.write(data)

    threading.Thread(target=write, daemon=True).start()
    return str(path)


def read_from(path):
    """A FIFO, and a function that waits for all that was written into it."""
    os.mkfifo(path)
    found = []

    def read():
        with open(path, "rb") as pipe:
            found.append(pipe.read())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def wait():
        reader.join(30)
        return found[0]

    return str(path), wait


def in_time(run):
    """Run it; fail where it doesn't come to an end."""
    raised = []

    def watched():
        try:
            run()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=watched, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it hangs"
    if raised:
        raise raised[0]


def npy(tmp_path, array):
    np.save(tmp_path / "source.npy", array)
    return (tmp_path / "source.npy").read_bytes()


def run(source):
    """All of a one-dimensional input multiplied."""
    return multiplying.run(
        source,
        frozenset({0}),
        dtype=None,
        keepdims=False,
        out=None,
        overwrite=False,
        threads=None,
        progress=None,
    )


def output(*, spill):
    """For a result of half an exbibyte."""
    return files.open_output(
        None, np.dtype("f8"), (1 << 56,), fortran=False, overwrite=False, spill=spill
    )


class TestPipes:
    @pytest.mark.parametrize("dtype", ["f4", "f2", "i4"])
    @pytest.mark.parametrize("out", ["memory", "file", "pipe"])
    def test_many_results_of_a_stream_wait_on_the_disk(self, tmp_path, monkeypatch, out, dtype):
        """Along axis 0 no result is done before the last row: memory must not hold them all."""
        monkeypatch.setattr(files, "IN_MEMORY", 1000)
        monkeypatch.setattr(multiplying, "TILE_BYTES", 4000)
        values = numbers(dtype, (7, 3000))
        source = fed(tmp_path / "in", npy(tmp_path, values))
        want = np.prod(values, axis=0)
        if out == "memory":
            assert bits(prod(source, axis=0)) == bits(want)
        elif out == "file":
            prod(source, axis=0, out=str(tmp_path / "o.npy"))
            assert bits(np.load(tmp_path / "o.npy")) == bits(want)
        else:
            target, wait = read_from(tmp_path / "out")
            prod(source, axis=0, out=target, overwrite=True)
            assert wait() == npy(tmp_path, want)

    @pytest.mark.parametrize("dtype", ["f4", "f2", "i4", "c8"])
    @pytest.mark.parametrize("shape", [(5, 300, 7, 3), (5, 60, 30, 50)])
    def test_so_do_those_of_two_axes_between_which_others_are_kept(
        self, tmp_path, monkeypatch, dtype, shape
    ):
        monkeypatch.setattr(files, "IN_MEMORY", 1000)
        monkeypatch.setattr(multiplying, "TILE_BYTES", 8000)
        values = numbers(dtype, shape)
        source = fed(tmp_path / "in", npy(tmp_path, values))
        assert bits(prod(source, axis=(0, 2), threads=2)) == bits(np.prod(values, axis=(0, 2)))

    def test_a_pipe_that_somebody_made_non_blocking(self, tmp_path):
        data = npy(tmp_path, np.arange(1, 4)) + b"more"
        pipe, end = os.pipe()
        os.set_blocking(pipe, False)

        def write():
            for byte in data:
                time.sleep(0.001)
                os.write(end, bytes([byte]))
            os.close(end)

        threading.Thread(target=write, daemon=True).start()
        found = run(files.Input(pipe, "pipe"))
        os.close(pipe)
        assert (found.array, found.surplus) == (6, 4)

    def test_ones_for_products_of_nothing(self, tmp_path):
        source = tmp_path / "source.npy"
        np.save(source, np.ones((5, 0), np.float32))
        target, wait = read_from(tmp_path / "out")
        prod(str(source), axis=1, out=target, overwrite=True)
        assert wait() == npy(tmp_path, np.ones(5, np.float32))

    def test_a_stream_that_ends_too_soon(self, tmp_path):
        source = fed(tmp_path / "in", npy(tmp_path, np.ones(100))[:-3])
        with pytest.raises(KcfgError, match="ended after 797 of 800 bytes"):
            prod(source)

    @pytest.mark.parametrize("threads", [1, 2, 3, 8])
    def test_products_that_can_change_no_more_wait_for_those_before_them(
        self, tmp_path, monkeypatch, threads
    ):
        """All columns but the first become 0 in the first rows; results leave in their order."""
        monkeypatch.setattr(multiplying, "TILE_BYTES", 8000)
        values = np.zeros((40, 3000), np.int64)
        values[:, :250] = 1
        source = fed(tmp_path / "in", npy(tmp_path, values))
        target, wait = read_from(tmp_path / "out")
        in_time(lambda: prod(source, axis=0, out=target, overwrite=True, threads=threads))
        assert wait() == npy(tmp_path, np.prod(values, axis=0))

    @pytest.mark.parametrize("threads", [1, 2, 3, 8])
    @pytest.mark.parametrize("place", [0, 60_000, 399_999])
    def test_who_waits_to_write_is_let_go_when_another_fails(
        self, tmp_path, monkeypatch, threads, place
    ):
        monkeypatch.setattr(casting, "TILE_BYTES", 8000)
        values = np.ones(400_000)
        values[place] = 0.1
        np.save(tmp_path / "source.npy", values)
        target, wait = read_from(tmp_path / "out")

        def exactly():
            with pytest.raises(KcfgError, match=f"element {place:,} .* would change"):
                cast(
                    str(tmp_path / "source.npy"), "f4", target,
                    exact=True, overwrite=True, threads=threads,
                )  # fmt: skip

        in_time(exactly)
        assert npy(tmp_path, values.astype("f4")).startswith(wait())

    def test_what_is_behind_the_data_is_read_too(self, tmp_path):
        """Else who writes it would die of SIGPIPE."""
        rest = b"x" * 300_000
        source = fed(tmp_path / "in", npy(tmp_path, np.full(3, 2)) + rest)
        with files.open_input(source) as opened:
            found = run(opened)
        assert found.array == 8
        assert found.surplus == len(rest)


class TestRefused:
    def test_a_file_that_becomes_shorter(self, tmp_path):
        path = tmp_path / "source.npy"
        np.save(path, np.ones(1000))
        with files.open_input(str(path)) as source:
            os.truncate(path, 4000)
            with pytest.raises(KcfgError, match="became shorter while it was read"):
                run(source)

    def test_the_input_itself(self, tmp_path):
        path = tmp_path / "source.npy"
        np.save(path, np.ones(3))
        os.link(path, tmp_path / "same.npy")
        with pytest.raises(KcfgError, match="this is the input itself"):
            cast(str(path), "float16", out=str(tmp_path / "same.npy"))
        assert np.load(path).dtype == np.float64

    @FULL
    def test_a_full_device(self, tmp_path):
        path = tmp_path / "source.npy"
        np.save(path, np.ones(100_000))
        with pytest.raises(KcfgError, match="cannot write it: no space is left"):
            cast(str(path), "float32", out="/dev/full", overwrite=True)

    def test_a_result_larger_than_memory(self):
        refused = pytest.raises(KcfgError, match=r"doesn't fit into memory.*-o OUT.npy")
        with refused, output(spill=False):
            raise AssertionError("it was not refused")

    def test_a_result_larger_than_the_disk(self):
        refused = pytest.raises(KcfgError, match=r"temporary file of .* bytes: cannot write it")
        with refused, output(spill=True):
            raise AssertionError("it was not refused")

    def test_no_such_directory(self, tmp_path):
        path = tmp_path / "source.npy"
        np.save(path, np.ones(3))
        with pytest.raises(KcfgError, match=r"there is no directory .*; create it first"):
            cast(str(path), "float16", out=str(tmp_path / "no" / "o.npy"))
