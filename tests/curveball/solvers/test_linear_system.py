"""CurveBall as a solver of linear systems: with the params fixed its `z` is led to Newton's step."""

import numpy as np
import pytest

from curveball import CurveBall, conjugate_gradient
from curveball.experiments.figure1 import linear_system
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.regression import LogisticRegression

SPECTRA = [(1.0,), (1.0, 3.0, 10.0, 30.0, 100.0), (2.0, 2.0, 2.0), (0.0, 1.0, 5.0)]
over_spectra = pytest.mark.parametrize("spectrum", SPECTRA, ids=str)


def run(problem, w, steps, **options):
    solver = CurveBall(adapt_lam=False, **options)
    state = solver.init(w)
    for _ in range(steps):
        w, state, info = solver.step(w, state, problem.model, problem.loss)
    return w, state.z, info


@pytest.mark.parametrize("lam", [0.1, 5.0])
@over_spectra
def test_with_params_fixed_it_solves_the_system(spectrum, lam):
    problem = Quadratic(spectrum)
    w = problem.init(np.random.default_rng(0))
    matrix = problem.hessian + lam * np.eye(len(spectrum))
    g = problem.hessian @ (w - problem.solution)
    found, z, info = run(problem, w, 900, lr=0.0, lam=lam)
    np.testing.assert_array_equal(found, w)
    np.testing.assert_allclose(z, -np.linalg.solve(matrix, g), rtol=1e-9, atol=1e-12)
    by_cg = conjugate_gradient(lambda v: matrix @ v, -g, tol=1e-14).x
    np.testing.assert_allclose(z, by_cg, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(info["predicted"], -0.5 * g @ np.linalg.solve(matrix, g), rtol=1e-9)


def test_the_gauss_newton_system_of_a_problem_that_is_not_quadratic():
    problem = LogisticRegression()
    w = problem.init(np.random.default_rng(0))
    g, H = problem.derivatives(w)  # the penalty is among the outputs: H is the Gauss-Newton matrix
    _, z, _ = run(problem, w, 400, lr=0.0, lam=0.01)
    np.testing.assert_allclose(z, -np.linalg.solve(H + 0.01 * np.eye(5), g), rtol=1e-9)


@over_spectra
def test_with_params_moving_it_ends_in_the_minimum(spectrum):
    problem = Quadratic(spectrum)
    w = problem.init(np.random.default_rng(0))
    found, _, _ = run(problem, w, 1000, lr=1.0, lam=0.1)
    np.testing.assert_allclose(problem.loss(problem.model(found)), 0.0, atol=1e-18)
    if min(spectrum) > 0.0:
        np.testing.assert_allclose(found, problem.solution, rtol=1e-8)


def test_numbers_of_the_figure():
    """Both ways end, and conjugate gradients after five products, one for each eigenvalue."""
    distances = linear_system()
    assert {name: values.shape for name, values in distances.items()} == {
        "fixed": (1001,),
        "moving": (1001,),
        "cg": (6,),
    }
    assert all(values[0] == 1.0 for values in distances.values())
    assert distances["fixed"][-1] < 1e-13
    assert distances["moving"][-1] < 1e-10
    assert distances["cg"][5] < 1e-11 < distances["cg"][4]
    assert linear_system(iterations=7)["fixed"].tolist() == distances["fixed"][:8].tolist()
    assert linear_system(seed=1)["fixed"][5] != distances["fixed"][5]


def test_every_step_comes_closer_in_the_norm_of_the_system():
    """`rho` and `beta` minimise the model over a plane that contains `z`: its value never rises."""
    problem = Quadratic((1.0, 3.0, 10.0, 30.0, 100.0))
    w, solver = problem.init(np.random.default_rng(3)), CurveBall(lr=0.0, lam=0.1, adapt_lam=False)
    state, predicted = solver.init(w), [0.0]
    for _ in range(150):
        w, state, info = solver.step(w, state, problem.model, problem.loss)
        predicted.append(float(info["predicted"]))
    assert np.all(np.diff(predicted) <= 1e-12)
    assert np.all(np.diff(predicted[:20]) < 0.0)
