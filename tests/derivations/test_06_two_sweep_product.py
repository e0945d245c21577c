r"""CurveBall's direction costs one push-forward and one pull-back.

Claim. With `G_lam = J^T H_L J + lam I` and `g = J^T g_L`, the gradient of the quadratic model at `z` is ::

    d = G_lam z + g = J^T (H_L (J z) + g_L) + lam z                                (1)

This takes one push-forward of `z`, one product with the small Hessian of the loss, one pull-back, and no matrix.

Derivation. Write both terms out: `J^T (H_L (J z)) + J^T g_L + lam z`. Both are pulled back by the same linear map
`J^T`, so the cotangents can be added first, at the outputs, and pulled back once. Read from the right::

    z_y = J z            push-forward of z: how the outputs would move
    u = H_L z_y + g_L    the gradient of the loss after that move, to first order
    d = J^T u + lam z    pull-back of u, where the gradient pulls back g_L

SGD pulls back `g_L`. CurveBall pulls back the gradient that the loss will have after the move `z`, and pays one
push-forward for that. To compute `g` and `G_lam z` separately would take two pull-backs.

A whole step. The network is evaluated (linearised) once. The step size and the momentum also need `d_y = J d`
(test_07_two_by_two_system.py), a second push-forward. In all a step takes one evaluation, two push-forwards and one
pull-back. SGD takes one evaluation and one pull-back. Between steps only `z` is kept, as momentum SGD keeps its
velocity.

How it is counted. The test puts an operation into the network's first layer that returns its input, and counts how
often it is evaluated, pushed through and pulled through. `@mg.primitive` takes any linear map.

Source: Henriques et al., ICCV 2019, arXiv 1805.08095; B. Pearlmutter, Neural Computation 6(1), 1994; N. Schraudolph,
Neural Computation 14(7), 2002.
"""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
from curveball import SGD, CurveBall, GaussNewton
from tests.support import small_network as net

w = net.vector(net.START)
z = np.random.default_rng(6).standard_normal(w.size)


@pytest.mark.parametrize("lam", [0.0, 0.7])
def test_the_value(lam):
    solver = CurveBall(rho=0.0, beta=1.0, lam=lam, adapt_lam=False)  # z <- -d
    state = solver.init(net.START)._replace(z=net.tree(z))
    _, state, _ = solver.step(net.START, state, net.model, net.loss)
    d = (net.G(w) + lam * np.eye(w.size)) @ z + net.g(w)
    assert_allclose(-net.vector(state.z), d, rtol=1e-12, atol=1e-15)  # (1)


def test_the_cotangent_is_the_gradient_of_the_loss_after_the_move():
    outputs, J = mg.linearize(net.model, net.START)
    y, z_y = outputs.reshape(-1), J(net.tree(z)).reshape(-1)

    def error(s):
        return np.linalg.norm(net.g_L(y) + net.H_L(y) @ (s * z_y) - net.g_L(y + s * z_y))

    assert_allclose(error(2e-4) / error(1e-4), 4.0, rtol=1e-2)  # to first order


def counted():
    """The network with a counting operation in it."""
    counts = Counter()

    def sweep(name):
        def unchanged(x):
            counts[name] += 1
            return x

        return unchanged

    @mg.primitive(lambda y, x: mg.Linear(sweep("push-forward"), sweep("pull-back")))
    def probe(x):
        counts["evaluation"] += 1
        return x

    return counts, lambda params: net.model({**params, "w1": probe(params["w1"])})


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        (SGD(), {"evaluation": 1, "pull-back": 1}),
        (CurveBall(adapt_lam=False), {"evaluation": 1, "push-forward": 2, "pull-back": 1}),
        (CurveBall(lam_every=1), {"evaluation": 2, "push-forward": 2, "pull-back": 1}),  # and the trust ratio's
        (GaussNewton(lam=1.0), {"evaluation": 1, "push-forward": 31, "pull-back": 32}),  # 31 columns and the gradient
    ],
    ids=["sgd", "curveball", "curveball-trust-ratio", "gauss-newton"],
)
def test_the_sweeps_of_a_step(solver, expected):
    counts, model = counted()
    solver.step(net.START, solver.init(net.START), model, net.loss)
    assert counts == expected


def test_the_sweeps_of_a_product():
    counts, model = counted()
    G = mg.GGNOperator(model, net.loss, net.START)
    assert counts == {"evaluation": 1}
    for _ in range(3):
        G(net.tree(z))
    assert counts == {"evaluation": 1, "push-forward": 3, "pull-back": 3}


def test_only_z_is_kept():
    solver = CurveBall()
    _, state, _ = solver.step(net.START, solver.init(net.START), net.model, net.loss)
    sizes = [np.size(x) for x in mg.tree_flatten(tuple(state))[0]]
    assert sum(sizes) == w.size + 8  # z, and eight numbers: lam, steps, trust ratio, the 2x2 system
