"""The pydantic model of keras.json, built from the table's keys: the judge of every new value.

`accept` judges what a person wants to write or put in force; `json_schema` is what `kcfg schema`
prints. Pydantic is loaded here alone.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from kcfg.keras import names
from kcfg.keras.releases import BACKENDS, KEYS, Key, Rules, in_code
from kcfg.keras.resolution import cannot_import, refusal
from kcfg.problems import KcfgError

ID = "urn:kcfg:keras.json"


def model(rules: Rules) -> type[BaseModel]:
    """The model of this release's keras.json. Keys that it doesn't know are allowed and kept."""
    fields: dict[str, Any] = {
        key.name: (_type(rules, key), _field(rules, key)) for key in rules.keys
    }
    return create_model(
        "KerasJson",
        __config__=ConfigDict(
            extra="allow",
            title=f"keras.json of Keras {rules.version}",
            json_schema_extra={
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": f"{ID}:{rules.version}",
            },
        ),
        __doc__="The configuration that Keras reads at import.",
        **fields,
    )


def json_schema(rules: Rules) -> dict[str, Any]:
    """JSON Schema (2020-12) of this release's keras.json."""
    return model(rules).model_json_schema()


def accept(
    rules: Rules, pairs: dict[str, str], *, force: bool = False, advise: str | None = None
) -> dict[str, object]:
    """The values for these keys, as they go into JSON: text in, `float16`, `1e-07`, `true` out.

    Every pair is judged before any is given back. Names are the release's own or
    `image_dim_ordering`; force lets a backend pass that no release knows. advise: the command line
    to which KEY VALUE, or --force, can be added; None: there is none.

    Raises KcfgError: what is allowed, what was probably meant, which release would take it.
    """
    wanted: dict[str, str] = {}
    for name, text in pairs.items():
        key = key_for_writing(rules, name)
        if key.name != name:
            if text not in names.ORDERINGS:
                raise _refused(rules, KEYS_BY_NAME[name], text, tuple(names.ORDERINGS), advise)
            text = names.ORDERINGS[text]
        if wanted.setdefault(key.name, text) != text:
            raise KcfgError(
                f"two values are given, {wanted[key.name]!r} and {text!r}",
                where=key.name,
                keras=None,
                mend="give one",
            )
    forced = {
        name: text
        for name, text in wanted.items()
        if force and name == "backend" and text not in ALL_BACKENDS and text
    }
    judged = {name: text for name, text in wanted.items() if name not in forced}
    try:
        accepted = model(rules).model_validate(judged)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        key = rules.key(name) or KEYS_BY_NAME[name]
        raise _refused(rules, key, wanted[name], allowed(rules, key), advise) from None
    return {name: forced.get(name) or getattr(accepted, name) for name in wanted}


def key_for_writing(rules: Rules, name: str) -> Key:
    """The release's key that `name` means.

    Raises KcfgError: which release reads that key, or which key was probably meant.
    """
    real = names.real_key(rules, name)
    key = rules.key(real) if real else None
    if key is not None:
        return key
    known = [key.name for key in rules.keys]
    if name in KEYS_BY_NAME:
        other = KEYS_BY_NAME[name]
        until = f" to before {other.until}" if other.until else " on"
        raise KcfgError(
            f"Keras {rules.version} does not read this key; Keras from {other.since}{until} does",
            where=name,
            keras=None,
            mend=f"its keys: {', '.join(known)}",
        )
    guess = names.near(name, known)
    raise KcfgError(
        "Keras has no such key",
        where=name,
        keras=None,
        mend=f"did you mean {guess}?" if guess else f"its keys: {', '.join(known)}",
    )


def allowed(rules: Rules, key: Key) -> tuple[str, ...]:
    """The values that may be written for a key; () where it isn't a choice."""
    if key.kind == "backend":
        return rules.backends
    return key.values


KEYS_BY_NAME = {key.name: key for key in KEYS}
ALL_BACKENDS = {backend.name for backend in BACKENDS}


def _type(rules: Rules, key: Key) -> Any:
    choices = allowed(rules, key)
    if choices and key.name.startswith("image_"):
        # As Keras's own normalize_data_format (keras/backend/common.py from 2.2.1 on).
        return Annotated[Literal[choices], BeforeValidator(_lower)]
    if choices:
        return Literal[choices]
    return Annotated[float, BeforeValidator(_number)] if key.kind == "float" else bool


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _number(value: object) -> object:
    """As people write one; Python's own 1_000, and the sign of -0, are slips."""
    if isinstance(value, str) and ("_" in value or value.strip().startswith("-")):
        raise ValueError(value)
    return value


def _field(rules: Rules, key: Key) -> Any:
    limits: dict[str, Any] = {"ge": 0, "allow_inf_nan": False} if key.kind == "float" else {}
    default = rules.defaults[key.name]
    about = key.about[:1].upper() + key.about[1:] + "."
    return Field(default, title=key.name, description=about, **limits)


def _refused(
    rules: Rules, key: Key, text: str, choices: tuple[str, ...], advise: str | None
) -> KcfgError:
    """The error for a value that can't be written: why, what Keras would do, what was meant."""
    guess = names.meant(key.name, text, choices)
    mend = f"allowed: {', '.join(choices)}" if choices else _NEEDS[key.kind]
    call = in_code(rules, key.name, text)
    if guess and not call:
        mend += f"; did you mean {guess}?"
        mend += f" {advise} {key.name} {guess}" if advise else ""
    what = f"{text!r} is not a value that Keras {rules.version} takes here"
    if not choices:  # Keras may take it: a negative epsilon, any truth
        what = f"{text!r} is not taken here"
    failure = refusal(rules, key, text) if choices else None
    if key.kind == "backend" and rules.ways["unknown backend"] in ("imported", "refused"):
        failure = cannot_import(text)
    told = f"{failure.error}: {failure.message}".removesuffix(": ") if failure else ""
    keras = f"`import keras` would raise {told}" if told else None
    others = [row for row in BACKENDS if row.name == text] if key.kind == "backend" else []
    if call:
        what = f"{text!r} can't be set in keras.json"
        mend = f"set it in Python: {call}; {mend}"
    elif others:
        since, until = others[0].since, others[0].until
        ending = f" to before {until}" if until else " on"
        what = f"{text!r} is a backend of Keras from {since}{ending}, not of {rules.version}"
    elif key.kind == "backend" and advise:
        mend += "; --force writes a name that kcfg doesn't know"
    return KcfgError(what, where=key.name, keras=keras, mend=mend)


_NEEDS = {
    "float": "give a finite number that isn't negative, such as 1e-7",
    "truth": "give true or false",
}


def literal(value: object) -> str:
    """A value as it stands in keras.json: `"float16"`, `1e-07`, `true`."""
    return json.dumps(value)
