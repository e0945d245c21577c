r"""Gradient descent on the quadratic model reaches Newton's step, without moving w.

Claim. Let `G_lam` have the eigenvalues `0 < h_min <= ... <= h_max`, and let `z* = -G_lam^-1 g`. The iteration ::

    z <- z - beta (G_lam z + g)                                                    (1)

is gradient descent on `m(z) = 1/2 z.G_lam z + z.g`. It converges to `z*` from every start exactly when
`0 < beta < 2 / h_max`. Each step multiplies the error along an eigenvector of eigenvalue `h` by `1 - beta h`. With
`kappa = h_max / h_min`, the best `beta` for the slowest eigenvector is ::

    beta = 2 / (h_min + h_max),        |error| <- (kappa - 1)/(kappa + 1) |error|                          (2)

Derivation. The gradient of `m` is `d = G_lam z + g = G_lam (z - z*)`. Subtract `z*` on both sides of (1)::

    z - z* <- (I - beta G_lam) (z - z*)                                            (3)

In the basis of the eigenvectors this multiplies each entry by `1 - beta h`. All these factors are below 1 in size
exactly when `0 < beta h < 2` for all `h`. The largest `|1 - beta h|` belongs to `h_min` or to `h_max`. The first falls
as `beta` grows, the second rises. So the best `beta` makes them equal, `1 - beta h_min = beta h_max - 1`, which is (2).

What it costs. `w` does not change, so `g` and `G_lam` do not change. The network is evaluated once, and each step takes
one product with `G_lam`. This computes Newton's step without forming the matrix. CurveBall spreads this iteration over
the training.

Compared with conjugate gradients. From `z = 0`, after `t` steps `z` is a combination of
`g, G_lam g, ..., G_lam^(t-1) g`. Conjugate gradients also take one product a step. They give the lowest `m` of all such
combinations, so they are never behind.

Source: J. F. Henriques et al., ICCV 2019, arXiv 1805.08095; Nocedal and Wright, sections 3.3 and 5.1.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import conjugate_gradient
from tests.support import small_network as net

lam = 0.05
w = net.vector(net.START)
g, G_lam = net.g(w), net.G(w) + lam * np.eye(w.size)
h, basis = np.linalg.eigh(G_lam)  # in rising order
z_star = np.linalg.solve(G_lam, -g)
best_beta = 2.0 / (h[0] + h[-1])
START = np.random.default_rng(2).standard_normal(w.size)


def product():
    """`v -> G_lam v`, by minigrad."""
    G = mg.GGNOperator(net.model, net.loss, net.START).to_scipy()
    return lambda v: G @ v + lam * v


def descend(beta, steps, z=START):
    """The iterates of (1)."""
    multiply = product()
    iterates = [z]
    for _ in range(steps):
        z = z - beta * (multiply(z) + g)
        iterates.append(z)
    return np.array(iterates)


def m(z):
    return 0.5 * z @ G_lam @ z + z @ g


@pytest.mark.parametrize("share", [0.3, 1.0, 1.2])
def test_every_eigenvector_contracts_by_its_own_factor(share):
    errors = (descend(share * best_beta, 20) - z_star) @ basis
    factors = (1.0 - share * best_beta * h) ** np.arange(21)[:, None]
    assert_allclose(errors, factors * errors[0], atol=1e-12)  # (3)


def test_it_reaches_newtons_step_and_the_conjugate_gradient_solution():
    z = descend(best_beta, 200)[-1]
    assert_allclose(z, z_star, atol=1e-12)
    assert_allclose(z, conjugate_gradient(product(), -g, tol=1e-13).x, atol=1e-12)


def test_the_network_is_evaluated_once():
    evaluations = []

    def model(params):
        evaluations.append(1)
        return net.model(params)

    G = mg.GGNOperator(model, net.loss, net.START)
    for _ in range(5):
        G(net.START)
    assert len(evaluations) == 1


def test_the_best_step_size_has_the_best_rate():
    kappa = h[-1] / h[0]
    worst = z_star + basis[:, 0] + basis[:, -1]  # of the slowest two eigenvectors

    def errors(beta):
        return np.abs((descend(beta, 40, worst) - z_star) @ basis).max(axis=1)

    assert_allclose(errors(best_beta), ((kappa - 1.0) / (kappa + 1.0)) ** np.arange(41), rtol=1e-10)  # (2)
    for share in (0.9, 0.99, 1.01, 1.05):  # on either side of it, slower
        assert errors(share * best_beta)[40] > 1.05 * errors(best_beta)[40]


def test_it_diverges_just_beyond_two_over_the_largest_curvature():
    limit = 2.0 / h[-1]
    inside, beyond = (np.abs((descend(share * limit, 300) - z_star) @ basis[:, -1]) for share in (0.98, 1.02))
    assert inside[-1] < 1e-4 * inside[0]
    assert beyond[-1] > 1e4 * beyond[0]


def test_conjugate_gradients_are_never_behind():
    iterates = descend(best_beta, 10, np.zeros(w.size))
    for t in range(1, 11):
        assert m(conjugate_gradient(product(), -g, tol=0.0, max_iter=t).x) <= m(iterates[t]) + 1e-15
