"""Who may import whom, and which command may load which heavy module."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kcfg"

ROOMS = [
    ["record", "problems", "system", "world"],
    [
        "syntax",
        "scanner",
        "document",
        "repair",
        "atomic",
        "trust",
        "original",
        "lock",
        "notes",
        "store",
    ],
    [
        *("keras", "keras.releases", "keras.names", "keras.installed", "keras.discovery"),
        *("keras.reading", "keras.first_run", "keras.resolution"),
    ],
    ["situation"],
    ["launch"],
    ["schema", "checks", "api"],
    ["arrays"],
    ["cli"],
    ["__main__"],
]
"""From the bottom up: a module imports from lower rows, and in its row from those before it. A
folder's name stands for all its modules, which order themselves."""

OUTSIDE = {"pydantic": {"schema"}, "numpy": {"arrays", "cli.arrays", "cli.render.arrays"}}
"""The only rooms that import a heavy package; Typer and rich are the command line's."""


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree):
    """Every module that is imported anywhere in this one, but for the eyes of a type checker."""
    skipped = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(ast.Module(node.body, []))
    }
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(name):
    """Where a module stands: (row, position), None if it is no room of ours."""
    for row, rooms in enumerate(ROOMS):
        for position, room in enumerate(rooms):
            folder = room in ("checks", "arrays", "cli", "launch")
            if name == room or (folder and name.startswith(room + ".")):
                return row, position
    return None


ALL = dict(modules())


@pytest.mark.parametrize("name", [name for name in ALL if name != "__init__"])
def test_a_module_imports_only_from_below(name):
    own = place(name)
    assert own is not None, f"{name} has no place in ROOMS"
    for imported in imports(ALL[name]):
        theirs = place(imported.removeprefix("kcfg.")) if imported.startswith("kcfg.") else None
        assert theirs is None or theirs <= own, f"{name} imports {imported}"


@pytest.mark.parametrize("name", ALL)
def test_heavy_packages_stay_in_their_rooms(name):
    for imported in imports(ALL[name]):
        top = imported.partition(".")[0]
        if top in ("typer", "rich"):
            assert name.startswith("cli."), f"{name} imports {imported}"
        elif top in OUTSIDE:
            assert any(name == room or name.startswith(room + ".") for room in OUTSIDE[top]), name


@pytest.mark.parametrize("name", ALL)
def test_dask_is_for_the_cluster_alone(name):
    dask = {"dask", "distributed", "asyncio"}
    found = dask & {imported.partition(".")[0] for imported in imports(ALL[name])}
    assert not found or name.startswith("arrays.cluster"), name


def test_arrays_know_only_problems_system_and_atomic():
    allowed = {"kcfg.record", "kcfg.problems", "kcfg.system", "kcfg.atomic", "kcfg.arrays"}
    for name in ALL:
        if name.startswith("arrays"):
            ours = {found for found in imports(ALL[name]) if found.startswith("kcfg.")}
            modules = {".".join(found.split(".")[:2]) for found in ours}
            assert modules <= allowed, name


def test_only_the_command_line_prints_or_exits():
    for name, tree in ALL.items():
        if name.startswith("cli") or name == "__main__":
            continue
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not called & {"print", "sys.exit", "exit", "sys.stdout.write"}, name


HEAVY = ("typer", "rich", "pydantic", "numpy", "typing", "dataclasses", "inspect", "json", "re")
STANDARD = {"typing", "dataclasses", "inspect", "json", "re"}
PLAIN = [["get", "floatx"], ["get", "floatx", "--json"], ["path"], ["show"], ["show", "--json"]]


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_the_hot_commands_load_nothing_heavy(home, arguments):
    home.write('{"floatx": "float16", "epsilon": 1e-3}')
    assert loaded(home, arguments) == set()


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        pytest.param("get floatx", ["kcfg.scanner"], id="get"),
        pytest.param("path", ["kcfg.scanner", "kcfg.cli.render.lines"], id="path"),
        pytest.param("show", ["kcfg.scanner"], id="show"),
        pytest.param("show --json", ["kcfg.scanner", "kcfg.cli.render.lines"], id="show-json"),
    ],
)
def test_where_there_is_no_file_nothing_is_loaded_that_reads_it(home, arguments, unneeded):
    assert loaded(home, arguments.split(), of=unneeded) == set()


@pytest.mark.parametrize(
    ("arguments", "may"),
    [
        pytest.param("check", set(), id="check"),
        pytest.param("check keras.json", set(), id="check-file"),
        pytest.param("prod data.npy --axis 1", {"numpy"}, id="prod"),
        pytest.param("cast data.npy float16 -o half.npy", {"numpy"}, id="cast"),
        pytest.param("info data.npy", {"typer", "pydantic", "numpy"}, id="info"),
        pytest.param("get floatx --keras 3.15", {"typer", "pydantic"}, id="get"),
        pytest.param("set floatx float16", {"typer", "pydantic"}, id="set"),
        pytest.param("unset floatx", {"typer", "pydantic"}, id="unset"),
        pytest.param("init", {"typer", "pydantic"}, id="init"),
        pytest.param("schema", {"typer", "pydantic"}, id="schema"),
        pytest.param("run floatx=float16 --print", {"typer", "pydantic"}, id="run"),
        pytest.param("check --fix", {"typer", "pydantic"}, id="check-fix"),
        pytest.param("check --list", {"typer", "pydantic"}, id="check-list"),
        pytest.param("completion bash", {"typer", "pydantic"}, id="completion"),
        pytest.param("--help", {"typer"}, id="help"),
    ],
)
def test_other_commands_load_what_they_need(home, arguments, may):
    home.write('{"floatx": "float32"}')
    (home.cwd / "keras.json").write_text("{}")
    (home.cwd / "data.npy").write_bytes(NPY)
    assert loaded(home, arguments.split()) - STANDARD <= may


NPY = (
    b"\x93NUMPY\x01\x00v\x00"
    + b"%-117s\n" % (b"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 2), }")
    + bytes(16)
)


def loaded(home, arguments, of=HEAVY):
    """Which of these modules one command loads, in a process of its own."""
    script = (
        "import sys; from kcfg.__main__ import main; main(sys.argv[1:]);"
        f"print(*[name for name in {of} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-c", script, *arguments],
        env={name: held for name, held in home.env().items() if not name.startswith("COVERAGE")},
        cwd=home.cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stderr.splitlines()[-1].split())
