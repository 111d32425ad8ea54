"""Discovery: reasons, the option --file, and Windows' rules."""

from __future__ import annotations

import ntpath
import posixpath

import pytest

from kcfg.keras.discovery import discover
from kcfg.keras.releases import rules
from kcfg.world import World
from tests.support.given import GivenFiles, Node


def world(env, *, writable=True, paths=posixpath, cwd="/cwd"):
    mode = 0o755 if writable else 0o555
    nodes = {"/home": Node("dir", 0o755), "/home/a": Node("dir", mode), "/cwd": Node("dir", 0o755)}
    return World(
        env=env,
        cwd=cwd,
        files=GivenFiles(nodes, root=False, cwd="/cwd"),
        user_home=lambda _: "/home/a",
        paths=paths,
        module_path=(),
    )


@pytest.mark.parametrize(
    ("env", "writable", "version", "file", "rule", "path"),
    [
        pytest.param({}, True, "3.15.1", None, "home", "/home/a/.keras/keras.json", id="home"),
        pytest.param({}, False, "3.15.1", None, "fallback", "/tmp/.keras/keras.json", id="tmp"),
        pytest.param({}, False, "2.15.0", None, "home", "/home/a/.keras/keras.json", id="tf.keras"),
        pytest.param(
            *({"KERAS_HOME": "~/k"}, True, "3.15.1", None, "KERAS_HOME"),
            "/home/a/k/keras.json",
            id="tilde",
        ),
        pytest.param(
            {"KERAS_HOME": ""}, True, "2.2.0", None, "KERAS_HOME", "/cwd/keras.json", id="empty"
        ),
        pytest.param(
            *({"KERAS_HOME": "/k"}, True, "2.1.6", None, "home"),
            "/home/a/.keras/keras.json",
            id="before-KERAS_HOME",
        ),
        pytest.param(
            {"KERAS_HOME": "/k"}, True, "3.15.1", "x.json", "--file", "/cwd/x.json", id="file"
        ),
    ],
)
def test_one_place_is_chosen(env, writable, version, file, rule, path):
    found = discover(world(env, writable=writable), rules(version), file)
    assert found.path == path
    assert found.keras_dir == posixpath.dirname(path)
    chosen = [place for place in found.places if place.chosen]
    assert [(place.rule, place.path) for place in chosen] == [(rule, path)]
    assert all(place.reason for place in found.places)


def test_windows_with_userprofile():
    found = discover(
        world({"USERPROFILE": "C:\\Users\\ann", "HOME": "/home/a"}, paths=ntpath, cwd="D:\\w"),
        rules("2.15.0"),
    )
    assert found.path == "C:\\Users\\ann\\.keras\\keras.json"


def test_windows_fallback_is_on_the_current_drive():
    found = discover(
        world({"USERPROFILE": "C:\\Users\\ann"}, paths=ntpath, cwd="D:\\w"), rules("3.15.1")
    )
    assert found.held_dir == "/tmp\\.keras"
    assert found.path == "D:\\tmp\\.keras\\keras.json"
