"""Checks of KERAS_HOME and the home directory: is this the directory that was meant?"""

from __future__ import annotations

from kcfg.checks.found import (
    by_hand,
    in_file,
    in_variable,
    is_file,
    kcfg,
    problem,
    rule,
    set_variable,
    shown,
)
from kcfg.problems import ERROR, NOTE, WARNING

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcfg.problems import Problem
    from kcfg.situation import Situation

NAME = "keras.json"


def home_passed_over(situation: Situation) -> Iterator[Problem]:
    """There is a keras.json in the home directory, and Keras doesn't look at it.

    Keras 1 to 2.3 and 3 ask whether the home directory itself is writable. If it isn't, they use
    /tmp/.keras, even where ~/.keras/keras.json could be read: in containers, batch jobs, services.
    tf.keras (2.4.3 to 2.15) doesn't do that.

    Name the directory: `export KERAS_HOME="$HOME/.keras"`.

    Read in: keras/src/backend/config.py (os.access). Reports: keras PR#8417, PR#8645, keras#5480.
    """
    home = next(place for place in situation.discovery.places if place.rule == "home")
    if rule(situation) != "fallback" or not situation.world.files.exists(home.path):
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
    if rule(situation) != "fallback" or situation.world.files.exists(home.path):
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
    if rule(situation) == "KERAS_HOME" and situation.discovery.held_dir == "":
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
    if rule(situation) != "KERAS_HOME" or not held or held.startswith("~"):
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
    if rule(situation) == "KERAS_HOME" and held.startswith("~"):
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
    if rule(situation) != "KERAS_HOME" or paths.basename(held) != NAME:
        return
    on_a_file = is_file(situation, situation.discovery.keras_dir)
    right = paths.dirname(situation.discovery.keras_dir)
    yield problem(
        "keras-home-names-file",
        ERROR if on_a_file else WARNING,
        in_variable("KERAS_HOME"),
        f"KERAS_HOME is {shown(held)}: it must name the directory, not the file",
        keras=f"Keras looks for {situation.discovery.path}"
        + (", finds nothing, and uses its defaults" if on_a_file else ""),
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
    if rule(situation) != "KERAS_HOME" or not is_file(situation, directory):
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
    if rule(situation) != "KERAS_HOME" or situation.world.files.exists(discovery.keras_dir):
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
