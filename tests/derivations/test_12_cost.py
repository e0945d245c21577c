r"""A CurveBall step costs 7 forward passes, counted in multiplications, and a momentum SGD step 3.

Claim. Count multiplications in matrix products and convolutions; let F be those of one forward pass, and F1 those of
the first layer. Then ::

    forward pass               F
    pull-back                  2F - F1        dx = dy W^T and dW = x^T dy for each layer, the first without dx      (1)
    push-forward               2F - F1        dy = dx W + x dW for each layer, the first without dx                 (2)

    SGD          forward, pull-back                              3F -  F1          (3)
    CurveBall    forward, pull-back, two push-forwards           7F - 3F1          (4)

so CurveBall's steps cost between 2 (F1 = F) and 7/3 (F1 = 0) times those of SGD. When the trust ratio is taken, every
fifth step, one more forward pass: F / 5 per step on average.

Derivation. A layer `y = x W` with N rows, n inputs and m outputs takes N n m multiplications. Its derivative is
`dy = dx W + x dW`, two products of the same size; transposed, one product gives x's cotangent and one W's, again of the
same size. A convolution is such a product, with one row per image and position and one input per entry of the window,
and so are its transposes. The images have no tangent and need no cotangent, which spares the first layer one of the
two. A step's sweeps, one forward pass, one pull-back and two push-forwards, are counted in
test_06_two_sweep_product.py. What is done for each entry apart (activations, pools, normalisation, the loss and its
Hessian) is not counted; it is small beside the products.

In layers, as (rows per image, inputs, outputs), for the networks below::

    mlp      8 x 8 images            (1, 64, 64)  (1, 64, 10)
    cnn      8 x 8 images            (64, 9, 16)  (16, 144, 32)  (1, 128, 10)
    basic    32 x 32 colour images   (1024, 75, 32)  (256, 800, 32)  (64, 800, 64)  (1, 1024, 64)  (1, 64, 10)

For the basic network F = 12,354,176 and F1 = 2,457,600 per image: (4) is 2.286 times (3).

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
            y = function(*args, **keywords)
            total[0] += work(y, *args)
            return y

        monkeypatch.setattr(owner, name, counted)

    counting(products, "_matmul", lambda y, a, b: y.size * a.shape[-1])
    counting(backend_for(numpy_namespace), "conv2d", lambda y, x, w, *_: y.size * prod(w.shape[:3]))
    counting(backend_for(numpy_namespace), "conv2d_kernel", lambda w, x, c, *_: c.size * prod(w.shape[:3]))

    def multiplications(function, *args):
        before = total[0]
        function(*args)
        return total[0] - before

    return multiplications


@pytest.fixture(params=LAYERS)
def case(request):
    """F, F1, and the network with that name: params, model, loss."""
    rng = np.random.default_rng(12)
    network = problems.network(request.param)
    params = network.init(rng, IMAGES[request.param], np.float64)
    images, labels = rng.standard_normal((BATCH, *IMAGES[request.param])), rng.integers(0, 10, BATCH)
    sizes = [BATCH * prod(layer) for layer in LAYERS[request.param]]
    return sum(sizes), sizes[0], params, lambda w: network(w, images), lambda y: nn.cross_entropy(y, labels)


def test_the_sweeps(case, count):
    F, F1, params, model, _ = case
    assert count(model, params) == F
    outputs, J, _ = mg.linearize(model, params, has_aux=True)
    assert count(J, params) == 2 * F - F1  # (2)
    assert count(J.T, outputs) == 2 * F - F1  # (1)


def test_the_steps(case, count):
    F, F1, params, model, loss = case

    def step(solver):
        return count(lambda: solver.step(params, solver.init(params), model, loss, has_aux=True))

    assert step(SGD()) == 3 * F - F1  # (3)
    assert step(Adam()) == 3 * F - F1
    assert step(CurveBall(adapt_lam=False)) == 7 * F - 3 * F1  # (4)
    assert step(CurveBall(rho=0.9, beta=0.1)) == 7 * F - 3 * F1  # for `predicted`, nothing less
    assert step(CurveBall(lam_every=1)) == 8 * F - 3 * F1  # with a trust ratio
    assert 2.0 <= (7 * F - 3 * F1) / (3 * F - F1) <= 7.0 / 3.0


def test_five_steps_take_one_trust_ratio(case, count):
    F, F1, params, model, loss = case
    solver = CurveBall()

    def five_steps():
        w, state = params, solver.init(params)
        for _ in range(5):
            w, state, _ = solver.step(w, state, model, loss, has_aux=True)

    assert count(five_steps) == 5 * (7 * F - 3 * F1) + F


def test_the_numbers_of_the_basic_network():
    sizes = [prod(layer) for layer in LAYERS["basic"]]
    F, F1 = sum(sizes), sizes[0]
    assert (F, F1) == (12_354_176, 2_457_600)
    assert_allclose((7 * F - 3 * F1) / (3 * F - F1), 2.286, atol=5e-4)
