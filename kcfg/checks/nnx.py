"""Checks of NNX: is it switched on by accident, and is what it needs there?"""

from __future__ import annotations

from kcfg.checks.found import (
    at_value,
    in_variable,
    mend,
    problem,
    said,
    set_to,
    set_variable,
    shown,
    would_raise,
    written,
)
from kcfg.keras.reading import Failure
from kcfg.keras.releases import NNX_MESSAGE
from kcfg.problems import ERROR, WARNING

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcfg.problems import Fix, Problem
    from kcfg.situation import Situation


def nnx_enabled_not_boolean(situation: Situation) -> Iterator[Problem]:
    """nnx_enabled is a text, and every text but the empty one counts as true: "false", too.

    From 3.11 on Keras takes the value of the file for Python's truth. Then, without flax, the
    import fails, whatever the backend.

    `kcfg check --fix` writes "true" and "false" without quotes; other texts need --unsafe-fixes.

    Read in: keras/src/backend/config.py of 3.11.0 to 3.15.1 (set_nnx_enabled).
    """
    if situation.rules.key("nnx_enabled") is None:
        return
    value = said(situation).get("nnx_enabled")
    if not isinstance(value, (str, list, dict)):
        return
    word = value.strip().lower() if isinstance(value, str) else ""
    failure = _failure(situation) if _variable(situation) is None else None
    held = "true" if value else "false"
    yield problem(
        "nnx-enabled-not-boolean",
        ERROR if failure else WARNING,
        at_value(situation, "nnx_enabled"),
        f"nnx_enabled is {shown(value)}, which counts as {held}: write true or false without "
        "quotes",
        keras=would_raise(situation, failure) if failure else None,
        fix=_literal(situation, "nnx_enabled", word == "true", safe=word in ("true", "false")),
    )


def nnx_needs_flax(situation: Situation) -> Iterator[Problem]:
    """nnx_enabled is true, and flax is not installed.

    From 3.11 on `import keras` then fails, whatever the backend. flax is looked for in the active
    environment ($VIRTUAL_ENV, $CONDA_PREFIX, else kcfg's own), by name and without importing.

    Install flax (`pip install flax`), or set nnx_enabled to false
    (`kcfg check --fix --unsafe-fixes`).

    Read in: set_nnx_enabled in keras/src/backend/config.py of 3.11.0 to 3.15.1.
    """
    failure = _failure(situation)
    if failure is None:
        return
    variable = _variable(situation)
    fix: Fix | None
    if variable is not None:
        where, fix = in_variable(variable), set_variable(situation, variable, None)
    elif isinstance(said(situation).get("nnx_enabled"), (str, list, dict)):
        return  # nnx-enabled-not-boolean tells it
    else:
        where = at_value(situation, "nnx_enabled")
        fix = _literal(situation, "nnx_enabled", False, safe=False)
    yield problem(
        "nnx-needs-flax",
        ERROR,
        where,
        f"NNX is enabled, and flax is not installed in {situation.environment.name}: install it "
        "(pip install flax) or leave NNX off",
        keras=would_raise(situation, failure),
        fix=fix,
    )


def nnx_variable_unclear(situation: Situation) -> Iterator[Problem]:
    """KERAS_NNX_ENABLED is neither true, 1, false nor 0.

    From 3.11 on only "true" (in any case) and "1" switch NNX on; "yes", "on" and all others switch
    it off, without a word.

    Read in: keras/src/backend/config.py of 3.11.0 to 3.15.1.
    """
    name = _variable(situation)
    if name is None:
        return
    value = situation.world.env[name]
    if value.lower() in ("true", "1", "false", "0", ""):
        return
    yes = value.strip().lower() in ("yes", "y", "on", "true", "t", "1", "enabled")
    yield problem(
        "nnx-variable-unclear",
        WARNING,
        in_variable(name),
        f"{name} is {shown(value)}, and only true and 1 switch NNX on",
        keras="Keras takes it for false",
        fix=set_variable(situation, name, "true" if yes else "false"),
    )


def _variable(situation: Situation) -> str | None:
    """The variable that decides, where it is set (empty or not)."""
    variable = situation.rules.variables.get("nnx_enabled")
    return variable.name if variable and variable.name in situation.world.env else None


def _failure(situation: Situation) -> Failure | None:
    """How the import fails for want of flax, if nothing else stops it before."""
    if situation.rules.key("nnx_enabled") is None:
        return None
    variable = _variable(situation)
    if variable is not None:
        enabled = situation.world.env[variable].lower() in ("true", "1")
    else:
        enabled = bool(said(situation).get("nnx_enabled"))
    if not enabled or "flax" in situation.environment.distributions:
        return None
    return Failure("ImportError", NNX_MESSAGE, "nnx", "nnx_enabled")


def _literal(situation: Situation, key: str, value: bool, *, safe: bool) -> Fix:
    """A truth value in place of what stands there."""
    member = written(situation, key)
    if member is None:
        return set_to(situation, key, value, safe=safe)
    text = "true" if value else "false"
    edits = [(member.value_start, member.value_end, text)]
    command = set_to(situation, key, value, safe=safe).command
    return mend(situation, edits, safe=safe).replace(command=command)
