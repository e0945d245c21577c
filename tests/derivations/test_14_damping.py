r"""What damping does to Newton's step.

Claim. Let `B v_i = h_i v_i`, with orthonormal `v_i`. With `B + lam I` in the place of `B`, the step
`z(lam) = -(B + lam I)^-1 g` is ::

    v_i.z(lam) = -v_i.g / (h_i + lam) = h_i/(h_i + lam) v_i.z(0)                  (1)

Along each eigenvector it is Newton's step times `h / (h + lam)`. That is nearly all of Newton's step where `h` is much
larger than `lam`, and nearly nothing where `h` is much smaller. For large `lam` the step becomes a short gradient step,
for small `lam` it becomes Newton's. If no `h_i` is negative::

    |lam z(lam) + g| <= |B| |g| / lam        |z(lam) - z(0)| <= lam |B^-1| |z(0)|  (2)

Its length falls as `lam` grows, as long as `B + lam I` is positive definite. `z(lam)` is the lowest point of the
undamped model `m_0(z) = 1/2 z.B z + z.g` among all `z` that are not longer. For every `z` ::

    m_0(z) - m_0(z(lam)) = 1/2 (z - z(lam)).(B + lam I)(z - z(lam)) + lam/2 (|z(lam)|^2 - |z|^2)           (3)

The first term is positive for every other `z`, and the second is not negative if `z` is not longer than `z(lam)`.

Derivation. `(B + lam I) v_i = (h_i + lam) v_i` gives (1). For (2), `lam z(lam) = -g - B z(lam)`, and
`|z(lam)| <= |g| / lam` as no `h_i` is negative. The entries of `z(0) - z(lam)` are `lam / (h_i + lam)` times those of
`z(0)`, at most `lam / h_i` times. For (3), `z(lam)` is the minimum of `m_0(z) + lam/2 |z|^2`, a quadratic with the
matrix `B + lam I`. test_01_newton_step.py says how much higher that quadratic is at `z`; then move the two squares to
the other side.

What it is for. `G` can have zero eigenvalues (test_05_gauss_newton.py). Along those Newton's step does not exist, but
the damped step does. An indefinite `H` has an inverse, but its step may increase `f`; `lam > -h_min` makes all
`h_i + lam` positive. And because of (3) the trust ratio (test_11_trust_ratio.py) may change `lam` in place of a radius.
Damping does not move the minimum, where `g = 0` and `z(lam) = 0` for every `lam`. It only slows the convergence: on a
quadratic with `B = H`, each step multiplies the error along `v_i` by `lam / (h_i + lam)`.

Source: Nocedal and Wright, chapter 4, theorem 4.1; J. Martens, ICML 2010, section 4.1.
"""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

import minigrad as mg
from curveball import CurveBall, GaussNewton, Newton
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net

w = net.vector(net.START)
g, G, H = net.g(w), net.G(w), net.H(w)
RNG = np.random.default_rng(14)


def step_on_the_network(solver):
    params, _, _ = solver.step(net.START, solver.init(net.START), net.model, net.loss)
    return net.vector(params) - w


@pytest.mark.parametrize("lam", [1e-3, 0.1, 10.0])
def test_each_eigenvector_by_itself(lam):
    h, basis = np.linalg.eigh(G)
    z = step_on_the_network(GaussNewton(lam=lam))
    assert_allclose(basis.T @ z, -(basis.T @ g) / (h + lam), rtol=1e-9, atol=1e-11)  # (1)


def test_the_share_of_newtons_step_on_a_quadratic():
    problem, lam = Quadratic((0.1, 1.0, 10.0)), 0.7
    w = problem.init(RNG)
    error = problem.basis.T @ (w - problem.solution)
    after, _, _ = GaussNewton(lam=lam).step(w, GaussNewton().init(w), problem.model, problem.loss)
    h = np.array(problem.spectrum)
    assert_allclose(problem.basis.T @ (after - w), -h / (h + lam) * error, rtol=1e-12)  # Newton's step is -error
    assert_allclose(problem.basis.T @ (after - problem.solution), lam / (h + lam) * error, rtol=1e-12)


def test_much_damping_is_gradient_descent():
    for lam in (1e2, 1e4, 1e6):
        z = step_on_the_network(GaussNewton(lam=lam))
        assert np.linalg.norm(lam * z + g) <= np.linalg.norm(G, 2) * np.linalg.norm(g) / lam + lam * 1e-14  # (2)
    curveball = CurveBall(lam=1e6, adapt_lam=False)
    assert_allclose(1e6 * step_on_the_network(curveball), -g, rtol=1e-5, atol=1e-8)


def test_little_damping_is_newtons_step():
    problem = Quadratic((0.1, 1.0, 10.0))
    w = problem.init(RNG)
    for lam in (1e-2, 1e-4, 1e-6):
        after, _, _ = GaussNewton(lam=lam).step(w, GaussNewton().init(w), problem.model, problem.loss)
        newton = np.linalg.norm(problem.solution - w)
        assert np.linalg.norm(after - problem.solution) <= lam / 0.1 * newton * (1.0 + 1e-9)  # (2)


@pytest.mark.parametrize("solver", [GaussNewton(), Newton(line_search=False)], ids=["ggn", "hessian"])
def test_more_damping_is_a_shorter_step(solver):
    lengths = [np.linalg.norm(step_on_the_network(replace(solver, lam=lam))) for lam in 1.5 * 2.0 ** np.arange(12)]
    assert (np.diff(lengths) < 0.0).all()


@pytest.mark.parametrize("lam", [1.4, 5.0])
def test_it_is_the_lowest_point_of_the_undamped_model_within_its_length(lam):
    assert np.linalg.eigvalsh(H)[0] + lam > 0.0  # H itself is indefinite

    def m_0(z):
        return 0.5 * z @ H @ z + z @ g

    z_lam = step_on_the_network(Newton(lam=lam, indefinite="error", line_search=False))
    length = np.linalg.norm(z_lam)
    for z in RNG.standard_normal((50, w.size)):
        z *= RNG.uniform(0.0, 2.0) * length / np.linalg.norm(z)
        higher = 0.5 * (z - z_lam) @ (H @ (z - z_lam) + lam * (z - z_lam))
        assert_allclose(m_0(z) - m_0(z_lam), higher + 0.5 * lam * (length**2 - z @ z), rtol=1e-9, atol=1e-12)  # (3)
        assert m_0(z) > m_0(z_lam) or z @ z > length**2
    starts = RNG.standard_normal((5, w.size))
    found = [minimize(lambda v: m_0(length * v / np.linalg.norm(v)), v, options={"gtol": 1e-9}).fun for v in starts]
    assert_allclose(min(found), m_0(z_lam), rtol=1e-8)  # a search on the sphere finds no lower


def test_damping_does_not_move_the_minimum():
    problem, solver = Quadratic((0.5, 5.0)), GaussNewton(lam=2.0)
    w = problem.init(RNG)
    for _ in range(150):
        w, _, _ = solver.step(w, solver.init(w), problem.model, problem.loss)
    assert_allclose(w, problem.solution, atol=1e-12)
    assert_allclose(mg.grad(lambda w: problem.loss(problem.model(w)))(w), 0.0, atol=1e-12)
