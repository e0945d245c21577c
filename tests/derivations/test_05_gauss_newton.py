r"""The Gauss-Newton matrix is the Hessian of the loss of the linearised model.

Claim. Let f(w) = L(phi(w)), J_phi the transposed Jacobian of phi (parameters x outputs), J_L and H_L the gradient and
the Hessian of L at y = phi(w). Then ::

    H = J_phi H_L J_phi^T + sum_k J_L[k] Hessian(phi_k)                            (1)

The first term is the Gauss-Newton matrix G. It is the Hessian of the objective with phi replaced by its linearisation
at w, `v -> L(phi(w) + J_phi^T (v - w))`, taken at v = w; the second term, `H - G`, is what that replacement drops.

Derivation. The chain rule gives `df/dw_i = sum_k dphi_k/dw_i J_L[k]`. Differentiate the product once more::

    d2f/dw_i dw_j = sum_kl dphi_k/dw_i H_L[k, l] dphi_l/dw_j + sum_k J_L[k] d2phi_k/dw_i dw_j

which is (1). A linear phi has no second derivatives: there the first term is the whole Hessian.

When nothing is dropped. `J_L = 0`: a least-squares problem whose residuals vanish at the solution, or any solution
where the outputs themselves minimise L. There G = H, so near such a solution Gauss-Newton's steps are Newton's.

Never indefinite. `v.G v = (J_phi^T v).H_L (J_phi^T v)`, which is not negative if L is convex in the outputs. So it is
with `L = |y|^2`, `H_L = 2 I`, and with the softmax cross entropy of N samples, where each sample has the block ::

    H_L = (diag p - p p^T) / N,        u.H_L u = variance of u under p, over N

H itself is often indefinite: its second term has any sign. The price is rank: G has at most as many nonzero eigenvalues
as there are outputs (for the softmax, one fewer per sample), so it needs damping to be inverted.

Source: N. Schraudolph, Neural Computation 14(7), 2002; Nocedal and Wright, section 10.3.
"""

import numpy as np
from numpy.testing import assert_allclose

import minigrad as mg
from problems.closed_form.rosenbrock import Rosenbrock
from tests.support import small_network as net

W = net.vector(net.START)
J_PHI = net.J_phi(W)
Y = net.outputs(W)
UNIT = np.eye(W.size)


def dense(operator):
    return operator.to_scipy() @ np.eye(operator.shape[0])


def objective(params):
    return net.loss(net.model(params))


def test_the_definition():
    G = dense(mg.GGNOperator(net.model, net.loss, net.START))
    assert_allclose(G, J_PHI @ net.H_L(Y) @ J_PHI.T, atol=1e-15)


def test_it_is_the_hessian_of_the_loss_of_the_linearised_model():
    y, J = mg.linearize(net.model, net.START)

    def linearised(v):
        return net.loss(y + J(mg.tree_map(lambda a, b: a - b, v, net.START)))

    assert_allclose(dense(mg.HessianOperator(linearised, net.START)), net.ggn(W), atol=1e-15)


def test_what_it_drops_is_the_curvature_of_the_outputs():
    G = dense(mg.GGNOperator(net.model, net.loss, net.START))
    slope = net.J_L(Y).reshape(net.N, 3)
    dropped = dense(mg.HessianOperator(lambda w: mg.sum(slope * net.model(w)), net.START))
    assert_allclose(G + dropped, net.hessian(W), atol=1e-14)  # (1)
    assert_allclose(dense(mg.HessianOperator(objective, net.START)), net.hessian(W), atol=1e-14)
    assert np.abs(dropped).max() > 0.1 * np.abs(G).max()  # and it is not small here


def test_a_linear_model_has_no_other_curvature():
    H = mg.hessian(lambda v: net.loss(mg.reshape(J_PHI.T @ v, (net.N, 3))))(W)
    G = dense(mg.GGNOperator(lambda v: mg.reshape(J_PHI.T @ v, (net.N, 3)), net.loss, W))
    assert_allclose(H, G, atol=1e-15)


def test_without_residuals_it_is_the_hessian():
    problem = Rosenbrock()

    def matrices(w):
        H = mg.hessian(lambda w: problem.loss(problem.model(w)))(w)
        return dense(mg.GGNOperator(problem.model, problem.loss, w)), H

    G, H = matrices(problem.solution)
    assert_allclose(H, [[802.0, -400.0], [-400.0, 200.0]], rtol=1e-14)  # in closed form
    assert_allclose(G, H, rtol=1e-14)
    G, H = matrices(np.array([-1.2, 1.0]))
    # y_1 = 10 (1 - 1.44), so J_L[1] = 2 y_1 = -8.8; the Hessian of y_1 is -20 in the corner, that of y_2 is zero
    assert_allclose(H - G, [[176.0, 0.0], [0.0, 0.0]], atol=1e-10)


def test_the_hessian_of_the_softmax_cross_entropy():
    H_L = dense(mg.HessianOperator(net.loss, Y.reshape(net.N, 3)))
    assert_allclose(H_L, net.H_L(Y), atol=1e-16)
    u = np.random.default_rng(5).standard_normal(Y.size)
    p, v = net.softmax(Y), u.reshape(net.N, 3)
    variance = np.sum(p * v**2, axis=1) - np.sum(p * v, axis=1) ** 2
    assert_allclose(u @ H_L @ u, np.sum(variance) / net.N, rtol=1e-13)


def test_it_is_never_indefinite_and_has_the_rank_of_the_outputs():
    g, h = np.linalg.eigvalsh(dense(mg.GGNOperator(net.model, net.loss, net.START))), np.linalg.eigvalsh(net.hessian(W))
    assert h[0] < -0.1
    assert g[0] > -1e-15
    assert np.sum(g > 1e-12) <= net.N * (3 - 1) < W.size
