r"""CurveBall without curvature is momentum gradient descent.

Claim. With `G = 0`, CurveBall's iteration for `lam = 0` ::

    z <- rho z - beta (G z + g),        w <- w + z                                 (1)

is momentum gradient descent, Polyak's heavy ball, with learning rate `beta` and momentum `rho`::

    z <- rho z - beta g,        w <- w + z                                         (2)

Derivation. Put `G = 0`. Since `z` is the last move of `w`, (2) is also `w <- w - beta g + rho (w - w_before)`, the form
in which Polyak wrote it. Unrolled from `z = 0`, the move is a sum of all gradients so far, with weights that decay::

    z_t = -beta (g_t + rho g_(t-1) + rho^2 g_(t-2) + ...)                          (3)

For a constant gradient it tends to `-beta g / (1 - rho)`: momentum 0.9 makes the step ten times as long.

What the curvature adds. Collect the terms of (1) in `z`::

    z <- (rho I - beta G) z - beta g                                               (4)

So (1) is (2) with another momentum in every direction: `rho - beta h` along an eigenvector of `G` of eigenvalue `h`. In
directions of high curvature old moves decay fast or change sign; in flat directions they add up. The curvature adds
nothing else, and the solver stores nothing else: it keeps `z`, as before.

Zero curvature in tests. The curvature is `G = J^T H_L J` (test_05_gauss_newton.py). Take the whole objective `f` as the
model and the identity, `y -> y`, as the loss. Then `g_L = 1` and `H_L = 0`: the gradient is the same and `G` is zero.

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


def identity(y):
    return y


@pytest.mark.parametrize(("beta", "rho", "lr"), [(0.1, 0.9, 1.0), (0.5, 0.0, 1.0), (0.2, 0.95, 0.5)])
def test_curveball_with_no_curvature_is_momentum_sgd(beta, rho, lr):
    flat = CurveBall(lr=lr, rho=rho, beta=beta, lam=0.0, adapt_lam=False)
    curveball, _ = run(flat, net.START, net.objective, identity, 60)
    sgd, _ = run(SGD(lr=lr * beta, momentum=rho), net.START, net.model, net.loss, 60)  # lr scales every move
    for params, sgd_params in zip(curveball, sgd, strict=True):
        assert_allclose(net.vector(params), net.vector(sgd_params), rtol=1e-11, atol=1e-13)


def test_the_iterates_are_polyaks():
    beta, rho = 0.1, 0.9
    sgd, _ = run(SGD(lr=beta, momentum=rho), net.START, net.model, net.loss, 60)
    w_before = w = net.vector(net.START)
    for params in sgd:
        w_before, w = w, w - beta * net.g(w) + rho * (w - w_before)
        assert_allclose(net.vector(params), w, rtol=1e-12, atol=1e-13)


def test_the_move_is_a_decaying_sum_of_gradients():
    beta, rho, steps = 0.1, 0.8, 30
    iterates, state = run(SGD(lr=beta, momentum=rho), net.START, net.model, net.loss, steps)
    visited = [net.START, *iterates[:-1]]
    total = sum(rho**age * net.g(net.vector(params)) for age, params in enumerate(reversed(visited)))
    assert_allclose(net.vector(state.z), -beta * total, rtol=1e-12, atol=1e-14)  # (3)


def test_momentum_takes_one_over_one_minus_rho_times_the_step():
    g, start = np.array([2.0, -1.0]), np.zeros(2)
    _, state = run(SGD(lr=0.1, momentum=0.9), start, lambda w: g @ w, identity, 400)
    assert_allclose(state.z, -0.1 * g / (1.0 - 0.9), rtol=1e-12)


def test_curvature_gives_every_direction_its_own_momentum():
    rho, beta, spectrum = 0.95, 0.1, (0.5, 2.0, 9.0)
    problem = Quadratic(spectrum)
    start = problem.init(np.random.default_rng(3))
    solver = CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False)
    iterates, _ = run(solver, start, problem.model, problem.loss, 40)
    entries = (np.array(iterates) - problem.solution) @ problem.basis
    for i, h in enumerate(spectrum):  # (4): each entry alone, by SGD in one dimension
        first = problem.basis[:, i] @ (start - problem.solution)
        sgd, _ = run(SGD(lr=beta, momentum=rho - beta * h), first, lambda w, h=h: 0.5 * h * w * w, identity, 40)
        assert_allclose(entries[:, i], np.array(sgd), rtol=1e-10, atol=1e-13)
