r"""Gradient descent on the quadratic model reaches Newton's step, without moving w.

Claim. Let H be symmetric with eigenvalues `0 < h_1 <= ... <= h_p`, and `z* = -H^-1 J`. The iteration ::

    z <- z - beta (H z + J)                                                        (1)

is gradient descent on `m(z) = 1/2 z.H z + z.J`. It converges to z* from every start exactly when `0 < beta < 2 / h_p`.
The error along an eigenvector of curvature h is multiplied by `1 - beta h` at each step; the best beta for the slowest
eigenvector, with kappa = h_p / h_1, is ::

    beta = 2 / (h_1 + h_p),        |error| <- (kappa - 1) / (kappa + 1) |error|    (2)

Derivation. The gradient of m is `H z + J = H (z - z*)`. Subtract z* on both sides of (1)::

    z - z* <- (I - beta H) (z - z*)                                                (3)

In the basis of H's eigenvectors that is one multiplication by `1 - beta h_i` for each entry, of size below 1 for all i
exactly when `0 < beta h_i < 2`. The largest of `|1 - beta h_i|` is that of h_1 or of h_p; one falls with beta and the
other rises, so the best beta makes them equal, `1 - beta h_1 = beta h_p - 1`, which is (2).

What it costs. w does not change, so neither do J and H: the network is evaluated once, and each step takes one product
with H. That is Newton's step without the matrix, and it is the iteration that CurveBall spreads over the training.

How it compares. From z = 0, after n steps z is a combination of `J, H J, ..., H^(n-1) J`. Conjugate gradients, which
take one product a step too, give the lowest m of all such combinations, so they are never behind.

Source: J. F. Henriques et al., ICCV 2019, arXiv 1805.08095; Nocedal and Wright, sections 3.3 and 5.1.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import conjugate_gradient
from tests.support import small_network as net

LAM = 0.05
W = net.vector(net.START)
J = net.gradient(W)
H = net.ggn(W) + LAM * np.eye(W.size)
CURVATURES, Q = np.linalg.eigh(H)
NEWTON = np.linalg.solve(H, -J)
BEST = 2.0 / (CURVATURES[0] + CURVATURES[-1])
START = np.random.default_rng(2).standard_normal(W.size)


def product():
    """`v -> H v`, by minigrad."""
    G = mg.GGNOperator(net.model, net.loss, net.START).to_scipy()
    return lambda v: G @ v + LAM * v


def descend(beta, steps, z=START):
    """The iterates of (1)."""
    multiply = product()
    iterates = [z]
    for _ in range(steps):
        z = z - beta * (multiply(z) + J)
        iterates.append(z)
    return np.array(iterates)


def m(z):
    return 0.5 * z @ H @ z + z @ J


@pytest.mark.parametrize("share", [0.3, 1.0, 1.2])
def test_every_eigenvector_contracts_by_its_own_factor(share):
    errors = (descend(share * BEST, 20) - NEWTON) @ Q
    factors = (1.0 - share * BEST * CURVATURES) ** np.arange(21)[:, None]
    assert_allclose(errors, factors * errors[0], atol=1e-12)  # (3)


def test_it_reaches_newtons_step_and_the_conjugate_gradient_solution():
    z = descend(BEST, 200)[-1]
    assert_allclose(z, NEWTON, atol=1e-12)
    assert_allclose(z, conjugate_gradient(product(), -J, tol=1e-13).x, atol=1e-12)


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
    kappa = CURVATURES[-1] / CURVATURES[0]
    worst = NEWTON + Q[:, 0] + Q[:, -1]  # of the slowest two eigenvectors

    def errors(beta):
        return np.abs((descend(beta, 40, worst) - NEWTON) @ Q).max(axis=1)

    assert_allclose(errors(BEST), ((kappa - 1.0) / (kappa + 1.0)) ** np.arange(41), rtol=1e-10)  # (2)
    for share in (0.9, 0.99, 1.01, 1.05):  # on either side of it, slower
        assert errors(share * BEST)[40] > 1.05 * errors(BEST)[40]


def test_it_diverges_just_beyond_two_over_the_largest_curvature():
    limit = 2.0 / CURVATURES[-1]
    inside, beyond = (np.abs((descend(share * limit, 300) - NEWTON) @ Q[:, -1]) for share in (0.98, 1.02))
    assert inside[-1] < 1e-4 * inside[0]
    assert beyond[-1] > 1e4 * beyond[0]


def test_conjugate_gradients_are_never_behind():
    iterates = descend(BEST, 10, np.zeros(W.size))
    for n in range(1, 11):
        assert m(conjugate_gradient(product(), -J, tol=0.0, max_iter=n).x) <= m(iterates[n]) + 1e-15
