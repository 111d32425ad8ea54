"""Checks of owners and modes: who else can change what Keras reads? `kcfg.trust` has the rules."""

from __future__ import annotations

from kcfg.checks.found import STDIN

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcfg.problems import Problem
    from kcfg.situation import Situation


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

    world, path = situation.world, situation.discovery.path
    if not isinstance(world.files, RealFiles) or path == STDIN:
        return
    if not (world.cwd or world.paths.isabs(path)):  # below a directory that is gone nothing is
        return
    if "_suspicions" not in situation.__dict__:
        from kcfg.trust import check_trust

        situation.__dict__["_suspicions"] = check_trust(path)
    yield from (found for found in situation.__dict__["_suspicions"] if found.code == code)
