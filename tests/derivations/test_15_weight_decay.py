r"""Weight decay as a part of the objective.

Claim. Weight decay c adds `c/2 |w|^2` to the objective. Its gradient is `c w`, its curvature `c I`, exactly, and so ::

    Dz = J_phi (H_L (J_phi^T z) + J_L) + c w + (lam + c) z                         (1)
    a.H^b = (J_phi^T a).H_L (J_phi^T b) + (lam + c) a.b        J.a = J_L.(J_phi^T a) + c w.a      (2)

Everything else about CurveBall stays as it is, and costs nothing more.

Derivation. Give the network a second output, w itself, and the loss a second term::

    phi~(w) = (phi(w), w)        L~(y, v) = L(y) + c/2 |v|^2

The objective is `L~(phi~(w))`, of the same form. The push-forward of z is `(J_phi^T z, z)`, the pull-back of (u, v) is
`J_phi u + v`, L~'s gradient at (phi(w), w) is `(J_L, c w)`, and its Hessian takes (t, s) to `(H_L t, c s)`. Put these
into the formulas without weight decay, and (1) and (2) are there: G~ = G + c I is the Gauss-Newton matrix of L~ after
phi~. As w enters phi~ linearly, nothing is dropped.

Next to damping. Both add to the curvature, but lam adds nothing to the gradient: damping leaves the minimum where it is
(test_14_damping.py), and weight decay moves it. On a quadratic with minimum w0 the new one is along each eigenvector ::

    w = (H + c I)^-1 H w0        v_i.w = h_i / (h_i + c)  v_i.w0                   (3)

Next to shrinking the weights. Gradient descent on the sum is `w <- (1 - lr c) w - lr grad f`: each step shrinks w. That
holds for plain gradient descent only. With momentum the shrinking goes through z, and CurveBall scales it by the
curvature like the rest of the gradient: here weight decay is never "decoupled" (Loshchilov and Hutter).

Source: A. Krogh and J. Hertz, NeurIPS 1991; I. Loshchilov and F. Hutter, ICLR 2019, proposition 1.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net

C = 0.03
W = net.vector(net.START)


def wide_model(params):
    """The outputs, and the params themselves."""
    return {"y": net.model(params), "w": params}


def wide_loss(outputs):
    squares = sum(mg.sum(x * x) for x in outputs["w"].values())
    return net.loss(outputs["y"]) + 0.5 * C * squares


@pytest.mark.parametrize(
    ("solver", "plain"),
    [
        (CurveBall(lam=0.5, lam_factor=0.9, weight_decay=C), CurveBall(lam=0.5, lam_factor=0.9)),
        (CurveBall(lam=0.1, rho=0.9, weight_decay=C), CurveBall(lam=0.1, rho=0.9)),
        (CurveBall(lr=0.5, lam=0.1, beta=0.5, weight_decay=C), CurveBall(lr=0.5, lam=0.1, beta=0.5)),
        (SGD(lr=0.1, weight_decay=C), SGD(lr=0.1)),
        (Adam(lr=0.01, weight_decay=C), Adam(lr=0.01)),
    ],
    ids=["curveball", "curveball-rho", "curveball-beta", "sgd", "adam"],
)
def test_it_is_a_part_of_the_objective(solver, plain):
    a = b = net.START
    ours, theirs = solver.init(a), plain.init(b)
    for _ in range(30):
        decay = 0.5 * C * net.vector(a) @ net.vector(a)
        a, ours, info = solver.step(a, ours, net.model, net.loss)
        b, theirs, wide = plain.step(b, theirs, wide_model, wide_loss)
        assert_allclose(net.vector(a), net.vector(b), rtol=1e-7, atol=1e-9)
        assert_allclose(info["loss"] + decay, wide["loss"], rtol=1e-7)  # info's loss is without it
        for key in ("rho", "beta", "lam", "predicted", "trust_ratio"):
            if key in wide:
                assert_allclose(info[key], wide[key], rtol=1e-5, err_msg=key)


def test_the_direction():
    lam, z = 0.2, np.random.default_rng(15).standard_normal(W.size)
    only = CurveBall(rho=0.0, beta=1.0, lam=lam, adapt_lam=False, weight_decay=C)  # z <- -Dz
    _, state, _ = only.step(net.START, only.init(net.START)._replace(z=net.tree(z)), net.model, net.loss)
    expected = net.ggn(W) @ z + net.gradient(W) + C * W + (lam + C) * z
    assert_allclose(-net.vector(state.z), expected, rtol=1e-12, atol=1e-14)  # (1)


def test_the_curvature_is_exact():
    G = mg.GGNOperator(wide_model, wide_loss, net.START).to_scipy() @ np.eye(W.size)
    assert_allclose(G, net.ggn(W) + C * np.eye(W.size), atol=1e-15)
    H = mg.HessianOperator(lambda w: wide_loss(wide_model(w)), net.START).to_scipy() @ np.eye(W.size)
    assert_allclose(H - G, net.hessian(W) - net.ggn(W), atol=1e-14)  # nothing more is dropped


@pytest.mark.parametrize(
    "solver",
    [CurveBall(lam=0.1, adapt_lam=False, weight_decay=0.4), SGD(lr=0.1, momentum=0.5, weight_decay=0.4)],
    ids=["curveball", "sgd"],
)
def test_it_moves_the_minimum(solver):
    problem = Quadratic((0.5, 2.0, 8.0))
    w = problem.init(np.random.default_rng(15))
    state = solver.init(w)
    for _ in range(400):
        w, state, _ = solver.step(w, state, problem.model, problem.loss)
    h = np.array(problem.spectrum)
    assert_allclose(problem.basis.T @ w, h / (h + 0.4) * (problem.basis.T @ problem.solution), rtol=1e-9)  # (3)


@pytest.mark.parametrize(("momentum", "same"), [(0.0, True), (0.9, False)])
def test_it_shrinks_the_weights_in_plain_gradient_descent_only(momentum, same):
    lr = 0.1
    coupled, plain = SGD(lr=lr, momentum=momentum, weight_decay=C), SGD(lr=lr, momentum=momentum)
    a = b = net.START
    ours, theirs = coupled.init(a), plain.init(b)
    for _ in range(5):
        a, ours, _ = coupled.step(a, ours, net.model, net.loss)
        shrunk = mg.tree_map(lambda w: lr * C * w, b)
        b, theirs, _ = plain.step(b, theirs, net.model, net.loss)
        b = mg.tree_map(lambda w, s: w - s, b, shrunk)
    assert np.allclose(net.vector(a), net.vector(b), rtol=1e-12, atol=1e-14) == same
