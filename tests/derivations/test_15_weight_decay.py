r"""Weight decay as a part of the objective.

Claim. Weight decay `c` adds `c/2 |w|^2` to the objective. Its gradient is `c w` and its curvature `c I`, exactly, so ::

    d = J^T (H_L (J z) + g_L) + c w + (lam + c) z                                  (1)
    z.G_lam d = z_y.H_L d_y + (lam + c) z.d        g.d = g_L.d_y + c w.d           (2)

The other numbers of the 2x2 system change in the same way as these two. Everything else about CurveBall stays the same,
and it costs no further sweep.

Derivation. Give the network a second output, `w` itself, and the loss a second term::

    phi~(w) = (phi(w), w)        L~(y, w) = L(y) + c/2 |w|^2

The objective is `L~(phi~(w))`, of the same form as before. The push-forward of `v` is `(J v, v)`. The pull-back of
`(u, v)` is `J^T u + v`. The gradient of `L~` at `(phi(w), w)` is `(g_L, c w)`, and its Hessian takes `(u, v)` to
`(H_L u, c v)`. Put these into the formulas without weight decay to get (1) and (2): `G + c I` is the Gauss-Newton
matrix of `L~` after `phi~`. As `w` enters `phi~`'s second output linearly, nothing is dropped there.

Compared with damping. Both add to the curvature, but `lam` adds nothing to the gradient. Damping does not move the
minimum (test_14_damping.py), and weight decay does. On a quadratic with minimum `w*` and Hessian `H` the new minimum
`w*_c` is, along each eigenvector ::

    w*_c = (H + c I)^-1 H w*        v_i.w*_c = h_i/(h_i + c) v_i.w*               (3)

Shrinking the weights. Plain gradient descent on the sum is `w <- (1 - lr c) w - lr g`, with the gradient `g` of `f`:
each step shrinks `w`. This holds for plain gradient descent only. With momentum the shrinking goes through `z`, and
CurveBall scales it by the curvature like the rest of the gradient. So here weight decay is never "decoupled"
(Loshchilov and Hutter).

Source: A. Krogh and J. Hertz, NeurIPS 1991; I. Loshchilov and F. Hutter, ICLR 2019, proposition 1.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import SGD, Adam, CurveBall
from problems.closed_form.quadratic import Quadratic
from tests.support import small_network as net

c = 0.03
w = net.vector(net.START)


def model_tilde(params):
    """`phi~`: the outputs, and the params themselves."""
    return {"y": net.model(params), "w": params}


def loss_tilde(outputs):
    """`L~`"""
    squares = sum(mg.sum(x * x) for x in outputs["w"].values())
    return net.loss(outputs["y"]) + 0.5 * c * squares


@pytest.mark.parametrize(
    ("solver", "plain"),
    [
        (CurveBall(lam=0.5, lam_factor=0.9, weight_decay=c), CurveBall(lam=0.5, lam_factor=0.9)),
        (CurveBall(lam=0.1, rho=0.9, weight_decay=c), CurveBall(lam=0.1, rho=0.9)),
        (CurveBall(lr=0.5, lam=0.1, beta=0.5, weight_decay=c), CurveBall(lr=0.5, lam=0.1, beta=0.5)),
        (SGD(lr=0.1, weight_decay=c), SGD(lr=0.1)),
        (Adam(lr=0.01, weight_decay=c), Adam(lr=0.01)),
    ],
    ids=["curveball", "curveball-rho", "curveball-beta", "sgd", "adam"],
)
def test_it_is_a_part_of_the_objective(solver, plain):
    params = params_tilde = net.START
    state, state_tilde = solver.init(params), plain.init(params_tilde)
    for _ in range(30):
        decay = 0.5 * c * net.vector(params) @ net.vector(params)
        params, state, info = solver.step(params, state, net.model, net.loss)
        params_tilde, state_tilde, info_tilde = plain.step(params_tilde, state_tilde, model_tilde, loss_tilde)
        assert_allclose(net.vector(params), net.vector(params_tilde), rtol=1e-7, atol=1e-9)
        assert_allclose(info["loss"] + decay, info_tilde["loss"], rtol=1e-7)  # info's loss is without it
        for key in ("rho", "beta", "lam", "predicted", "trust_ratio"):
            if key in info_tilde:
                assert_allclose(info[key], info_tilde[key], rtol=1e-5, err_msg=key)


def test_the_direction():
    lam, z = 0.2, np.random.default_rng(15).standard_normal(w.size)
    solver = CurveBall(rho=0.0, beta=1.0, lam=lam, adapt_lam=False, weight_decay=c)  # z <- -d
    _, state, _ = solver.step(net.START, solver.init(net.START)._replace(z=net.tree(z)), net.model, net.loss)
    d = net.G(w) @ z + net.g(w) + c * w + (lam + c) * z
    assert_allclose(-net.vector(state.z), d, rtol=1e-12, atol=1e-14)  # (1)


def test_the_curvature_is_exact():
    G = mg.GGNOperator(model_tilde, loss_tilde, net.START).to_scipy() @ np.eye(w.size)
    assert_allclose(G, net.G(w) + c * np.eye(w.size), atol=1e-15)
    H = mg.HessianOperator(lambda params: loss_tilde(model_tilde(params)), net.START).to_scipy() @ np.eye(w.size)
    assert_allclose(H - G, net.H(w) - net.G(w), atol=1e-14)  # nothing more is dropped


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
    coupled, plain = SGD(lr=lr, momentum=momentum, weight_decay=c), SGD(lr=lr, momentum=momentum)
    decayed = shrunk = net.START
    decayed_state, shrunk_state = coupled.init(decayed), plain.init(shrunk)
    for _ in range(5):
        decayed, decayed_state, _ = coupled.step(decayed, decayed_state, net.model, net.loss)
        before = net.vector(shrunk)
        shrunk, shrunk_state, _ = plain.step(shrunk, shrunk_state, net.model, net.loss)
        shrunk = net.tree(net.vector(shrunk) - lr * c * before)
    assert np.allclose(net.vector(decayed), net.vector(shrunk), rtol=1e-12, atol=1e-14) == same
