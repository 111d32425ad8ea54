"""Names that people write, and the ones that Keras knows: old names, slips, what was meant."""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcfg.keras.releases import Rules

ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
"""Keras 1's image_dim_ordering in the words of Keras 2 (keras/backend/common.py of 2.0 to 2.3)."""

MEANT = {
    "backend": {
        "pytorch": "torch",
        "pt": "torch",
        "tf": "tensorflow",
        "np": "numpy",
        "ov": "openvino",
    },
    "floatx": {
        "half": "float16",
        "fp16": "float16",
        "f16": "float16",
        "float": "float32",
        "single": "float32",
        "fp32": "float32",
        "f32": "float32",
        "double": "float64",
        "fp64": "float64",
        "f64": "float64",
    },
    "image_data_format": {"nhwc": "channels_last", "nchw": "channels_first", **ORDERINGS},
    "image_dim_ordering": {
        "channels_last": "tf",
        "channels_first": "th",
        "nhwc": "tf",
        "nchw": "th",
        "tensorflow": "tf",
        "theano": "th",
    },
}
"""What a written value stands for where it can stand for one thing only; lower case."""


def real_key(rules: Rules, name: str) -> str | None:
    """The key of this release that `name` means, None if none: `image_dim_ordering` is Keras 2's
    and 3's `image_data_format`."""
    if name == "image_dim_ordering" and rules.layout is not None:
        return rules.layout.name
    return name if rules.key(name) else None


def as_named(name: str, value: object) -> object:
    """A value of the key that `name` means, in the words that go with `name`."""
    if name == "image_dim_ordering":
        return next((old for old, new in ORDERINGS.items() if new == value), value)
    return value


def meant(key: str, written: str, allowed: Iterable[str]) -> str | None:
    """The allowed value that was probably meant; None where nothing is near."""
    known = list(allowed)
    word = written.strip().lower()
    for candidate in (word, MEANT.get(key, {}).get(word)):
        if candidate in known:
            return candidate
    return near(word, known)


def near(word: str, known: Iterable[str]) -> str | None:
    """The nearest of the known words; None where none is near, or two are equally near."""
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(b=word.lower())
    likeness = {}
    for candidate in known:
        matcher.set_seq1(candidate)
        likeness[candidate] = matcher.ratio()
    best = max(likeness.values(), default=0.0)
    found = [candidate for candidate, ratio in likeness.items() if ratio == best]
    return found[0] if len(found) == 1 and best >= 0.7 else None
