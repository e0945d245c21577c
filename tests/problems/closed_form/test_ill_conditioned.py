"""Regressions, factorisations and sums of exponentials by condition number: closed forms against derivatives."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import least_squares

import minigrad as mg
from problems.closed_form import get
from problems.closed_form.exponentials import RATES, SumOfExponentials
from problems.closed_form.factorisation import MatrixFactorisation
from problems.closed_form.ill_conditioned import IllConditionedRegression

CONDITIONS = (1e2, 1e4, 1e6, 1e8)


def objective(problem):
    return lambda w: problem.loss(problem.model(w))


# ------------------------------------------------------------------------------------- linear


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_hessian_has_the_eigenvalues_that_were_asked_for(condition):
    problem = IllConditionedRegression(condition, features=7, samples=30, seed=3)
    singular = np.linalg.svd(problem.inputs, compute_uv=False) / np.sqrt(30)  # exact to rounding of the largest
    np.testing.assert_allclose(singular, condition ** np.linspace(0.0, -0.5, 7), rtol=1e-10)
    w = problem.init(np.random.default_rng(0))
    np.testing.assert_allclose(mg.hessian(objective(problem))(w), problem.hessian, atol=1e-14)
    gradient = problem.hessian @ (w - problem.solution)
    np.testing.assert_allclose(mg.grad(objective(problem))(w), gradient, atol=1e-13)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_solution_is_that_of_least_squares(condition):
    problem = IllConditionedRegression(condition)
    found, squares, _, _ = np.linalg.lstsq(problem.inputs, problem.targets, rcond=None)
    np.testing.assert_allclose(found, problem.solution, atol=1e-12 * np.sqrt(condition))
    assert problem.minimum == pytest.approx(squares[0] / 200.0, rel=1e-12) == pytest.approx(0.005, rel=1e-12)
    assert problem.error(2.0 * problem.solution) == pytest.approx(1.0)


def test_names_and_registry():
    for name in ("regression-1e2", "regression-1e8", "factorisation-1e6"):
        assert get(name).name == name
        assert get(name).condition == float(name.partition("-")[2])


# ------------------------------------------------------------------------------------- factorisation


def test_the_gradient_of_a_factorisation():
    problem = MatrixFactorisation(1e3, rows=6, columns=5, rank=3, seed=2)
    w = problem.init(np.random.default_rng(1))
    misfit = w["u"] @ w["v"].T - problem.matrix
    gradient = mg.grad(objective(problem))(w)
    np.testing.assert_allclose(gradient["u"], misfit @ w["v"], atol=1e-14)
    np.testing.assert_allclose(gradient["v"], misfit.T @ w["u"], atol=1e-14)
    assert float(objective(problem)(w)) == pytest.approx(0.5 * np.sum(misfit**2))


def test_the_curvature_at_the_balanced_solution():
    """`sigma_i + sigma_j` for each pair, `sigma_i` for each direction outside, and `rank^2` zeros."""
    problem = MatrixFactorisation(1e2, rows=6, columns=5, rank=3)
    sigma, w = problem.factors[1], problem.solution
    ravel = mg.Ravel(w)
    unit = np.eye(33)
    G = np.stack([ravel.vector(mg.ggnvp(problem.model, problem.loss, w, ravel.tree(e))) for e in unit])
    expected = [*np.add.outer(sigma, sigma).ravel(), *np.repeat(sigma, 6 - 3 + 5 - 3), *np.zeros(9)]
    np.testing.assert_allclose(np.linalg.eigvalsh(G), sorted(expected), atol=1e-13)
    assert np.linalg.svd(problem.matrix, compute_uv=False)[:3] == pytest.approx(sigma)
    assert np.linalg.matrix_rank(problem.matrix) == 3


def test_the_error_of_a_factorisation():
    """Without its weakest direction: one entry of the nine is wrong by its singular value."""
    problem = MatrixFactorisation(1e6, rows=6, columns=5, rank=3)
    assert problem.error(problem.solution) < 1e-9
    without = {name: x * [1.0, 1.0, 0.0] for name, x in problem.solution.items()}
    assert problem.error(without) == pytest.approx(1.0 / 3.0)
    rotated = {"u": problem.solution["u"] * [2.0, 1.0, 0.5], "v": problem.solution["v"] * [0.5, 1.0, 2.0]}
    assert problem.error(rotated) < 1e-9


# ------------------------------------------------------------------------------------- exponentials


@pytest.mark.parametrize("terms", [2, 3, 4])
def test_the_jacobian_of_exponentials(terms):
    problem = SumOfExponentials(terms, samples=40)
    w = problem.init(np.random.default_rng(0))
    rates, amplitudes, t = np.exp(w[:terms]), w[terms:], np.linspace(0.0, 1.0, 40)
    decays = np.exp(-np.outer(t, rates))
    jacobian = np.concatenate([-np.outer(t, rates * amplitudes) * decays, decays], axis=1) / np.sqrt(40)
    np.testing.assert_allclose(mg.jacobian(problem.model)(w), jacobian, atol=1e-14)
    misfit = decays @ amplitudes - sum(np.exp(-rate * t) for rate in RATES[:terms])
    assert float(objective(problem)(w)) == pytest.approx(0.5 * np.mean(misfit**2))
    at_solution = np.linalg.svd(mg.jacobian(problem.model)(problem.solution), compute_uv=False)
    assert problem.condition == pytest.approx((at_solution[0] / at_solution[-1]) ** 2, rel=1e-6)


def test_each_term_makes_it_worse():
    conditions = [SumOfExponentials(terms).condition for terms in (2, 3, 4)]
    assert conditions[0] > 1e5
    assert all(1000.0 > after / before > 10.0 for before, after in pairwise(conditions))


def test_scipy_finds_the_solution_of_the_exponentials():
    problem = SumOfExponentials(3)
    found = least_squares(
        problem.model, problem.init(np.random.default_rng(0)), mg.jacobian(problem.model), method="lm", xtol=1e-15,
        ftol=1e-15, gtol=1e-15,
    )  # fmt: skip
    assert problem.error(found.x) < 1e-6
    assert problem.error(found.x[[1, 0, 2, 4, 3, 5]]) == problem.error(found.x)  # in any order


# ------------------------------------------------------------------------------------- all


@pytest.mark.parametrize("name", ["regression-1e4", "factorisation-1e4", "exponentials-3"])
def test_many_runs_and_float32(name):
    problem = get(name)
    params = problem.init(np.random.default_rng(0), (3,))
    outputs = problem.model(params)
    for k in range(3):
        alone = problem.model(mg.tree_map(lambda x, k=k: x[k], params))
        np.testing.assert_allclose(alone, outputs[k], atol=1e-14)
    small = mg.tree_map(lambda x: x.astype(np.float32), params)
    assert problem.loss(problem.model(small)).dtype == np.float32


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: IllConditionedRegression(0.5), "condition must be a number of at least 1; got 0.5"),
        (lambda: IllConditionedRegression(float("inf")), "condition must be a number of at least 1; got inf"),
        (lambda: IllConditionedRegression(10.0, samples=20), "samples more than features; got 20 and 20"),
        (lambda: MatrixFactorisation(float("nan")), "condition must be a number of at least 1; got nan"),
        (lambda: MatrixFactorisation(10.0, rank=21), "rank must be from 2 to 20, the smaller side; got 21"),
        (lambda: SumOfExponentials(5), "terms must be from 1 to 4"),
        (lambda: get("regression-1e2").model(np.zeros(3)), "has 20 features; got params of shape"),
        (lambda: get("exponentials-2").model(np.zeros(3)), "2 exponentials have 4 params; got the shape"),
        (
            lambda: get("factorisation-1e2").model({"u": np.zeros((2, 5)), "v": np.zeros((20, 5))}),
            r"takes u and v of shapes \[\(30, 5\), \(20, 5\)\]; got \(2, 5\)",
        ),
    ],
)
def test_bad_values(make, words):
    with pytest.raises(ValueError, match=words):
        make()
