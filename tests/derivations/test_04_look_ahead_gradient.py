r"""On a quadratic, CurveBall's direction is the gradient one move ahead, as in Nesterov's method.

Claim. If `f` is quadratic with Hessian `H`, and `g(w)` is its gradient at `w`, then for every `w` and `z` ::

    H z + g(w) = g(w + z)                                                          (1)

So CurveBall with `G = H` and `lam = 0` follows the gradient at the point that the last move, if repeated, would reach.

Derivation. `g(w) = H (w - w*)` for a minimum `w*`, so `g(w + z) = H (w - w*) + H z`. For any smooth `f`, with its
Hessian at `w`, (1) holds up to `O(|z|^2)`, because it is the Taylor polynomial of the gradient. With the Gauss-Newton
matrix in the Hessian's place the error is `(G - H) z`, of first order.

Nesterov's method. In the form of Sutskever et al. it has the same two variables::

    CurveBall     z <- rho z - beta g(w + z)            w <- w + z                 (2)
    Nesterov      z <- rho z - beta g(w + rho z)        w <- w + z                 (3)
    heavy ball    z <- rho z - beta g(w)                w <- w + z                 (4)

All three take the gradient at `w + alpha z` for the last move `z`. They differ only in how far ahead that is:
`alpha = 1`, `alpha = rho` and `alpha = 0`. From the same `w` and `z`, (1) says that the first two give moves that
differ by exactly ::

    z'_CurveBall - z'_Nesterov = -beta (1 - rho) H z                               (5)

So CurveBall slows down a little more, most where the curvature is high. With `rho = 1` the two methods are the same.

`SGD(nesterov=True)`, as PyTorch, keeps the point ahead `x = w + rho z` in place of w. With (3), `x' = w' + rho z'` and
`w' = x - rho z + z'`, and `z' = rho z - beta g(x)`, so ::

    z' = rho z - beta g(x),        x' = x + rho z' - beta g(x)                     (6)

One difference exists on every objective. Nesterov's method evaluates the network at the point ahead. CurveBall
evaluates it at `w` and predicts the gradient ahead by a linear map. So it can choose `rho` after `g` and `G z` are
known, and the automatic `rho` and `beta` (test_07_two_by_two_system.py) need that.

Source: Y. Nesterov, Soviet Mathematics Doklady 27(2), 1983; I. Sutskever et al., ICML 2013, section 2, equations 3, 4.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import SGD, CurveBall
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net

PROBLEM = Quadratic((0.5, 3.0, 12.0))
RNG = np.random.default_rng(5)
H, w_star = PROBLEM.hessian, PROBLEM.solution


def f(w):
    return PROBLEM.loss(PROBLEM.model(w))


g = mg.grad(f)


def looking_ahead(start, rho, beta, alpha, steps):
    """The iterates of `w <- w + rho z - beta g(w + alpha z)`."""
    w, z, iterates = start, np.zeros_like(start), []
    for _ in range(steps):
        z = rho * z - beta * g(w + alpha * z)
        w = w + z
        iterates.append(w)
    return np.array(iterates)


def run(solver, w, steps):
    state, iterates = solver.init(w), []
    for _ in range(steps):
        w, state, _ = solver.step(w, state, PROBLEM.model, PROBLEM.loss)
        iterates.append(w)
    return np.array(iterates)


def test_the_direction_is_the_gradient_one_move_ahead():
    w, z = PROBLEM.init(RNG), RNG.standard_normal(3)
    ahead = H @ (w + z - w_star)
    assert_allclose(mg.hvp(f, w, z) + g(w), ahead, rtol=1e-12)  # (1)
    assert_allclose(mg.ggnvp(PROBLEM.model, PROBLEM.loss, w, z) + g(w), ahead, rtol=1e-12)


@pytest.mark.parametrize(("rho", "beta"), [(0.9, 0.05), (0.6, 0.1), (1.1, 0.08)])
def test_curveball_looks_one_whole_move_ahead(rho, beta):
    start = PROBLEM.init(RNG)
    iterates = run(CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False), start, 40)
    assert_allclose(iterates, looking_ahead(start, rho, beta, 1.0, 40), rtol=1e-10, atol=1e-12)  # (2)


def test_heavy_ball_does_not_look_ahead():
    start = PROBLEM.init(RNG)
    iterates = run(SGD(lr=0.05, momentum=0.9), start, 40)
    assert_allclose(iterates, looking_ahead(start, 0.9, 0.05, 0.0, 40), rtol=1e-10, atol=1e-12)  # (4)


def test_nesterov_in_the_point_ahead():
    start, rho, beta = PROBLEM.init(RNG), 0.9, 0.05
    points = run(SGD(lr=beta, momentum=rho, nesterov=True), start, 40)
    w = np.concatenate([[start], looking_ahead(start, rho, beta, rho, 40)])
    assert_allclose(points, w[1:] + rho * np.diff(w, axis=0), rtol=1e-10, atol=1e-12)  # (6)


@pytest.mark.parametrize("rho", [0.5, 0.9, 1.0])
def test_the_difference_between_curveball_and_nesterov(rho):
    beta, w, z = 0.05, PROBLEM.init(RNG), RNG.standard_normal(3)
    solver = CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False)
    _, state, _ = solver.step(w, solver.init(w)._replace(z=z), PROBLEM.model, PROBLEM.loss)
    nesterov = rho * z - beta * g(w + rho * z)  # (3)
    assert_allclose(state.z - nesterov, -beta * (1.0 - rho) * H @ z, rtol=1e-10, atol=1e-14)  # (5)


@pytest.mark.parametrize(("curvature", "order"), [("hessian", 2), ("ggn", 1)])
def test_on_a_network_the_prediction_is_a_taylor_polynomial(curvature, order):
    w, v = net.vector(net.START), RNG.standard_normal(31)

    def error(s):
        z = s * v
        if curvature == "hessian":
            Bz = mg.hvp(net.objective, net.START, net.tree(z))
        else:
            Bz = mg.ggnvp(net.model, net.loss, net.START, net.tree(z))
        return np.linalg.norm(net.vector(Bz) + net.g(w) - net.g(w + z))

    assert_allclose(error(2e-4) / error(1e-4), 2.0**order, rtol=1e-2)
