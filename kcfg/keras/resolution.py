"""Mapping, variables and rules -> what Keras holds for each key, why, and what fails.

The steps stand in the order in which the releases take them, so that the first failure is Keras's.
"""

from __future__ import annotations

import sys

from kcfg.keras.installed import importable
from kcfg.keras.reading import Failure
from kcfg.keras.releases import BACKEND_ENTRIES, BROUGHT_ALONG, HALF_FILLED, NNX_MESSAGE
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.keras.discovery import Discovery
    from kcfg.keras.installed import Environment
    from kcfg.keras.reading import Reading
    from kcfg.keras.releases import Key, Rules
    from kcfg.world import World


class Resolved(Record):
    """What Keras holds for one key."""

    value: object
    """None where the import fails before Keras holds anything."""
    source: str
    """ "file", "env" or "default"."""
    variable: str | None
    """The variable that won, for "env"."""
    in_file: bool
    file_value: object
    """What the file says for this key, used or not; None also where it says nothing."""


class Resolution(Record):
    """What Keras holds in the end, or held when it failed."""

    values: dict[str, Resolved]
    limits: dict[str, int | None]
    """max_epochs and max_steps_per_epoch, in the releases that have them."""
    failure: Failure | None


def resolve(
    world: World,
    rules: Rules,
    discovery: Discovery,
    reading: Reading,
    environment: Environment,
) -> Resolution:
    """Take the steps of the release's configuration code (`keras.releases.CONFIG_*`)."""
    failure = reading.failure or _refused_value(rules, reading.mapping)
    if rules.ways["make directory"] != "tried" or rules.ways["write file"] != "tried":
        from kcfg.keras import first_run  # of the older releases

        failure = (
            first_run.why_no_directory(world, rules, discovery)
            or failure
            or first_run.why_no_file(world, rules, discovery)
        )
    values = {key.name: _from_file(rules, key, reading.mapping) for key in rules.keys}
    limits: dict[str, int | None] = {
        name: None for name in ("max_epochs", "max_steps_per_epoch") if name in rules.variables
    }
    if failure:
        # Keras sets all keys or, failing, none.
        values = {name: held.replace(value=None) for name, held in values.items()}
    else:
        failure = (
            _backend_from_variable(world, rules, values)
            or _limits_from_variables(world, rules, limits)
            or _nnx(world, rules, environment, values)
            or unusable_backend(world, rules, environment, values["backend"].value)
        )
    return Resolution(values=values, limits=limits, failure=failure)


def _from_file(rules: Rules, key: Key, mapping: dict[str, object] | None) -> Resolved:
    default = rules.defaults[key.name]
    if mapping is None or key.name not in mapping:
        return Resolved(default, "default", None, in_file=False, file_value=None)
    said = mapping[key.name]
    unread = key.name == "backend" and not rules.reads_backend
    forgotten = rules.ways.get(key.name) == "forgotten"
    if unread or forgotten:
        return Resolved(default, "default", None, in_file=True, file_value=said)
    return Resolved(said, "file", None, in_file=True, file_value=said)


def _refused_value(rules: Rules, mapping: dict[str, object] | None) -> Failure | None:
    """The first key, in Keras's order, whose value the release refuses when it reads it."""
    for key in rules.keys:
        if mapping is not None and key.name in mapping:
            failure = refusal(rules, key, mapping[key.name])
            if failure:
                return failure
    return None


def refusal(rules: Rules, key: Key, value: object) -> Failure | None:
    """How the release refuses this value in its file, None where it takes it."""
    if key.kind == "float":
        return None if isinstance(value, float) else _invalid(rules, key, "a float", value)
    if key.kind == "choice":
        allowed = key.values
    elif key.kind == "backend" and rules.ways["unknown backend"] == "asserted":
        allowed = rules.backends
    else:
        return None
    if isinstance(value, (list, dict)):
        text = f"unhashable type: '{type(value).__name__}'"
        return Failure("TypeError", text, "config", key.name)
    if value in allowed:
        return None
    return _invalid(rules, key, f"one of {{{', '.join(map(repr, allowed))}}}", value)


def _invalid(rules: Rules, key: Key, expected: str, value: object) -> Failure:
    error = rules.ways["invalid"]
    message = (
        ""
        if error == "AssertionError"
        else f"Invalid `{key.name}` configuration. Expected {expected}. "
        f"Received: {key.name}={value}"
    )
    return Failure(error, message, "config", key.name)


def _backend_from_variable(
    world: World, rules: Rules, values: dict[str, Resolved]
) -> Failure | None:
    variable = rules.variables.get("backend")
    if variable is None or variable.name not in world.env:
        return None
    said = world.env[variable.name]
    if not said and variable.when == "nonempty":
        return None
    if rules.ways["unknown backend"] == "asserted" and said not in rules.backends:
        return Failure("AssertionError", "", "environment", "backend")
    values["backend"] = values["backend"].replace(value=said, source="env", variable=variable.name)
    return None


def _limits_from_variables(
    world: World, rules: Rules, limits: dict[str, int | None]
) -> Failure | None:
    for name in limits:
        variable = rules.variables[name].name
        if variable in world.env:
            try:
                limits[name] = int(world.env[variable])
            except ValueError as error:
                return Failure("ValueError", str(error), "environment", None)
    return None


def _nnx(
    world: World, rules: Rules, environment: Environment, values: dict[str, Resolved]
) -> Failure | None:
    held = values.get("nnx_enabled")
    if held is None:
        return None
    variable = rules.variables["nnx_enabled"].name
    if variable in world.env:
        said = world.env[variable].lower() in ("true", "1")
        held = held.replace(value=said, source="env", variable=variable)
    held = held.replace(value=bool(held.value))
    values["nnx_enabled"] = held
    if held.value and "flax" not in environment.distributions:
        return Failure("ImportError", NNX_MESSAGE, "nnx", "nnx_enabled")
    return None


def unusable_backend(
    world: World, rules: Rules, environment: Environment, backend: object
) -> Failure | None:
    """Judged as if every backend that the release knows were installed."""
    if not rules.reads_backend or backend in rules.backends:
        return None
    if rules.ways["unknown backend"] == "imported":
        return _not_a_module(world, environment, backend)
    return cannot_import(backend)


def cannot_import(backend: object) -> Failure:
    """How Keras fails, from 2.2 on, on a backend that it doesn't know and can't import."""
    return Failure("ValueError", f"Unable to import backend : {backend}", "backend", "backend")


def _not_a_module(world: World, environment: Environment, backend: object) -> Failure | None:
    """How `importlib.import_module(backend)` and what Keras 2.2 and 2.3 do next would fail.

    A module that lies in the active environment, and that no Keras brings along, may be a backend:
    whether it has placeholder, variable and function can't be known without importing it.
    """
    if not isinstance(backend, str):
        text = f"'{type(backend).__name__}' object has no attribute 'startswith'"
        return Failure("AttributeError", text, "backend", "backend")
    if backend.startswith("."):
        text = f"the 'package' argument is required to perform a relative import for {backend!r}"
        return Failure("TypeError", text, "backend", "backend")
    if not backend:
        return Failure("ValueError", "Empty module name", "backend", "backend")
    top = backend.partition(".")[0]
    known = top in sys.stdlib_module_names or top in BROUGHT_ALONG
    if backend in (*HALF_FILLED, *BROUGHT_ALONG) or (
        known and importable(world, environment, backend)
    ):
        text = f"Invalid backend. Missing required entry : {BACKEND_ENTRIES[0]}"
        return Failure("ValueError", text, "backend", "backend")
    return None if importable(world, environment, backend) else cannot_import(backend)
