"""Quotients where the divisor may be zero; warnings are errors, so that a division by zero would fail here."""

import array_api_strict
import numpy as np
import pytest

from curveball.solvers.division import divide, one_for_zero

SPACES = pytest.mark.parametrize("xp", [np, array_api_strict], ids=["numpy", "array-api-strict"])


@SPACES
@pytest.mark.parametrize("otherwise", [0.0, 1.0])
def test_quotients(xp, otherwise):
    a, b = xp.asarray([6.0, 1.0, 0.0, -3.0]), xp.asarray([2.0, 0.0, 0.0, -1.0])
    assert np.asarray(divide(a, b, otherwise=otherwise)).tolist() == [3.0, otherwise, otherwise, 3.0]
    assert np.asarray(divide(a, b, where=b > 0.0, otherwise=otherwise)).tolist() == [3.0] + 3 * [otherwise]
    assert np.asarray(divide(a, b, otherwise=a)).tolist() == [3.0, 1.0, 0.0, 3.0]
    assert np.asarray(one_for_zero(b)).tolist() == [2.0, 1.0, 1.0, -1.0]


@SPACES
def test_float32_stays(xp):
    a = xp.asarray([1.0, 0.0], dtype=xp.float32)
    assert divide(a, a).dtype == divide(a, a, otherwise=1.0).dtype == one_for_zero(a).dtype == xp.float32
