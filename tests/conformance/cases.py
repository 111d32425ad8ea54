"""The recorded cases: what nine real Keras releases did in 3,949 situations.

Every record was obtained by running that release's own configuration code on a fresh tree; the
fields are `id`, `env`, `user`, `passwd_home`, `cwd`, `installed`, `files` (the tree before) and
`outcome`. `{HOME}`, `{CWD}`, `{PWHOME}` and `{KERAS_HOME}` stand for four directories that share a
parent which belongs to the user.
"""

from __future__ import annotations

import base64
import json
import lzma
import math
import posixpath
from functools import cache
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).parent / "records"
CLIENTS = sorted(file.name.removesuffix(".jsonl.xz") for file in RECORDS.glob("keras-*.jsonl.xz"))
PLACES = ("HOME", "CWD", "PWHOME", "KERAS_HOME")

Case = dict[str, Any]

_GENERATED = {
    "nested-list-200-in-key": lambda: (
        b'{"floatx":"float64","pad":' + b"[" * 200 + b"]" * 200 + b"}"
    ),
    "pad-string-5mb": lambda: b'{"pad":"' + b"x" * 5242880 + b'","floatx":"float64","epsilon":0.5}',
    "pad-spaces-5mb": lambda: b" " * 5242880 + b'{"floatx":"float64","epsilon":0.5}',
    "keys-200000": lambda: (
        b"{"
        + b",".join(b'"k%d":%d' % (n, n) for n in range(200000))
        + b',"floatx":"float64","epsilon":0.5}'
    ),
    "int-4000-digits-unknown-key": lambda: (
        b'{"floatx":"float64","epsilon":0.5,"pad":' + b"7" * 4000 + b"}"
    ),
    "float-5000-digits-epsilon": lambda: b'{"floatx":"float64","epsilon":0.' + b"3" * 5000 + b"}",
}


@cache
def cases(client: str) -> tuple[Case, ...]:
    """All records of one client, such as "keras-2.3.1"."""
    with lzma.open(RECORDS / f"{client}.jsonl.xz", "rt", encoding="utf-8") as lines:
        return tuple(json.loads(line) for line in lines)


def placed(case: Case, parent: str) -> Case:
    """The case with its placeholders put below `parent`."""

    def put(value: Any) -> Any:
        if isinstance(value, str):
            for name in PLACES:
                value = value.replace("{" + name + "}", posixpath.join(parent, name.lower()))
            return value
        if isinstance(value, list):
            return [put(one) for one in value]
        if isinstance(value, dict):
            return {key: put(one) for key, one in value.items()}
        return value

    return {key: put(value) for key, value in case.items()}


def content(file: dict[str, Any]) -> bytes:
    """The bytes of a recorded file."""
    if "gen" in file:
        return _GENERATED[file["gen"]]()
    return base64.b64decode(file["bytes_b64"])


def needs_own_tmp(case: Case) -> bool:
    """The outcome depends on what lies in /tmp/.keras or below /."""
    held = case["outcome"].get("resolved", case["outcome"])
    return held["keras_dir"] in ("/tmp/.keras", "/.keras") or any(
        not file["path"].startswith("{") for file in case["files"]
    )


def differences(case: Case, shown: dict[str, Any], *, place_only: bool = False) -> list[str]:
    """Where the answer of `kcfg show --json` is not what the release did; [] where it is."""
    outcome = case["outcome"]
    held = outcome.get("resolved", outcome)

    def absolute(path: str) -> str:
        return posixpath.normpath(posixpath.join(case["cwd"], path))

    found = []
    for ours, theirs in (("path", "config_path"), ("keras_dir", "keras_dir")):
        # None: the import ended before Keras knew it.
        if held[theirs] is not None and absolute(shown[ours]) != absolute(held[theirs]):
            found.append(f"{ours} {shown[ours]}, not {held[theirs]}")
        if not posixpath.isabs(shown[ours]):
            found.append(f"{ours} {shown[ours]} is not absolute")
    if place_only:
        return found
    for name, value in shown["values"].items():
        if name in held and _number(name, value["value"]) != _number(name, held[name]):
            found.append(f"{name} {value['value']!r}, not {held[name]!r}")
    keys = set(held) & {"floatx", "epsilon", "backend", "image_data_format", "nnx_enabled"}
    keys |= set(held) & {"image_dim_ordering"}
    if keys - set(shown["values"]):
        found.append(f"not shown: {keys - set(shown['values'])}")
    limits = {name: held[name] for name in held if name.startswith("max_")}
    if outcome["ok"] and shown["limits"] != limits:
        found.append(f"limits {shown['limits']}, not {limits}")
    return found + _failure_differences(outcome, shown["fails"])


def _failure_differences(outcome: dict[str, Any], fails: dict[str, str] | None) -> list[str]:
    if outcome["ok"]:
        return [] if fails is None else [f"fails with {fails}, and Keras does not"]
    if fails is None:
        return [f"does not fail, and Keras raises {outcome['error']}: {outcome['message']}"]
    if fails["error"] != outcome["error"]:
        return [f"fails with {fails}, and Keras with {outcome['error']}: {outcome['message']}"]
    # The text of CPython's own exceptions isn't Keras's, and varies.
    keras_own = outcome["error"] in ("ValueError", "ImportError", "AssertionError")
    if keras_own and fails["message"] != outcome["message"]:
        return [f"says {fails['message']!r}, and Keras {outcome['message']!r}"]
    return []


def _number(name: str, value: object) -> object:
    """epsilon is recorded as its repr; JSON gives a number, or the name of a non-finite one."""
    if name != "epsilon" or value is None:
        return value
    number = float(value)  # type: ignore[arg-type]
    return "nan" if math.isnan(number) else repr(number)
