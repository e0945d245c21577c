"""Newton and Gauss-Newton with dense matrices, against the formulas in NumPy; and the line search."""

import numpy as np
import pytest

import minigrad as mg
from curveball import GaussNewton, Newton
from curveball.solvers.line_search import backtracking
from tests.support.oracles import DECAY, ORACLES, VALLEY

over_oracles = pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)


def step(solver, w, oracle):
    w, _, info = solver.step(w, solver.init(w), oracle.model, oracle.loss)
    return w, info


# ------------------------------------------------------------------------------------- one step


@pytest.mark.parametrize(("lr", "lam"), [(1.0, 0.0), (0.3, 0.0), (1.0, 0.7), (0.5, 20.0)])
@over_oracles
def test_newton_step(oracle, lr, lam):
    w = oracle.near
    H = oracle.hessian(w) + lam * np.eye(2)
    found, info = step(Newton(lr=lr, lam=lam, line_search=False), w, oracle)
    np.testing.assert_allclose(found, w - lr * np.linalg.solve(H, oracle.gradient(w)), rtol=1e-11)
    np.testing.assert_allclose(info["smallest"], np.linalg.eigvalsh(H)[0], rtol=1e-9)
    np.testing.assert_allclose(info["loss"], oracle.value(w), rtol=1e-14)


@pytest.mark.parametrize("lam", [0.0, 3.0])
def test_negative_eigenvalues_are_flipped(lam):
    w = np.array([0.1, 1.0])
    values, vectors = np.linalg.eigh(VALLEY.hessian(w) + lam * np.eye(2))
    assert values[0] < 0.0 < values[1]
    expected = w - vectors @ (vectors.T @ VALLEY.gradient(w) / np.abs(values))
    found, info = step(Newton(lam=lam, line_search=False), w, VALLEY)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    np.testing.assert_allclose(info["smallest"], values[0])
    assert (found - w) @ VALLEY.gradient(w) < 0.0


def test_indefinite_can_be_an_error():
    w = np.array([0.1, 1.0])
    smallest = np.linalg.eigvalsh(VALLEY.hessian(w))[0]
    with pytest.raises(ValueError, match=rf"smallest eigenvalue, damping included, is {smallest:.6g}. Raise lam"):
        step(Newton(indefinite="error"), w, VALLEY)
    found, _ = step(Newton(indefinite="error", lam=1.0 - smallest, line_search=False), w, VALLEY)
    H = VALLEY.hessian(w) + (1.0 - smallest) * np.eye(2)
    np.testing.assert_allclose(found, w - np.linalg.solve(H, VALLEY.gradient(w)), rtol=1e-11)


def test_singular_hessian():
    """`(w_0 + w_1)^2`: along the flat direction the gradient is zero, and the step has to be finite."""
    w = np.array([3.0, -1.0])
    found, _, _ = Newton().step(w, Newton().init(w), lambda w: w[0] + w[1], lambda y: y * y)
    np.testing.assert_allclose(found.sum(), 0.0, atol=1e-12)
    assert np.abs(found - [2.0, -2.0]).max() < 5.0


def test_tiny_eigenvalues_count_as_a_rounding_of_the_largest():
    H, slope = np.array([4.0, 1e-20]), np.array([1.0, 1e-3])
    w = np.zeros(2)
    found, _, _ = Newton(line_search=False).step(
        w, Newton().init(w), lambda w: w, lambda y: 0.5 * y @ (H * y) + y @ slope
    )
    np.testing.assert_allclose(found, [-0.25, -1e-3 / (2.0 * np.finfo(float).eps * 4.0)], rtol=1e-12)


def test_zero_hessian_gives_the_gradient():
    w, slope = np.array([3.0, -1.0]), np.array([0.5, 2.0])
    found, _, info = Newton(line_search=False).step(w, Newton().init(w), lambda w: w, lambda y: y @ slope)
    np.testing.assert_array_equal(found, w - slope)
    assert info["smallest"] == 0.0


@pytest.mark.parametrize(("lr", "lam"), [(1.0, 0.0), (0.3, 0.0), (1.0, 0.7)])
@over_oracles
def test_gauss_newton_step(oracle, lr, lam):
    w = oracle.start
    expected = w - lr * np.linalg.solve(oracle.ggn(w) + lam * np.eye(2), oracle.gradient(w))
    found, info = step(GaussNewton(lr=lr, lam=lam), w, oracle)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    np.testing.assert_allclose(info["loss"], oracle.value(w), rtol=1e-14)


def test_gauss_newton_step_of_a_loss_that_is_no_square():
    """`G = J^T H_L J` with the Hessian of `sum cosh(y)`."""
    w = DECAY.start
    y, J, _ = DECAY.parts(w)
    expected = w - np.linalg.solve((J.T * np.cosh(y)) @ J, J.T @ np.sinh(y))
    solver = GaussNewton()
    found, _, _ = solver.step(w, solver.init(w), DECAY.model, lambda y: mg.sum(mg.cosh(y)))
    np.testing.assert_allclose(found, expected, rtol=1e-11)


def test_singular_gauss_newton_matrix():
    w = np.array([3.0, -1.0])
    model, loss = (lambda w: w[:1] + w[1:]), (lambda y: y @ y)
    with pytest.raises(ValueError, match="the Gauss-Newton matrix is singular: give lam > 0"):
        GaussNewton().step(w, GaussNewton().init(w), model, loss)
    found, _, _ = GaussNewton(lam=1e-6).step(w, GaussNewton().init(w), model, loss)
    np.testing.assert_allclose(found, [2.0, -2.0], atol=1e-5)


# ------------------------------------------------------------------------------------- convergence


@over_oracles
def test_newton_converges_quadratically(oracle):
    w, errors = oracle.near, []
    minimum = oracle.near
    for _ in range(20):  # the oracle's own iteration, to the last digit
        minimum = minimum - np.linalg.solve(oracle.hessian(minimum), oracle.gradient(minimum))
    for _ in range(8):
        errors.append(np.linalg.norm(w - minimum))
        w, _ = step(Newton(line_search=False), w, oracle)
    errors = np.array([e for e in errors if e > 1e-13])
    assert len(errors) >= 4
    assert errors[-1] < 1e-4
    assert np.all(errors[1:] <= 50.0 * errors[:-1] ** 2)  # errors that shrink tenfold would break this below 1/500


def test_gauss_newton_converges_linearly_where_residuals_stay():
    """Its error contracts by the spectral radius of `I - G^-1 H`, here 0.17; Newton's ends after a few steps."""
    w = minimum = np.array([2.58310947, -1.31307006])
    for _ in range(5):
        minimum = minimum - np.linalg.solve(DECAY.hessian(minimum), DECAY.gradient(minimum))
    rate = np.abs(np.linalg.eigvals(np.eye(2) - np.linalg.solve(DECAY.ggn(minimum), DECAY.hessian(minimum)))).max()
    w = minimum + np.array([1e-4, 1e-4])
    errors = []
    for _ in range(6):
        errors.append(np.linalg.norm(w - minimum))
        w, _ = step(GaussNewton(), w, DECAY)
    np.testing.assert_allclose(errors[-1] / errors[-2], rate, rtol=0.02)


# ------------------------------------------------------------------------------------- the line search


def halving_by_hand(oracle, w, z, start):
    t, slope = start, oracle.gradient(w) @ z
    for _ in range(30):
        if oracle.value(w + t * z) <= oracle.value(w) + 1e-4 * t * slope:
            return t
        t *= 0.5
    return t


def search(oracle, w, z, start=1.0):
    gradient, value = np.array([oracle.gradient(x) for x in w]), np.array([oracle.value(x) for x in w])
    return backtracking(w, z, gradient, value, oracle.model, oracle.loss, False, start)


@pytest.mark.parametrize("start", [1.0, 0.7])
def test_halving_by_hand_for_runs_of_different_lengths(start):
    rng = np.random.default_rng(0)
    w = rng.uniform(-1.5, 1.5, (12, 2))
    z = np.array([-(10.0 ** rng.uniform(-4, 1)) * VALLEY.gradient(x) for x in w])
    expected = [halving_by_hand(VALLEY, x, d, start) for x, d in zip(w, z, strict=True)]
    assert len(set(expected)) >= 4
    np.testing.assert_array_equal(search(VALLEY, w, z, start), expected)


def test_halving_gives_up_after_thirty():
    w = VALLEY.start[None]
    np.testing.assert_array_equal(search(VALLEY, w, np.array([VALLEY.gradient(w[0])])), [0.5**30])


@pytest.mark.parametrize(("roundings", "expected"), [(4.0, 1.0), (100.0, 0.5**30)])
def test_halving_forgives_rounding(roundings, expected):
    w, z = np.array([1.0]), np.array([-1e-12])
    moved = 1.0 + roundings * np.finfo(float).eps
    found = backtracking(w, z, np.array([1e-12]), np.array(1.0), lambda w: w, lambda y: np.array(moved), False)
    assert found == expected


@pytest.mark.parametrize(("function", "expected"), [(mg.sqrt, 0.25), (mg.log, 0.125)], ids=["sqrt", "log"])
def test_halving_stays_where_the_loss_is_finite(function, expected):
    """From 1 towards -3: the square root is there from 0 on, the logarithm only above."""
    w, z = np.array([1.0]), np.array([-4.0])
    with np.errstate(invalid="ignore", divide="ignore"):
        found = backtracking(w, z, np.array([0.5]), function(1.0), lambda w: w, lambda y: mg.sum(function(y)), False)
    assert found == expected


@pytest.mark.parametrize(("z", "expected"), [(-1.999, 1.0), (-1.9999, 0.5)])
def test_halving_asks_for_a_decrease_in_proportion(z, expected):
    """`w^2` at 1: `1 - (1 + z)^2` has to be at least `1e-4` of `-2 z`, which it is just not at -1.9999."""
    found = backtracking(np.ones(1), np.array([z]), np.array([2.0]), np.array(1.0), lambda w: w, lambda y: y @ y, False)
    assert found == expected


def test_newton_uses_it():
    w = VALLEY.start
    solver = Newton()
    for _ in range(6):
        g, (values, vectors) = VALLEY.gradient(w), np.linalg.eigh(VALLEY.hessian(w))
        z = -vectors @ (vectors.T @ g / np.abs(values))
        expected = w + halving_by_hand(VALLEY, w, z, 1.0) * z
        w, _ = step(solver, w, VALLEY)
        np.testing.assert_allclose(w, expected, rtol=1e-10)


def test_without_line_search_the_loss_is_not_asked_again():
    asked = []

    def loss(y):
        asked.append(y)
        return VALLEY.loss(y)

    w = VALLEY.near
    for line_search, calls in ((False, 1), (True, 2)):
        asked.clear()
        Newton(line_search=line_search).step(w, Newton().init(w), VALLEY.model, loss)
        assert len(asked) == calls


# ------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("solver", "options", "message"),
    [
        (Newton, {"lr": 0.0}, "lr must be a positive number; got 0.0"),
        (Newton, {"lam": -1.0}, "lam must be zero or a positive number; got -1.0"),
        (Newton, {"indefinite": "ignore"}, "indefinite must be 'flip' or 'error'; got 'ignore'"),
        (GaussNewton, {"lr": float("inf")}, "lr must be a positive number; got inf"),
        (GaussNewton, {"lam": float("nan")}, "lam must be zero or a positive number; got nan"),
    ],
)
def test_bad_hyperparameters(solver, options, message):
    with pytest.raises(ValueError, match=message):
        solver(**options)


def test_a_singular_hessian_is_not_positive_definite():
    with pytest.raises(ValueError, match="its smallest eigenvalue, damping included, is 0"):
        Newton(indefinite="error").step(np.array([1.0, 1.0]), (), lambda w: w, lambda y: y[0] * y[0])
