"""Every recorded case, twice: through a given view of the files, and for real where that can be."""

from __future__ import annotations

import json
import posixpath
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kcfg.cli.render import json_document
from kcfg.situation import observe
from kcfg.world import World
from tests.conformance.cases import CLIENTS, Case, cases, content, differences, placed
from tests.conformance.real import PARENT
from tests.support.given import GivenFiles, Node
from tests.support.probes import needs_mount_namespace

SITE = "/environment/lib/python3.11/site-packages"
ALL = [
    pytest.param(client, case, id=f"{client}/{case['id']}")
    for client in CLIENTS
    for case in cases(client)
]


def test_every_record_is_here() -> None:
    assert len(ALL) == 3949
    assert len(CLIENTS) == 9


@pytest.mark.parametrize(("client", "case"), ALL)
def test_given_view(client: str, case: Case) -> None:
    case = placed(case, "/given")
    world = World(
        env=case["env"],
        cwd=case["cwd"],
        files=_given_files(case),
        user_home=lambda name: None if name else case["passwd_home"],
        paths=posixpath,
        module_path=(SITE,),
    )
    situation = observe(world, keras=client.removeprefix("keras-"))
    assert differences(case, json.loads(json_document.show(situation, ()))) == []


@needs_mount_namespace
@pytest.mark.parametrize(("client", "case"), ALL)
def test_for_real(client: str, case: Case) -> None:
    answer = _answers(client)[case["id"]]
    assert differences(placed(case, PARENT), answer["shown"]) == []
    assert answer["status"] == (0 if case["outcome"]["ok"] else 1)
    assert answer["untouched"], "`kcfg show` created or changed something"


@cache
def _answers(client: str) -> dict[str, Any]:
    """One process a client: it makes and runs each case; see `tests.conformance.real`."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.conformance.real", client],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return {answer["id"]: answer for answer in map(json.loads, ran.stdout.splitlines())}


def _given_files(case: Case) -> GivenFiles:
    nodes = {"/given": Node("dir", 0o755)}
    for file in case["files"]:
        text = content(file) if file["kind"] == "file" else b""
        mode = int(file.get("mode", "0777"), 8)
        nodes[file["path"]] = Node(file["kind"], mode, text, file.get("target", ""))
    nodes |= {path: Node("dir", 0o755) for path in _with_parents(SITE)}
    for name in case["installed"]:
        nodes[f"{SITE}/{name}-1.0.dist-info"] = Node("dir", 0o755)
    return GivenFiles(nodes, root=case["user"] == "root", cwd=case["cwd"])


def _with_parents(path: str) -> list[str]:
    parent = posixpath.dirname(path)
    return [path] if parent == "/" else [path, *_with_parents(parent)]
