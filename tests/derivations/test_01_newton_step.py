r"""Newton's step is the minimum of the quadratic model.

Claim. Let H be symmetric and positive definite. The quadratic model of how f changes around w ::

    m(z) = 1/2 z.H z + z.J

has exactly one minimum, Newton's step, and its value there is half the slope along it::

    z* = -H^-1 J,        m(z*) = -1/2 J.H^-1 J = 1/2 J.z*                          (1)

Derivation. H is invertible, so exactly one z* has `H z* = -J`. For any d, since H is symmetric::

    m(z* + d) = m(z*) + d.(H z* + J) + 1/2 d.H d = m(z*) + 1/2 d.H d               (2)

The bracket is zero and the last term positive unless d = 0: every other point is higher. With d = -z*, (2) says
`0 = m(0) = m(z*) + 1/2 z*.H z*`, and `H z* = -J` turns that into (1).

Why this m. With J the gradient and H the Hessian at w, Taylor's theorem says `f(w + z) = f(w) + m(z) + O(|z|^3)`; for a
quadratic f nothing is left over, and one step from anywhere is at the minimum.

Why positive definite. Along a direction d with `d.H d < 0` the model falls without bound, and `-H^-1 J` is a saddle of
it. So solvers put a matrix in H's place that cannot be indefinite: the Gauss-Newton matrix (test_05_gauss_newton.py)
plus `lam I` (test_14_damping.py), or the Hessian with its eigenvalues replaced by their absolute values.

What curvature buys. Let `w = T u` with an invertible T. In u the gradient is `T^T J` and the Hessian `T^T H T`, so
Newton's step is `-(T^T H T)^-1 T^T J = T^-1 z*`: the same move of w. A gradient step moves w by `-beta T T^T J`, which
depends on the coordinates.

Source: J. Nocedal and S. Wright, Numerical Optimization (2006), sections 2.2 and 3.3.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import solve

from curveball import SGD, GaussNewton, Newton
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.rosenbrock import Rosenbrock
from tests.support import small_network as net

W = net.vector(net.START)
J = net.gradient(W)
RNG = np.random.default_rng(1)


def step_on_the_network(solver):
    params, _, _ = solver.step(net.START, solver.init(net.START), net.model, net.loss)
    return net.vector(params) - W


@pytest.mark.parametrize(
    ("solver", "H"),
    [
        (GaussNewton(lam=0.1), net.ggn(W) + 0.1 * np.eye(W.size)),
        (Newton(lam=1.5, indefinite="error", line_search=False), net.hessian(W) + 1.5 * np.eye(W.size)),
    ],
    ids=["gauss-newton", "newton"],
)
def test_the_step_is_the_minimum_of_the_model(solver, H):
    def m(z):
        return 0.5 * z @ H @ z + z @ J

    z = step_on_the_network(solver)
    assert_allclose(z, solve(H, -J, assume_a="pos"), rtol=1e-12, atol=1e-13)
    assert_allclose(m(z), 0.5 * J @ z, rtol=1e-12)  # (1)
    for d in RNG.standard_normal((20, z.size)):
        assert_allclose(m(z + d) - m(z), 0.5 * d @ H @ d, rtol=1e-11)  # (2)


def test_the_model_is_exact_to_second_order():
    H, d = net.hessian(W), RNG.standard_normal(W.size)

    def remainder(t):
        return net.f(W + t * d) - net.f(W) - t * d @ J - 0.5 * t * t * d @ H @ d

    assert_allclose(remainder(2e-3) / remainder(1e-3), 8.0, rtol=1e-2)  # third order: half the step, an eighth of it


@pytest.mark.parametrize("solver", [Newton(), GaussNewton()], ids=["newton", "gauss-newton"])
def test_one_step_solves_a_quadratic(solver):
    problem = Quadratic((0.1, 1.0, 100.0))
    w = problem.init(RNG)
    w, _, _ = solver.step(w, solver.init(w), problem.model, problem.loss)
    assert_allclose(w, problem.solution, atol=1e-12)


def test_an_indefinite_model_has_no_minimum():
    h, Q = np.linalg.eigh(net.hessian(W))
    assert h[0] < 0.0  # the network's Hessian has directions of negative curvature
    down = -np.sign(J @ Q[:, 0]) * Q[:, 0]
    m = [t * down @ J + 0.5 * t * t * h[0] for t in (1.0, 10.0, 100.0)]
    assert m[0] > m[1] > m[2]
    with pytest.raises(ValueError, match="not positive definite"):
        step_on_the_network(Newton(indefinite="error"))


def test_newtons_step_does_not_depend_on_the_coordinates_and_a_gradient_step_does():
    problem, w, T = Rosenbrock(), np.array([-1.2, 1.0]), np.array([[3.0, 1.0], [0.0, 0.2]])

    def move(solver, coordinates):
        start = np.linalg.solve(coordinates, w)
        end, _, _ = solver.step(start, None, lambda u: problem.model(coordinates @ u), problem.loss)
        return coordinates @ (end - start)

    assert_allclose(move(GaussNewton(), T), move(GaussNewton(), np.eye(2)), rtol=1e-11)
    sgd = SGD(lr=1e-3)
    start = np.linalg.solve(T, w)
    end, _, _ = sgd.step(start, sgd.init(start), lambda u: problem.model(T @ u), problem.loss)
    plain, _, _ = sgd.step(w, sgd.init(w), problem.model, problem.loss)
    assert_allclose(T @ (end - start), T @ T.T @ (plain - w), rtol=1e-11)
    assert np.linalg.norm(T @ (end - start) - (plain - w)) > np.linalg.norm(plain - w)
