"""The quick front door and the Typer application: same output, errors, status and files."""

from __future__ import annotations

import os
import shutil
import sys

import numpy as np
import pytest

from kcfg.__main__ import main, plain_form
from kcfg.cli.app import run_application
from kcfg.cli.boundary import guard

KEYS = (
    *("floatx", "epsilon", "backend", "image_data_format", "image_dim_ordering", "nnx_enabled"),
    *("flaotx", "FLOATX", "", " ", "floatx ", "--", "-", "-f", "--json", "--help", "é", "a\tb"),
)
FILES = (
    *("data.npy", "./data.npy", "sub dir/ints.npy", "no.npy", "keras.json", "sub dir", ""),
    *("-", "-data.npy", "--", "data.npy\n"),
)
AXES = ("0", "1", "-1", "0,1", "2", "x", "", "1.0", " 1", "--", "-x", "--json", "1,1")
DTYPES = (
    "float16",
    "int32",
    "flaot16",
    "bfloat16",
    "f2",
    "",
    "object",
    "-o",
    "--exact",
    "float16 ",
)
OUTS = ("o.npy", "sub dir/o.npy", "data.npy", "no/o.npy", "-", "-o", "", "sub dir", "--force")

ARRAY_WORDS = [
    *(["--keepdims"], ["--json"], ["--stats"], ["--stats", "--json"], ["--exact"], ["--json=1"]),
    *(["--force", "-o", "data.npy"], ["-o", "o.npy", "--out", "p.npy"], ["--keepdims"] * 2),
    *(["--out", "o.npy"], ["--out=o.npy"], ["--out="], ["--out=-o"], ["-o=o.npy"], ["--forc"]),
    *(["--threads", text] for text in ("1", "2", "0", "-1", "x", "", "٣", "9" * 5000, " 1")),
    *(["--dtype", text] for text in ("float32", "flaot16", "object", "-x", "--json", "")),
    *(["--out", "o.npy", "-o", ""], ["-o"], ["--threads"], ["--threads="], ["--axis"], ["--"]),
    *(["--dtype=int8", "--threads=1", "--keepdims"], ["--axis=0", "--axis=1"], ["--cluster", ""]),
]

ARGUMENTS = [
    [],
    *([word] for word in ("get", "path", "show", "prod", "cast", "shwo", "--version", "-h", "")),
    *(["get", key] for key in KEYS),
    *(["get", key, "--json"] for key in KEYS),
    *(["get", "--json", key] for key in KEYS),
    *(["get", "floatx", word] for word in ("--jso", "--js", "json", "-j", "--", "--json=1", "")),
    *(["path", word] for word in ("--json", "--explain", "--", "x", "", "--file", "-f")),
    *(["show", word] for word in ("--json", "--js", "--", "x", "", "--json=true", "-h")),
    ["check"],
    *(["check", file] for file in FILES),
    *(["check", "keras.json", word] for word in ("data.npy", "--json", "-", "--", "-f", "no")),
    *(["prod", file] for file in FILES),
    *(["prod", "data.npy", "--axis", axis] for axis in AXES),
    *(["prod", file, "--axis", "1"] for file in FILES),
    *(["prod", "data.npy", f"--axis={axis}"] for axis in AXES),
    *(["prod", "data.npy", "-o", out] for out in OUTS),
    *(["prod", "data.npy", "--axis", axis, "-o", out] for axis in AXES for out in OUTS),
    *(["prod", "data.npy", "-o", out, "--axis", "1"] for out in OUTS),
    *(["prod", "-o", "o.npy", "data.npy"], ["prod", "data.npy", "-oo.npy"]),
    *(
        ["prod", "data.npy", "--axis"],
        ["prod", "data.npy", "-o"],
        ["prod", "data.npy", "--ax", "1"],
    ),
    *(["cast", file, "float16"] for file in FILES),
    *(["cast", "data.npy", dtype] for dtype in DTYPES),
    *(["cast", "data.npy", dtype, "-o", out] for dtype in DTYPES for out in OUTS),
    *(["cast", "data.npy", "float16", word] for word in ("-o", "--exact", "x", "", "--json")),
    *(["prod", "data.npy", *words] for words in ARRAY_WORDS),
    *(["prod", *words, "data.npy", "--axis", "-1"] for words in ARRAY_WORDS),
    *(["cast", "data.npy", *words, "float16"] for words in ARRAY_WORDS),
    *(["cast", "data.npy", "--exact", *words] for words in ARRAY_WORDS),
    *(["info", "data.npy", *words, "sub dir/ints.npy"] for words in ARRAY_WORDS),
    *(["info", file, "--stats"] for file in FILES),
    *(["info"], ["info", "--json"], ["cast", "--exact"]),
]

SITUATIONS = {
    "no-file": (None, {}),
    "file": ('{"floatx": "float16", "epsilon": 1e-4, "backend": "jax"}', {}),
    "variable": ('{"floatx": "float16"}', {"KERAS_BACKEND": "torch"}),
    "fails": ('{"floatx": "flaot16", "epsilon": "x"}', {}),
    "malformed": ('{"floatx": "float16",}', {}),
    "not-an-object": ("[1]", {"KERAS_BACKEND": "nothing"}),
}

NUMBERS = np.array([[2.0, 4.0, 6.0], [1e30, 1e300, -0.1]])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A directory with a home and files of all kinds; nothing of the tester's own is set."""
    for name in list(os.environ):
        if name.startswith(("KERAS", "TF_", "CONDA", "VIRTUAL_ENV")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "place" / "home"))
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    place = tmp_path / "place"
    (place / "home" / ".keras").mkdir(parents=True)
    (place / "sub dir").mkdir()
    np.save(place / "data.npy", NUMBERS)
    np.save(place / "sub dir" / "ints.npy", np.array([[2, 4, 6], [2, 4, 6]]))
    (place / "keras.json").write_text("{}")
    return place


def through(door, arguments, place):
    """(status, stdout, stderr, files) of a door; the files are as before when the other comes."""
    kept = place.with_name("kept")
    shutil.copytree(place, kept)
    streams = [place.with_name(name) for name in ("stdin.npy", "stdout", "stderr")]
    np.save(streams[0], NUMBERS)
    before = [os.dup(fd) for fd in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for fd, path in enumerate(streams):
            with open(path, "rb" if fd == 0 else "wb") as opened:
                os.dup2(opened.fileno(), fd)
        with open(1, "w", closefd=False) as stdout, open(2, "w", closefd=False) as stderr:
            patch.setattr(sys, "stdout", stdout)
            patch.setattr(sys, "stderr", stderr)
            try:
                status = door(arguments)
            finally:
                for fd, saved in enumerate(before):
                    os.dup2(saved, fd)
                    os.close(saved)
    files = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    shutil.rmtree(place)
    kept.rename(place)
    return status, streams[1].read_bytes(), streams[2].read_bytes(), files


def typer_door(arguments):
    return guard(lambda: run_application(arguments, process=False), process=False)


def spelled(arguments):
    return repr(" ".join(arguments))


ARRAYS = [words for words in ARGUMENTS if words and words[0] in ("prod", "cast", "info")]
CONFIGURATION = [words for words in ARGUMENTS if words not in ARRAYS]


@pytest.mark.parametrize(
    ("arguments", "situation"),
    [
        pytest.param(words, situation, id=f"{spelled(words)}-{situation}")
        for words in CONFIGURATION
        for situation in SITUATIONS
        if plain_form(words) or situation == "file"  # what isn't plain has but one door
    ],
)
def test_configuration(place, monkeypatch, arguments, situation):
    text, variables = SITUATIONS[situation]
    if text is not None:
        (place / "home" / ".keras" / "keras.json").write_text(text)
    for name, held in variables.items():
        monkeypatch.setenv(name, held)
    assert through(main, arguments, place) == through(typer_door, arguments, place)


@pytest.mark.parametrize("arguments", ARRAYS, ids=spelled)
def test_arrays(place, arguments):
    assert through(main, arguments, place) == through(typer_door, arguments, place)


def test_the_documented_forms_are_plain():
    """Else both doors would be one, and the tests above would compare nothing."""
    plain = [
        *(["get", "floatx"], ["get", "floatx", "--json"], ["path"], ["show", "--json"]),
        *(["prod", "data.npy"], ["prod", "data.npy", "--axis", "1"]),
        *(["prod", "data.npy", "--axis", "-1", "-o", "out.npy"], ["prod", "-", "-o", "-"]),
        *(["cast", "data.npy", "float16"], ["cast", "data.npy", "float16", "-o", "half.npy"]),
        ["prod", "data.npy", "--axis=1", "--keepdims", "--dtype=float32", "--out", "o", "--force"],
        *(["cast", "data.npy", "--exact", "--threads", "2"], ["info", "a.npy", "--stats"]),
    ]
    assert all(plain_form(arguments) for arguments in plain)
    assert sum(plain_form(arguments) is not None for arguments in ARGUMENTS) > 200
