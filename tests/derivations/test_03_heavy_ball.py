r"""CurveBall without curvature is momentum gradient descent.

Claim. With H = 0, CurveBall's iteration ::

    z <- rho z - beta (H z + J),        w <- w + z                                 (1)

is momentum gradient descent, Polyak's heavy ball, with learning rate beta and momentum rho::

    z <- rho z - beta J,        w <- w + z                                         (2)

Derivation. Put H = 0. Since z is the last move of w, (2) is also `w <- w - beta J + rho (w - w_before)`, the form in
which Polyak wrote it. Unrolled from z = 0, the move is a fading sum of all gradients so far::

    z_t = -beta (J_t + rho J_(t-1) + rho^2 J_(t-2) + ...)                          (3)

and for a constant gradient it tends to `-beta J / (1 - rho)`: momentum 0.9 takes ten times the step.

What the curvature adds. Collect the terms of (1) in z::

    z <- (rho I - beta H) z - beta J                                               (4)

so (1) is (2) with another momentum in every direction: `rho - beta h` along an eigenvector of curvature h. Where the
valley is steep old moves are forgotten, or reversed; along its flat floor they add up. That is all that is added, and
nothing more is stored: z, as before.

How to have H = 0 in a test. The curvature is `G = J_phi H_L J_phi^T` (test_05_gauss_newton.py). Take the whole
objective f for the network and the identity, y -> y, for the loss: then `J_L = 1` and `H_L = 0`, the gradient is the
same, and G is zero.

Source: B. Polyak, USSR Computational Mathematics and Mathematical Physics 4(5), 1964; Henriques et al., ICCV 2019.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from curveball import SGD, CurveBall
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net


def run(solver, params, model, loss, steps):
    """All params and the last state."""
    state, iterates = solver.init(params), []
    for _ in range(steps):
        params, state, _ = solver.step(params, state, model, loss)
        iterates.append(params)
    return iterates, state


def objective(params):
    return net.loss(net.model(params))


def identity(y):
    return y


@pytest.mark.parametrize(("beta", "rho", "lr"), [(0.1, 0.9, 1.0), (0.5, 0.0, 1.0), (0.2, 0.95, 0.5)])
def test_curveball_with_no_curvature_is_momentum_sgd(beta, rho, lr):
    flat = CurveBall(lr=lr, rho=rho, beta=beta, lam=0.0, adapt_lam=False)
    ours, _ = run(flat, net.START, objective, identity, 60)
    theirs, _ = run(SGD(lr=lr * beta, momentum=rho), net.START, net.model, net.loss, 60)  # lr scales every move
    for a, b in zip(ours, theirs, strict=True):
        assert_allclose(net.vector(a), net.vector(b), rtol=1e-11, atol=1e-13)


def test_the_iterates_are_polyaks():
    beta, rho = 0.1, 0.9
    ours, _ = run(SGD(lr=beta, momentum=rho), net.START, net.model, net.loss, 60)
    before = w = net.vector(net.START)
    for params in ours:
        before, w = w, w - beta * net.gradient(w) + rho * (w - before)
        assert_allclose(net.vector(params), w, rtol=1e-12, atol=1e-13)


def test_the_move_is_a_fading_sum_of_gradients():
    beta, rho, steps = 0.1, 0.8, 30
    ours, state = run(SGD(lr=beta, momentum=rho), net.START, net.model, net.loss, steps)
    visited = [net.START, *ours[:-1]]
    total = sum(rho**age * net.gradient(net.vector(w)) for age, w in enumerate(reversed(visited)))
    assert_allclose(net.vector(state.z), -beta * total, rtol=1e-12, atol=1e-14)  # (3)


def test_momentum_takes_one_over_one_minus_rho_times_the_step():
    slope, start = np.array([2.0, -1.0]), np.zeros(2)
    _, state = run(SGD(lr=0.1, momentum=0.9), start, lambda w: slope @ w, identity, 400)
    assert_allclose(state.z, -0.1 * slope / (1.0 - 0.9), rtol=1e-12)


def test_curvature_gives_every_direction_its_own_momentum():
    rho, beta, spectrum = 0.95, 0.1, (0.5, 2.0, 9.0)
    problem = Quadratic(spectrum)
    start = problem.init(np.random.default_rng(3))
    curveball = CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False)
    ours, _ = run(curveball, start, problem.model, problem.loss, 40)
    entries = (np.array(ours) - problem.solution) @ problem.basis
    for k, h in enumerate(spectrum):  # (4): each entry alone, by SGD in one dimension
        first = problem.basis[:, k] @ (start - problem.solution)
        sgd, _ = run(SGD(lr=beta, momentum=rho - beta * h), first, lambda w, h=h: 0.5 * h * w * w, identity, 40)
        assert_allclose(entries[:, k], np.array(sgd), rtol=1e-10, atol=1e-13)
