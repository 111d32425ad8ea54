"""Headers: what numpy writes is read back; everything else is one clear error."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest

from kcfg.arrays import npy
from kcfg.problems import KcfgError
from tests.arrays.support import DTYPES


def header(text, version=(1, 0)):
    width = 2 if version == (1, 0) else 4
    raw = text if isinstance(text, bytes) else text.encode()
    return npy.MAGIC + bytes(version) + len(raw).to_bytes(width, "little") + raw


def read(data, size=None):
    return npy.read_header(io.BytesIO(data).read, "x.npy", size)


def good(descr="'<f4'", order="False", shape="(2, 3)"):
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("shape", [(), (5,), (2, 0, 3), (3, 4)])
def test_reads_what_numpy_writes(dtype, version, shape):
    for order in "CF":
        array = np.zeros(shape, dtype, order)
        stream = io.BytesIO()
        np.lib.format.write_array(stream, array, version=version)
        found = read(stream.getvalue(), len(stream.getvalue()))
        assert (found.dtype, found.shape, found.version) == (array.dtype, shape, version)
        assert found.fortran == (array.flags.f_contiguous and not array.flags.c_contiguous)
        assert len(stream.getvalue()) == found.offset + found.nbytes


def test_writes_what_numpy_writes():
    stream = io.BytesIO()
    np.save(stream, np.zeros((3, 4), ">i2", "F"))
    start = npy.header_bytes(np.dtype(">i2"), (3, 4), fortran=True)
    assert stream.getvalue().startswith(start)
    assert len(stream.getvalue()) == len(start) + 24


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"PK\x03\x04aaaa", "npz archive", id="npz"),
        pytest.param(b"hello world", "no .npy file", id="other"),
        pytest.param(npy.MAGIC + b"\x01", "ends within the .npy magic", id="magic-cut"),
        pytest.param(npy.MAGIC + b"\x09\x00", "version 9.0 isn't known", id="version"),
        pytest.param(npy.MAGIC + b"\x01\x00\x10", "within the header's length", id="length-cut"),
        pytest.param(good()[:40], "ends within the header", id="header-cut"),
        pytest.param(
            npy.MAGIC + b"\x02\x00" + b"\xff" * 4, "a header of 4,294,967,295 bytes", id="giant"
        ),
        pytest.param(header(b"\xff{", (3, 0)), "isn't utf-8 text", id="not-utf-8"),
        pytest.param(header("{'descr': "), "isn't a Python literal", id="syntax"),
        pytest.param(header("-" * 9000 + "1"), "isn't a Python literal", id="minus-tower"),
        pytest.param(header("[" * 9000), "isn't a Python literal", id="brackets"),
        pytest.param(header("\0"), "isn't a Python literal", id="nul"),
        pytest.param(header("__import__('os')"), "isn't a Python literal", id="call"),
        pytest.param(header("[1]"), "isn't a dict", id="list"),
        pytest.param(header("{'descr': '<f4', 'shape': (1,)}"), "must have", id="key-missing"),
        pytest.param(header("{1: 2, 3: 4, 5: 6}"), "isn't a dict with names", id="int-keys"),
        pytest.param(
            header("{'descr': '<f4', 'descr': '<f8', 'shape': (1,), 'fortran_order': False}"),
            "once each", id="key-twice",
        ),
        pytest.param(good(order="0"), "neither True nor False", id="order"),
        pytest.param(good(shape="[2]"), "isn't a tuple of integers", id="shape-list"),
        pytest.param(good(shape="(True,)"), "isn't a tuple of integers", id="shape-bool"),
        pytest.param(good(shape="(2.0,)"), "isn't a tuple of integers", id="shape-float"),
        pytest.param(good(shape="(-1,)"), "negative dimension", id="shape-negative"),
        pytest.param(good(shape=f"({2**64 + 1},)"), "more than any machine", id="shape-huge"),
        pytest.param(good(shape=f"({2**62}, 0)"), "more than any machine", id="shape-huge-empty"),
        pytest.param(good(shape=str((1,) * 65)), "65 dimensions", id="dims"),
        pytest.param(good("'|O'"), "Python objects (a pickle", id="object"),
        pytest.param(good("[('a', '<f4')]"), "structured array", id="structured"),
        pytest.param(good("'|S5'"), "byte strings", id="strings"),
        pytest.param(good("'<U5'"), "of text", id="text"),
        pytest.param(good("'<M8[ns]'"), "dates", id="dates"),
        pytest.param(good("'<V2'"), "bfloat16", id="bfloat16"),
        pytest.param(good("'|V1'"), "float8", id="float8"),
        pytest.param(good("'|V0'"), "raw bytes", id="void"),
        pytest.param(good("'float'"), "no numeric or bool dtype", id="name"),
        pytest.param(good("'<f3'"), "no numeric or bool dtype", id="size"),
        pytest.param(good("'<f4,<f4'"), "no numeric or bool dtype", id="comma"),
        pytest.param(good("('<f4', (2,))"), "descr in the header isn't a string", id="subarray"),
        pytest.param(good("'<f12'"), "long double of another kind", id="long-double"),
    ],
)  # fmt: skip
def test_refuses(data, words):
    with pytest.raises(KcfgError) as caught:
        read(data)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_shorter_than_its_header_says():
    data = good() + b"\0" * 23
    with pytest.raises(KcfgError, match="24 bytes of data, but only 23 follow"):
        read(data, len(data))
    assert read(data + b"\0", len(data) + 1).nbytes == 24


@pytest.mark.parametrize("descr", ["'=f8'", "'f8'", "'|b1'", "'?'"])
def test_forms_that_numpy_takes(descr):
    assert read(good(descr)).dtype == np.dtype(descr.strip("'"))


def test_python_2_wrote_long_integers():
    assert read(good(shape="(10L, 2L)")).shape == (10, 2)


@pytest.mark.slow
def test_a_hundred_thousand_mutations():
    """Only a KcfgError ever leaves, at once, and never more than the limit is asked for."""
    dice = random.Random(1)
    seeds = [good(), good("'>c16'", "True", "()"), header(good()[10:], (3, 0))]
    alphabet = bytes(range(256)) + b"'\"(){}[],:-<>|=0123456789LfiuO" * 8
    accepted = 0
    for _ in range(100_000):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 4)):
            place = dice.randrange(len(data))
            kind = dice.random()
            if kind < 0.6:
                data[place] = dice.choice(alphabet)
            elif kind < 0.8:
                data[place:place] = bytes(dice.choices(alphabet, k=dice.randint(1, 9)))
            else:
                del data[place : place + dice.randint(1, 9)]
        stream = io.BytesIO(data)

        def at_most(count, stream=stream):
            assert count <= npy.MAX_HEADER
            return stream.read(count)

        try:
            found = npy.read_header(at_most, "x.npy", len(data))
        except KcfgError:
            continue
        assert found.dtype.kind in "biufc"
        assert found.nbytes < 2**63
        accepted += 1
    assert 0 < accepted < 100_000
