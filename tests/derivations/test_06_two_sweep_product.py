r"""CurveBall's direction costs one push-forward and one pull-back.

Claim. With `H^ = J_phi H_L J_phi^T + lam I` and `J = J_phi J_L`, the gradient of the quadratic model at z is ::

    Dz = H^ z + J = J_phi (H_L (J_phi^T z) + J_L) + lam z                          (1)

that is one push-forward of z, a product with the loss's own small Hessian, one pull-back, and no matrix.

Derivation. Write both terms out, `J_phi (H_L (J_phi^T z)) + J_phi J_L + lam z`. Both are pulled back by the same linear
map J_phi, so the cotangents can be added first, at the outputs, and pulled back once. Read from the right::

    t = J_phi^T z        push-forward of z: how the outputs would move
    u = H_L t + J_L      the loss's slope after that move, to first order
    Dz = J_phi u + lam z        pull-back of u: in place of the gradient's own pull-back of J_L

SGD pulls J_L back. CurveBall pulls back the slope that the loss will have after the move z, and pays one push-forward
for knowing it. Evaluating J and H^ z apart would take two pull-backs.

The count for a whole step. The network is evaluated (linearised) once. The step size and the momentum need the outputs'
motion along Dz too (test_07_two_by_two_system.py), a second push-forward: in all one evaluation, two push-forwards and
one pull-back, against one and one for SGD. Between steps only z is kept, as momentum SGD keeps its velocity.

How it is counted. An operation that passes its input on unchanged, but counts how often it is evaluated, pushed through
and pulled through, is put into the network's first layer: `@mg.primitive` takes any linear map.

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

W = net.vector(net.START)
Z = np.random.default_rng(6).standard_normal(W.size)


@pytest.mark.parametrize("lam", [0.0, 0.7])
def test_the_value(lam):
    only = CurveBall(rho=0.0, beta=1.0, lam=lam, adapt_lam=False)  # z <- -Dz
    state = only.init(net.START)._replace(z=net.tree(Z))
    _, state, _ = only.step(net.START, state, net.model, net.loss)
    expected = (net.ggn(W) + lam * np.eye(W.size)) @ Z + net.gradient(W)
    assert_allclose(-net.vector(state.z), expected, rtol=1e-12, atol=1e-15)  # (1)


def test_the_cotangent_is_the_slope_after_the_move():
    outputs, J = mg.linearize(net.model, net.START)
    y, move = outputs.reshape(-1), J(net.tree(Z)).reshape(-1)

    def error(t):
        return np.linalg.norm(net.J_L(y) + net.H_L(y) @ (t * move) - net.J_L(y + t * move))

    assert_allclose(error(2e-4) / error(1e-4), 4.0, rtol=1e-2)  # to first order


def counted():
    """The network with a counting operation in it."""
    counts = Counter()

    def sweep(name):
        def passing(x):
            counts[name] += 1
            return x

        return passing

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
        G(net.tree(Z))
    assert counts == {"evaluation": 1, "push-forward": 3, "pull-back": 3}


def test_only_z_is_kept():
    solver = CurveBall()
    _, state, _ = solver.step(net.START, solver.init(net.START), net.model, net.loss)
    arrays = [np.size(x) for x in mg.tree_flatten(tuple(state))[0]]
    assert sum(arrays) == W.size + 8  # z, and eight numbers: lam, steps, trust ratio, the 2x2 system
