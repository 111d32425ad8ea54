"""Checks of the places: is the file that Keras opens the one that was meant, and can it be read?"""

from __future__ import annotations

from kcfg.checks.found import (
    STDIN,
    by_hand,
    in_file,
    is_file,
    move,
    problem,
    quote,
    rule,
    set_variable,
    shown,
    would_raise,
)
from kcfg.checks.slips import slip_of
from kcfg.problems import ERROR, NOTE, WARNING

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcfg.problems import Problem
    from kcfg.situation import Situation

NAME = "keras.json"
PACKAGES = ("site-packages", "dist-packages")


def directory_in_place(situation: Situation) -> Iterator[Problem]:
    """A directory stands where keras.json should be.

    `open` raises IsADirectoryError (PermissionError on Windows), which Keras catches in no release:
    the import fails. Docker makes such a directory where a file is mounted that isn't there.

    Move the directory away.

    Read in: keras/src/backend/config.py (only ValueError is caught).
    """
    path = situation.discovery.path
    failure = situation.reading.failure
    if failure is not None and situation.world.files.is_dir(path):
        bare = path.rstrip(situation.world.paths.sep)
        named = situation.world.paths.basename(bare) not in ("", ".", "..")
        yield problem(
            "directory-in-place",
            ERROR,
            in_file(situation),
            "this is a directory, and Keras wants a file of that name",
            keras=would_raise(situation, failure),
            fix=move(bare, bare + ".bak") if named else None,
        )


def unreadable_file(situation: Situation) -> Iterator[Problem]:
    """keras.json is there and can't be read.

    `open` raises PermissionError or another OSError, which Keras catches in no release: the import
    fails. Often it was written by root, by sudo or in a container.

    Make it readable; another user's file only that user, or root, can.

    Read in: keras/src/backend/config.py (only ValueError is caught).
    """
    path = situation.discovery.path
    failure = situation.reading.failure
    opened = situation.reading.data is not None
    if failure is None or opened or situation.world.files.is_dir(path):
        return
    message = "this file can't be read by the user who runs kcfg"
    fix = None
    if not situation.world.files.is_mine(path):
        message += ": its owner, or root, may let you"
    elif path != STDIN:
        fix = by_hand(f"chmod u+r {quote(path)}")
    yield problem(
        "unreadable-file",
        ERROR,
        in_file(situation),
        message,
        keras=would_raise(situation, failure),
        fix=fix,
    )


def unwritable_place(situation: Situation) -> Iterator[Problem]:
    """Keras can't make its directory or its file, and fails.

    Up to 2.0.4 an import makes the directory and writes the file, and lets the OSError pass on;
    from 2.0.5 on Keras goes without. 1.0.4 to 1.0.7 write the file at every import, even where it
    is there.

    Make the directory writable, or upgrade Keras.

    Read in: keras/backend/__init__.py of 1.0.0 to 2.0.5.
    """
    failure = situation.resolution.failure
    if failure is None or failure.key is not None or failure.stage != "config":
        return
    if situation.reading.failure is not None and failure == situation.reading.failure:
        return
    yield problem(
        "unwritable-place",
        ERROR,
        in_file(situation),
        "Keras can't make this file, or its directory",
        keras=would_raise(situation, failure),
        fix=None,
    )


def dangling_link(situation: Situation) -> Iterator[Problem]:
    """keras.json is a link to a file that isn't there.

    Keras finds no file, uses its defaults, and writes them to where the link leads, if it can.

    Mend the link, or remove it.

    Read in: os.path.exists in keras/src/backend/config.py.
    """
    path = situation.discovery.path
    if not situation.discovery.exists and situation.world.files.is_link(path):
        target = situation.world.files.target(path)
        yield problem(
            "dangling-link",
            WARNING,
            in_file(situation),
            f"this is a link to {shown(target)}, where no file is",
            keras="Keras uses its defaults",
            fix=by_hand(f"rm -i {quote(path)}"),
        )


def misnamed_file(situation: Situation) -> Iterator[Problem]:
    """A file whose name is a slip of keras.json lies in Keras's directory.

    keras.jsn, kears.json, keras.json.txt (Windows hides the ending): Keras opens keras.json alone.
    A warning where there is no keras.json, else a note.

    Rename it.

    Read in: keras/src/backend/config.py. Seen in: a shell script that writes `kears.json`.
    """
    if rule(situation) == "--file":
        return
    directory = situation.discovery.keras_dir
    for name in sorted(situation.world.files.names(directory)):
        if not _misnames(name) or (situation.discovery.exists and name.lower() == NAME):
            continue
        path = situation.world.join(directory, name)
        if not is_file(situation, path):
            continue
        exists = situation.discovery.exists
        yield problem(
            "misnamed-file",
            NOTE if exists else WARNING,
            (path, None, None),
            "the name of this file is a slip of keras.json",
            keras="Keras does not read it",
            fix=None if exists else move(path, situation.discovery.path),
        )


def misplaced_file(situation: Situation) -> Iterator[Problem]:
    """A keras.json lies where Keras never looks.

    Among the installed packages, in the home directory itself instead of its .keras, or in the
    current directory: no release of Keras reads these. A warning where there is no keras.json in
    the right place; else, and for the current directory, a note.

    Move it; or name its directory in KERAS_HOME, for a file that belongs to a project.

    Read in: keras/src/backend/config.py. Reports: keras#11813, keras#12063.
    """
    world = situation.world
    if rule(situation) == "--file":
        return
    directories = [
        directory
        for directory in situation.environment.directories
        if world.paths.basename(directory.rstrip("/\\")) in PACKAGES
    ]
    home = world.expand_user("~")
    ways = ((), (".keras",), ("keras",), ("keras", ".keras"), ("keras", "src"))
    wrong = [world.join(directory, *way, NAME) for directory in directories for way in ways]
    wrong += [world.join(home, name) for name in (NAME, "." + NAME)]
    local = [world.join(world.cwd, NAME), world.join(world.cwd, ".keras", NAME)]
    seen = {place.path for place in situation.discovery.places if place.path}
    for path in (*wrong, *local):
        if path in seen or world.absolute(path) in seen or not is_file(situation, path):
            continue
        seen.add(path)
        yield from _misplaced(situation, path, project=path in local)


def _misplaced(situation: Situation, path: str, *, project: bool) -> Iterator[Problem]:
    fix = None
    if project and "place" in situation.rules.variables:
        fix = set_variable(situation, "KERAS_HOME", situation.world.paths.dirname(path))
    elif not project and not situation.discovery.exists:
        fix = move(path, situation.discovery.path)
    yield problem(
        "misplaced-file",
        NOTE if project or situation.discovery.exists else WARNING,
        (path, None, None),
        f"this file lies where Keras does not look; it opens {situation.discovery.path}",
        keras="Keras does not read it",
        fix=fix,
    )


def _misnames(name: str) -> bool:
    """Whether a file's name is a slip of keras.json; copies that people keep are none."""
    if name == NAME:
        return False
    lowered = name.lower()
    if lowered in (NAME, NAME + ".txt", NAME + ".json", NAME + " "):
        return True
    kept = lowered.startswith((NAME, ".")) or lowered.endswith(("~", "#"))
    return not kept and slip_of(name, [NAME]) is not None
