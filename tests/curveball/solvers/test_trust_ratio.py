"""CurveBall's damping follows the trust ratio, within its limits."""

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall
from minigrad import nn
from tests.curveball.solvers.test_curve_ball import draw, network


def square(y):
    return y @ y


@pytest.mark.parametrize(
    ("start", "low", "high", "limit"), [(1e7, 1e9, 2e9, 1e8), (1e-7, -2e9, -1e9, 1e-8)], ids=["ceiling", "floor"]
)
def test_lambda_stays_in_its_range(start, low, high, limit):
    solver = CurveBall(lam=start, lam_factor=0.5, lam_every=1, trust_low=low, trust_high=high)
    w = np.array([1.0, 2.0])
    state = solver.init(w)
    for _ in range(3):
        w, state, _ = solver.step(w, state, lambda w: w, square)
    assert state.lam != limit
    for _ in range(5):
        w, state, _ = solver.step(w, state, lambda w: w, square)
    assert state.lam == limit


@pytest.mark.parametrize("found", [np.nan, np.inf, -np.inf])
def test_a_step_to_nowhere_raises_lambda(found):
    def loss(y):  # plain arrays come only with the trust ratio's evaluation
        return square(y) if isinstance(y, mg.Variable) else y @ y * 0.0 + found

    solver = CurveBall(lam=1.0, lam_every=1, lam_factor=0.5)
    w = np.array([1.0, 2.0])
    _, state, info = solver.step(w, solver.init(w), lambda w: w, loss)
    assert not np.isfinite(info["trust_ratio"])
    assert state.lam == 2.0
    assert info["lam"] == 1.0


def test_nothing_predicted_is_a_ratio_of_one():
    solver = CurveBall(lam=1.0, lam_every=1, lam_factor=0.5)
    w = np.zeros(2)
    w, state, info = solver.step(w, solver.init(w), lambda w: w, square)
    assert info["predicted"] == 0.0
    assert info["trust_ratio"] == state.trust_ratio == 1.0
    assert state.lam == 1.0
    assert w.tolist() == [0.0, 0.0]


def test_trust_ratio_is_kept_between_its_steps():
    X, labels, params = draw()
    solver = CurveBall(lam_every=3)
    state = solver.init(params)
    seen = []
    for _ in range(7):
        params, state, info = solver.step(params, state, network(X), lambda y: nn.cross_entropy(y, labels))
        seen.append(float(info["trust_ratio"]))
    assert np.isnan(seen[:2]).all()
    assert seen[2] == seen[3] == seen[4] != seen[5] == seen[6]


def test_fixed_lambda_evaluates_no_trust_ratio():
    w = np.array([1.0, 2.0])
    solver = CurveBall(lam=0.25, adapt_lam=False, lam_every=1)
    _, state, info = solver.step(w, solver.init(w), lambda w: w, square)
    assert state.lam == info["lam"] == 0.25
    assert np.isnan(info["trust_ratio"])


def test_a_predicted_increase_raises_lambda_whatever_the_ratio():
    """With fixed coefficients too large, the model itself says that the step climbs."""
    solver = CurveBall(rho=0.9, beta=1.0, lam_every=1)
    w = np.full(3, 1.5)
    _, state, info = solver.step(w, solver.init(w), lambda w: w, lambda y: mg.sum(y**4))
    assert info["predicted"] > 0.0
    assert info["trust_ratio"] > 1.5
    assert state.lam == pytest.approx(1.0 / 0.999)


@pytest.mark.parametrize(("lam", "used"), [(1e12, 1e8), (0.0, 1e-8)])
def test_lambda_starts_within_its_limits(lam, used):
    solver = CurveBall(lam=lam)
    w = np.ones(3)
    _, _, info = solver.step(w, solver.init(w), lambda w: w, lambda y: y @ y)
    assert info["lam"] == used
