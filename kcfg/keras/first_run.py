"""What a release does where there is no keras.json yet: the file that it writes, or why it raises.

Nothing is written here. From 2.0.5 on a failure passes in silence; before, it ends the import.
"""

from __future__ import annotations

import errno
import os

from kcfg.keras.reading import Failure

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.keras.discovery import Discovery
    from kcfg.keras.releases import Rules
    from kcfg.world import World


def first_file(rules: Rules) -> bytes:
    """The bytes that this release writes at its first import, with its defaults."""
    import json

    held = {key.name: rules.defaults[key.name] for key in rules.keys if key.in_first_file}
    if rules.ways["first file"] == "one line":
        return (json.dumps(held) + "\n").encode()
    return json.dumps(held, indent=4).encode()


def why_no_directory(world: World, rules: Rules, discovery: Discovery) -> Failure | None:
    """The exception of `os.makedirs(keras_dir)`, in the releases that let it pass."""
    held = discovery.held_dir
    if rules.ways["make directory"] != "first" or world.files.exists(held):
        return None
    return _failure(_making_directory(world, held))


def why_no_file(world: World, rules: Rules, discovery: Discovery) -> Failure | None:
    """The exception of `open(config_path, "w")`, in the releases that let it pass."""
    way = rules.ways["write file"]
    if way == "tried" or (discovery.exists and way != "always"):
        return None
    if way == "in a writable home" and not world.files.writable(discovery.base):
        return None
    return _failure(_opening_for_writing(world, discovery))


def _failure(error: tuple[int, str] | None) -> Failure | None:
    if error is None:
        return None
    number, path = error
    name = type(OSError(number, "")).__name__
    return Failure(name, f"[Errno {number}] {os.strerror(number)}: {path!r}", "config", None)


def _making_directory(world: World, path: str) -> tuple[int, str] | None:
    """What `os.makedirs(path)` raises: its errno and path, or None. `path` doesn't exist."""
    parent = world.paths.dirname(path.rstrip(world.paths.sep)) or world.paths.curdir
    if not world.files.exists(parent) and parent != path:
        error = _making_directory(world, parent)
        # A dangling link is there and isn't: makedirs passes over it, and mkdir then fails.
        if error is not None and error[0] != errno.EEXIST:
            return error
        if error is not None:
            return errno.ENOENT, path
    elif not world.files.is_dir(parent):
        return errno.ENOTDIR, path
    elif world.files.is_link(path):
        return errno.EEXIST, path
    elif not (world.files.writable(parent) and world.files.searchable(parent)):
        return errno.EACCES, path
    return None


def _opening_for_writing(world: World, discovery: Discovery) -> tuple[int, str] | None:
    """What `open(config_path, "w")` raises: its errno and path, or None."""
    named, path = discovery.held_path, discovery.path
    for _ in range(40):  # the kernel's own limit of links
        if not world.files.is_link(path):
            break
        path = world.join(world.paths.dirname(path), world.files.target(path))
    else:
        return errno.ELOOP, named
    parent = world.paths.dirname(path)
    if world.files.is_dir(path):
        return errno.EISDIR, named
    if world.files.exists(path):
        return None if world.files.writable(path) else (errno.EACCES, named)
    if not world.files.exists(parent):
        error = _making_directory(world, parent)
        if error is None and path == discovery.path:
            return None
        return (errno.ENOTDIR if error and error[0] == errno.ENOTDIR else errno.ENOENT), named
    if not world.files.is_dir(parent):
        return errno.ENOTDIR, named
    if not (world.files.writable(parent) and world.files.searchable(parent)):
        return errno.EACCES, named
    return None
