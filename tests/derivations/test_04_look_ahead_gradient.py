r"""On a quadratic, CurveBall's direction is the gradient one move ahead: a cousin of Nesterov's method.

Claim. If f is quadratic with Hessian H, then for every w and z ::

    H z + J(w) = J(w + z)                                                          (1)

so CurveBall with `lam = 0` follows the gradient at the point that the last move, repeated, would reach.

Derivation. `J(w) = H (w - w*)` with w* a minimum, so `J(w + z) = H (w - w*) + H z`. For any smooth f, with its Hessian
at w, (1) holds up to `O(|z|^2)`: it is the Taylor polynomial of the gradient. With the Gauss-Newton matrix in H's place
the error is `(G - H) z`, of first order.

Next to Nesterov's method, in the form of Sutskever et al., which has the same two variables::

    CurveBall     z <- rho z - beta J(w + z)            w <- w + z                 (2)
    Nesterov      z <- rho z - beta J(w + rho z)        w <- w + z                 (3)
    heavy ball    z <- rho z - beta J(w)                w <- w + z                 (4)

All three are `w <- w + rho d - beta J(w + c d)` with the last move d: they differ in how far ahead the gradient is
taken, c = 1, c = rho and c = 0. From the same w and z the first two give, by (1), moves that differ by exactly ::

    z_CurveBall - z_Nesterov = -beta (1 - rho) H z                                 (5)

so CurveBall brakes a little more, most where curvature is high, and with rho = 1 they are the same method.

In one thing they differ on every objective. Nesterov's method evaluates the network at the point ahead; CurveBall
evaluates it at w and predicts the gradient ahead by the linear map H. So its rho may be chosen after J and H z are
known, which the automatic rho and beta (test_07_two_by_two_system.py) rely on.

Source: Y. Nesterov, Soviet Mathematics Doklady 27(2), 1983; I. Sutskever et al., ICML 2013, section 2, equations 3, 4.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import SGD, CurveBall
from curveball.solvers.curve_ball import CurveBallState
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net

PROBLEM = Quadratic((0.5, 3.0, 12.0))
RNG = np.random.default_rng(5)


def objective(w):
    return PROBLEM.loss(PROBLEM.model(w))


J = mg.grad(objective)


def looking_ahead(start, rho, beta, ahead, steps):
    """The iterates of `w <- w + rho z - beta J(w + ahead z)`."""
    w, z, iterates = start, np.zeros_like(start), []
    for _ in range(steps):
        z = rho * z - beta * J(w + ahead * z)
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
    ahead = PROBLEM.hessian @ (w + z - PROBLEM.solution)
    assert_allclose(mg.hvp(objective, w, z) + J(w), ahead, rtol=1e-12)  # (1)
    assert_allclose(mg.ggnvp(PROBLEM.model, PROBLEM.loss, w, z) + J(w), ahead, rtol=1e-12)


@pytest.mark.parametrize(("rho", "beta"), [(0.9, 0.05), (0.6, 0.1), (1.1, 0.08)])
def test_curveball_looks_one_whole_move_ahead(rho, beta):
    start = PROBLEM.init(RNG)
    ours = run(CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False), start, 40)
    assert_allclose(ours, looking_ahead(start, rho, beta, 1.0, 40), rtol=1e-10, atol=1e-12)  # (2)


def test_heavy_ball_looks_not_ahead_at_all():
    start = PROBLEM.init(RNG)
    ours = run(SGD(lr=0.05, momentum=0.9), start, 40)
    assert_allclose(ours, looking_ahead(start, 0.9, 0.05, 0.0, 40), rtol=1e-10, atol=1e-12)  # (4)


@pytest.mark.parametrize("rho", [0.5, 0.9, 1.0])
def test_what_is_between_curveball_and_nesterov(rho):
    beta, w, z = 0.05, PROBLEM.init(RNG), RNG.standard_normal(3)
    curveball = CurveBall(rho=rho, beta=beta, lam=0.0, adapt_lam=False)
    _, state, _ = curveball.step(w, CurveBallState(z, 0.0, 1, np.nan), PROBLEM.model, PROBLEM.loss)
    nesterov = rho * z - beta * J(w + rho * z)  # (3)
    assert_allclose(state.z - nesterov, -beta * (1.0 - rho) * PROBLEM.hessian @ z, rtol=1e-10, atol=1e-14)  # (5)


@pytest.mark.parametrize(("curvature", "order"), [("hessian", 2), ("ggn", 1)])
def test_on_a_network_the_prediction_is_a_taylor_polynomial(curvature, order):
    w, z = net.vector(net.START), RNG.standard_normal(31)

    def error(t):
        tangent = net.tree(t * z)
        if curvature == "hessian":
            Hz = mg.hvp(lambda p: net.loss(net.model(p)), net.START, tangent)
        else:
            Hz = mg.ggnvp(net.model, net.loss, net.START, tangent)
        return np.linalg.norm(net.vector(Hz) + net.gradient(w) - net.gradient(w + t * z))

    assert_allclose(error(2e-4) / error(1e-4), 2.0**order, rtol=1e-2)
