r"""A CurveBall step costs 7 forward passes, counted in multiplications, and a momentum SGD step 3.

Claim. Count multiplications in matrix products and convolutions. Let `F` be those of one forward pass, and `F_1` those
of the first layer. Write a layer as `Y = X K`, with its input `X` and its kernel `K`. Then ::

    forward pass     F            Y = X K
    pull-back        2F - F_1     X_bar = Y_bar K^T and K_bar = X^T Y_bar, in the first layer only K_bar   (1)
    push-forward     2F - F_1     Y_dot = X_dot K + X K_dot, in the first layer only X K_dot               (2)

    SGD              forward, pull-back                              3F - F_1      (3)
    CurveBall        forward, pull-back, two push-forwards           7F - 3F_1     (4)

So a CurveBall step costs between 2 (`F_1 = F`) and 7/3 (`F_1 = 0`) times an SGD step. When the trust ratio is taken,
every fifth step, there is one more forward pass: `F / 5` per step on average.

Derivation. The product `X K` takes (rows of `X`) times (inputs) times (outputs) multiplications. Its derivative is
`Y_dot = X_dot K + X K_dot`, two products of the same size. Its transpose has one product for the cotangent of `X` and
one for that of `K`, again of the same size. A convolution is such a product, with one row per image and position and
one input per entry of the window, and its transposes are such products too. The images have no tangent and need no
cotangent, so the first layer needs only one of the two products. The sweeps of a step, one forward pass, one pull-back
and two push-forwards, are counted in test_06_two_sweep_product.py. Work on single entries (activations, pools,
normalisation, the loss and its Hessian) is not counted; it is small compared with the products.

The layers of the networks below, as (rows per image, inputs, outputs)::

    mlp      8 x 8 images            (1, 64, 64), (1, 64, 10)
    cnn      8 x 8 images            (64, 9, 16), (16, 144, 32), (1, 128, 10)
    basic    32 x 32 colour images   (1024, 75, 32), (256, 800, 32), (64, 800, 64), (1, 1024, 64), (1, 64, 10)

For the basic network `F` = 12,354,176 and `F_1` = 2,457,600 per image: (4) is 2.286 times (3).

Source: Griewank and Walther, Evaluating Derivatives (2008), chapter 4, for the constants of sweeps; Henriques et al.,
ICCV 2019, arXiv 1805.08095.
"""

from math import prod

import numpy as np
import pytest
from numpy.testing import assert_allclose

import minigrad as mg
import problems
from curveball import SGD, Adam, CurveBall
from minigrad import nn
from minigrad.backends import backend_for, numpy_namespace
from minigrad.ops import products

BATCH = 3
LAYERS = {
    "mlp": [(1, 64, 64), (1, 64, 10)],
    "cnn": [(64, 9, 16), (16, 144, 32), (1, 128, 10)],
    "basic": [(1024, 75, 32), (256, 800, 32), (64, 800, 64), (1, 1024, 64), (1, 64, 10)],
}
IMAGES = {"mlp": (8, 8, 1), "cnn": (8, 8, 1), "basic": (32, 32, 3)}


@pytest.fixture
def count(monkeypatch):
    """A function that calls another and returns the multiplications of its matrix products and convolutions."""
    total = [0]

    def counting(owner, name, work):
        function = getattr(owner, name)

        def counted(*args, **keywords):
            Y = function(*args, **keywords)
            total[0] += work(Y, *args)
            return Y

        monkeypatch.setattr(owner, name, counted)

    counting(products, "_matmul", lambda Y, X, K: Y.size * X.shape[-1])
    counting(backend_for(numpy_namespace), "conv2d", lambda Y, X, K, *_: Y.size * prod(K.shape[:3]))
    counting(
        backend_for(numpy_namespace), "conv2d_push", lambda Y_dot, X_dot, K, *_: 2 * Y_dot.size * prod(K.shape[:3])
    )
    counting(
        backend_for(numpy_namespace), "conv2d_kernel", lambda K_bar, X, Y_bar, *_: Y_bar.size * prod(K_bar.shape[:3])
    )

    def multiplications(function, *args):
        before = total[0]
        function(*args)
        return total[0] - before

    return multiplications


@pytest.fixture(params=LAYERS)
def case(request):
    """F, F_1, and the network with that name: params, model, loss."""
    rng = np.random.default_rng(12)
    network = problems.network(request.param)
    params = network.init(rng, IMAGES[request.param], np.float64)
    images, labels = rng.standard_normal((BATCH, *IMAGES[request.param])), rng.integers(0, 10, BATCH)
    sizes = [BATCH * prod(layer) for layer in LAYERS[request.param]]
    return sum(sizes), sizes[0], params, lambda params: network(params, images), lambda y: nn.cross_entropy(y, labels)


def test_the_sweeps(case, count):
    F, F_1, params, model, _ = case
    assert count(model, params) == F
    outputs, J, _ = mg.linearize(model, params, has_aux=True)
    assert count(J, params) == 2 * F - F_1  # (2)
    assert count(J.T, outputs) == 2 * F - F_1  # (1)


def test_the_steps(case, count):
    F, F_1, params, model, loss = case

    def step(solver):
        return count(lambda: solver.step(params, solver.init(params), model, loss, has_aux=True))

    assert step(SGD()) == 3 * F - F_1  # (3)
    assert step(Adam()) == 3 * F - F_1
    assert step(CurveBall(adapt_lam=False)) == 7 * F - 3 * F_1  # (4)
    assert step(CurveBall(rho=0.9, beta=0.1)) == 7 * F - 3 * F_1  # `predicted` needs the same sweeps
    assert step(CurveBall(lam_every=1)) == 8 * F - 3 * F_1  # with a trust ratio
    assert 2.0 <= (7 * F - 3 * F_1) / (3 * F - F_1) <= 7.0 / 3.0


def test_five_steps_take_one_trust_ratio(case, count):
    F, F_1, params, model, loss = case
    solver = CurveBall()

    def five_steps():
        w, state = params, solver.init(params)
        for _ in range(5):
            w, state, _ = solver.step(w, state, model, loss, has_aux=True)

    assert count(five_steps) == 5 * (7 * F - 3 * F_1) + F


def test_the_numbers_of_the_basic_network():
    sizes = [prod(layer) for layer in LAYERS["basic"]]
    F, F_1 = sum(sizes), sizes[0]
    assert (F, F_1) == (12_354_176, 2_457_600)
    assert_allclose((7 * F - 3 * F_1) / (3 * F - F_1), 2.286, atol=5e-4)
