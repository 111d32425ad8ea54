"""Checks of the backend: does this release know it, is it there, and what of the other releases?"""

from __future__ import annotations

from kcfg.checks.found import (
    at_value,
    by_hand,
    file_option,
    in_file,
    in_variable,
    kcfg,
    problem,
    said,
    set_to,
    set_variable,
    shown,
    would_raise,
)
from kcfg.keras.installed import KERASES, TENSORFLOWS, importable
from kcfg.keras.releases import ALSO_IMPORTED, BACKENDS, is_release, still_to_come
from kcfg.keras.resolution import refusal, unusable_backend
from kcfg.problems import ERROR, NOTE, WARNING
from kcfg.record import Record

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcfg.checks.found import Where
    from kcfg.keras.reading import Failure
    from kcfg.keras.releases import Backend
    from kcfg.problems import Fix, Problem
    from kcfg.situation import Situation


class Bad(Record):
    """A backend that this release can't use."""

    value: object
    where: Where
    variable: str | None
    """The variable that says so; None: the file."""
    severity: str
    keras: str | None


def backend_removed(situation: Situation) -> Iterator[Problem]:
    """A backend that Keras no longer has: theano and cntk, since 2.4.3.

    An old keras.json keeps it, and tf.keras (2.4.3 to 2.15) never looked, so that it shows after
    the upgrade to Keras 3: `import keras` fails with "Unable to import backend", and so does what
    imports Keras (`import tensorflow` may, too).

    `kcfg check --fix --unsafe-fixes` writes Keras's default, tensorflow; `kcfg set backend NAME`
    any other.

    Read in: keras/src/backend/__init__.py of 3.x. Reports: easybuild-easyconfigs#23163,
    keras-hub#1169.
    """
    for bad in _bad_backends(situation):
        row = _row(bad.value)
        if row is not None and row.until and not still_to_come(row, situation.rules):
            told = f"it went with {row.until}"
            yield _told(situation, "backend-removed", bad, told)


def backend_too_new(situation: Situation) -> Iterator[Problem]:
    """A backend that only later releases of Keras have.

    jax, torch and numpy came with 3.0, openvino with 3.8, cntk with 2.0.5. How the import fails
    depends on the release: a bare AssertionError up to 2.1, a ValueError from 2.2 on.

    Upgrade Keras, or name a backend that this release has (`kcfg check --fix --unsafe-fixes`
    writes its default).

    Read in: keras/src/backend/__init__.py of 3.0.0 to 3.15.1, keras/backend/__init__.py of 1.x and
    2.x.
    """
    for bad in _bad_backends(situation):
        row = _row(bad.value)
        if row is not None and still_to_come(row, situation.rules):
            yield _told(situation, "backend-too-new", bad, f"it came with {row.since}")


def backend_unknown(situation: Situation) -> Iterator[Problem]:
    """A backend that no release of Keras knows: a slip, another spelling, a plug-in's name.

    Keras doesn't touch case or blanks: "Jax" and "jax " fail as "pytorch" does. Keras 2.2 and 2.3
    take the name of any module that can be imported; it is judged by what the active environment
    has. How the import fails depends on the release: AssertionError up to 2.1, ValueError from 2.2
    on (an AttributeError or a TypeError there where it is no text).

    `kcfg check --fix` corrects case, blanks and other names of the same backend (pytorch, tf);
    anything else needs --unsafe-fixes, and becomes the nearest name, or Keras's default.

    Read in: keras/src/backend/__init__.py of 3.x, keras/backend/load_backend.py of 2.2.5 to 2.3.1.
    Reports: keras-core#455, keras-hub#1169.
    """
    for bad in _bad_backends(situation):
        if _row(bad.value) is None:
            yield _told(situation, "backend-unknown", bad, None)


def backend_not_read(situation: Situation) -> Iterator[Problem]:
    """tf.keras doesn't read the backend: it is always tensorflow.

    From 2.4.3 to 2.15 Keras is tf.keras, and so is tf_keras. The file may say what it likes, until
    Keras 3 reads it: a name that Keras 3 doesn't know is therefore a warning, another a note.

    To say the truth: `kcfg set backend tensorflow`.

    Read in: keras/src/backend.py of 2.15.0, tf_keras/src/backend.py.
    """
    value = said(situation).get("backend", "tensorflow")
    if situation.rules.reads_backend or value == "tensorflow":
        return
    row = _row(value)
    lives = row is not None and row.until is None
    yield problem(
        "backend-not-read",
        NOTE if lives else WARNING,
        at_value(situation, "backend"),
        f"Keras {situation.rules.version} is tf.keras, which has one backend, tensorflow, and does "
        "not read this",
        keras="it stays tensorflow" if lives else "it stays tensorflow, and Keras 3 would fail",
        fix=set_to(situation, "backend", "tensorflow", safe=False),
    )


def backend_not_installed(situation: Situation) -> Iterator[Problem]:
    """The backend is not installed in the active environment.

    Keras 3 brings no backend along, and its default is tensorflow: without it `import keras` fails
    with "No module named 'tensorflow'". Its numpy backend imports scipy and jax, too.

    The environment is $VIRTUAL_ENV, else $CONDA_PREFIX, else the Python that runs kcfg; its
    packages are found by name, nothing is imported. A warning where that environment has the Keras
    that judges, else a note.

    Install it, or choose one that is there.

    Read in: keras/src/backend/__init__.py of 3.x. Report: keras#18888.
    """
    held = situation.resolution.values["backend"]
    name = held.value
    lacking = missing(situation, str(name)) if name in situation.rules.backends else ()
    if not lacking:
        return
    has_keras = situation.rules.version in (
        situation.environment.distributions.get(each) for each in KERASES
    )
    if held.source == "default" and not has_keras:
        return
    others = [each for each in situation.rules.backends if not missing(situation, each)]
    there = f"there are: {', '.join(others)}" if others else "none is there"
    default = " (Keras's default)" if held.source == "default" else ""
    fix: Fix | None
    if held.variable is not None:
        where = in_variable(held.variable)
        fix = set_variable(situation, held.variable, others[0]) if others else None
    else:
        where = at_value(situation, "backend")
        fix = (
            by_hand(set_to(situation, "backend", others[0], safe=False).command) if others else None
        )
    error = f"ModuleNotFoundError: No module named '{lacking[0]}'"
    what = f"the backend {name}{default} "
    if lacking[0] == name:
        what += "is"
    else:
        what += f"imports {' and '.join(lacking)}, which {'is' if len(lacking) == 1 else 'are'}"
    yield problem(
        "backend-not-installed",
        WARNING if has_keras else NOTE,
        where,
        f"{what} not installed in {situation.environment.name}: install it, or choose another; "
        f"{there}",
        keras=f"`import keras` there would raise {error}",
        fix=fix,
    )


def backend_inference_only(situation: Situation) -> Iterator[Problem]:
    """The openvino backend runs models, and can't train them.

    `model.predict` works; `model.fit` raises NotImplementedError.

    For training choose jax, tensorflow or torch (`kcfg run backend=torch -- ...` for one run).

    Read in: keras/src/backend/openvino/trainer.py of 3.8.0 to 3.15.1.
    """
    held = situation.resolution.values["backend"]
    if held.value == "openvino" and "openvino" in situation.rules.backends:
        yield problem(
            "backend-inference-only",
            NOTE,
            in_variable(held.variable) if held.variable else at_value(situation, "backend"),
            "openvino runs models, and can't train them",
            keras="`model.fit` raises NotImplementedError",
            fix=None,
        )


def fails_in_other_keras(situation: Situation) -> Iterator[Problem]:
    """The active environment has another Keras, too, and there this file would fail.

    keras and tf_keras stand side by side in many environments and share one keras.json:
    TF_USE_LEGACY_KERAS=1 chooses tf_keras. A file can be right for one and fatal for the other.

    `kcfg check --keras VERSION` judges as the other one.

    Read in: tensorflow/__init__.py of 2.16 and later; the releases' own configuration code.
    """
    if situation.resolution.failure is not None:
        return
    found = situation.environment.distributions
    for name in KERASES:
        version = found.get(name)
        if version is None or version == situation.rules.version or not is_release(version):
            continue
        failure = _failure_in(situation, version)
        if failure is not None:
            where = at_value(situation, failure.key) if failure.key else in_file(situation)
            message = failure.message[:200]
            yield problem(
                "fails-in-other-keras",
                NOTE,
                where,
                f"{name} {version} is installed there, too, and would fail with this",
                keras=f"it would raise {failure.error}{f': {message}' if message else ''}",
                fix=by_hand(_judge_as(situation, version)),
            )


def missing(situation: Situation, backend: str) -> tuple[str, ...]:
    """The modules that a backend imports and the active environment lacks.

    A module of that name counts, or a distribution.
    """
    found = situation.environment.distributions

    def there(module: str) -> bool:
        builds = TENSORFLOWS if module == "tensorflow" else (module,)
        return any(name in found for name in builds) or importable(
            situation.world, situation.environment, module
        )

    modules = (backend, *ALSO_IMPORTED.get(backend, ()))
    return tuple(module for module in modules if not there(module))


def _failure_in(situation: Situation, version: str) -> Failure | None:
    """How another release's import would fail in this world, with this file."""
    from kcfg.situation import observe

    path = situation.discovery.path if file_option(situation) else None
    return observe(situation.world, keras=version, file=path).resolution.failure


def _judge_as(situation: Situation, version: str) -> str | None:
    return kcfg(situation.replace(keras_from="installed"), "check", "--keras", version)


def _bad_backends(situation: Situation) -> Iterator[Bad]:
    """The backends that the file and the variable name, and that this release can't use."""
    rules = situation.rules
    if not rules.reads_backend:
        return
    variable = rules.variables.get("backend")
    given = situation.world.env.get(variable.name) if variable else None
    if variable is not None and given is not None and (given or variable.when == "set"):
        failure = _failure(situation, given)
        if failure:
            keras = would_raise(situation, failure)
            yield Bad(given, in_variable(variable.name), variable.name, ERROR, keras)
    else:
        given = None
    if "backend" in said(situation):
        value = said(situation)["backend"]
        failure = _failure(situation, value)
        if failure:
            # Where the release looks when it loads the backend, the variable came before.
            shadowed = given is not None and rules.ways["unknown backend"] != "asserted"
            keras = would_raise(situation, failure)
            if shadowed and variable is not None:
                keras = f"only {variable.name}={given} keeps Keras from failing with it"
            severity = WARNING if shadowed else ERROR
            yield Bad(value, at_value(situation, "backend"), None, severity, keras)


def _failure(situation: Situation, value: object) -> Failure | None:
    rules = situation.rules
    key = rules.key("backend")
    if key is not None and rules.ways["unknown backend"] == "asserted":
        return refusal(rules, key, value)
    return unusable_backend(situation.world, rules, situation.environment, value)


def _row(value: object) -> Backend | None:
    return next((row for row in BACKENDS if row.name == value), None)


def _told(situation: Situation, code: str, bad: Bad, why: str | None) -> Problem:
    from kcfg.checks.values import certain, guessed

    rules = situation.rules
    right = certain("backend", bad.value, rules.backends)
    near = right or (
        guessed(situation, "backend", bad.value, rules.backends)
        if why is None
        else str(rules.defaults["backend"])
    )
    fix: Fix | None
    if bad.variable is not None:
        sure = right is not None or near != rules.defaults["backend"]
        fix = set_variable(situation, bad.variable, near if sure else None)
    else:
        fix = set_to(situation, "backend", near, safe=right is not None)
    return problem(
        code,
        bad.severity,
        bad.where,
        f"Keras {rules.version} has no backend {shown(bad.value)}{f': {why}' if why else ''}; it "
        f"has {', '.join(rules.backends)}",
        keras=bad.keras,
        fix=fix,
    )
