r"""The Gauss-Newton matrix is the Hessian of the loss of the linearised model.

Claim. Let `f(w) = L(phi(w))`, let `J` be the Jacobian of `phi` at `w`, and let `g_L` and `H_L` be the gradient and the
Hessian of `L` at `y = phi(w)`. Then ::

    H = J^T H_L J + sum_k g_L[k] Hessian(phi_k)                                    (1)

The first term is the Gauss-Newton matrix `G`. It is the Hessian of `L(y + J v)` in `v` at `v = 0`, that is, of the
objective with `phi` replaced by its linearisation at `w`. The second term, `H - G`, is what the replacement drops.

Derivation. The chain rule gives `df/dw_i = sum_k dphi_k/dw_i g_L[k]`. Differentiate the product once more::

    d^2f/(dw_i dw_j) = sum_kl dphi_k/dw_i H_L[k, l] dphi_l/dw_j + sum_k g_L[k] d^2phi_k/(dw_i dw_j)

which is (1). A linear `phi` has no second derivatives, so for it the first term is the whole Hessian.

When nothing is dropped. When `g_L = 0`: for a least-squares problem with zero residuals at the solution, or at any
solution where the outputs themselves minimise `L`. There `G = H`, so near such a solution Gauss-Newton's steps are
Newton's.

Never indefinite. `v.G v = (J v).H_L (J v)` is not negative if `L` is convex in the outputs. This holds for `L = |y|^2`
with `H_L = 2 I`. It holds for the softmax cross entropy of `N` samples, where `H_L` has for each sample with softmax
`s` the block ::

    (diag(s) - s s^T) / N,        u.H_L u = 1/N sum_n var_n(u)

`H` itself is often indefinite, because its second term can have any sign. `G` pays for this with its rank: it has at
most as many nonzero eigenvalues as there are outputs (for the softmax, one fewer per sample), so it needs damping to be
invertible.

Source: N. Schraudolph, Neural Computation 14(7), 2002; Nocedal and Wright, section 10.3.
"""

import numpy as np
from numpy.testing import assert_allclose

import minigrad as mg
from problems.closed_form.rosenbrock import Rosenbrock
from tests.support import small_network as net

w = net.vector(net.START)
J, H, y = net.J(w), net.H(w), net.phi(w)


def dense(operator):
    return operator.to_scipy() @ np.eye(operator.shape[0])


def test_the_definition():
    G = dense(mg.GGNOperator(net.model, net.loss, net.START))
    assert_allclose(G, J.T @ net.H_L(y) @ J, atol=1e-15)


def test_it_is_the_hessian_of_the_loss_of_the_linearised_model():
    outputs, push = mg.linearize(net.model, net.START)

    def linearised(v):
        return net.loss(outputs + push(v))

    zero = mg.tree_map(mg.zeros_like, net.START)
    assert_allclose(dense(mg.HessianOperator(linearised, zero)), net.G(w), atol=1e-15)


def test_what_it_drops_is_the_curvature_of_the_outputs():
    G = dense(mg.GGNOperator(net.model, net.loss, net.START))
    g_L = net.g_L(y).reshape(net.N, 3)
    dropped = dense(mg.HessianOperator(lambda params: mg.sum(g_L * net.model(params)), net.START))
    assert_allclose(G + dropped, H, atol=1e-14)  # (1)
    assert_allclose(dense(mg.HessianOperator(net.objective, net.START)), H, atol=1e-14)
    assert np.abs(dropped).max() > 0.1 * np.abs(G).max()  # and it is not small here


def test_a_linear_model_has_no_other_curvature():
    def linear(v):
        return mg.reshape(J @ v, (net.N, 3))

    H = mg.hessian(lambda v: net.loss(linear(v)))(w)
    assert_allclose(H, dense(mg.GGNOperator(linear, net.loss, w)), atol=1e-15)


def test_without_residuals_it_is_the_hessian():
    problem = Rosenbrock()

    def matrices(w):
        H = mg.hessian(lambda w: problem.loss(problem.model(w)))(w)
        return dense(mg.GGNOperator(problem.model, problem.loss, w)), H

    G, H = matrices(problem.solution)
    assert_allclose(H, [[802.0, -400.0], [-400.0, 200.0]], rtol=1e-14)  # in closed form
    assert_allclose(G, H, rtol=1e-14)
    G, H = matrices(np.array([-1.2, 1.0]))
    # y_1 = 10 (1 - 1.44), so g_L[1] = 2 y_1 = -8.8; the Hessian of y_1 is -20 in the corner, that of y_2 is zero
    assert_allclose(H - G, [[176.0, 0.0], [0.0, 0.0]], atol=1e-10)


def test_the_hessian_of_the_softmax_cross_entropy():
    H_L = dense(mg.HessianOperator(net.loss, y.reshape(net.N, 3)))
    assert_allclose(H_L, net.H_L(y), atol=1e-16)
    s, u = net.softmax(y), np.random.default_rng(5).standard_normal((net.N, 3))
    variance = np.sum(s * u**2, axis=1) - np.sum(s * u, axis=1) ** 2
    assert_allclose(u.reshape(-1) @ H_L @ u.reshape(-1), np.sum(variance) / net.N, rtol=1e-13)


def test_it_is_never_indefinite_and_has_the_rank_of_the_outputs():
    h_G = np.linalg.eigvalsh(dense(mg.GGNOperator(net.model, net.loss, net.START)))
    assert np.linalg.eigvalsh(H)[0] < -0.1
    assert h_G[0] > -1e-15
    assert np.sum(h_G > 1e-12) <= net.N * (3 - 1) < w.size
