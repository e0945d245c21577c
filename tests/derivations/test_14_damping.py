r"""What damping does to Newton's step.

Claim. Let `H v_i = h_i v_i`, with orthonormal v_i. With `H + lam I` in place of H, the step
`z(lam) = -(H + lam I)^-1 J` is ::

    v_i.z(lam) = -v_i.J / (h_i + lam) = h_i / (h_i + lam)  v_i.z(0)                (1)

Along each eigenvector it is Newton's step times `h / (h + lam)`: nearly all of it where h is much larger than lam,
nearly none where h is much smaller. As lam grows it turns into a short gradient step, as lam falls into Newton's::

    |lam z(lam) + J| <= |H| |J| / lam        |z(lam) - z(0)| <= lam |H^-1| |z(0)|          (2)

and its length falls all the way, as long as `H + lam I` is positive definite. It is the lowest point of the undamped
model `m(z) = 1/2 z.H z + z.J` within its own length: for every z ::

    m(z) - m(z(lam)) = 1/2 (z - z(lam)).(H + lam I)(z - z(lam)) + lam/2 (|z(lam)|^2 - |z|^2)       (3)

Then the first term is positive for every other z, and the second not negative for one no longer than z(lam).

Derivation. `(H + lam I) v_i = (h_i + lam) v_i` is (1). For (2), `lam z = -J - H z`, and `|z| <= |J| / lam` as all h_i
are at least 0; and `z(0) - z(lam)` has entries `lam / (h_i + lam)` times those of z(0), at most `lam / h_i`. For (3),
z(lam) is the minimum of `m(z) + lam/2 |z|^2`, a quadratic with matrix `H + lam I`; test_01_newton_step.py has how much
higher it is at z, and what is left is to move the two squares to the other side.

What it is for. G has eigenvalues zero (test_05_gauss_newton.py), along which Newton's step does not exist: damped, it
exists. An indefinite H has an inverse, but its step may climb; `lam > -h_1` makes all `h_i + lam` positive. And (3) is
why the trust ratio (test_11_trust_ratio.py) may move lam instead of a radius. Damping does not move the minimum, where
J = 0 and z(lam) = 0 for every lam; it only slows the way there: on a quadratic the error along v_i contracts by
`lam / (h_i + lam)` per step.

Source: Nocedal and Wright, chapter 4, theorem 4.1; J. Martens, ICML 2010, section 4.1.
"""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from curveball import CurveBall, GaussNewton, Newton
from curveball.solvers.base import value_and_gradient
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net

W = net.vector(net.START)
J = net.gradient(W)
G = net.ggn(W)
H = net.hessian(W)
RNG = np.random.default_rng(14)


def step_on_the_network(solver):
    params, _, _ = solver.step(net.START, solver.init(net.START), net.model, net.loss)
    return net.vector(params) - W


@pytest.mark.parametrize("lam", [1e-3, 0.1, 10.0])
def test_each_eigenvector_by_itself(lam):
    h, Q = np.linalg.eigh(G)
    z = step_on_the_network(GaussNewton(lam=lam))
    assert_allclose(Q.T @ z, -(Q.T @ J) / (h + lam), rtol=1e-9, atol=1e-11)  # (1)


def test_the_share_of_newtons_step_on_a_quadratic():
    problem, lam = Quadratic((0.1, 1.0, 10.0)), 0.7
    w = problem.init(RNG)
    error = problem.basis.T @ (w - problem.solution)
    after, _, _ = GaussNewton(lam=lam).step(w, None, problem.model, problem.loss)
    h = np.array(problem.spectrum)
    assert_allclose(problem.basis.T @ (after - w), -h / (h + lam) * error, rtol=1e-12)  # Newton's step is -error
    assert_allclose(problem.basis.T @ (after - problem.solution), lam / (h + lam) * error, rtol=1e-12)


def test_much_damping_is_gradient_descent():
    for lam in (1e2, 1e4, 1e6):
        z = step_on_the_network(GaussNewton(lam=lam))
        assert np.linalg.norm(lam * z + J) <= np.linalg.norm(G, 2) * np.linalg.norm(J) / lam + lam * 1e-14  # (2)
    curveball = CurveBall(lam=1e6, adapt_lam=False)
    assert_allclose(1e6 * step_on_the_network(curveball), -J, rtol=1e-5, atol=1e-8)


def test_little_damping_is_newtons_step():
    problem = Quadratic((0.1, 1.0, 10.0))
    w = problem.init(RNG)
    for lam in (1e-2, 1e-4, 1e-6):
        after, _, _ = GaussNewton(lam=lam).step(w, None, problem.model, problem.loss)
        newton = np.linalg.norm(problem.solution - w)
        assert np.linalg.norm(after - problem.solution) <= lam / 0.1 * newton * (1.0 + 1e-9)  # (2)


@pytest.mark.parametrize("solver", [GaussNewton(), Newton(line_search=False)], ids=["ggn", "hessian"])
def test_more_damping_is_a_shorter_step(solver):
    lengths = [np.linalg.norm(step_on_the_network(replace(solver, lam=lam))) for lam in 1.5 * 2.0 ** np.arange(12)]
    assert (np.diff(lengths) < 0.0).all()


@pytest.mark.parametrize("lam", [1.4, 5.0])
def test_it_is_the_lowest_point_of_the_undamped_model_within_its_length(lam):
    assert np.linalg.eigvalsh(H)[0] + lam > 0.0  # H itself is indefinite

    def m(z):
        return 0.5 * z @ H @ z + z @ J

    best = step_on_the_network(Newton(lam=lam, indefinite="error", line_search=False))
    length = np.linalg.norm(best)
    for z in RNG.standard_normal((50, W.size)):
        z *= RNG.uniform(0.0, 2.0) * length / np.linalg.norm(z)
        higher = 0.5 * (z - best) @ (H @ (z - best) + lam * (z - best))
        assert_allclose(m(z) - m(best), higher + 0.5 * lam * (length**2 - z @ z), rtol=1e-9, atol=1e-12)  # (3)
        assert m(z) > m(best) or z @ z > length**2
    starts = RNG.standard_normal((5, W.size))
    found = [minimize(lambda u: m(length * u / np.linalg.norm(u)), u, options={"gtol": 1e-9}).fun for u in starts]
    assert_allclose(min(found), m(best), rtol=1e-8)  # a search on the sphere finds no lower


def test_damping_does_not_move_the_minimum():
    problem, solver = Quadratic((0.5, 5.0)), GaussNewton(lam=2.0)
    w = problem.init(RNG)
    for _ in range(150):
        w, _, _ = solver.step(w, None, problem.model, problem.loss)
    assert_allclose(w, problem.solution, atol=1e-12)
    _, gradient, _, _ = value_and_gradient(w, problem.model, problem.loss)
    assert_allclose(gradient, 0.0, atol=1e-12)
