"""`kcfg set`, killed, signalled and failed at every system call that it makes near keras.json."""

import errno
import json
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kcfg.__main__ import main
from tests.support.command import Home, is_one_line
from tests.support.home import coverage_variables
from tests.support.probes import needs_attributes, needs_strace
from tests.support.runs import wait_for
from tests.support.strace import Call, Missed, calls_in, disturb, log

pytestmark = [pytest.mark.slow, needs_strace]

OLD = b'{\n    "floatx": "float32",\n    "mine": [1, 2]\n}\n'
NEW = OLD.replace(b"float32", b"float16")
SET = ("set", "floatx", "float16", "--keras", "3.15")
LITTER = re.compile(r"\.keras\.json\.[0-9a-f]{16}\.kcfg-tmp")


class Scene:
    """A home before the command, and the calls that an undisturbed run makes there."""

    def __init__(
        self, root: Path, before: bytes | None, *arguments: str, attribute: bool = False
    ) -> None:
        self.root = root
        self.before = before
        self.arguments = arguments or SET
        self.attribute = attribute
        warm = self.home("warming-up")
        del warm.environ["PYTHONDONTWRITEBYTECODE"]
        warm.run(*self.arguments)
        home = self.home("undisturbed")
        self.lines = log(lambda prefix: home.run(*self.arguments, prefix=prefix))
        self.after = home.content()
        self.calls = calls_in(str(home.directory), self.lines)

    def home(self, name: str) -> Home:
        home = Home(self.root / name, self.before)
        for variable in coverage_variables():  # it makes calls of its own
            del home.environ[variable]
        # Compiled modules of our own, which nobody else writes: the calls stay the same, and quick.
        home.environ["PYTHONPYCACHEPREFIX"] = str(self.root / "compiled")
        if self.attribute:
            os.setxattr(home.file, "user.origin", b"mine")
        return home


@pytest.fixture(scope="module")
def existing(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("existing"), OLD)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(tmp_path_factory.mktemp("first"), None)


@pytest.fixture
def scene(request: pytest.FixtureRequest) -> Scene:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Scene)
    return found


both = pytest.mark.parametrize(
    "scene",
    [pytest.param("existing", id="existing"), pytest.param("first", id="first")],
    indirect=True,
)


class Outcome:
    """What one disturbed run left behind."""

    def __init__(self, scene: Scene, call: Call, how: str, name: str) -> None:
        self.call = call
        self.arguments = scene.arguments
        for attempt in range(3):
            # strace counts from the start; a name of the same length keeps the calls the same.
            self.home = scene.home(f"{name}-{call}-{attempt}")
            directory = str(self.home.directory)
            try:
                disturb(call, how, directory, self._run)
            except Missed:
                if attempt == 2:
                    raise
            else:
                break
        self.content = self.home.content()
        self.litter = [name for name in self.home.names() if name != "keras.json"]
        self.is_old = self.content == scene.before
        self.is_new = self.content == scene.after

    def _run(self, prefix: list[str]) -> None:
        done = self.home.run(*self.arguments, prefix=prefix)
        self.status, self.stderr = done.returncode, done.stderr

    def __repr__(self) -> str:
        return f"{self.call}: {self.status} {self.content!r} {self.litter} {self.stderr!r}"


def outcomes(scene: Scene, how: str, calls: list[Call] | None = None) -> Iterator[Outcome]:
    """One disturbed run for each call, two at a time."""
    name = re.sub(r"\W", "-", how)

    def run(call: Call) -> Outcome:
        return Outcome(scene, call, how.format(call.number), name)

    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(run, scene.calls if calls is None else calls)


def assert_set_works(outcome: Outcome) -> None:
    """A plain `set` in the same place succeeds, and leaves no other file there."""
    arguments = ["set", "floatx", "float64", "--keras", "3.15", "-f", str(outcome.home.file)]
    assert main(arguments) == 0, outcome
    assert outcome.home.values()["floatx"] == "float64"
    assert outcome.home.names() == ["keras.json"], outcome


def test_the_undisturbed_run(existing: Scene, first: Scene) -> None:
    assert existing.after == NEW
    assert first.after is not None
    assert json.loads(first.after) == {"floatx": "float16"}
    made = {call.name for call in existing.calls + first.calls}
    assert {"openat", "write", "fchmod", "flock", "fsync", "close", "getdents64"} <= made
    assert made & {"rename", "renameat", "renameat2"}
    assert made & {"link", "linkat"}
    assert made & {"mkdir", "mkdirat"}


def test_the_disk_confirms_the_bytes_before_the_name_and_the_name_at_last(existing: Scene) -> None:
    """No kill shows a missing fsync, since the page cache survives; the order of the calls does."""
    directory = re.escape(str(existing.root / "undisturbed" / ".keras"))
    temporary = directory + r"/\.keras\.json\.[0-9a-f]{16}\.kcfg-tmp"
    order = [
        rf" write\(\d+<{temporary}>",
        rf" fchmod\(\d+<{temporary}>",
        rf" fsync\(\d+<{temporary}>\) += 0",
        rf" close\(\d+<{temporary}>\) += 0",
        r" renameat2?\(.*kcfg-tmp.*keras\.json.*\) += 0",
        rf" fsync\(\d+<{directory}>\) += 0",
    ]
    places = []
    for pattern in order:
        found = [n for n, line in enumerate(existing.lines) if re.search(pattern, line)]
        assert found, pattern
        places.append(found[-1])
    assert places == sorted(places)


def test_the_disk_confirms_the_backup_s_name_before_the_old_file_goes(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("confirmed")
    scene = Scene(root, b"{", "set", "--force", "floatx", "float16", "--keras", "3.15")
    directory = re.escape(str(root / "undisturbed" / ".keras"))
    linked, confirmed, renamed = (
        next(n for n, line in enumerate(scene.lines) if re.search(pattern, line))
        for pattern in (
            r" link(at)?\(.*kcfg-tmp.*keras\.json\.bak.*\) += 0",
            rf" fsync\(\d+<{directory}>\) += 0",
            r" rename(at2?)?\(.*kcfg-tmp.*keras\.json.*\) += 0",
        )
    )
    assert linked < confirmed < renamed


@both
def test_killed_at_any_call(scene: Scene) -> None:
    killed = 0
    for outcome in outcomes(scene, "signal=KILL:when={}"):
        assert outcome.status in (-9, 137), outcome
        assert outcome.is_old or outcome.is_new, outcome
        assert all(LITTER.fullmatch(name) for name in outcome.litter), outcome
        assert_set_works(outcome)
        killed += 1
    assert killed == len(scene.calls) >= 12


@both
@pytest.mark.parametrize(
    ("signal", "statuses"),
    [
        pytest.param("TERM", (-15, 143), id="TERM"),
        pytest.param("INT", (-2, 130), id="INT"),
    ],
)
def test_signalled_at_any_call(scene: Scene, signal: str, statuses: tuple[int, int]) -> None:
    for outcome in outcomes(scene, f"signal={signal}:when={{}}"):
        assert outcome.status in statuses, outcome
        assert outcome.is_old or outcome.is_new, outcome
        assert outcome.litter == [], outcome
        assert "Traceback" not in outcome.stderr, outcome
        assert_set_works(outcome)


@both
@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EROFS", "EACCES"])
def test_failed_at_any_call(scene: Scene, error: str) -> None:
    failed = 0
    for outcome in outcomes(scene, f"error={error}:when={{}}"):
        assert outcome.litter == [], outcome
        if outcome.status == 0:  # a call that does not matter, such as a close after reading
            assert outcome.is_new, outcome
        else:
            failed += 1
            assert outcome.status == 2, outcome
            assert is_one_line(outcome.stderr), outcome
            assert f"({error})" in outcome.stderr, outcome
            assert str(outcome.home.directory) in outcome.stderr, outcome
            told = "the disk did not confirm it" in outcome.stderr
            assert outcome.is_new if told else outcome.is_old, outcome
        if scene.before is None and outcome.is_old:
            assert not outcome.home.directory.exists(), outcome
        assert_set_works(outcome)
    assert failed >= 6


@pytest.mark.parametrize("how", ["signal=KILL", "signal=TERM", "error=EIO"])
def test_what_is_replaced_stays_as_a_backup(
    tmp_path_factory: pytest.TempPathFactory, how: str
) -> None:
    """A text that nobody understands is in its own place or under another name, at any moment."""
    broken = b"{ 'floatx': mine"
    root = tmp_path_factory.mktemp("broken")
    scene = Scene(root, broken, "set", "--force", "floatx", "float16", "--keras", "3.15")
    assert {"link", "linkat"} & {call.name for call in scene.calls}
    new = 0
    for outcome in outcomes(scene, f"{how}:when={{}}"):
        backup = outcome.home.directory / "keras.json.bak"
        new += outcome.is_new
        assert outcome.is_old or (outcome.is_new and backup.read_bytes() == broken), outcome
        assert "Traceback" not in outcome.stderr
        outcome.home.run("set", "--force", "floatx", "float64", "--keras", "3.15")
        assert outcome.home.values()["floatx"] == "float64"
        assert not [name for name in outcome.home.names() if name.endswith("tmp")], outcome
    assert new


def test_the_disk_that_stays_full(existing: Scene) -> None:
    """From the N-th write on, every write fails, those to stderr too: judged by the file."""
    writes = [call for call in existing.calls if call.name in ("write", "fsync", "fchmod")]
    assert writes
    for outcome in outcomes(existing, "error=ENOSPC:when={}+", writes):
        told = "did not confirm" in outcome.stderr
        assert outcome.status != 0, outcome
        assert outcome.is_new if told else outcome.is_old, outcome
        assert outcome.litter == [], outcome


def test_a_write_that_lies(existing: Scene) -> None:
    """The system claims a byte that it never wrote: noticed before the rename."""
    writes = [call for call in existing.calls if call.name == "write"]
    assert writes
    for outcome in outcomes(existing, "retval=1:when={}", writes):
        assert outcome.status == 2, outcome
        assert f"({errno.errorcode[errno.EIO]})" in outcome.stderr
        assert outcome.is_old, outcome
        assert outcome.litter == [], outcome


@needs_attributes
def test_a_file_with_attributes(tmp_path: Path) -> None:
    scene = Scene(tmp_path, OLD, attribute=True)
    assert (
        os.getxattr(scene.root / "undisturbed" / ".keras" / "keras.json", "user.origin") == b"mine"
    )
    calls = [call for call in scene.calls if call.name == "fsetxattr"]
    assert calls
    for outcome in outcomes(scene, "error=ENOSPC:when={}", calls):
        assert (outcome.status, outcome.is_old, outcome.litter) == (2, True, []), outcome


def test_two_signals_at_once(existing: Scene) -> None:
    """systemd and closing terminals send several: the second must not interrupt the cleaning up."""
    for number in range(3):
        home = existing.home(f"two-signals-{number}")
        held = "inject=fsync:delay_enter=2000000:when=1"  # microseconds, with the file half done
        prefix = ["strace", "-qq", "-o", os.devnull, "-e", "trace=fsync", "-e", held]
        process = home.start(*SET, prefix=prefix)
        wait_for(lambda home=home: len(home.names()) == 2)  # type: ignore[misc]
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        for signal_number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            os.kill(int(children), signal_number)
        _, stderr = process.communicate(timeout=60)
        assert process.returncode in (-1, -2, -15, 129, 130, 143), stderr
        assert stderr == ""
        assert (home.content(), home.names()) == (OLD, ["keras.json"])


def test_several_signals_in_one_call(existing: Scene) -> None:
    """As it gives a file's times, Python 3.10 calls one handler after another's exception."""
    home = existing.home("signals-in-one-call")
    calls = "fstat,newfstatat"
    held = ["-e", f"trace={calls}", "-e", f"inject={calls}:delay_enter=500000"]  # microseconds
    process = home.start(
        *SET, prefix=["strace", "-qq", "-o", os.devnull, "-P", str(home.file), *held]
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    held_by = []

    def opened() -> bool:
        held_by[:] = children.read_text().split()
        links = Path(f"/proc/{held_by[0]}/fd").iterdir() if held_by else ()
        return any(os.path.realpath(link) == str(home.file) for link in links)

    wait_for(opened)
    for signal_number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(int(held_by[0]), signal_number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode in (-1, -2, -15, 129, 130, 143), stderr
    assert stderr == ""
