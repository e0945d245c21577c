r"""Damping as a share of the curvature along the step, and the share led by noise and progress.

The share. At the minimum on the plane, `z.G_lam z = -g.z`, as the derivative of `m(t z)` vanishes at `t = 1`, and so
`m(z) = -1/2 z.G_lam z`. The quadratic model without damping changes by ::

    m(z) - lam/2 z.z = -1/2 (z.G_lam z + lam z.z) = m(z) (1 + s),      s = lam z.z / z.G_lam z       (1)

as `m(z)` is negative. So where the model without damping is exact, the trust ratio is `1 + s`: the ratio tells how much
of the curvature is damping, and the share tells it without an evaluation.

Keeping a share. With `kappa = z.G z / z.z`, the curvature along the step, `s = lam / (lam + kappa)`, so that
`s / (1 - s) = lam / kappa`. The rule ::

    lam <- lam ((1 - s) s* / (s (1 - s*)))^p                                                         (2)

multiplies the distance of `log lam` from `log(kappa s* / (1 - s*))` by `1 - p` in each step: it is forgotten where
lambda began. The damping is then `s* / (1 - s*)` times the curvature, which has the units of lambda: an objective
multiplied by a constant is minimised by the same steps.

Which share. Let a parameter be in steady noise, `w = w* + e` with independent `e` of variance `v` and curvature
`kappa`. Its excess loss is `1/2 kappa v`. The mean of `n` such values has variance `v/n`, so that ::

    f(w) - f(w_bar) = 1/2 kappa v (1 - 1/n) > 0                                                      (3)

on average over batches. Without noise, on the way to the minimum, `w - w* = r^k (w_0 - w*)` with `0 < r < 1`, and every
mean of earlier values is farther from `w*` than the last one: `f(w) - f(w_bar) < 0`. The sign of the difference tells
which of the two prevails over the horizon of the average; divided by its mean size it is between -1 and 1.

Source: ours. The trust ratio is Marquardt's (1963); a test of progress against noise by averages is as old as Pflug's
(Cybernetics and Systems 1983, on the sign of products of gradients). The measurements are in docs/damping.md.
"""

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall
from curveball.solvers.damping_share import SPEED, ShareState, followed, judged, log_odds


def test_the_trust_ratio_of_an_exact_model_is_one_and_the_share():
    """(1), on a linear model with squared loss, where the Gauss-Newton model is the objective."""
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((6, 4)), rng.standard_normal(6)
    lam, solver, w = 0.7, CurveBall(lam=0.7, adapt_lam=False), rng.standard_normal(4)
    state = solver.init(w)

    def f(w):
        return 0.5 * np.sum((A @ w - b) ** 2)

    for _ in range(4):
        before = f(w)
        w, state, info = solver.step(w, state, lambda w: A @ w, lambda y: 0.5 * mg.sum((y - b) * (y - b)))
        z = state.z
        share = lam * (z @ z) / (z @ (A.T @ A @ z) + lam * (z @ z))
        assert 0.01 < share < 0.99
        np.testing.assert_allclose((f(w) - before) / info["predicted"], 1.0 + share, rtol=1e-9)


@pytest.mark.parametrize("start", [1e-6, 1.0, 1e6])
def test_the_distance_of_lambda_shrinks_geometrically(start):
    """(2): where the curvature along the step stays, lambda ends at kappa s* / (1 - s*)."""
    kappa, s, zz = 5.0, 0.2, 3.0
    state, lam = ShareState(average=np.zeros(1), noisy=1.0, target=log_odds(s), share=s), np.float64(start)
    distances = []
    for k in range(400):
        curvature = np.float64((kappa + lam) * zz)
        state, lam = followed(state, lam, np.float64(zz), curvature, 2 + k, np.False_)
        distances.append(np.log(lam) - np.log(kappa * s / (1.0 - s)))
    assert abs(distances[-1]) < 1e-3
    exact = ShareState(average=np.zeros(1), noisy=1.0, target=log_odds(s))
    lam = np.float64(kappa * s / (1.0 - s) * 1.5)
    exact = exact._replace(share=lam / (lam + kappa))  # the running mean is where it would be
    _, after = followed(exact, lam, np.float64(zz), np.float64((kappa + lam) * zz), 2, np.False_)
    np.testing.assert_allclose(np.log(after / lam) / np.log(1.5), -SPEED, rtol=1e-9)


def test_steps_do_not_depend_on_the_units_of_the_objective():
    """An objective times c, from lambda times c: the same params."""
    rng = np.random.default_rng(1)
    batches = [(rng.standard_normal((8, 3)), rng.standard_normal(8)) for _ in range(40)]
    found = []
    for c in (1.0, 1000.0):
        solver, w = CurveBall(lam=1.0 * c, adapt_lam="share"), np.array([3.0, -2.0, 1.0])
        state = solver.init(w)
        for X, t in batches:
            w, state, _ = solver.step(
                w, state, lambda w, X=X: mg.tanh(X @ w), lambda y, t=t, c=c: c * mg.mean((y - t) * (y - t))
            )
        found.append((w, float(state.lam) / c))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6)
    assert found[0][1] != 1.0


def drive(params, objective, steps=400, every=5):
    """The state after judging a path of params, `objective` being that of each step's batch."""
    state = ShareState(average=np.zeros_like(params(0)))
    for k in range(0, steps, every):
        w, f = params(k), objective(k)
        other = state.average if k else w
        state = judged(state, w, np.float64(f(w)), np.float64(f(other)), k, every)
    return state


def test_progress_lowers_the_share_and_noise_raises_it():
    """(3) and its opposite, against the closed forms."""
    start = log_odds(0.2)
    converging = drive(lambda k: np.array([2.0 * 0.99**k]), lambda k: lambda w: float(w @ w))
    np.testing.assert_allclose(converging.gain, -converging.spread, rtol=1e-12)  # D = -1
    assert converging.target < start

    rng = np.random.default_rng(2)
    noise = rng.standard_normal((400, 1))
    resting = drive(lambda k: noise[k], lambda k: lambda w: float(0.5 * (w @ w)))
    assert resting.target > start
    assert 0.0 < resting.gain < resting.spread


def test_the_gain_of_an_average_is_the_variance_that_it_removes():
    """(3): the mean of f(w) - f(w_bar) over many draws."""
    rng, n = np.random.default_rng(3), 10
    e = rng.standard_normal((200_000, n))
    w, w_bar = e[:, -1], e.mean(axis=1)
    np.testing.assert_allclose(np.mean(0.5 * w**2 - 0.5 * w_bar**2), 0.5 * (1.0 - 1.0 / n), rtol=0.02)
