"""What is computed about epsilon, held against numpy's own dtypes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kcfg.checks.values import DIGITS, lost

NUMPY = {"float16": np.float16, "float32": np.float32, "float64": np.float64}


@pytest.mark.parametrize("floatx", NUMPY)
@given(st.floats(min_value=0, max_value=1, exclude_min=True))
@example(2.0**-12)
@example(np.nextafter(2.0**-12, 1))
@example(2.0**-12 * (1 + 2.0**-11))
@example(np.nextafter(2.0**-12 * (1 + 2.0**-11), 1))
@example(2.0**-25)
@example(2.0**-25 * (1 + 2.0**-24))
@example(np.nextafter(2.0**-25 * (1 + 2.0**-24), 1))
@example(2.0**-54)
@example(np.nextafter(2.0**-54, 1))
@example(1e-7)
@example(1e-4)
def test_lost_is_what_numpy_computes(floatx: str, epsilon: float) -> None:
    dtype = NUMPY[floatx]
    with np.errstate(under="ignore"):
        assert lost(float(epsilon), floatx) == bool(dtype(1) - dtype(epsilon) == dtype(1))


def test_digits_are_those_of_numpy() -> None:
    for name, dtype in NUMPY.items():
        assert DIGITS[name] == np.finfo(dtype).nmant + 1


@pytest.mark.parametrize(
    ("epsilon", "gone"),
    [
        pytest.param(1e-3, True, id="bfloat16-loses-a-thousandth"),
        pytest.param(1e-2, False, id="bfloat16-keeps-a-hundredth"),
    ],
)
def test_bfloat16_has_eight_digits(epsilon: float, gone: bool) -> None:
    assert lost(epsilon, "bfloat16") is gone
