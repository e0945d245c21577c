"""Levenberg-Marquardt against a plain loop over its equations, and against SciPy's."""

import numpy as np
import pytest
from scipy.optimize import least_squares

import minigrad as mg
from curveball import LevenbergMarquardt
from problems.closed_form import get
from tests.support.oracles import DECAY, ORACLES, VALLEY, Oracle

over_oracles = pytest.mark.parametrize("oracle", ORACLES.values(), ids=ORACLES)
VARIANTS = {
    "identity": LevenbergMarquardt(),
    "marquardt": LevenbergMarquardt(scaling="marquardt"),
    "matrix-free": LevenbergMarquardt(linear="cg", cg_tol=1e-14),
}
LOGARITHM = Oracle(mg.log, lambda w: (np.log(w), np.diag(1.0 / w), None), np.array([3.0]), np.array([1.1]))
over_variants = pytest.mark.parametrize("name", VARIANTS)


def loop(oracle, w, steps, name, tau=1e-3):
    """Madsen, Nielsen and Tingleff (2004), section 3.2; yields w, lam, gain and whether the step was accepted."""
    lam, nu, largest = None, 2.0, np.zeros(w.size)
    for _ in range(steps):
        G, g = oracle.ggn(w), oracle.gradient(w)
        largest = np.maximum(largest, np.diag(G))
        D = np.diag(largest) if name == "marquardt" else np.eye(w.size)
        if lam is None:
            lam = {
                "identity": tau * np.diag(G).max(),
                "marquardt": tau,
                "matrix-free": tau * np.linalg.norm(G @ g) / np.linalg.norm(g),
            }[name]
        z = -np.linalg.solve(G + lam * D, g)
        gain = (oracle.value(w + z) - oracle.value(w)) / (0.5 * z @ G @ z + z @ g)
        used, accepted = lam, gain > 0.0
        if accepted:
            w, lam, nu = w + z, lam * max(1.0 / 3.0, 1.0 - (2.0 * gain - 1.0) ** 3), 2.0
        else:
            lam, nu = lam * nu, 2.0 * nu
        yield w, used, gain, accepted


def follow(solver, oracle, w, steps):
    state = solver.init(w)
    for _ in range(steps):
        w, state, info = solver.step(w, state, oracle.model, oracle.loss)
        yield w, info, state


# ------------------------------------------------------------------------------------- step by step


@over_variants
@over_oracles
def test_steps_by_hand(oracle, name):
    steps = 14 if oracle is VALLEY else 5  # then decreases are of the size of rounding, and so are gains
    expected = list(loop(oracle, oracle.start, steps, name))
    for (w, lam, gain, accepted), (found, info, _) in zip(
        expected, follow(VARIANTS[name], oracle, oracle.start, steps), strict=True
    ):
        np.testing.assert_allclose(found, w, rtol=1e-7)
        np.testing.assert_allclose(info["lam"], lam, rtol=1e-7)
        np.testing.assert_allclose(info["gain"], gain, rtol=1e-5, atol=1e-7)
        assert bool(info["accepted"]) == accepted
    outcomes = [accepted for *_, accepted in expected]
    assert any(outcomes)
    assert oracle is not VALLEY or not all(outcomes)  # the valley's bend rejects steps


@pytest.mark.parametrize("name", ["identity", "marquardt"])
def test_rejections_in_a_row_double_the_factor(name):
    """A start where the first steps are much too long: lam grows 2, 4, 8, ... times, and w stays."""
    solver = LevenbergMarquardt(tau=1e-12, scaling=name)
    steps = list(follow(solver, VALLEY, np.array([-1.2, 1.0]), 6))
    expected = list(loop(VALLEY, np.array([-1.2, 1.0]), 6, name, tau=1e-12))
    assert [bool(info["accepted"]) for _, info, _ in steps] == [accepted for *_, accepted in expected]
    rejected = [k for k, (_, info, _) in enumerate(steps) if not info["accepted"]]
    assert rejected[:4] == [0, 1, 2, 3]
    lams = [float(info["lam"]) for _, info, _ in steps]
    np.testing.assert_allclose(np.array(lams[1:5]) / lams[:4], [2.0, 4.0, 8.0, 16.0])
    for k in rejected:
        before = VALLEY.start if k == 0 else steps[k - 1][0]
        np.testing.assert_array_equal(steps[k][0], before)


def test_loss_never_rises():
    losses = [float(info["loss"]) for _, info, _ in follow(LevenbergMarquardt(), VALLEY, VALLEY.start, 30)]
    assert np.all(np.diff(losses) <= 0.0)


def test_marquardts_scaling_does_not_see_units():
    """`w -> S w` with positive `S`: the same iterates in other units. With the identity they differ."""
    units = np.array([1e3, 1e-2])
    for name, same in (("marquardt", True), ("identity", False)):
        solver = VARIANTS[name]
        w, v = VALLEY.start, VALLEY.start / units
        state, other = solver.init(w), solver.init(v)
        for _ in range(8):
            w, state, _ = solver.step(w, state, VALLEY.model, VALLEY.loss)
            v, other, _ = solver.step(v, other, lambda v: VALLEY.model(v * units), VALLEY.loss)
        assert np.allclose(v * units, w, rtol=1e-7) == same


def test_a_loss_that_is_no_square():
    """The quadratic model has the loss's own Hessian: `sum cosh(y)`."""
    w = DECAY.start
    y, J, _ = DECAY.parts(w)
    G, gradient = (J.T * np.cosh(y)) @ J, J.T @ np.sinh(y)
    lam = 1e-3 * np.diag(G).max()
    z = -np.linalg.solve(G + lam * np.eye(2), gradient)
    solver = LevenbergMarquardt()
    found, _, info = solver.step(w, solver.init(w), DECAY.model, lambda y: mg.sum(mg.cosh(y)))
    change = np.cosh(DECAY.parts(w + z)[0]).sum() - np.cosh(y).sum()
    np.testing.assert_allclose(info["gain"], change / (0.5 * z @ G @ z + gradient @ z), rtol=1e-9)
    np.testing.assert_allclose(found, w + z, rtol=1e-10)


# ------------------------------------------------------------------------------------- edges


@over_variants
def test_where_the_matrix_is_zero_it_stays(name):
    """`w^2` at 0, where the Jacobian is zero: nothing to divide by, and nowhere to go."""
    solver, w = VARIANTS[name], np.zeros(2)
    state = solver.init(w)
    for _ in range(3):
        w, state, info = solver.step(w, state, lambda w: w * w - 1.0, lambda y: y @ y)
    np.testing.assert_array_equal(w, 0.0)
    assert not info["accepted"]
    assert info["lam"] > 0.0


@over_variants
def test_a_flat_direction_and_other_data_at_each_step(name):
    """`|w_0 + w_1 - noise|^2`: every step is a full success, the damping falls, and the matrix itself is singular."""
    rng, solver, w = np.random.default_rng(0), VARIANTS[name], np.array([3.0, -1.0])
    state = solver.init(w)
    for _ in range(120):
        noise = rng.standard_normal()
        w, state, info = solver.step(w, state, lambda w, n=noise: w[:1] + w[1:] - n, lambda y: y @ y)
        assert info["accepted"]
        np.testing.assert_allclose(w.sum(), noise, atol=1e-2)
    assert np.abs(w).max() < 20.0  # along the flat direction only rounding moves it


@over_variants
def test_steps_out_of_the_domain_are_rejected(name):
    """`log(w)^2` from 3: the full step goes to `3 - 3 log 3 < 0`."""
    with np.errstate(invalid="ignore"):
        steps = list(follow(VARIANTS[name], LOGARITHM, np.array([3.0]), 60))
    first, info, _ = steps[0]
    assert first == 3.0
    assert not info["accepted"]
    assert np.isnan(info["gain"])
    np.testing.assert_allclose(steps[-1][0], 1.0, rtol=1e-7)


@over_variants
def test_damping_stays_finite_at_the_limit_of_precision(name):
    *_, (w, info, state) = follow(VARIANTS[name], DECAY, DECAY.start, 400)
    assert 1e-30 <= float(info["lam"]) <= 1e30
    assert float(state.nu) <= 1e6
    np.testing.assert_allclose(w, [2.58310947, -1.31307006], rtol=1e-7)


# ------------------------------------------------------------------------------------- against SciPy, dense against CG

CASES = (
    "beale",
    "bard",
    "kowalik-osborne",
    "osborne-1",
    "Misra1a",
    "Chwirut2",
    "DanWood",
    "Rat42",
    "Gauss1",
    "Eckerle4",
)


@pytest.mark.parametrize("name", CASES)
def test_ends_where_scipy_ends(name):
    problem = get(name)
    start = problem.starts[-1]  # of NIST's two the nearer one
    with np.errstate(all="ignore"):  # a trial step may leave the domain
        expected = least_squares(
            problem.model, start, mg.jacobian(problem.model), method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15
        )
        *_, (w, _, _) = follow(LevenbergMarquardt(scaling="marquardt"), problem, start, 150)
    np.testing.assert_allclose(problem.loss(problem.model(w)), 2.0 * expected.cost, rtol=1e-10, atol=1e-25)
    np.testing.assert_allclose(w, expected.x, rtol=1e-5)


# Powell's singular function, Meyer's and most of NIST's are left out: conjugate gradients without a preconditioner do
# not solve systems of condition 1e12 and more to ten digits, so that the two forms take different ways.
@pytest.mark.parametrize("name", ["rosenbrock", "beale", "helical-valley", "gaussian", "box-3d", "wood", "osborne-2"])
def test_matrix_free_takes_the_steps_of_the_dense_form(name):
    """From the same damping."""
    problem = get(name)
    dense, free = LevenbergMarquardt(), LevenbergMarquardt(linear="cg", cg_tol=1e-13, max_cg=200)
    w = v = problem.init()
    _, state, info = dense.step(w, dense.init(w), problem.model, problem.loss)
    state = other = state._replace(lam=info["lam"], nu=2.0)
    for _ in range(10):
        w, state, _ = dense.step(w, state, problem.model, problem.loss)
        v, other, _ = free.step(v, other, problem.model, problem.loss)
        np.testing.assert_allclose(v, w, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(other.lam, state.lam, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau": 0.0}, "tau must be a positive number; got 0.0"),
        ({"cg_tol": -1.0}, "cg_tol must be a positive number"),
        ({"scaling": "more"}, "scaling must be one of identity, marquardt; got 'more'"),
        ({"linear": "qr"}, "linear must be one of dense, cg; got 'qr'"),
        ({"linear": "cg", "scaling": "marquardt"}, "needs the diagonal of the matrix: use linear='dense'"),
        ({"max_cg": 0}, "max_cg must be a whole number of at least 1, or None; got 0"),
        ({"max_cg": 1.5}, "max_cg must be a whole number of at least 1, or None; got 1.5"),
        ({"max_cg": True}, "max_cg must be a whole number of at least 1, or None; got True"),
    ],
)
def test_bad_hyperparameters(options, message):
    with pytest.raises(ValueError, match=message):
        LevenbergMarquardt(**options)
