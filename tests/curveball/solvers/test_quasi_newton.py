"""BFGS and L-BFGS through SciPy: one step is SciPy's own, many lead where SciPy's one run leads."""

import numpy as np
import pytest
from scipy.optimize import minimize

import minigrad as mg
from curveball import BFGS, LBFGS
from problems.closed_form import get
from problems.closed_form.regression import LogisticRegression
from problems.closed_form.rosenbrock import Rosenbrock
from tests.support.oracles import ORACLES, VALLEY

strict = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")

PROBLEMS = {
    "valley": Rosenbrock(),
    "long valley": Rosenbrock(n=6),
    "logistic": LogisticRegression(),
    "beale": get("beale"),
    "kowalik-osborne": get("kowalik-osborne"),
}
over_problems = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)


def follow(solver, problem, w, steps):
    state = solver.init(w)
    for _ in range(steps):
        w, state, info = solver.step(w, state, problem.model, problem.loss)
    return w, state, info


def scipy_objective(problem):
    return mg.value_and_grad(lambda w: problem.loss(problem.model(w)))


@pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)
def test_bfgs_steps_are_scipys_one_by_one(oracle):
    """With the inverse Hessian handed on; objective and gradient written by hand."""
    w, inverse, solver = oracle.start, None, BFGS()
    state = solver.init(w)
    for _ in range(8):
        options = {"maxiter": 1, "gtol": 0.0} | ({} if inverse is None else {"hess_inv0": inverse})
        expected = minimize(oracle.value, w, jac=oracle.gradient, method="BFGS", options=options)
        inverse = 0.5 * (expected.hess_inv + expected.hess_inv.T)
        found, state, info = solver.step(w, state, oracle.model, oracle.loss)
        np.testing.assert_allclose(found, expected.x, rtol=1e-8)
        np.testing.assert_allclose(state.inverse, inverse, rtol=1e-5)
        np.testing.assert_allclose(info["loss"], oracle.value(w), rtol=1e-12)
        assert not info["stuck"]
        w = expected.x


@over_problems
def test_bfgs_ends_where_one_run_ends(problem):
    """Not step for step: every call of SciPy's guesses the first length of its line search again."""
    start = problem.init(np.random.default_rng(0))
    expected = minimize(scipy_objective(problem), start, jac=True, method="BFGS", options={"gtol": 1e-9})
    found, _, _ = follow(BFGS(), problem, start, 120)
    np.testing.assert_allclose(found, expected.x, rtol=1e-5, atol=1e-7)


@over_problems
def test_lbfgs_in_one_step_is_scipys_run(problem):
    start = problem.init(np.random.default_rng(0))
    options = {"maxiter": 60, "maxcor": 7, "gtol": 0.0, "ftol": 0.0}
    expected = minimize(scipy_objective(problem), start, jac=True, method="L-BFGS-B", options=options)
    found, _, info = follow(LBFGS(memory=7, iterations=60), problem, start, 1)
    np.testing.assert_array_equal(found, expected.x)
    assert info["loss"] == problem.loss(problem.model(start))


@over_problems
def test_lbfgs_ends_where_one_run_ends(problem):
    start = problem.init(np.random.default_rng(0))
    options = {"gtol": 1e-10, "ftol": 0.0, "maxiter": 1000}
    expected = minimize(scipy_objective(problem), start, jac=True, method="L-BFGS-B", options=options)
    found, _, _ = follow(LBFGS(), problem, start, 12)
    np.testing.assert_allclose(found, expected.x, rtol=1e-5, atol=1e-7)


def test_bfgs_inverse_comes_near_the_hessians():
    problem = LogisticRegression()
    w, state, _ = follow(BFGS(), problem, np.zeros(5), 26)
    np.testing.assert_allclose(w, problem.solution, atol=1e-8)
    _, hessian = problem.derivatives(problem.solution)
    np.testing.assert_allclose(state.inverse @ hessian, np.eye(5), atol=0.1)


def test_bfgs_at_the_minimum_is_stuck_and_starts_again():
    w = np.ones(2)
    found, state, info = BFGS().step(w, BFGS().init(w), VALLEY.model, VALLEY.loss)
    np.testing.assert_array_equal(found, w)
    assert info["stuck"] is True
    assert state == (None, True)


def test_bfgs_with_noise_never_breaks():
    """Another function at each step: estimates stop being positive definite, or lead nowhere, and are dropped."""
    problem, rng = Rosenbrock((0.0, 3.0)), np.random.default_rng(0)
    w, solver = np.array([-0.2, -0.2]), BFGS()
    state, dropped = solver.init(w), 0
    for _ in range(300):
        eps = problem.batch(rng)
        w, state, _ = solver.step(w, state, lambda w, eps=eps: problem.model(w, eps), problem.loss)
        dropped += state.inverse is None
    np.testing.assert_allclose(w, 1.0, atol=1e-3)
    assert dropped


def test_an_indefinite_estimate_is_dropped(monkeypatch):
    from scipy import optimize

    def broken(*args, **kwargs):
        result = minimize(*args, **kwargs)
        result.hess_inv = np.diag([1.0, -1e-3])
        return result

    monkeypatch.setattr(optimize, "minimize", broken)
    w, solver = VALLEY.start, BFGS()
    _, state, _ = solver.step(w, solver.init(w), VALLEY.model, VALLEY.loss)
    assert state == (None, False)


@pytest.mark.parametrize("solver", [BFGS(), LBFGS()], ids=["BFGS", "LBFGS"])
def test_arrays_that_are_not_numpys(solver):
    w = strict.asarray([1.0, 2.0])
    with pytest.raises(TypeError, match=r"NumPy arrays: move the params over with minigrad.to_numpy"):
        solver.step(w, solver.init(w), VALLEY.model, VALLEY.loss)


@pytest.mark.parametrize("solver", [BFGS(), LBFGS()], ids=["BFGS", "LBFGS"])
def test_several_runs_at_once(solver):
    w = np.zeros((3, 2))
    with pytest.raises(ValueError, match="one run at a time: give a loss that is a scalar"):
        solver.step(w, solver.init(w), VALLEY.model, mg.independent_runs(VALLEY.loss))


@pytest.mark.parametrize("options", [{"memory": 0}, {"iterations": 0}, {"memory": 1.5}, {"iterations": True}])
def test_bad_hyperparameters(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be a whole number of at least 1; got"):
        LBFGS(**options)


def test_one_step_of_memory_and_one_iteration_are_enough():
    assert (LBFGS(memory=1).memory, LBFGS(iterations=1).iterations) == (1, 1)
