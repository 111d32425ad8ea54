"""Checks of the environment: what do Keras's variables really do?"""

from __future__ import annotations

from kcfg.checks.found import (
    at_value,
    by_hand,
    in_variable,
    problem,
    set_variable,
    shown,
    would_raise,
)
from kcfg.checks.slips import slip_of
from kcfg.keras.releases import VARIABLES
from kcfg.problems import ERROR, NOTE, WARNING, KcfgError

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcfg.keras.releases import Variable
    from kcfg.problems import Fix, Problem
    from kcfg.situation import Situation

LEGACY = "TF_USE_LEGACY_KERAS"
KNOWN = frozenset(row.name for row in VARIABLES)
LARGEST_SCRIPT = 100_000  # bytes


def shadowed_by_env(situation: Situation) -> Iterator[Problem]:
    """A value of the file that a variable overrules.

    A non-empty KERAS_BACKEND wins over the file's backend, and from 3.11 on KERAS_NNX_ENABLED over
    nnx_enabled: "I changed keras.json and nothing happened". floatx, epsilon and the image layout
    have no variable. The place is that of the value that isn't used.

    Take the variable away (`unset KERAS_BACKEND`, and look where it is set: a shell's start file, a
    conda activation script, an IDE, a CI setting), or leave the choice to it.

    Read in: keras/src/backend/config.py. Reports: keras#5434, keras#10252, keras#9984, keras#6925.
    """
    for key, held in situation.resolution.values.items():
        if held.variable is None or not held.in_file:
            continue
        said_there = situation.world.env[held.variable]
        used = bool(held.file_value) if key == "nnx_enabled" else held.file_value
        if used == held.value:
            continue
        yield problem(
            "shadowed-by-env",
            WARNING,
            at_value(situation, key),
            f"{held.variable}={said_there} is set and wins over this {key}",
            keras=f"Keras uses {shown(held.value)}, not {shown(held.file_value)}",
            fix=set_variable(situation, held.variable, None),
        )


def variable_not_read(situation: Situation) -> Iterator[Problem]:
    """A variable that other releases of Keras read, and this one doesn't.

    KERAS_HOME came with 2.2, KERAS_BACKEND is not read by tf.keras (2.4.3 to 2.15),
    KERAS_MAX_EPOCHS and KERAS_MAX_STEPS_PER_EPOCH came with 3.10, KERAS_NNX_ENABLED with 3.11,
    KERAS_TORCH_DEVICE with 3.14. A release ignores the others without a word.

    Upgrade Keras, or set the key in keras.json.

    Read in: keras/backend/__init__.py of 1.x and 2.x, keras/src/backend.py of 2.15.0,
    keras/src/backend/config.py of 3.x.
    """
    rules = situation.rules
    read = {row.name for row in rules.variables.values()}
    for row in _first_rows():
        value = situation.world.env.get(row.name)
        if not value or row.name in read:
            continue
        if row.name == "KERAS_BACKEND" and value == situation.resolution.values["backend"].value:
            continue
        why = "is tf.keras, and does not read it"
        if rules.reads_backend or row.name != "KERAS_BACKEND":
            later = "; later releases do" if rules.reads_backend else ""
            why = f"does not read it{later}"
        yield problem(
            "variable-not-read",
            WARNING,
            in_variable(row.name),
            f"{row.name}={value} is set, and Keras {rules.version} {why}",
            keras="it has no effect",
            fix=set_variable(situation, row.name, None),
        )


def variable_misspelt(situation: Situation) -> Iterator[Problem]:
    """A variable whose name is a slip of one that Keras reads.

    Keras asks for its variables by their exact names, in capitals: KERAS_BACKED=jax or, outside
    Windows, keras_backend=jax has no effect, and nobody says so.

    Read in: keras/src/backend/config.py (os.environ).
    """
    known = [row.name for row in situation.rules.variables.values()]
    for name, value in situation.world.env.items():
        if name[:1] not in ("K", "k") or name in KNOWN:
            continue
        right = slip_of(name, known)
        if right is None or (situation.world.windows and name.upper() == right):
            continue
        yield problem(
            "variable-misspelt",
            WARNING,
            in_variable(name),
            f"Keras reads no variable {name}; did you mean {right}?",
            keras="it has no effect",
            fix=set_variable(situation, right, value),
        )


def limit_not_integer(situation: Situation) -> Iterator[Problem]:
    """KERAS_MAX_EPOCHS or KERAS_MAX_STEPS_PER_EPOCH is no integer.

    From 3.10 on Keras calls int() on it while it is imported, and fails with a ValueError, even
    where the variable is set and empty.

    Take the variable away, or give it a whole number.

    Read in: keras/src/backend/config.py of 3.10.0 to 3.15.1.
    """
    failure = situation.resolution.failure
    for what in situation.resolution.limits:
        name = situation.rules.variables[what].name
        value = situation.world.env.get(name)
        if value is None:
            continue
        try:
            int(value)
        except ValueError:
            raised = failure is not None and failure.stage == "environment"
            yield problem(
                "limit-not-integer",
                ERROR,
                in_variable(name),
                f"{name} is {shown(value)}, which is no whole number",
                keras=would_raise(situation, failure)
                if raised and failure
                else f"`import keras` of Keras {situation.rules.version} would raise ValueError",
                fix=set_variable(situation, name, None),
            )


def legacy_switch_unclear(situation: Situation) -> Iterator[Problem]:
    """TF_USE_LEGACY_KERAS is set, and not to a value that TensorFlow takes for yes.

    TensorFlow 2.16 and later take tf_keras for `true`, `True` and `1` alone; "yes" or "TRUE" leave
    Keras 3 in charge, without a word.

    Read in: tensorflow/__init__.py of 2.16 and later.
    """
    from kcfg.keras.installed import LEGACY as YES

    value = situation.world.env.get(LEGACY)
    if value and value not in YES and value.strip().lower() in ("true", "1", "yes", "y", "on", "t"):
        yield problem(
            "legacy-switch-unclear",
            WARNING,
            in_variable(LEGACY),
            f"{LEGACY} is {shown(value)}, and only true, True and 1 count",
            keras="TensorFlow takes Keras 3, not tf_keras",
            fix=set_variable(situation, LEGACY, "1"),
        )


def conda_sets_backend(situation: Situation) -> Iterator[Problem]:
    """A conda activation script sets KERAS_BACKEND.

    Old packages of conda-forge (keras before 3) brought one along: at every `conda activate` it
    overrules what keras.json says. A warning where the variable is set now, else a note.

    Take the variable away after activating, or remove the script; `conda update keras` brings a
    package without it.

    Read in: conda-forge/keras-feedstock, recipe/activate.sh. Reports: keras#9984,
    anaconda-issues#1735, conda#8609.
    """
    world = situation.world
    prefix = world.env.get("CONDA_PREFIX")
    if not prefix or "backend" not in situation.rules.variables:
        return
    folder = world.join(prefix, "etc", "conda", "activate.d")
    for name in sorted(world.files.names(folder)):
        path = world.join(folder, name)
        try:
            script = world.files.read(path)[:LARGEST_SCRIPT]
        except (OSError, KcfgError):
            continue  # conda can't run it either, or it is no script
        at = script.find(b"KERAS_BACKEND=")
        if at < 0:
            continue
        line = script.count(b"\n", 0, at) + 1
        column = at - (script.rfind(b"\n", 0, at) + 1) + 1
        fix: Fix | None = set_variable(situation, "KERAS_BACKEND", None)
        yield problem(
            "conda-sets-backend",
            WARNING if world.env.get("KERAS_BACKEND") else NOTE,
            (path, line, column),
            "this conda activation script sets KERAS_BACKEND, whatever keras.json says",
            keras="the variable wins over the file",
            fix=fix if world.env.get("KERAS_BACKEND") else by_hand(None),
        )


def _first_rows() -> Iterator[Variable]:
    seen = set()
    for row in VARIABLES:
        if row.name not in seen:
            seen.add(row.name)
            yield row
