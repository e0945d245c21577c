"""Every network on every array library: losses, gradients and steps of CurveBall are NumPy's, and stay there.

On JAX most networks are whole programs: there an operation called by itself is compiled by itself, for each shape.
"""

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall
from minigrad import nn
from problems import NETWORKS, network
from tests.support.networks import large_enough, narrow

IMAGES = {"mnist-mlp": (28, 28, 1)}  # the others take 8 x 8
BATCH = 4


def draw(name):
    rng = np.random.default_rng(0)
    shape = large_enough(name, IMAGES.get(name, (8, 8, 1)))
    net = narrow(name, shape=shape) if name.startswith("vgg-f") else network(name)
    images, labels = rng.uniform(size=(BATCH, *shape)), rng.integers(0, 10, BATCH)
    return net, net.init(rng, shape, np.float64), images, labels, net.masks(rng, shape, BATCH)


EAGER_ON_JAX = ("cnn", "mlp")


def program(function, name, backend):
    """The function, compiled where the backend is JAX and the network large."""
    if not backend.__name__.startswith("jax") or name in EAGER_ON_JAX:
        return function
    import jax

    return jax.jit(function)


def same(found, expected, kind, tolerance):
    def compare(a, b):
        assert type(a) is kind
        size = np.max(np.abs(b), initial=0.0)
        np.testing.assert_allclose(mg.to_numpy(a), b, rtol=tolerance, atol=tolerance * (size + 1e-3))

    mg.tree_map(compare, found, expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_losses_and_gradients_are_numpys(name, backend):
    net, *data = draw(name)

    def value_and_gradient(params, images, labels, masks):
        def loss(w):
            outputs, stats = net(w, images, masks=masks)
            return nn.cross_entropy(outputs, labels), stats

        (value, stats), gradient = mg.value_and_grad(loss, has_aux=True)(params)
        return [value, stats, gradient]

    found = program(value_and_gradient, name, backend)(*mg.tree_map(backend.asarray, data))
    same(found, value_and_gradient(*data), type(backend.ones(1)), 1e-9)


@pytest.mark.parametrize("name", ["cnn", "basic-bn", "resnet18"])
def test_steps_are_numpys(name, backend):
    net, *data, _ = draw(name)
    solver = CurveBall(lam_every=1)

    def two_steps(params, images, labels):
        state = solver.init(params)
        for _ in range(2):
            params, state, info = solver.step(
                params, state, lambda w: net(w, images), lambda y: nn.cross_entropy(y, labels), has_aux=True
            )
        return [params, info["loss"], info["aux"]]

    found = program(two_steps, name, backend)(*mg.tree_map(backend.asarray, data))
    same(found, two_steps(*data), type(backend.ones(1)), 1e-7)
