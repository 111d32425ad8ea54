"""Checks of the values: what does Keras make of each, and what will be computed with it?

Backends and NNX have families of their own.
"""

from __future__ import annotations

from kcfg.checks.found import (
    at_value,
    by_hand,
    problem,
    said,
    set_to,
    shown,
    would_raise,
    written,
)
from kcfg.checks.slips import LONGEST, slip_of
from kcfg.keras.names import MEANT
from kcfg.keras.releases import in_code
from kcfg.keras.resolution import refusal
from kcfg.problems import ERROR, NOTE, WARNING

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcfg.keras.releases import Key
    from kcfg.problems import Problem
    from kcfg.situation import Situation

DIGITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}
"""Binary digits of a dtype's mantissa, the hidden one included (IEEE 754; bfloat16: 8)."""

AMBIGUOUS = ("float",)
"""float32 for some, float64 for numpy: not corrected unasked."""


def floatx_unknown(situation: Situation) -> Iterator[Problem]:
    """The file's floatx is none of float16, float32, float64.

    The import fails in every release: with a bare AssertionError up to 3.13, with a ValueError
    from 3.14 on, and with a TypeError for a list or an object.

    `kcfg check --fix` corrects case, blanks and other names of the same dtype ("double", "fp16");
    anything else needs --unsafe-fixes, and becomes the nearest name, or float32.

    Read in: keras/src/backend/config.py, set_floatx in keras/backend/common.py.
    """
    key = situation.rules.key("floatx")
    if key is not None and not _call(situation, key):
        yield from _refused(situation, key, "floatx-unknown")


def floatx_only_in_code(situation: Situation) -> Iterator[Problem]:
    """A floatx that Keras takes in a Python call, and not in its file.

    bfloat16 works with keras.config.set_floatx from 3.0.3 on, and mixed_float16 is a dtype policy;
    in keras.json each of them makes the import fail, in all releases to 3.15.1.

    Set it in Python, at the start of the program. `kcfg check --fix --unsafe-fixes` puts float32
    into the file.

    Read in: keras/src/backend/config.py (the file's three names, set_floatx's four). Report:
    keras#23712.
    """
    key = situation.rules.key("floatx")
    call = _call(situation, key) if key is not None else None
    if key is None or call is None:
        return
    value = said(situation)["floatx"]
    failure = refusal(situation.rules, key, value)
    yield problem(
        "floatx-only-in-code",
        ERROR,
        at_value(situation, "floatx"),
        f"{shown(value)} can't be set in keras.json; set it in Python: {call}",
        keras=would_raise(situation, failure) if failure else None,
        fix=set_to(situation, "floatx", situation.rules.defaults["floatx"], safe=False),
    )


def epsilon_not_float(situation: Situation) -> Iterator[Problem]:
    """The file's epsilon is not written as a float: an integer, a text, true, null, a list.

    Keras asserts `isinstance(epsilon, float)`, so that even 1 fails: with a bare AssertionError up
    to 3.13, with a ValueError from 3.14 on.

    `kcfg check --fix` writes an integer or a number in quotes as the float that it means; anything
    else, negative numbers included, needs --unsafe-fixes, and becomes Keras's default, 1e-7.

    Read in: keras/src/backend/config.py.
    """
    key = situation.rules.key("epsilon")
    value = said(situation).get("epsilon")
    if key is None or "epsilon" not in said(situation):
        return
    failure = refusal(situation.rules, key, value)
    if failure is None:
        return
    number = _number_meant(value)
    fix = set_to(
        situation,
        "epsilon",
        situation.rules.defaults["epsilon"] if number is None else number,
        safe=number is not None,
    )
    kind = "an integer" if type(value) is int else "no number"
    yield problem(
        "epsilon-not-float",
        ERROR,
        at_value(situation, "epsilon"),
        f"epsilon is {shown(value)}, {kind}, and Keras wants a float, written with a point or an "
        "exponent",
        keras=would_raise(situation, failure),
        fix=fix,
    )


def epsilon_not_finite(situation: Situation) -> Iterator[Problem]:
    """epsilon is NaN or infinite.

    Python's json reads NaN, Infinity and numbers that are too large (1e400), and no release of
    Keras looks further: every loss and every normalised layer becomes NaN or 0.

    `kcfg check --fix --unsafe-fixes` puts Keras's default, 1e-7, in its place.

    Read in: set_epsilon in keras/src/backend/config.py.
    """
    epsilon = _epsilon(situation)
    if epsilon is not None and epsilon - epsilon != 0:
        told = "every loss that uses it becomes NaN or 0"
        yield _bad_epsilon(situation, "epsilon-not-finite", "not a finite number", told)


def epsilon_negative(situation: Situation) -> Iterator[Problem]:
    """epsilon is less than 0.

    No release of Keras refuses it. Clipping to [epsilon, 1 - epsilon] then lets through what it
    should keep out, and log gives NaN.

    `kcfg check --fix --unsafe-fixes` puts Keras's default, 1e-7, in its place.

    Read in: set_epsilon in keras/src/backend/config.py.
    """
    epsilon = _epsilon(situation)
    if epsilon is not None and -float("inf") < epsilon < 0:
        told = "values that should be kept out get through, and logarithms become NaN"
        yield _bad_epsilon(situation, "epsilon-negative", "less than 0", told)


def epsilon_zero(situation: Situation) -> Iterator[Problem]:
    """epsilon is 0, or so small that it is 0 in Python.

    No release of Keras refuses it; it then protects no division and no logarithm.

    `kcfg check --fix --unsafe-fixes` puts Keras's default, 1e-7, in its place.

    Read in: set_epsilon in keras/src/backend/config.py.
    """
    if _epsilon(situation) == 0:
        told = "it protects no division and no logarithm"
        yield _bad_epsilon(situation, "epsilon-zero", "zero", told)


def epsilon_lost_in_floatx(situation: Situation) -> Iterator[Problem]:
    """1 - epsilon is exactly 1 in floatx, so epsilon does only half of its work.

    Losses clip to [epsilon, 1 - epsilon] so that log(1 - p) stays finite. In float16 the number
    below 1 is 1 - 2**-11: whatever is not above 2**-12 (0.000244) is lost, Keras's default of 1e-7
    with it, and the loss becomes inf or NaN. The border is 2e-3 in bfloat16, 3e-8 in float32 and
    6e-17 in float64.

    Choose a larger epsilon (`kcfg check --fix --unsafe-fixes` takes the next power of ten), or
    leave floatx at float32 and use a mixed precision policy, as Keras's documentation advises.

    Read in: keras.ops.binary_crossentropy and others of 3.x, K.clip in 2.x. Reports: keras#11832,
    keras#9582, keras#4032.
    """
    resolved = situation.resolution.values
    held = resolved["epsilon"].value, resolved["floatx"].value
    if held == (None, None):  # Keras holds nothing, but the file may say more than the one mistake
        mapping = said(situation)
        defaults = situation.rules.defaults
        held = tuple(mapping.get(key, defaults[key]) for key in ("epsilon", "floatx"))  # type: ignore[assignment]
    epsilon, floatx = held
    if not isinstance(epsilon, float) or not isinstance(floatx, str) or floatx not in DIGITS:
        return
    if not epsilon > 0 or not lost(epsilon, floatx):
        return
    mapping = said(situation)
    culprit = next((key for key in ("epsilon", "floatx") if key in mapping), None)
    if culprit is None:
        return
    where = "" if "epsilon" in mapping else " (Keras's default)"
    power = next(n for n in range(1, 20) if lost(float(f"1e-{n + 1}"), floatx))
    least = f"{2.0 ** -(DIGITS[floatx] + 1):.3g}"
    yield problem(
        "epsilon-lost-in-floatx",
        WARNING,
        at_value(situation, culprit),
        f"1 - epsilon is exactly 1 in {floatx}: epsilon is {epsilon:g}{where}, and must be larger "
        f"than {least} to be seen there",
        keras="losses that clip to [epsilon, 1 - epsilon] can become inf or NaN",
        fix=set_to(situation, "epsilon", float(f"1e-{power}"), safe=False),
    )


def layout_unknown(situation: Situation) -> Iterator[Problem]:
    """The image layout is none that this release knows.

    image_data_format is "channels_last" or "channels_first" (Keras 1: image_dim_ordering, "tf" or
    "th"). The import fails otherwise: with a bare AssertionError up to 3.13, with a ValueError
    from 3.14 on, and with a TypeError for a list or an object. The file's value isn't put into
    lower case first, as set_image_data_format does.

    `kcfg check --fix` corrects case, blanks and the names that others use: NHWC, NCHW, tf, th.

    Read in: keras/src/backend/config.py, keras/backend/__init__.py. Reports: keras PR#8825,
    keras#20414.
    """
    key = situation.rules.layout
    if key is not None:
        yield from _refused(situation, key, "layout-unknown")


def channels_first_on_tensorflow(situation: Situation) -> Iterator[Problem]:
    """channels_first with the tensorflow backend.

    TensorFlow's convolutions and poolings take it on a GPU alone: on a CPU a model fails when it
    runs, not when Keras is imported. Layout and backend are independent settings: neither follows
    from the other.

    With GPUs all is well. Otherwise: `kcfg set image_data_format channels_last`.

    Read in: TensorFlow's kernels ("The Conv2D op currently only supports the NHWC tensor format on
    the CPU"). Reports: keras#20414, tensorflow#44126.
    """
    layout = situation.rules.layout
    backend = situation.resolution.values["backend"].value
    if layout is None or backend != "tensorflow":
        return
    value = said(situation).get(layout.name)
    if value not in ("channels_first", "th"):
        return
    last = "tf" if value == "th" else "channels_last"
    command = set_to(situation, layout.name, last, safe=False).command
    yield problem(
        "channels-first-on-tensorflow",
        NOTE,
        at_value(situation, layout.name),
        f"{shown(value)} with the tensorflow backend works on GPUs alone",
        keras="on a CPU convolutions fail when the model runs",
        fix=by_hand(command),
    )


def lost(epsilon: float, floatx: str) -> bool:
    """Whether 1 - epsilon is 1 when both are numbers of this dtype (rounding half to even).

    The distance to the number below 1 is 2**-p, so that up to half of it is lost; epsilon itself
    is rounded to p digits first.
    """
    digits = DIGITS[floatx]
    return epsilon <= 2.0 ** -(digits + 1) * (1 + 2.0**-digits)


def certain(key: str, value: object, allowed: tuple[str, ...]) -> str | None:
    """The allowed value that a text can mean and nothing else: its case, its blanks, an alias."""
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    if word in allowed:
        return word
    other = MEANT.get(key, {}).get(word)
    return other if other in allowed and word not in AMBIGUOUS else None


def guessed(situation: Situation, key: str, value: object, allowed: tuple[str, ...]) -> str:
    """The allowed value that is nearest; Keras's default where none is near."""
    from kcfg.keras.names import meant

    near = None
    if isinstance(value, str) and len(value) < LONGEST:
        near = slip_of(value, allowed) or meant(key, value, allowed)
    return near or str(situation.rules.defaults[key])


def _refused(situation: Situation, key: Key, code: str) -> Iterator[Problem]:
    """The problem of a choice that Keras refuses."""
    mapping = said(situation)
    if key.name not in mapping:
        return
    value = mapping[key.name]
    failure = refusal(situation.rules, key, value)
    if failure is None:
        return
    right = certain(key.name, value, key.values)
    near = right or guessed(situation, key.name, value, key.values)
    yield problem(
        code,
        ERROR,
        at_value(situation, key.name),
        f"{shown(value)} is no {key.name} that Keras takes: {', '.join(key.values)}",
        keras=would_raise(situation, failure),
        fix=set_to(situation, key.name, near, safe=right is not None),
    )


def _call(situation: Situation, key: Key) -> str | None:
    value = said(situation).get(key.name)
    return in_code(situation.rules, key.name, value) if isinstance(value, str) else None


def _number_meant(value: object) -> float | None:
    """The float that an integer or a text can mean and nothing else."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    if isinstance(value, str) and "_" in value:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < float("inf") else None


def _epsilon(situation: Situation) -> float | None:
    """The file's epsilon, if it is a float."""
    value = said(situation).get("epsilon")
    return value if isinstance(value, float) else None


def _bad_epsilon(situation: Situation, code: str, what: str, keras: str) -> Problem:
    member = written(situation, "epsilon")
    literal = member.literal[:40] if member else ""
    return problem(
        code,
        WARNING,
        at_value(situation, "epsilon"),
        f"epsilon is {literal}, {what}",
        keras=f"Keras takes it, and {keras}",
        fix=set_to(situation, "epsilon", situation.rules.defaults["epsilon"], safe=False),
    )
