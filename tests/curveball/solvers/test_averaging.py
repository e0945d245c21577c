"""The running sums of CurveBall's systems, where the solver's own tests do not lead."""

import numpy as np

from curveball.solvers.averaging import averaged
from curveball.solvers.two_by_two import PlaneModel


def test_a_batch_that_predicts_an_increase_adds_nothing():
    plane = PlaneModel(*map(np.float64, (1.0, 0.0, 1.0, 0.0, 0.5)))
    own = (np.float64(0.5), np.float64(0.0))
    assert plane.change(*own) == 0.375
    old = PlaneModel(*map(np.float64, (4.0, 1.0, 3.0, 2.0, 1.0)))
    coefficients, sums = averaged(old, plane, own, lambda system: own, 0.5, 0.5)
    assert coefficients == own
    assert sums == PlaneModel(2.0, 0.5, 1.5, 1.0, 0.5)


def test_coefficients_as_good_as_a_batchs_own_keep_the_sums():
    plane = PlaneModel(*map(np.float64, (1.0, 0.0, 1.0, 1.0, 0.5)))
    own = plane.minimum()
    predicted = plane.change(*own)
    old = PlaneModel(*map(np.float64, (4.0, 1.0, 3.0, 2.0, 1.0)))
    _, sums = averaged(old, plane, own, lambda system: own, 0.5, 1.0)
    np.testing.assert_allclose(sums, [0.5 * a + b / -predicted for a, b in zip(old, plane, strict=True)])
