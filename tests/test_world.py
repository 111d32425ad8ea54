"""The world: path rules against the real os.path modules, and reading that can't hang or swell."""

from __future__ import annotations

import ntpath
import os
import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kcfg.problems import KcfgError
from kcfg.world import LARGEST, RealFiles, World, real_user_home, real_world
from tests.support.given import GivenFiles, Node

PIECES = st.text(alphabet="~/\\.ab: ", max_size=6)
NAMES = ("HOME", "USERPROFILE", "HOMEPATH", "HOMEDRIVE", "USERNAME")


def world(env=None, paths=posixpath, files=None, cwd="/cwd", users=None):
    return World(
        env=env or {},
        cwd=cwd,
        files=files or GivenFiles({}, root=True, cwd=cwd),
        user_home=(users or {}).get,
        paths=paths,
        module_path=(),
    )


@pytest.mark.parametrize("paths", [posixpath, ntpath], ids=["posix", "windows"])
@given(path=st.builds("~{}".format, PIECES), env=st.dictionaries(st.sampled_from(NAMES), PIECES))
def test_expand_user_is_os_path_expanduser(paths, path, env):
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.delenv(name, raising=False)
        for name, value in env.items():
            patch.setenv(name, value)
        expected = paths.expanduser(path)
        users = {name: real_user_home(name) for name in ("", path[1:].partition("/")[0])}
        assert world(env, paths, users=users).expand_user(path) == expected


def test_a_user_without_a_home_stays_a_tilde():
    assert world().expand_user("~/x") == "~/x"
    assert world(users={"ann": "/home/ann/"}).expand_user("~ann/x") == "/home/ann/x"


TREE = {
    "/cwd": Node("dir", 0o755),
    "/cwd/real": Node("dir", 0o755),
    "/cwd/link": Node("symlink", 0o777, target="/elsewhere/deep"),
    "/elsewhere": Node("dir", 0o755),
    "/elsewhere/deep": Node("dir", 0o755),
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("keras.json", "/cwd/keras.json", id="relative"),
        pytest.param("./a//b", "/cwd/a/b", id="dot-and-slashes"),
        pytest.param("/x/y", "/x/y", id="absolute"),
        pytest.param("real/../k", "/cwd/k", id="dots-behind-a-directory"),
        pytest.param("link/../k", "/cwd/link/../k", id="dots-behind-a-link"),
        pytest.param("missing/../k", "/cwd/missing/../k", id="dots-behind-nothing"),
    ],
)
def test_absolute_keeps_the_dots_that_mean_something(path, expected):
    assert world(files=GivenFiles(TREE, root=True, cwd="/cwd")).absolute(path) == expected


def test_absolute_on_windows():
    files = GivenFiles({}, root=True, cwd="/")
    drive = world(paths=ntpath, cwd="D:\\work", files=files)
    assert drive.absolute("/tmp\\.keras") == "D:\\tmp\\.keras"
    assert drive.absolute("k\\keras.json") == "D:\\work\\k\\keras.json"


def test_reading_a_fifo_does_not_wait(tmp_path):
    path = tmp_path / "keras.json"
    os.mkfifo(path)
    with pytest.raises(KcfgError, match="not a regular file"):
        RealFiles().read(str(path))


def test_reading_a_directory_raises_as_open_does(tmp_path):
    with pytest.raises(IsADirectoryError):
        RealFiles().read(str(tmp_path))


def test_reading_stops_at_the_limit(tmp_path):
    path = tmp_path / "keras.json"
    with path.open("wb") as file:
        file.truncate(LARGEST)
    assert len(RealFiles().read(str(path))) == LARGEST
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(KcfgError, match="16 MiB"):
        RealFiles().read(str(path))


def test_names_of_what_is_no_directory(tmp_path):
    assert RealFiles().names(str(tmp_path / "missing")) == []


def test_a_deleted_working_directory_is_empty(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert real_world().cwd == ""
