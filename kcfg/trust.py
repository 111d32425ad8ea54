"""Who else could change what stands at a path.

In: a path; out: a `Problem` for each owner, mode or link that gives somebody else the last word on
keras.json. The rules are OpenSSH's (`openssh/openssh-portable misc.c`, `safe_path`) with git's
trust in SUDO_UID (`git/git setup.c`, `ensure_valid_ownership`). Nothing is changed, and nothing is
asked of a name service.
"""

from __future__ import annotations

import os
import stat

from kcfg.problems import NOTE, WARNING, Fix, Problem

_MOST_LINKS = 40  # as Linux, path_resolution(7)

REFUSED = frozenset({"untrusted-owner", "untrusted-mode", "symlink-in-shared-directory"})
"""Codes for which a writer refuses; the others are worth knowing."""


def trusted_owners() -> frozenset[int]:
    """Root, this process's user, and for root under sudo the user who called it."""
    user = os.geteuid()
    owners = {0, user}
    caller = os.environ.get("SUDO_UID", "")
    if user == 0 and caller.isascii() and caller.isdigit():
        owners.add(int(caller))
    unmapped = _unmapped_owner()
    if unmapped is not None:
        owners.add(unmapped)
    return frozenset(owners)


def _unmapped_owner() -> int | None:
    """Who seems to own root's files inside a user namespace that does not map root.

    Apptainer and bubblewrap start such containers; `/home` then belongs to "nobody". No process
    inside can be that owner.
    """
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            ranges = [tuple(map(int, line.split())) for line in file]
        with open("/proc/sys/kernel/overflowuid", encoding="ascii") as file:
            nobody = int(file.read())
    except (OSError, ValueError):
        return None
    mapped = any(first <= nobody < first + count for first, _, count in ranges)
    return None if mapped else nobody


def check_trust(path: str, owners: frozenset[int] | None = None) -> tuple[Problem, ...]:
    """What is suspicious about the file at `path`, its directories, and the links that lead there.

    The file and its directory need not exist. Every directory up to the root counts: whoever can
    rename one of them can put another in its place. owners: user ids to trust, by default
    `trusted_owners()`. Empty on systems without owners and modes (Windows).
    """
    if not hasattr(os, "geteuid"):
        return ()
    trusted = trusted_owners() if owners is None else owners
    problems = [
        _planted_link(link)
        for link, status, parent in _links(path)
        if _is_shared(parent) and status.st_uid not in trusted
    ]
    target = os.path.realpath(path)
    place = target
    while True:
        status = _status(place)
        if status is not None and not stat.S_ISLNK(status.st_mode):  # one: they lead in a circle
            is_far = place not in (target, os.path.dirname(target))
            problems += _judge(place, status, trusted, is_far=is_far)
        above = os.path.dirname(place)
        if above == place:
            return tuple(problems)
        place = above


def _judge(
    place: str, status: os.stat_result, trusted: frozenset[int], *, is_far: bool
) -> list[Problem]:
    """is_far: a directory further up, where a group's right to write is the system's affair."""
    mode = status.st_mode
    if stat.S_ISCHR(mode):  # everybody may write to /dev/null, and nothing comes of it
        return []
    if status.st_uid not in trusted:
        return [
            _problem(
                "untrusted-owner",
                WARNING,
                f"belongs to user {status.st_uid}, neither to you nor to root: "
                "that user decides what Keras reads",
                place,
                None,
            )
        ]
    mine = os.geteuid() in (0, status.st_uid)  # only then chmod can help
    sticky = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
    if mode & stat.S_IWOTH and not sticky:
        return [
            _problem(
                "untrusted-mode",
                WARNING,
                f"everybody may change it (mode {stat.S_IMODE(mode):04o})",
                place,
                "chmod o-w" if mine else None,
            )
        ]
    # A group that has its user's own number is that user's private one (umask 002).
    private = status.st_gid in (0, status.st_uid)
    if mode & stat.S_IWGRP and not sticky and not private and not is_far:
        return [
            _problem(
                "group-writable",
                NOTE,
                f"the group {status.st_gid} may change it (mode {stat.S_IMODE(mode):04o})",
                place,
                "chmod g-w" if mine else None,
            )
        ]
    return []


def _planted_link(link: str) -> Problem:
    return _problem(
        "symlink-in-shared-directory",
        WARNING,
        "a link that another user put into a directory that everybody may write to",
        link,
        None,
    )


def _problem(code: str, severity: str, message: str, path: str, command: str | None) -> Problem:
    fix = None
    if command is not None:
        import shlex

        fix = Fix(command=f"{command} {shlex.quote(path)}", edits=(), safe=False)
    return Problem(
        code=code,
        severity=severity,
        message=message,
        keras="Keras reads it all the same",
        path=path,
        line=None,
        column=None,
        fix=fix,
    )


def _is_shared(directory: os.stat_result | None) -> bool:
    """Sticky and writable by everybody, as /tmp."""
    wanted = stat.S_IWOTH | stat.S_ISVTX
    return directory is not None and directory.st_mode & wanted == wanted


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:  # not there, or not ours to look at: what is above it is judged
        return None


def _links(path: str) -> list[tuple[str, os.stat_result, os.stat_result | None]]:
    """Every symbolic link met on the way along `path`: where, what it is, the directory it is in.

    The system's own guard against such links, `fs.protected_symlinks`, may be switched off.
    """
    found: list[tuple[str, os.stat_result, os.stat_result | None]] = []
    here = os.sep
    whole = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    ahead = whole.split(os.sep)[::-1]
    while ahead:
        name = ahead.pop()
        if name in ("", "."):
            continue
        if name == "..":
            here = os.path.dirname(here)
            continue
        there = os.path.join(here, name)
        status = _status(there)
        if status is None or not stat.S_ISLNK(status.st_mode) or len(found) == _MOST_LINKS:
            here = there
            continue
        found.append((there, status, _status(here)))
        target = os.readlink(there)
        if target.startswith(os.sep):
            here = os.sep
        ahead += target.split(os.sep)[::-1]
    return found
