"""A keras directory that outlives kcfg, for `run --print` and `run --github`.

direnv evaluates the same line again and again, CI hands the variables to later steps: the same
values of the same keras directory therefore always have the same place, below the user's cache,
where it may be removed at any time. As a private directory does, it shows what the real one holds;
what Keras downloads goes into the real one.
"""

from __future__ import annotations

import hashlib
import os
import sys

from kcfg import store
from kcfg.launch.place import CONFIG, DOWNLOADS, entries
from kcfg.system import failure

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping


def cache_directory(environ: Mapping[str, str], home: str) -> str:
    """Where this system keeps what can be made again.

    Source: XDG Base Directory Specification 0.8 (a relative path counts as none); Apple, File
    System Programming Guide; Microsoft, Known Folders.
    """
    if sys.platform == "win32":
        return environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    chosen = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):
        return chosen
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches")
    return os.path.join(home, ".cache")


def standing_directory(
    cache: str, contents: bytes, directory: str, literals: Mapping[str, str]
) -> str:
    """Make or bring up to date the keras directory for these values; gives its absolute path.

    contents: its keras.json. directory: the real keras directory. literals: the values, as they
    stand in JSON. Raises KcfgError where it can't be written.
    """
    said = [directory, *(f"{key}={literals[key]}" for key in sorted(literals))]
    name = hashlib.sha256(b"\0".join(map(os.fsencode, said))).hexdigest()[:16]
    path = os.path.join(cache, "kcfg", "run", name)
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        _show(directory, path)
    except OSError as error:
        mend = "name a directory for it with --keras-home"
        raise failure(error, where=path, doing="make a keras directory", mend=mend) from error
    store.update(os.path.join(path, CONFIG), lambda _: contents)
    return path


def _show(real: str, path: str) -> None:
    """A link for each entry; those whose entry is gone, go."""
    for name in os.listdir(path):
        link = os.path.join(path, name)
        if os.path.islink(link) and not os.path.lexists(os.path.join(real, name)):
            _remove(link)
    for name in DOWNLOADS:
        _make(os.path.join(real, name))
    for name in entries(real):
        link = os.path.join(path, name)
        if not os.path.lexists(link):
            _link(os.path.join(real, name), link)


def _make(directory: str) -> None:
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError:
        # Keras couldn't download into it either; without a link it downloads beside keras.json.
        return


def _link(target: str, link: str) -> None:
    if sys.platform == "win32":
        from kcfg.launch.windows import show

        show(target, link)
        return
    try:
        os.symlink(target, link)
    except FileExistsError:
        return  # Another kcfg was first, with the same.


def _remove(link: str) -> None:
    try:
        os.remove(link)
    except FileNotFoundError:
        return
