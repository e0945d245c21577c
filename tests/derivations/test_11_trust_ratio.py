r"""The trust ratio, and the rule that changes lambda by it.

Definition. The decrease found over the decrease predicted, on one and the same batch::

    gamma = (f(w + z) - f(w)) / m(z),        m(z) = 1/2 z.G_lam z + z.g            (1)

for the `z` of this step. Every `lam_every` = 5 steps, with `factor = 0.999^5`::

    gamma < 1/2 or not finite    lam <- lam / factor    the model predicted too much: shorter steps
    1/2 <= gamma <= 3/2          lam <- lam
    gamma > 3/2                  lam <- lam factor      it predicted too little: longer steps              (2)

within [1e-8, 1e8]. A larger `lam` shortens the step and turns it towards the negative gradient (test_14_damping.py).

Claim. On a quadratic with Hessian `G`, `gamma = 1` for `lam = 0`, and for automatic `rho` and `beta` ::

    gamma = 1 + lam |z|^2 / (z.G z + lam |z|^2),    1 <= gamma <= 2                (3)

So `lam` falls exactly while `lam > z.G z / |z|^2`, that is, while the damping exceeds the curvature along the step.

Derivation. By test_08_predicted_decrease.py, `m(z) = -1/2 z.G_lam z` and `f(w + z) - f(w) = m(z) - lam/2 |z|^2`. So ::

    gamma = (m(z) - lam/2 |z|^2) / m(z) = 1 + lam |z|^2 / z.G_lam z

which is (3), with `z.G_lam z = z.G z + lam |z|^2`. It exceeds 3/2 exactly when `lam |z|^2 > z.G z`.

Choices of this implementation. The ratio is taken at `w + z` also where `lr` is not 1, because `m(z)` is the model of
that move. A ratio that is not finite counts as a bad step. Where `m(z) = 0` the ratio is 1. By (3) a quadratic never
raises `lam`: `lam` rises only where the quadratic model does not hold at the distance of `z`.

Source: K. Levenberg, 1944, and D. Marquardt, SIAM J. Applied Mathematics 11(2), 1963, for the idea; Nocedal and Wright,
chapter 4, equation 4.4; Henriques et al., ICCV 2019, arXiv 1805.08095.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import CurveBall
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net


def rule(lam, gamma, factor):
    """(2), once more."""
    if not np.isfinite(gamma) or gamma < 0.5:
        lam = lam / factor
    elif gamma > 1.5:
        lam = lam * factor
    return min(max(lam, 1e-8), 1e8)


@pytest.mark.parametrize(
    ("lam", "lr", "met"),
    [(1e-3, 1.0, {"raised", "kept", "lowered"}), (1e-3, 0.5, {"kept", "lowered"}), (3.0, 1.0, {"lowered"})],
)
def test_lambda_over_a_run_on_the_network(lam, lr, met):
    solver = CurveBall(lr=lr, lam=lam, lam_factor=0.9)
    params, state, expected, gamma = net.START, solver.init(net.START), lam, np.nan
    cases = set()
    for count in range(1, 101):
        w = net.vector(params)
        params, state, info = solver.step(params, state, net.model, net.loss)
        assert_allclose(info["lam"], expected, rtol=1e-12)  # the one used in this step
        if count % 5 == 0:
            z, g, G_lam = net.vector(state.z), net.g(w), net.G(w) + expected * np.eye(w.size)
            m = 0.5 * z @ G_lam @ z + z @ g
            gamma = (net.f(w + z) - net.f(w)) / m  # (1)
            expected = rule(expected, gamma, 0.9**5)
            cases.add("raised" if gamma < 0.5 else "lowered" if gamma > 1.5 else "kept")
        assert_allclose(info["trust_ratio"], gamma, rtol=1e-6)
        assert_allclose(state.lam, expected, rtol=1e-12)
    assert cases == met


@pytest.mark.parametrize("lam", [0.0, 0.1, 2.0, 100.0])
def test_the_ratio_on_a_quadratic(lam):
    problem = Quadratic((0.5, 2.0, 10.0))
    solver = CurveBall(lam=lam, lam_every=1)
    w = problem.init(np.random.default_rng(11))
    state = solver.init(w)
    for _ in range(8):
        w, state, info = solver.step(w, state, problem.model, problem.loss)
        lam, z = info["lam"], state.z
        curvature, damping = z @ problem.hessian @ z, lam * z @ z
        assert_allclose(info["trust_ratio"], 1.0 + damping / (curvature + damping), rtol=1e-7)  # (3)
        if lam > 0.0:
            assert_allclose(state.lam / lam, 0.999 if damping > curvature else 1.0, rtol=1e-12)


def one_step(loss, lam, start=(1.0, 2.0)):
    solver, w = CurveBall(lam=lam, lam_every=1, lam_factor=0.5), np.array(start)
    with np.errstate(invalid="ignore", divide="ignore"):
        _, state, _ = solver.step(w, solver.init(w), lambda w: w, loss)
    return state


def wall(y):
    """A shallow bowl with a wall at 1/2, which the curvature at (1, 2) does not contain."""
    return 0.01 * y @ y + 10.0 * mg.sum(mg.relu(0.5 - y))


def barrier(y):
    """Newton's step from 3 goes to -3, where there is no logarithm."""
    return mg.sum(y - mg.log(y))


def pit(y):
    """Newton's step goes below 0, where the loss is minus infinity."""
    return mg.sum(y * y + 0.1 * mg.log(mg.relu(y)))


def test_each_case_of_the_rule():
    trusted = one_step(lambda y: 0.5 * y @ y, lam=0.5)  # curvature 1 against damping 1/2
    assert_allclose(trusted.trust_ratio, 4.0 / 3.0, rtol=1e-12)
    assert trusted.lam == 0.5
    too_little = one_step(lambda y: 0.1 * y @ y, lam=0.5)  # curvature 1/5 against damping 1/2
    assert_allclose(too_little.trust_ratio, 12.0 / 7.0, rtol=1e-12)
    assert too_little.lam == 0.25
    too_much = one_step(wall, lam=0.001)
    assert too_much.trust_ratio < 0.0
    assert too_much.lam == 0.002
    not_a_number = one_step(barrier, lam=0.001, start=(3.0, 3.0))
    assert np.isnan(not_a_number.trust_ratio)
    assert not_a_number.lam == 0.002
    infinite = one_step(pit, lam=0.001, start=(3.0, 3.0))
    assert infinite.trust_ratio == np.inf
    assert infinite.lam == 0.002


def test_lambda_stays_in_its_range():
    assert one_step(lambda y: 0.0 * mg.sum(y), lam=1.0).trust_ratio == 1.0  # nothing predicted, nothing changed
    assert one_step(lambda y: 1e-9 * y @ y, lam=1e-8).lam == 1e-8
    assert one_step(lambda y: -1e7 * mg.sum(mg.log(y)), lam=1e8).lam <= 1e8
