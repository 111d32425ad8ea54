"""kcfg: what Keras will really use, why, and how to change it safely.

The public API is four functions, each loaded when it is first asked for: `resolve` and `check` for
the configuration, `prod` and `cast` for `.npy` files; and `KcfgError`, which all of them raise.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from kcfg.api import check as check
    from kcfg.api import resolve as resolve
    from kcfg.arrays.cast import cast as cast
    from kcfg.arrays.prod import prod as prod
    from kcfg.problems import KcfgError as KcfgError

__version__ = "0.1.0"

_PUBLIC = {
    "resolve": "kcfg.api",
    "check": "kcfg.api",
    "prod": "kcfg.arrays.prod",
    "cast": "kcfg.arrays.cast",
    "KcfgError": "kcfg.problems",
}


def __getattr__(name: str) -> object:
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'kcfg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
