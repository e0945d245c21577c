"""NIST's certified parameters and standard deviations, from both starts, at a plain call."""

import numpy as np
import pytest

from curveball import least_squares
from problems.closed_form import PROBLEMS
from problems.closed_form.least_squares import LeastSquares
from problems.closed_form.nist_deviations import DEVIATIONS

NIST = [p for p in PROBLEMS.values() if isinstance(p, LeastSquares) and p.source.startswith("NIST")]
DIGITS = {
    "Lanczos2": 1e-7,  # residuals of 1e-6 y, and parameters with relative errors of 1e-3 for each of them
    "MGH10": 1e-8,  # badly conditioned: with other kernels of BLAS the rounding of its last steps leaves 2e-9
}


def test_all_sets_have_certified_deviations():
    assert {p.name for p in NIST} == set(DEVIATIONS)
    assert len(NIST) == 26
    assert all(len(DEVIATIONS[p.name]) == p.start.size for p in NIST)


@pytest.mark.parametrize("start", [0, 1], ids=["far", "near"])
@pytest.mark.parametrize("problem", NIST, ids=lambda p: p.name)
def test_certified_values(problem, start):
    result = least_squares(problem.model, problem.starts[start])
    assert result.success
    tolerance = DIGITS.get(problem.name, 1e-9)
    np.testing.assert_allclose(result.params, problem.solution, rtol=tolerance)
    np.testing.assert_allclose(result.standard_errors, DEVIATIONS[problem.name], rtol=tolerance)
    np.testing.assert_allclose(2.0 * result.cost, problem.minimum, rtol=1e-9)
    assert result.degrees_of_freedom == result.residuals.size - problem.start.size
