"""Every network on every array library: losses, gradients and steps of CurveBall are NumPy's, and stay there.

On JAX most networks are whole programs: there an operation called by itself is compiled by itself, for each shape.
"""

import numpy as np
import pytest

import minigrad as mg
from curveball import CurveBall
from minigrad import nn
from problems import NETWORKS
from tests.conftest import in_one_program
from tests.support.networks import large_enough, narrow

IMAGES = {"mnist-mlp": (28, 28, 1)}  # the others take 8 x 8
BATCH = 4
EAGER = ("cnn", "mlp")  # on JAX too


def draw(name):
    rng = np.random.default_rng(0)
    shape = large_enough(name, IMAGES.get(name, (8, 8, 1)))
    net = narrow(name, shape=shape)
    images, labels = rng.uniform(size=(BATCH, *shape)), rng.integers(0, 10, BATCH)
    return net, net.init(rng, shape, np.float64), images, labels, net.masks(rng, shape, BATCH)


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

    there = value_and_gradient if name in EAGER else in_one_program(value_and_gradient, backend)
    found = there(*mg.tree_map(backend.asarray, data))
    same(found, value_and_gradient(*data), type(backend.ones(1)), 1e-9)


@pytest.mark.parametrize("name", ["cnn", "basic-bn", "resnet18"])
def test_steps_are_numpys(name, backend):
    net, *data, _ = draw(name)
    solver = CurveBall(lam_every=1)

    def step(params, state, images, labels):
        model, loss = lambda w: net(w, images), lambda y: nn.cross_entropy(y, labels)
        return solver.step(params, state, model, loss, has_aux=True, phase=True)

    def two_steps(step, backend, params, images, labels):
        state = solver.init(params)
        if backend.__name__ == "jax.numpy":  # arrays from the start: one program for both steps
            state = mg.tree_map(lambda x: backend.asarray(x, dtype=None if isinstance(x, int) else "float64"), state)
        for _ in range(2):
            params, state, info = step(params, state, images, labels)
        return [params, info["loss"], info["aux"]]

    there = step if name in EAGER else in_one_program(step, backend)
    found = two_steps(there, backend, *mg.tree_map(backend.asarray, data))
    same(found, two_steps(step, np, *data), type(backend.ones(1)), 1e-7)
