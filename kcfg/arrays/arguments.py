"""What a caller asks for -> what the array functions can do, or one clear line about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcfg.problems import KcfgError

if TYPE_CHECKING:
    from typing import Any

NAMES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64", "longdouble", "complex64", "complex128", "clongdouble",
)  # fmt: skip

_NOT_NUMPY = ("bfloat16", "float8_", "float4_", "float6_", "int4", "uint4", "int2", "uint2", "tf32")


def numeric_dtype(dtype: Any) -> np.dtype[Any]:
    """A numeric or bool dtype of numpy, given as numpy takes it; KcfgError with a did-you-mean."""
    name = str(getattr(dtype, "name", dtype))
    if name.startswith(_NOT_NUMPY):
        raise KcfgError(
            f"{name} is not a dtype of numpy",
            where=None,
            keras=None,
            mend="a .npy file can't hold it: cast to float32 or float16",
        )
    try:
        found: np.dtype[Any] | None = None if dtype is None or "," in name else np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError):
        found = None
    if found is None or found.kind not in "biufc" or found.names or found.subdtype:
        from difflib import get_close_matches

        close = get_close_matches(name.lower(), NAMES, 1, 0.5)
        raise KcfgError(
            f"{name!r} is no numeric dtype of numpy",
            where=None,
            keras=None,
            mend=f"did you mean {close[0]}?" if close else "one of " + ", ".join(NAMES),
        )
    return found


def check_threads(threads: int | None) -> None:
    """A whole number, at least one."""
    if threads is None:
        return
    if not hasattr(threads, "__index__") or threads < 1:
        raise KcfgError(
            f"{threads!r} is no number of threads: at least one thread is needed",
            where=None,
            keras=None,
            mend="leave it out to use all cores",
        )


def check_named(path: str, mend: str) -> None:
    """A path that isn't empty."""
    if not path:
        raise KcfgError("the path of a file is empty", where=None, keras=None, mend=mend)
