"""Newton-CG: its linear systems against SciPy's conjugate gradients, its steps against dense formulas."""

import numpy as np
import pytest
from scipy.sparse.linalg import cg

import minigrad as mg
from curveball import NewtonCG
from curveball.solvers.newton_cg import NewtonCGState
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.regression import LogisticRegression
from tests.support.oracles import DECAY, ORACLES

PROBLEM = LogisticRegression(samples=60, features=12, ridge=1e-3)


def step(solver, w, problem=PROBLEM, state=None):
    return solver.step(w, solver.init(w) if state is None else state, problem.model, problem.loss)


# ------------------------------------------------------------------------------------- the linear system


@pytest.mark.parametrize("scale", [0.0, 0.3, 3.0])
@pytest.mark.parametrize("eta_max", [0.5, 0.01])
def test_residual_is_below_the_forcing_sequence(scale, eta_max):
    w = PROBLEM.solution + scale * PROBLEM.init(np.random.default_rng(0)) + 1e-3
    gradient, hessian = PROBLEM.derivatives(w)
    norm = np.linalg.norm(gradient)
    eta = min(eta_max, np.sqrt(norm))
    _, state, info = step(NewtonCG(eta_max=eta_max), w)
    residual = np.linalg.norm(hessian @ state.z + gradient)
    assert residual <= eta * norm
    np.testing.assert_allclose(info["residual"], residual, rtol=1e-9, atol=1e-13 * norm)
    iterates = []
    cg(hessian, -gradient, rtol=eta, callback=lambda x: iterates.append(x.copy()))
    assert info["cg_iterations"] == len(iterates)  # not one product more than that needs
    np.testing.assert_allclose(state.z, iterates[-1], rtol=0.0, atol=1e-8 * np.linalg.norm(state.z))


@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
@pytest.mark.parametrize("lam", [0.0, 0.5])
@pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)
def test_a_system_solved_to_the_end_gives_newtons_step(oracle, lam, curvature):
    w = oracle.near
    B = (oracle.hessian(w) if curvature == "hessian" else oracle.ggn(w)) + lam * np.eye(2)
    solver = NewtonCG(lr=0.7, lam=lam, curvature=curvature, eta_max=1e-10, line_search=False)
    found, state, info = step(solver, w, oracle)
    z = -np.linalg.solve(B, oracle.gradient(w))
    np.testing.assert_allclose(state.z, z, rtol=1e-7)
    np.testing.assert_allclose(found, w + 0.7 * z, rtol=1e-7)
    np.testing.assert_allclose(info["loss"], oracle.value(w), rtol=1e-14)


def test_one_product_gives_cauchys_point():
    w = PROBLEM.init(np.random.default_rng(1))
    g, H = PROBLEM.derivatives(w)
    _, state, info = step(NewtonCG(max_cg=1, eta_max=1e-6), w)
    np.testing.assert_allclose(state.z, -(g @ g) / (g @ H @ g) * g, rtol=1e-10)
    assert info["cg_iterations"] == 1


# ------------------------------------------------------------------------------------- negative curvature


def saddle(hessian):
    """`w.H w / 2` with the start to use."""
    return lambda w: w @ (np.array(hessian) @ w) * 0.5


def test_negative_curvature_at_once_gives_steepest_descent():
    w = np.array([0.2, 1.0])
    f = saddle(np.diag([1.0, -2.0]))
    gradient = np.array([0.2, -2.0])
    solver = NewtonCG(line_search=False)
    found, state, info = solver.step(w, solver.init(w), lambda w: w, f)
    np.testing.assert_allclose(state.z, -gradient, rtol=1e-15)
    np.testing.assert_allclose(found, w - gradient, rtol=1e-15)
    assert (info["negative_curvature"], info["cg_iterations"]) == (True, 1)


def test_negative_curvature_later_keeps_what_was_found():
    w, H = np.array([0.1, 0.1]), np.diag([10.0, -1.0])
    g = H @ w
    solver = NewtonCG(eta_max=1e-6, line_search=False)
    _, state, info = solver.step(w, solver.init(w), lambda w: w, saddle(H))
    np.testing.assert_allclose(state.z, -(g @ g) / (g @ H @ g) * g, rtol=1e-12)
    assert (info["negative_curvature"], info["cg_iterations"]) == (True, 2)
    assert g @ state.z < 0.0


def test_leaves_a_saddle():
    """`u^2 + (v^2 - 1)^2` from near its saddle at 0, where the Hessian is indefinite."""
    w, solver = np.array([1.0, 1e-3]), NewtonCG()
    state, met = solver.init(w), []
    for _ in range(30):
        w, state, info = solver.step(w, state, lambda w: mg.stack([w[0], w[1] ** 2 - 1.0]), lambda y: y @ y)
        met.append(bool(info["negative_curvature"]))
    np.testing.assert_allclose(np.abs(w), [0.0, 1.0], atol=1e-10)
    assert any(met)
    assert not met[-1]


# ------------------------------------------------------------------------------------- warm start


def test_a_warm_start_begins_at_the_decayed_step():
    w = PROBLEM.init(np.random.default_rng(2))
    g, H = PROBLEM.derivatives(w)
    z = -0.3 * g
    found, state, _ = step(NewtonCG(warm_start=True, decay=0.8, max_cg=3, eta_max=1e-9), w, state=NewtonCGState(z))
    expected, _ = cg(H, -g, x0=0.8 * z, rtol=1e-9, maxiter=3)
    np.testing.assert_allclose(state.z, expected, rtol=1e-9)
    assert PROBLEM.loss(PROBLEM.model(found)) < PROBLEM.loss(PROBLEM.model(w))


def test_a_warm_start_uphill_falls_back_to_steepest_descent():
    w = PROBLEM.init(np.random.default_rng(2))
    g, H = PROBLEM.derivatives(w)
    uphill = 1e3 * g
    one_step, _ = cg(H, -g, x0=0.95 * uphill, rtol=1e-9, maxiter=1)
    assert g @ one_step > 0.0
    found, state, _ = step(NewtonCG(warm_start=True, max_cg=1), w, state=NewtonCGState(uphill))
    np.testing.assert_allclose(state.z, -g, rtol=1e-12)
    assert PROBLEM.loss(PROBLEM.model(found)) < PROBLEM.loss(PROBLEM.model(w))


def test_a_warm_start_across_the_slope_falls_back_too():
    """Negative curvature ends the iteration at its start, which is level: no descent direction."""
    w = np.array([1.0, 0.0])
    solver = NewtonCG(warm_start=True, decay=1.0, line_search=False)
    _, state, info = solver.step(w, NewtonCGState(np.array([0.0, 1.0])), lambda w: w, lambda y: -0.5 * y @ y)
    assert info["negative_curvature"]
    np.testing.assert_array_equal(state.z, [1.0, 0.0])


def test_a_warm_start_at_the_minimum_stays():
    problem = Quadratic((1.0, 2.0, 5.0))
    w = problem.solution
    found, state, _ = step(NewtonCG(warm_start=True), w, problem, NewtonCGState(np.ones(3)))
    np.testing.assert_allclose(found, w, atol=1e-12)
    assert np.abs(state.z).max() < 1e-12


def test_a_warm_start_saves_products_where_systems_change_slowly():
    """Small steps (`lr = 0.05`) on a quadratic: the next system is nearly the last one."""
    problem = Quadratic(tuple(np.geomspace(1.0, 100.0, 10)))
    products = {}
    for warm in (False, True):
        solver = NewtonCG(lr=0.05, warm_start=warm, eta_max=1e-3, line_search=False)
        w = problem.init(np.random.default_rng(0))
        state, products[warm] = solver.init(w), 0
        for _ in range(10):
            w, state, info = solver.step(w, state, problem.model, problem.loss)
            products[warm] += int(info["cg_iterations"])
    assert products[True] < 0.5 * products[False]


# ------------------------------------------------------------------------------------- convergence


@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_convergence_is_superlinear(curvature):
    """With `eta = sqrt |g|` the order is 3/2: `|g'| / |g|^1.5` stays bounded while `|g|` falls to nothing."""
    w = PROBLEM.solution + 0.1
    solver = NewtonCG(curvature=curvature, line_search=False)
    state, norms = solver.init(w), []
    for _ in range(12):
        norms.append(np.linalg.norm(PROBLEM.derivatives(w)[0]))
        w, state, _ = solver.step(w, state, PROBLEM.model, PROBLEM.loss)
    norms = np.array([norm for norm in norms if norm > 1e-14])
    assert len(norms) >= 4
    assert norms[-1] < 1e-9
    assert np.all(norms[1:] <= 2.0 * norms[:-1] ** 1.5)  # a linear rate, however fast, breaks this in the end


@pytest.mark.parametrize("curvature", ["hessian", "ggn"])
def test_loss_never_rises(curvature):
    solver, w = NewtonCG(curvature=curvature), DECAY.start
    state, losses = solver.init(w), []
    for _ in range(20):
        w, state, info = solver.step(w, state, DECAY.model, DECAY.loss)
        losses.append(float(info["loss"]))
    assert np.all(np.diff(losses) <= 1e-14 * losses[0])
    np.testing.assert_allclose(w, [2.58310947, -1.31307006], rtol=1e-7)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "lr must be a positive number"),
        ({"lam": -1.0}, "lam must be zero or a positive number"),
        ({"curvature": "fisher"}, "curvature must be 'hessian' or 'ggn'; got 'fisher'"),
        ({"eta_max": 1.0}, "eta_max must be between 0 and 1; got 1.0"),
        ({"max_cg": 0}, "max_cg must be a whole number of at least 1, or None; got 0"),
        ({"max_cg": 1.5}, "max_cg must be a whole number of at least 1, or None; got 1.5"),
        ({"max_cg": True}, "max_cg must be a whole number of at least 1, or None; got True"),
        ({"eta_max": "a"}, "eta_max must be a positive number; got 'a'"),
        ({"lam": 10**400}, "lam must be zero or a positive number; got one of 1329 bits"),
        ({"line_search": "no"}, "line_search must be true or false; got 'no'"),
        ({"warm_start": 1}, "warm_start must be true or false; got 1"),
        ({"decay": -0.5}, "decay must be zero or a positive number"),
    ],
)
def test_bad_hyperparameters(options, message):
    with pytest.raises(ValueError, match=message):
        NewtonCG(**options)
