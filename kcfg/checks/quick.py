"""All checks, at the cost of those that may find something: for `kcfg show` in shell loops.

In: a situation; out: what `registry.run` would find. Each family of checks has a line here that
says when none of its checks can find anything; where all of them hold, none is loaded. In doubt a
family is asked.
"""

from __future__ import annotations

import os
import stat

from kcfg.keras.installed import KERASES
from kcfg.keras.releases import ALSO_IMPORTED

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

    from kcfg.problems import Problem
    from kcfg.situation import Situation


def run(situation: Situation) -> tuple[Problem, ...]:
    """Every problem, as `kcfg.checks.registry.run` gives them."""
    families = [name for name, silent in SILENT.items() if not silent(situation)]
    if not families:
        return ()
    from kcfg.checks import registry

    return registry.run(situation, families=families)


def _loads(situation: Situation) -> bool:
    """Keras takes the file, or there is none."""
    return situation.resolution.failure is None and situation.reading.ignored is None


def _syntax(situation: Situation) -> bool:
    """It loads, and on every Python: too many brackets inside each other depend on it."""
    if not _loads(situation):
        return False
    data = situation.reading.data
    if data is None:
        return True
    from kcfg.scanner import MAX_DEPTH

    return data.count(b"[") + data.count(b"{") < MAX_DEPTH


def _keys(situation: Situation) -> bool:
    """Each key is one of the release's, and stands there once."""
    mapping = situation.reading.mapping
    if not mapping:
        return True
    document = situation.document()
    known = all(situation.rules.key(name) for name in mapping)
    return known and document is not None and len(document.members) == len(mapping)


def _values(situation: Situation) -> bool:
    """The defaults, or what every release takes and can compute with."""
    held = {
        name: one.file_value for name, one in situation.resolution.values.items() if one.in_file
    }
    epsilon = held.get("epsilon", 1e-7)
    return (
        _loads(situation)
        and held.get("floatx", "float32") in ("float32", "float64")
        and isinstance(epsilon, float)
        and 1e-7 <= epsilon < 1  # 1 - epsilon isn't 1 in float32
        and held.get("image_data_format", "channels_last") == "channels_last"
        and "image_dim_ordering" not in held
    )


def _backends(situation: Situation) -> bool:
    """The release has it, so has the environment, and no other Keras is there."""
    held = situation.resolution.values["backend"]
    there = situation.environment.distributions
    versions = {there.get(name) for name in KERASES}
    missing = held.source == "default" and situation.rules.version not in versions
    return (
        _loads(situation)
        and situation.rules.reads_backend
        and (not held.in_file or held.file_value == held.value)
        and held.value in situation.rules.backends
        and held.value != "openvino"
        and held.value not in ALSO_IMPORTED
        and (held.value in there or missing)
        and versions <= {None, situation.rules.version}
    )


def _nnx(situation: Situation) -> bool:
    """Nobody speaks of it."""
    return (
        _loads(situation)
        and "nnx_enabled" not in (situation.reading.mapping or {})
        and "KERAS_NNX_ENABLED" not in situation.world.env
    )


def _variables(situation: Situation) -> bool:
    """None is set that could be Keras's, and conda runs no script."""
    world = situation.world
    prefix = world.env.get("CONDA_PREFIX")
    return (
        not any(name[:1] in ("K", "k") for name in world.env)
        and "TF_USE_LEGACY_KERAS" not in world.env
        and not (prefix and world.files.names(world.join(prefix, "etc", "conda", "activate.d")))
    )


def _homes(situation: Situation) -> bool:
    """The file is below a home directory that is writable, or was named."""
    return next(p.rule for p in situation.discovery.places if p.chosen) in ("home", "--file")


def _places(situation: Situation) -> bool:
    """The file can be read, or there is none; and there is none where Keras never looks."""
    discovery, world = situation.discovery, situation.world
    if not _loads(situation) or (not discovery.exists and world.files.is_link(discovery.path)):
        return False
    if any(_may_misname(name) for name in world.files.names(discovery.keras_dir)):
        return False
    home, here = world.expand_user("~"), world.cwd
    found = [world.join(home, name) for name in ("keras.json", ".keras.json")]
    found += [world.join(here, *way, "keras.json") for way in ((), (".keras",))]
    found += [
        world.join(directory, *way, "keras.json")
        for directory in situation.environment.directories
        if directory.endswith("-packages")
        for way in ((), (".keras",), ("keras",), ("keras", ".keras"), ("keras", "src"))
    ]
    return not any(path != discovery.path and world.files.exists(path) for path in found)


def _may_misname(name: str) -> bool:
    """Two slips take no more than two letters away, and put no more than two in."""
    return name != "keras.json" and len(set("kerasjson") - set(name.lower())) <= 2


def _owners(situation: Situation) -> bool:
    """No links; all is ours or root's, and nobody else may write, up to the root."""
    from kcfg.world import RealFiles

    if not isinstance(situation.world.files, RealFiles):
        return True
    if not hasattr(os, "geteuid"):
        return True
    ours = (0, os.geteuid())
    place = situation.discovery.path
    while True:
        try:
            status = os.lstat(place)
        except FileNotFoundError:
            status = None
        except OSError:
            return False
        if status is not None and (
            status.st_uid not in ours
            or stat.S_ISLNK(status.st_mode)
            or (status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX)
        ):
            return False
        above = os.path.dirname(place)
        if above == place:
            return True
        place = above


SILENT: dict[str, Callable[[Situation], bool]] = {
    "syntax": _syntax,
    "keys": _keys,
    "values": _values,
    "backends": _backends,
    "nnx": _nnx,
    "variables": _variables,
    "homes": _homes,
    "places": _places,
    "owners": _owners,
}
"""By family: its checks find nothing here, whatever else there is."""
