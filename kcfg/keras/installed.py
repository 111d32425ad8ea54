"""Which Keras and which optional packages an environment has, from the names in its directories.

Nothing is imported: `importlib.metadata` alone would cost as much as all the rest of `kcfg get`.
"""

from __future__ import annotations

import os
import sys

from kcfg.keras.releases import is_release
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.world import World

LEGACY = ("true", "True", "1")
"""What TF_USE_LEGACY_KERAS must be (tensorflow/__init__.py of TensorFlow 2.16 and later)."""


KERASES = ("keras", "keras_nightly", "tf_keras")
"""The distributions that are a Keras, the one that counts first."""


TENSORFLOWS = (
    *("tensorflow", "tensorflow_cpu", "tensorflow_gpu", "tensorflow_intel", "tensorflow_macos"),
    *("tensorflow_rocm", "tensorflow_cpu_aws", "intel_tensorflow", "tf_nightly", "tf_nightly_cpu"),
)
"""Distributions that bring the module `tensorflow`; tensorflow_datasets, for one, does not."""


class Environment(Record):
    """A Python environment: where its packages lie, and which distributions they are."""

    name: str
    """Which environment: its directory, or "kcfg's own Python"."""
    directories: tuple[str, ...]
    distributions: dict[str, str]
    """Version by name, lower case, `_` for `-`."""


def active_environment(world: World) -> Environment:
    """The environment of $VIRTUAL_ENV, else $CONDA_PREFIX, else the Python that runs kcfg."""
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = world.env.get(variable)
        if prefix:
            found = _package_directories(world, prefix)
            if found:
                return _environment(world, prefix, found)
    return _environment(world, "kcfg's own Python", world.module_path)


def keras_release(world: World, environment: Environment) -> str | None:
    """The release of Keras installed there, as pip names it; None if there is none, or only
    versions that no Keras has had, such as "dev".

    With TF_USE_LEGACY_KERAS=1 it is tf_keras that counts, where it is installed.
    """
    names = [*KERASES]
    if world.env.get("TF_USE_LEGACY_KERAS") in LEGACY:
        names.insert(0, "tf_keras")
    found = (environment.distributions.get(name) for name in names)
    return next((version for version in found if version and is_release(version)), None)


def importable(world: World, environment: Environment, module: str) -> bool:
    """Whether `import module` would find something: standard library or the environment's packages.

    Found by name alone, so what an import hook adds isn't seen.
    """
    first, *rest = module.split(".")
    if "/" in module or "\\" in module or not all((first, *rest)):
        return False
    places = list(environment.directories)
    if first in sys.stdlib_module_names:  # those of every system: winreg is Windows' alone
        from importlib.util import find_spec

        if not rest or module in sys.modules:  # os.path has no file of its own
            return find_spec(first) is not None
        places = [os.path.dirname(os.__file__)]
    for name in (first, *rest):
        found = [world.join(place, name) for place in places]
        packages = [place for place in found if world.files.is_dir(place)]
        if not packages and not any(world.files.exists(place + ".py") for place in found):
            return False
        places = packages
    return True


def _package_directories(world: World, prefix: str) -> tuple[str, ...]:
    """The site-packages directories below an environment's prefix, its base's too if it says so."""
    if world.windows:
        found = [world.join(prefix, "Lib", "site-packages")]
    else:
        lib = world.join(prefix, "lib")
        pythons = sorted(name for name in world.files.names(lib) if name.startswith("python3"))
        found = [world.join(lib, name, "site-packages") for name in pythons]
    return tuple(place for place in found if world.files.is_dir(place))


def _environment(world: World, name: str, directories: tuple[str, ...]) -> Environment:
    distributions: dict[str, str] = {}
    for directory in directories:
        for entry in world.files.names(directory):
            if entry.endswith((".dist-info", ".egg-info")):  # few of many, at every `kcfg get`
                # name-version.dist-info; an egg's name may go on with -py3.7.
                stem = entry.rpartition(".")[0]
                distribution, _, version = stem.partition("-")
                key = distribution.lower().replace("-", "_").replace(".", "_")
                # The first directory on the path wins, as in an import.
                distributions.setdefault(key, version.partition("-")[0])
    return Environment(name, directories, distributions)
