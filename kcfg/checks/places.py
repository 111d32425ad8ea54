"""Checks of the places: is the file that Keras opens the one that was meant, and can it be read?"""

from __future__ import annotations

from kcfg.checks.found import (
    STDIN,
    by_hand,
    in_file,
    in_variable,
    kcfg,
    move,
    problem,
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
        yield problem(
            "directory-in-place",
            ERROR,
            in_file(situation),
            "this is a directory, and Keras wants a file of that name",
            keras=would_raise(situation, failure),
            fix=move(path, path + ".bak"),
        )


def unreadable_file(situation: Situation) -> Iterator[Problem]:
    """keras.json is there and can't be read.

    `open` raises PermissionError or another OSError, which Keras catches in no release: the import
    fails. Often it was written by root, by sudo or in a container.

    Make it readable.

    Read in: keras/src/backend/config.py (only ValueError is caught).
    """
    path = situation.discovery.path
    failure = situation.reading.failure
    opened = situation.reading.data is not None
    if failure is None or opened or situation.world.files.is_dir(path):
        return
    from shlex import quote

    yield problem(
        "unreadable-file",
        ERROR,
        in_file(situation),
        "this file can't be read by the user who runs kcfg",
        keras=would_raise(situation, failure),
        fix=by_hand(f"chmod u+r {quote(path)}") if path != STDIN else None,
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
        from shlex import quote

        yield problem(
            "dangling-link",
            WARNING,
            in_file(situation),
            f"this is a link to {shown(target)}, where no file is",
            keras="Keras uses its defaults",
            fix=by_hand(f"rm -i {quote(path)}"),
        )


def home_passed_over(situation: Situation) -> Iterator[Problem]:
    """There is a keras.json in the home directory, and Keras doesn't look at it.

    Keras 1 to 2.3 and 3 ask whether the home directory itself is writable. If it isn't, they use
    /tmp/.keras, even where ~/.keras/keras.json could be read: in containers, batch jobs, services.
    tf.keras (2.4 to 2.15) doesn't do that.

    Name the directory: `export KERAS_HOME="$HOME/.keras"`.

    Read in: keras/src/backend/config.py (os.access). Reports: keras PR#8417, PR#8645, keras#5480.
    """
    home = next(place for place in situation.discovery.places if place.rule == "home")
    if _rule(situation) != "fallback" or not situation.world.files.exists(home.path):
        return
    directory = situation.world.paths.dirname(home.path)
    named = "place" in situation.rules.variables
    yield problem(
        "home-passed-over",
        ERROR,
        (home.path, None, None),
        f"the home directory is not writable, so Keras passes over this file for "
        f"{situation.discovery.path}",
        keras="none of its values is used",
        fix=set_variable(situation, "KERAS_HOME", directory) if named else None,
    )


def fallback_used(situation: Situation) -> Iterator[Problem]:
    """The home directory isn't writable, and Keras uses /tmp/.keras.

    All users of the machine share that place: whoever comes first decides what the others read, and
    it is gone after a restart.

    Name a directory of your own in KERAS_HOME.

    Read in: keras/src/backend/config.py. Reports: keras#5480, PR#5486, uabrc.github.io#603.
    """
    home = next(place for place in situation.discovery.places if place.rule == "home")
    if _rule(situation) != "fallback" or situation.world.files.exists(home.path):
        return
    yield problem(
        "fallback-used",
        NOTE,
        in_file(situation),
        f"{home.reason}, so Keras uses this place, which all users share; name one of your own in "
        "KERAS_HOME",
        keras=None,
        fix=None,
    )


def keras_home_empty(situation: Situation) -> Iterator[Problem]:
    """KERAS_HOME is set, and empty.

    Keras (from 2.2 on) joins it with "keras.json": the file is looked for in the current directory,
    and is another one wherever a program is started.

    Take the variable away, or give it a directory.

    Read in: keras/src/backend/config.py.
    """
    if _rule(situation) == "KERAS_HOME" and situation.discovery.held_dir == "":
        yield problem(
            "keras-home-empty",
            WARNING,
            in_variable("KERAS_HOME"),
            "KERAS_HOME is set, and empty: give it a directory, or unset it",
            keras=f"Keras reads keras.json in the current directory: {situation.discovery.path}",
            fix=set_variable(situation, "KERAS_HOME", None),
        )


def keras_home_relative(situation: Situation) -> Iterator[Problem]:
    """KERAS_HOME is a relative path.

    Keras (from 2.2 on) uses it as it is, so that every working directory has its own keras.json,
    made with defaults where there is none.

    Write the whole path.

    Read in: keras/src/backend/config.py. Reports: keras#11923, keras#15351.
    """
    held = situation.discovery.held_dir
    if _rule(situation) != "KERAS_HOME" or not held or held.startswith("~"):
        return
    if not situation.world.paths.isabs(held):
        yield problem(
            "keras-home-relative",
            WARNING,
            in_variable("KERAS_HOME"),
            f"KERAS_HOME is {shown(held)}, a relative path: it means another place in each working "
            "directory",
            keras=f"from here Keras reads {situation.discovery.path}",
            fix=set_variable(situation, "KERAS_HOME", situation.discovery.keras_dir),
        )


def keras_home_tilde(situation: Situation) -> Iterator[Problem]:
    """KERAS_HOME begins with a tilde that no shell expanded.

    In quotes, in Dockerfiles, in .env files and in unit files nobody expands it. Keras (from 2.2
    on) expands it where it reads the file, and not where it makes the directory: it makes one that
    is called "~" in the current directory, and where the real one is missing writes no file.

    Write the whole path, or $HOME.

    Read in: keras/src/backend/config.py (os.path.expanduser of the file, os.makedirs of the
    directory).
    """
    held = situation.discovery.held_dir
    if _rule(situation) == "KERAS_HOME" and held.startswith("~"):
        yield problem(
            "keras-home-tilde",
            WARNING,
            in_variable("KERAS_HOME"),
            f"KERAS_HOME is {shown(held)}, with a tilde that the shell did not expand",
            keras=f"Keras reads {situation.discovery.path}, and makes a directory named ~ in the "
            "current one",
            fix=set_variable(situation, "KERAS_HOME", situation.discovery.keras_dir),
        )


def keras_home_names_file(situation: Situation) -> Iterator[Problem]:
    """KERAS_HOME ends in keras.json; it must name the directory.

    Keras (from 2.2 on) joins it with "keras.json" once more. Where it names a file, nothing is read
    and nothing can be written, without a word; else Keras makes a directory of that name.

    Leave the last part away.

    Read in: keras/src/backend/config.py.
    """
    paths = situation.world.paths
    held = situation.discovery.held_dir.rstrip("/\\")
    if _rule(situation) != "KERAS_HOME" or paths.basename(held) != NAME:
        return
    is_file = _is_file(situation, situation.discovery.keras_dir)
    right = paths.dirname(situation.discovery.keras_dir)
    yield problem(
        "keras-home-names-file",
        ERROR if is_file else WARNING,
        in_variable("KERAS_HOME"),
        f"KERAS_HOME is {shown(held)}: it must name the directory, not the file",
        keras=f"Keras looks for {situation.discovery.path}"
        + (", finds nothing, and uses its defaults" if is_file else ""),
        fix=set_variable(situation, "KERAS_HOME", right),
    )


def keras_home_not_directory(situation: Situation) -> Iterator[Problem]:
    """KERAS_HOME names a file.

    Keras (from 2.2 on) finds no keras.json below it, can't write one, and uses its defaults without
    a word; there is no second place.

    Name a directory.

    Read in: keras/src/backend/config.py.
    """
    directory = situation.discovery.keras_dir
    if _rule(situation) != "KERAS_HOME" or not _is_file(situation, directory):
        return
    if situation.world.paths.basename(directory) != NAME:
        yield problem(
            "keras-home-not-directory",
            ERROR,
            in_variable("KERAS_HOME"),
            f"KERAS_HOME names {directory}, which is no directory",
            keras="Keras finds no keras.json there, and uses its defaults without a word",
            fix=set_variable(situation, "KERAS_HOME", None),
        )


def keras_home_missing(situation: Situation) -> Iterator[Problem]:
    """KERAS_HOME names a directory that isn't there.

    Keras (from 2.2 on) makes it at its first import, and writes its defaults into it. A slip in the
    path looks the same.

    `kcfg init` makes it now.

    Read in: keras/src/backend/config.py.
    """
    discovery = situation.discovery
    if _rule(situation) != "KERAS_HOME" or situation.world.files.exists(discovery.keras_dir):
        return
    init = kcfg(situation, "init")
    yield problem(
        "keras-home-missing",
        NOTE,
        in_variable("KERAS_HOME"),
        f"KERAS_HOME names {discovery.keras_dir}, which is not there",
        keras="Keras uses its defaults, and makes the directory if it can",
        fix=by_hand(init),
    )


def misnamed_file(situation: Situation) -> Iterator[Problem]:
    """A file whose name is a slip of keras.json lies in Keras's directory.

    keras.jsn, kears.json, keras.json.txt (Windows hides the ending): Keras opens keras.json alone.
    A warning where there is no keras.json, else a note.

    Rename it.

    Read in: keras/src/backend/config.py. Report: pytorch-style heredocs that write `kears.json`.
    """
    if _rule(situation) == "--file":
        return
    directory = situation.discovery.keras_dir
    for name in sorted(situation.world.files.names(directory)):
        if not _misnames(name) or (situation.discovery.exists and name.lower() == NAME):
            continue
        path = situation.world.join(directory, name)
        if not _is_file(situation, path):
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

    Among the installed packages, or in the home directory itself instead of its .keras: Keras reads
    neither. A warning where there is no keras.json in the right place, else a note.

    Move it.

    Read in: keras/src/backend/config.py. Report: keras#11813.
    """
    world = situation.world
    if _rule(situation) == "--file":
        return
    directories = [
        directory
        for directory in situation.environment.directories
        if world.paths.basename(directory.rstrip("/\\")) in PACKAGES
    ]
    ways = ((), (".keras",), ("keras",), ("keras", ".keras"), ("keras", "src"))
    found = [world.join(directory, *way, NAME) for directory in directories for way in ways]
    home = world.expand_user("~")
    found += [world.join(home, name) for name in (NAME, "." + NAME)]
    used = {place.path for place in situation.discovery.places if place.path}
    for path in found:
        if path in used or world.absolute(path) in used or not _is_file(situation, path):
            continue
        exists = situation.discovery.exists
        yield problem(
            "misplaced-file",
            NOTE if exists else WARNING,
            (path, None, None),
            f"this file lies where Keras never looks; it opens {situation.discovery.path}",
            keras="Keras does not read it",
            fix=None if exists else move(path, situation.discovery.path),
        )


def untrusted_owner(situation: Situation) -> Iterator[Problem]:
    """The file, its directory or one above it belongs to another user, who isn't root.

    That user decides what Keras reads. Keras looks at no owner, in any release; kcfg's writers
    refuse, unless --force is given. For root under sudo the user who called it is trusted, too.
    Not judged on Windows.

    `chown` it, or name another directory in KERAS_HOME.

    Read in: openssh-portable misc.c, safe_path (the rules). Report: keras#5480.
    """
    yield from _suspicions(situation, "untrusted-owner")


def untrusted_mode(situation: Situation) -> Iterator[Problem]:
    """Everybody may write to the file, to its directory, or to one above it.

    Whoever does decides what Keras reads. A directory with the sticky bit, such as /tmp, is all
    right. Keras looks at no mode, in any release; kcfg's writers refuse, unless --force is given.
    Not judged on Windows.

    `chmod o-w`.

    Read in: openssh-portable misc.c, safe_path (the rules).
    """
    yield from _suspicions(situation, "untrusted-mode")


def group_writable(situation: Situation) -> Iterator[Problem]:
    """A group may write to the file, to its directory, or to one above it.

    In a shared project that can be intended. A user's own private group is all right. Keras looks
    at no mode, in any release. Not judged on Windows.

    `chmod g-w`, if it isn't intended.

    Read in: openssh-portable misc.c, safe_path (the rules).
    """
    yield from _suspicions(situation, "group-writable")


def symlink_in_shared_directory(situation: Situation) -> Iterator[Problem]:
    """Another user's link, in a directory that everybody may write to, leads to the file.

    /tmp/.keras may be such a link: its owner decides what Keras reads, and where it writes. Keras
    follows it, in all releases; kcfg's writers refuse, unless --force is given. Not judged on
    Windows.

    Name another directory in KERAS_HOME.

    Read in: the Linux kernel's fs.protected_symlinks (the rule). Report: keras#5480.
    """
    yield from _suspicions(situation, "symlink-in-shared-directory")


def _suspicions(situation: Situation, code: str) -> Iterator[Problem]:
    """The findings of `kcfg.trust`, asked for once; none for a world that is given."""
    from kcfg.world import RealFiles

    if not isinstance(situation.world.files, RealFiles) or situation.discovery.path == STDIN:
        return
    if "_suspicions" not in situation.__dict__:
        from kcfg.trust import check_trust

        situation.__dict__["_suspicions"] = check_trust(situation.discovery.path)
    yield from (found for found in situation.__dict__["_suspicions"] if found.code == code)


def _rule(situation: Situation) -> str:
    """The rule that chose the file: "--file", "KERAS_HOME", "home" or "fallback"."""
    return next(place.rule for place in situation.discovery.places if place.chosen)


def _is_file(situation: Situation, path: str) -> bool:
    files = situation.world.files
    return files.exists(path) and not files.is_dir(path)


def _misnames(name: str) -> bool:
    """Whether a file's name is a slip of keras.json; copies that people keep are none."""
    if name == NAME:
        return False
    lowered = name.lower()
    if lowered in (NAME, NAME + ".txt", NAME + ".json", NAME + " "):
        return True
    kept = lowered.startswith((NAME, ".")) or lowered.endswith(("~", "#"))
    return not kept and slip_of(name, [NAME]) is not None
