"""The loop: what it finds, why it stops, what it reports."""

import numpy as np
import pytest
import scipy.optimize

import minigrad as mg
from curveball import SGD, Adam, CurveBall, NewtonCG, minimize
from curveball.solvers.minimize import _largest

A = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.3]])
B = np.array([1.0, -1.0, 2.0])
START = np.array([-1.2, 1.0])
OUTCOMES = {"x", "fun", "jac", "nit", "success", "status", "message", "losses", "state"}


def line(w):
    return A @ w - B


def square(y):
    return y @ y


def rosenbrock(w):
    return mg.stack([10.0 * (w[1] - w[0] ** 2), 1.0 - w[0]])


@pytest.mark.parametrize("solver", [
    None, CurveBall(lam=1e-6), CurveBall(lam=1e-3, rho=0.3), SGD(lr=0.01, momentum=0.8), Adam(lr=0.1),
], ids=str)  # fmt: skip
def test_least_squares(solver):
    result = minimize(line, square, np.zeros(2), solver, max_iter=5000, tol=1e-8)
    assert result.success
    assert result.status == 0
    expected, residual, *_ = np.linalg.lstsq(A, B)
    np.testing.assert_allclose(result.x, expected, atol=1e-7)
    np.testing.assert_allclose(result.fun, residual[0], rtol=1e-10)


@pytest.mark.parametrize(("solver", "max_iter"), [
    (CurveBall(lam=1e-3), 50), (CurveBall(lam=1.0), 100), (SGD(lr=5e-4, momentum=0.95), 4000), (Adam(lr=0.1), 3000),
], ids=str)  # fmt: skip
def test_rosenbrock(solver, max_iter):
    result = minimize(rosenbrock, square, START, solver, max_iter=max_iter, tol=1e-5)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, [1.0, 1.0], atol=1e-4)
    assert result.nit < max_iter


def test_the_result_describes_the_point_it_holds():
    result = minimize(rosenbrock, square, START, CurveBall(lam=1e-3), max_iter=3)
    assert isinstance(result, scipy.optimize.OptimizeResult)
    assert set(result) >= OUTCOMES
    u, v = result.x
    assert result.fun == pytest.approx(100 * (v - u * u) ** 2 + (1 - u) ** 2, rel=1e-12)
    expected = [-400 * u * (v - u * u) - 2 * (1 - u), 200 * (v - u * u)]
    np.testing.assert_allclose(result.jac, expected, rtol=1e-10)
    assert (result.status, result.success, result.nit) == (1, False, 3)
    assert result.message == "the 3 iterations allowed are used up"
    assert len(result.losses) == 3
    assert result.losses[0] == pytest.approx(24.2)
    assert result.state.steps == 3


def test_converged_exactly_at_the_last_iteration():
    needed = minimize(line, square, np.zeros(2), CurveBall(lam=1e-6), tol=1e-8).nit
    assert minimize(line, square, np.zeros(2), CurveBall(lam=1e-6), needed, tol=1e-8).status == 0
    assert minimize(line, square, np.zeros(2), CurveBall(lam=1e-6), needed - 1, tol=1e-8).status == 1


def test_converged_before_the_first_iteration():
    solution = np.linalg.lstsq(A, B)[0]
    result = minimize(line, square, solution, tol=1e-6)
    assert (result.status, result.nit, result.losses) == (0, 0, [])
    np.testing.assert_array_equal(result.x, solution)
    assert result.message == "no entry of the gradient is larger than 1e-06"


def test_weight_decay_is_part_of_the_objective_that_converges():
    decay = 0.7
    result = minimize(line, square, np.zeros(2), CurveBall(lam=1e-6, weight_decay=decay), tol=1e-9)
    np.testing.assert_allclose(result.x, np.linalg.solve(2 * A.T @ A + decay * np.eye(2), 2 * A.T @ B), atol=1e-8)
    assert result.success
    assert result.fun == pytest.approx(float(square(line(result.x))))


def test_without_tolerance_all_iterations_are_made():
    result = minimize(line, square, np.zeros(2), CurveBall(lam=1e-6), max_iter=30, tol=None)
    assert (result.status, result.nit, result.jac) == (1, 30, None)
    assert result.fun == pytest.approx(float(square(line(result.x))))


def test_params_are_trees_like_those_given():
    result = minimize(lambda p: line(mg.stack([p["a"], p["b"][0]])), square, {"a": np.array(0.0), "b": [np.array(0.0)]})
    np.testing.assert_allclose([result.x["a"], result.x["b"][0]], np.linalg.lstsq(A, B)[0], atol=1e-6)


@pytest.mark.parametrize("tol", [1e-6, None])
def test_a_loss_that_is_not_finite_ends_it(tol):
    with np.errstate(over="ignore", invalid="ignore"):
        result = minimize(rosenbrock, square, START, SGD(lr=1.0), tol=tol)
    assert (result.status, result.success) == (2, False)
    assert np.isfinite(result.x).all()
    assert np.isfinite(result.losses).all()
    assert result.fun == result.losses[-1] == pytest.approx(float(square(rosenbrock(result.x))))
    assert f"at iteration {result.nit}; the last finite loss was {result.fun:.6g}" in result.message


def test_a_start_that_is_not_finite():
    result = minimize(lambda w: w, square, np.array([np.nan, 1.0]))
    assert (result.status, result.nit) == (2, 0)
    assert np.isnan(result.fun)


def test_the_callback_sees_every_iteration_and_can_stop():
    seen = []

    def callback(intermediate_result):
        seen.append(intermediate_result)
        if len(seen) == 3:
            raise StopIteration

    result = minimize(rosenbrock, square, START, CurveBall(lam=1e-3), callback=callback)
    assert (result.status, result.nit, result.success) == (3, 3, False)
    assert result.message == "stopped by the callback"
    assert [r.nit for r in seen] == [1, 2, 3]
    assert [r.fun for r in seen] == result.losses
    assert all(r.fun == pytest.approx(float(square(rosenbrock(r.x)))) for r in seen)
    assert {"rho", "beta", "lam"} <= set(seen[-1].info)
    assert result.fun == pytest.approx(float(square(rosenbrock(result.x))))


@pytest.mark.parametrize("solver", [None, NewtonCG(), CurveBall(lam=1e-6)], ids=str)
def test_as_a_method_of_scipy(solver):
    options = {"tol": 1e-7} if solver is None else {"solver": solver, "tol": 1e-7}
    if isinstance(solver, CurveBall):
        result = scipy.optimize.minimize(
            rosenbrock, START, method=minimize, options={**options, "outputs_loss": square}
        )
    else:
        result = scipy.optimize.minimize(lambda w: square(rosenbrock(w)), START, method=minimize, options=options)
    assert result.success
    np.testing.assert_allclose(result.x, [1.0, 1.0], atol=1e-6)


def test_scipy_passes_args_and_maxiter_on():
    result = scipy.optimize.minimize(
        lambda w, a, b: square(a * w - b), np.zeros(2), (2.0, 3.0), method=minimize, options={"maxiter": 50}
    )
    np.testing.assert_allclose(result.x, [1.5, 1.5], atol=1e-6)
    result = scipy.optimize.minimize(lambda w: square(rosenbrock(w)), START, method=minimize, options={"maxiter": 1})
    assert (result.status, result.nit) == (1, 1)


@pytest.mark.parametrize(("error", "message", "call"), [
    (ValueError, "max_iter must be at least 1; got 0", lambda: minimize(line, square, np.zeros(2), max_iter=0)),
    (TypeError, "loss that is one number; its shape is \\(2,\\)", lambda: minimize(lambda w: w, abs, np.ones(2))),
    (TypeError, "minimize has no option 'maxiter'", lambda: minimize(line, square, np.zeros(2), maxiter=3)),
    (ValueError, "no bounds or constraints", lambda: scipy.optimize.minimize(
        square, np.ones(2), method=minimize, bounds=[(0, 1), (0, 1)])),
    (ValueError, "CurveBall uses the Gauss-Newton matrix", lambda: scipy.optimize.minimize(
        square, np.ones(2), method=minimize, options={"solver": CurveBall()})),
], ids=["max_iter", "shape", "option", "bounds", "scalar"])  # fmt: skip
def test_errors(error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_params_without_numbers_have_no_largest():
    assert _largest({}) == 0.0
