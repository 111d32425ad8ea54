"""The examples of the checks: `examples/CODE/cases.json` and the files beside it.

A row has a `name` and what is `expect`ed of its check: () for a good example, else a text a
problem, its severity and its place: `error 4:16` in the file, `warning KERAS_HOME`, `note PATH`.
It is either one `file` (judged alone) or a world: `tree` (text by path, or kind, mode, link, text,
owned: false for root's), `env`, `installed` distributions; `real`: the tree is made below a real
home, HOME. `keras` judges, by default 3.15.1.
"""

from __future__ import annotations

import json
import os
import posixpath
from pathlib import Path
from typing import Any

from kcfg.problems import Problem
from kcfg.situation import Situation, observe
from kcfg.world import RealFiles, World, real_world
from tests.support.given import GivenFiles, Node

EXAMPLES = Path(__file__).parent / "examples"
SITE = "/env/lib/python3.11/site-packages"
HOME = "/home/a"
KERAS_JSON = HOME + "/.keras/keras.json"

Example = dict[str, Any]


def examples() -> list[Example]:
    """All rows, each with its `code` and the folder it is in."""
    return [
        {"code": table.parent.name, "folder": table.parent, **row}
        for table in sorted(EXAMPLES.glob("*/cases.json"))
        for row in json.loads(table.read_text(encoding="utf-8"))
    ]


def shown(problem: Problem, situation: Situation) -> str:
    """A problem as `expect` words it."""
    where = problem.path
    if problem.path == situation.discovery.path:
        where = f"{problem.line}:{problem.column}" if problem.line else "file"
    elif problem.line is not None:
        where = f"{problem.path}:{problem.line}:{problem.column}"
    return f"{problem.severity} {where}"


def situation(example: Example, tmp_path: Path) -> Situation:
    """What the example describes, observed."""
    keras = example.get("keras", "3.15.1")
    if "file" in example:
        nodes = {"/project/keras.json": Node("file", 0o644, data(example))}
        return observe(_given(example, nodes), keras=keras, file="/project/keras.json")
    if example.get("real"):
        make(example["tree"], tmp_path)
        env = {name: _below(tmp_path, text) for name, text in example.get("env", {}).items()}
        world = real_world().replace(env={"HOME": str(tmp_path), **env}, files=RealFiles())
        return observe(world, keras=keras)
    return observe(_given(example, _nodes(example.get("tree", {}))), keras=keras)


def data(example: Example) -> bytes:
    """The bytes of the example's file."""
    path: Path = example["folder"] / example["file"]
    return path.read_bytes()


def make(tree: dict[str, Any], root: Path) -> None:
    """The tree, for real; owners need root."""
    for name, what in tree.items():
        entry = {"text": what} if isinstance(what, str) else what
        path = root / name
        if "link" in entry:
            path.symlink_to(entry["link"])
        elif entry.get("kind") == "dir":
            path.mkdir()
        else:
            path.write_text(entry["text"])
        if "link" not in entry:
            path.chmod(int(entry.get("mode", "0755"), 8))
        if "owner" in entry or "group" in entry:
            owner, group = entry.get("owner", -1), entry.get("group", -1)
            os.chown(path, owner, group, follow_symlinks=False)


def has_strangers(example: Example) -> bool:
    """Whether the tree has files of other users in it, which only root can make."""
    entries = example.get("tree", {}).values()
    return any("owner" in what or "group" in what for what in entries)


def world(content: bytes, env: dict[str, str]) -> World:
    """A given home with this keras.json, and these variables."""
    return _given({"env": env}, {KERAS_JSON: Node("file", 0o644, content)})


def _given(example: Example, nodes: dict[str, Node]) -> World:
    installed = example.get("installed", ["keras-3.15.1"])
    base = ("/home", HOME, "/project", *_folders(SITE))
    names = [f"{SITE}/{name}.dist-info" for name in installed]
    # A distribution's module lies beside it.
    names += [f"{SITE}/{name.partition('-')[0]}" for name in installed]
    every = {path: Node("dir", 0o755) for path in (*base, *names)}
    for path in nodes:
        every |= {folder: Node("dir", 0o755) for folder in _folders(posixpath.dirname(path))}
    every |= nodes
    return World(
        env={"HOME": HOME, "VIRTUAL_ENV": "/env", **example.get("env", {})},
        cwd="/project",
        files=GivenFiles(every, root=False, cwd="/project"),
        user_home=lambda name: None if name else HOME,
        paths=posixpath,
        module_path=(SITE,),
    )


def _nodes(tree: dict[str, Any]) -> dict[str, Node]:
    found = {}
    for path, what in tree.items():
        entry = {"text": what} if isinstance(what, str) else what
        if "link" in entry:
            found[path] = Node("symlink", 0o777, target=entry["link"])
        else:
            kind = entry.get("kind", "file")
            mode = int(entry.get("mode", "0755" if kind == "dir" else "0644"), 8)
            owned = entry.get("owned", True)
            found[path] = Node(kind, mode, entry.get("text", "").encode(), owned=owned)
    return found


def _folders(path: str) -> list[str]:
    parts = path.strip("/").split("/")
    return ["/" + "/".join(parts[: n + 1]) for n in range(len(parts)) if parts[0]]


def _below(root: Path, text: str) -> str:
    return text.replace("HOME", str(root))
