r"""How fast CurveBall converges on a quadratic.

Claim. Along an eigenvector of eigenvalue `h`, with `a = beta h > 0` and `lam = 0` (test_09_convergence_region.py), each
step shrinks the error in the long run by `q`, the larger modulus of the two roots ::

    mu = (tr +- sqrt(tr^2 - 4 det)) / 2,        tr = 1 + rho - 2a,    det = rho - a                        (1)

    q = sqrt(rho - a)                           if (1 - sqrt a)^2 < rho - a < (1 + sqrt a)^2, a complex pair
    q = (|tr| + sqrt(tr^2 - 4 det)) / 2         otherwise, real roots                                    (2)

For a given `a` the best `rho`, and its rate, are ::

    rho = a + (1 - sqrt a)^2,        q = |1 - sqrt a|                              (3)

The best pair of all is `a = 1`, `rho = 1`, with `q = 0`: it reaches the minimum after one step.

Derivation. On a quadratic `z' = rho z - beta (H z + g)` is `z' = (rho - a) z - beta g` along the eigenvector. This is
heavy ball with the momentum `rho - a = det`, and so `tr = 1 + det - a`. Now ::

    tr^2 - 4 det = (1 + det - a)^2 - 4 det = (det - (1 - sqrt a)^2) (det - (1 + sqrt a)^2)

(expand both sides), which is negative exactly between the two squares. There the roots are a complex pair with product
`det`, so they have the modulus `sqrt(det)`: (2). The modulus rises with `det`. So the best complex pair is at the lower
end, where both roots are `tr/2 = 1 - sqrt a`. Below it the roots are real, and
`P(mu) = mu^2 - (1 - a) mu - det (mu - 1)` rises with `det` at each `mu < 1`. So as `det` falls, the upper root moves up
and the lower root moves down, and the larger modulus grows. In both directions from (3) the rate is worse. The smallest
`|1 - sqrt a|` is 0, at `a = 1`.

On a spectrum. With eigenvalues from `h_min` to `h_max` and `kappa = h_max / h_min > 3`, the slowest eigenvector
decides. The best pair is ::

    beta h_min = (1 - q)^2,    rho = q^2 + (1 - q)^2,    kappa = (1 + q)(1 - q + 2 q^2) / ((1 + 2q)(1 - q)^2)  (4)

where the last equation gives the rate `q`, between 1/2 and 1. The reason: no root has a modulus above `q` exactly when
(test_09_convergence_region.py, for `P(q mu) / q^2`) ::

    det <= q^2            that is    a >= rho - q^2
    P(q) >= 0                        (1 - q)(rho - q) + (2q - 1) a >= 0
    P(-q) >= 0                       a <= (q^2 + q + (1 + q) rho) / (1 + 2q)

The first two bound the smallest `a`, the third bounds the largest. As `rho` grows the first bound rises, the second
falls, and the third rises. The quotient of the largest and the smallest `a` is largest where the first two meet. That
is at the `rho` of (4), where the third gives its `kappa`: 3 for `q = 1/2`, and more for larger `q`. For a large
`kappa`, `q ~= 1 - 2 / sqrt(3 kappa)`: momentum turns `kappa` into its square root. Gradient descent has about
`1 - 2 / kappa` at best (test_02_descent_on_the_step.py), heavy ball about `1 - 2 / sqrt(kappa)`, and Nesterov's method
`1 - 2 / sqrt(3 kappa + 1)`, the same as CurveBall to first order.

Source: B. Polyak, 1964 (heavy ball); L. Lessard, B. Recht, A. Packard, SIAM J. Optimization 26(1), 2016 (Nesterov's).
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import SGD, CurveBall
from problems.closed_form.quadratic import Quadratic

ONE = Quadratic((1.0,))  # h = 1: beta = a


def rate(rho, a):
    """(2)"""
    det, tr = rho - a, 1.0 + rho - 2.0 * a
    pair = (det > (1.0 - np.sqrt(a)) ** 2) & (det < (1.0 + np.sqrt(a)) ** 2)
    real = 0.5 * (np.abs(tr) + np.sqrt(np.maximum(tr * tr - 4.0 * det, 0.0)))
    return np.where(pair, np.sqrt(np.maximum(det, 0.0)), real)


def run(problem, solver, steps, w=None):
    """Distances from the minimum, (steps + 1, ..., n)."""
    w = problem.init(np.random.default_rng(10)) if w is None else w
    state, distances = solver.init(w), [w - problem.solution]
    for _ in range(steps):
        w, state, _ = solver.step(w, state, problem.model, mg.independent_runs(problem.loss))
        distances.append(w - problem.solution)
    return np.array(distances)


def curveball(rho, beta):
    return CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False)


def tuned(q):
    """rho, beta h_min and kappa of (4)."""
    kappa = (1.0 + q) * (1.0 - q + 2.0 * q * q) / ((1.0 + 2.0 * q) * (1.0 - q) ** 2)
    return q * q + (1.0 - q) ** 2, (1.0 - q) ** 2, kappa


def test_the_closed_form_of_the_spectral_radius():
    rho, a = np.meshgrid(np.linspace(-1.5, 6.0, 101), np.linspace(0.013, 4.5, 97))
    M = np.stack([np.stack([rho - a, -a], -1), np.stack([rho - a, 1.0 - a], -1)], -2)
    assert_allclose(rate(rho, a), np.abs(np.linalg.eigvals(M)).max(-1), rtol=1e-6)


@pytest.mark.parametrize(("rho", "a"), [(0.9, 0.1), (0.9, 1.2), (0.2, 0.1), (1.05, 0.1), (2.2, 1.5), (-0.3, 0.4)])
def test_the_contraction_of_a_run(rho, a):
    w = run(ONE, curveball(rho, a), 40)[:, 0]
    # w'' = tr w' - det w
    (tr, minus_det), *_ = np.linalg.lstsq(np.stack([w[1:11], w[:10]], -1), w[2:12], rcond=None)
    assert_allclose(np.abs(np.roots([1.0, -tr, -minus_det])).max(), rate(rho, a), rtol=1e-7)
    assert_allclose((np.abs(w[-5:]).max() / abs(w[0])) ** (1.0 / 40.0), rate(rho, a), rtol=0.15)  # in the long run


@pytest.mark.parametrize("a", [0.01, 0.3, 0.8, 1.7, 3.5])
def test_the_best_momentum_for_a_step_size(a):
    best = a + (1.0 - np.sqrt(a)) ** 2
    assert_allclose(rate(best, a), abs(1.0 - np.sqrt(a)), rtol=1e-6)  # (3)
    assert (rate(np.linspace(-2.0, 6.0, 4001), a) >= abs(1.0 - np.sqrt(a)) - 1e-7).all()
    for other in (best - 0.02, best + 0.02):
        assert rate(other, a) > rate(best, a) + 1e-3


def test_unit_step_and_momentum_find_the_minimum_at_once():
    assert_allclose(run(ONE, curveball(1.0, 1.0), 3)[1:], 0.0, atol=1e-15)


def test_it_is_heavy_ball_with_momentum_rho_minus_a():
    rho, a = np.array([0.95, 0.5, 1.1, 1.9]), np.array([0.1, 0.4, 0.3, 1.2])
    start = ONE.solution + np.ones((4, 1))
    heavy_ball = SGD(lr=a, momentum=rho - a)
    assert_allclose(run(ONE, curveball(rho, a), 50, start), run(ONE, heavy_ball, 50, start), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("q", [0.55, 0.75, 0.95])
def test_the_rate_on_a_spectrum(q):
    rho, beta, kappa = tuned(q)
    h = np.geomspace(1.0, kappa, 60)  # h_min = 1
    assert_allclose(rate(rho, beta * h).max(), q, rtol=1e-6)
    rhos, betas = np.meshgrid(np.linspace(-0.9, 1.5, 241), np.geomspace(0.01, 4.0, 200) / kappa)
    assert rate(rhos[..., None], betas[..., None] * h).max(-1).min() > q - 1e-6
    problem = Quadratic(tuple(np.geomspace(1.0, kappa, 6)))
    t = round(12.0 / (1.0 - q))
    distance = np.linalg.norm(run(problem, curveball(rho, beta), t), axis=1)
    measured = (distance[t] / distance[t // 2]) ** (2.0 / t)
    assert_allclose(measured, q, rtol=0.08)  # roughly: a double root decays as t q^t


def test_the_rate_for_a_large_spectrum():
    _, _, kappa = tuned(1.0 - 1e-4)
    assert_allclose(1e-4, 2.0 / np.sqrt(3.0 * kappa), rtol=1e-3)
