r"""Newton's step is the minimum of the quadratic model.

Claim. Let `B` be symmetric and positive definite. The quadratic model of how `f` changes around `w` ::

    m(z) = 1/2 z.B z + z.g

has exactly one minimum, Newton's step. Its value there is half the slope along the step::

    z* = -B^-1 g,        m(z*) = -1/2 g.B^-1 g = 1/2 g.z*                          (1)

Derivation. `B` is invertible, so exactly one `z*` has `B z* = -g`. For any direction `v`, since `B` is symmetric::

    m(z* + v) = m(z*) + v.(B z* + g) + 1/2 v.B v = m(z*) + 1/2 v.B v               (2)

The bracket is zero and the last term is positive unless `v = 0`, so `m` is higher at every other point. With `v = -z*`,
(2) says `0 = m(0) = m(z*) + 1/2 z*.B z*`, and `B z* = -g` turns that into (1).

Why this `m`. With the gradient `g` and the Hessian `H` at `w`, Taylor's theorem says::

    f(w + z) = f(w) + z.g + 1/2 z.H z + O(|z|^3)                                   (3)

So with `B = H`, `m` is the change of `f` up to third order. If `f` is quadratic, `m` is the change itself, and one step
from any point reaches the minimum.

Why positive definite. If `H` has a direction `v` with `v.H v < 0`, the model with `B = H` falls without bound along
`v`, and `-H^-1 g` is a saddle point. Solvers therefore replace `H` by a matrix that has no negative eigenvalues: the
Gauss-Newton matrix `G` (test_05_gauss_newton.py) plus `lam I` (test_14_damping.py), or the Hessian with its eigenvalues
replaced by their absolute values.

Why use curvature. Change the coordinates by an invertible matrix `S`: `w = S w~`. In the new coordinates the gradient
is `S^T g` and the Hessian `S^T H S`, so Newton's step is `-(S^T H S)^-1 S^T g = S^-1 z*`, which moves `w` by the same
`z*`. A gradient step moves `w` by `-beta S S^T g`, which depends on the coordinates.

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

w = net.vector(net.START)
g, G, H = net.g(w), net.G(w), net.H(w)
RNG = np.random.default_rng(1)


def step_on_the_network(solver):
    params, _, _ = solver.step(net.START, solver.init(net.START), net.model, net.loss)
    return net.vector(params) - w


@pytest.mark.parametrize(
    ("solver", "B"),
    [
        (GaussNewton(lam=0.1), G + 0.1 * np.eye(w.size)),
        (Newton(lam=1.5, indefinite="error", line_search=False), H + 1.5 * np.eye(w.size)),
    ],
    ids=["gauss-newton", "newton"],
)
def test_the_step_is_the_minimum_of_the_model(solver, B):
    def m(z):
        return 0.5 * z @ B @ z + z @ g

    z_star = step_on_the_network(solver)
    assert_allclose(z_star, solve(B, -g, assume_a="pos"), rtol=1e-12, atol=1e-13)
    assert_allclose(m(z_star), 0.5 * g @ z_star, rtol=1e-12)  # (1)
    for v in RNG.standard_normal((20, w.size)):
        assert_allclose(m(z_star + v) - m(z_star), 0.5 * v @ B @ v, rtol=1e-11)  # (2)


def test_the_model_is_exact_to_second_order():
    v = RNG.standard_normal(w.size)

    def remainder(s):
        z = s * v
        return net.f(w + z) - net.f(w) - z @ g - 0.5 * z @ H @ z

    assert_allclose(remainder(2e-3) / remainder(1e-3), 8.0, rtol=1e-2)  # (3): half the step, an eighth of the remainder


@pytest.mark.parametrize("solver", [Newton(), GaussNewton()], ids=["newton", "gauss-newton"])
def test_one_step_solves_a_quadratic(solver):
    problem = Quadratic((0.1, 1.0, 100.0))
    w = problem.init(RNG)
    w, _, _ = solver.step(w, solver.init(w), problem.model, problem.loss)
    assert_allclose(w, problem.solution, atol=1e-12)


def test_an_indefinite_model_has_no_minimum():
    h, basis = np.linalg.eigh(H)
    assert h[0] < 0.0  # the network's Hessian has directions of negative curvature
    v = -np.sign(g @ basis[:, 0]) * basis[:, 0]
    m = [s * v @ g + 0.5 * s * s * h[0] for s in (1.0, 10.0, 100.0)]
    assert m[0] > m[1] > m[2]
    with pytest.raises(ValueError, match="not positive definite"):
        step_on_the_network(Newton(indefinite="error"))


def test_newtons_step_does_not_depend_on_the_coordinates_and_a_gradient_step_does():
    problem, w, S = Rosenbrock(), np.array([-1.2, 1.0]), np.array([[3.0, 1.0], [0.0, 0.2]])

    def move(solver, S):
        start = np.linalg.solve(S, w)
        end, _, _ = solver.step(start, solver.init(start), lambda w_tilde: problem.model(S @ w_tilde), problem.loss)
        return S @ (end - start)

    assert_allclose(move(GaussNewton(), S), move(GaussNewton(), np.eye(2)), rtol=1e-11)
    in_new_coordinates, plain = move(SGD(lr=1e-3), S), move(SGD(lr=1e-3), np.eye(2))
    assert_allclose(in_new_coordinates, S @ S.T @ plain, rtol=1e-11)
    assert np.linalg.norm(in_new_coordinates - plain) > np.linalg.norm(plain)
