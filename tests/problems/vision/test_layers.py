"""Layers: the shapes they make, what they compute, and that any class with their methods is one."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from problems.vision.layers import BatchNorm, Conv, Dense, Dropout, Elementwise, Layer, Pool, Sequence
from problems.vision.networks import Network


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("layer", "shape", "expected"), [
    (Conv(5, 3), (7, 6, 2), (7, 6, 5)),
    (Conv(5, 3, stride=2), (7, 6, 2), (4, 3, 5)),
    (Conv(4, 1), (3, 3, 2), (3, 3, 4)),
    (Dense(9), (3, 4, 2), (9,)),
    (Dense(9), (11,), (9,)),
    (BatchNorm(), (3, 4, 2), (3, 4, 2)),
    (Elementwise(mg.relu), (3, 4, 2), (3, 4, 2)),
    (Pool(nn.max_pool2d, 2, 2), (7, 6, 2), (3, 3, 2)),
    (Pool(nn.avg_pool2d, 3, 2, 1), (7, 6, 2), (4, 3, 2)),
    (Dropout(0.5), (3, 4, 2), (3, 4, 2)),
    (Sequence(), (3, 4, 2), (3, 4, 2)),
    (Sequence((Conv(5, 3, stride=2, bias=False), Dropout(0.5), Dense(9))), (7, 6, 2), (9,)),
], ids=[
    "same", "stride", "1x1", "dense", "dense flat", "norm", "relu", "max", "avg", "dropout", "nothing", "three",
])  # fmt: skip
def test_a_layer_says_the_shape_it_makes(layer, shape, expected):
    params, masks = layer.init(rng(), shape, "he"), layer.masks(rng(2), shape, 5)
    y, _ = layer.apply(params, rng(1).standard_normal((5, *shape)), None, masks)
    assert layer.shape(shape) == expected
    assert y.shape == (5, *expected)


def test_layers_compute_what_they_say():
    x = rng().standard_normal((3, 4, 4, 2))
    dense = {"w": rng(1).standard_normal((32, 5)), "b": rng(2).standard_normal(5)}
    np.testing.assert_allclose(
        Dense(5).apply(dense, x, None)[0], x.reshape(3, 32) @ dense["w"] + dense["b"], rtol=1e-12
    )
    conv = {"w": rng(3).standard_normal((1, 1, 2, 3)), "b": rng(4).standard_normal(3)}
    np.testing.assert_allclose(Conv(3, 1).apply(conv, x, None)[0], x @ conv["w"][0, 0] + conv["b"], rtol=1e-12)
    centre = np.zeros((3, 3, 2, 2))
    centre[1, 1] = np.eye(2)  # the identity, if the padding is right
    np.testing.assert_allclose(Conv(2, 3).apply({"w": centre, "b": np.zeros(2)}, x, None)[0], x, rtol=1e-13)
    norm = {"gain": np.array([2.0, 3.0]), "bias": np.array([1.0, -1.0])}
    y, stats = BatchNorm(eps=0.0).apply(norm, x, None)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), norm["bias"], atol=1e-12)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), norm["gain"], rtol=1e-12)
    np.testing.assert_allclose(stats["mean"], x.mean(axis=(0, 1, 2)), atol=1e-12)
    np.testing.assert_allclose(stats["var"], x.var(axis=(0, 1, 2), ddof=1), rtol=1e-12)
    running = {"mean": np.array([0.5, 0.0]), "var": np.array([4.0, 1.0])}
    y, _ = BatchNorm(eps=0.0).apply(norm, x, running)
    np.testing.assert_allclose(
        y, norm["gain"] * (x - running["mean"]) / np.array([2.0, 1.0]) + norm["bias"], rtol=1e-12
    )


def test_a_convolution_without_bias():
    layer = Conv(3, 1, bias=False)
    params = layer.init(rng(), (4, 4, 2), "he")
    assert set(params) == {"w"}
    x = rng(1).standard_normal((2, 4, 4, 2))
    np.testing.assert_allclose(layer.apply(params, x, None)[0], x @ params["w"][0, 0], rtol=1e-12)


def test_a_layer_of_ones_own_without_inheriting():
    class Shift:
        kind = "shift"

        def shape(self, shape):
            return shape

        def init(self, rng, shape, scale):
            return {"b": np.arange(float(shape[-1]))}

        def masks(self, rng, shape, batch):
            return {}

        def apply(self, params, x, stats, masks=None):
            return x + params["b"], {}

    layer: Layer = Shift()
    net = Network("mine", (layer, layer, Dense(2)))
    params = net.init(rng(), (3,), np.float64)
    assert set(params) == {"shift1", "shift2", "dense1"}
    x = rng(1).standard_normal((4, 3))
    expected = (x + 2.0 * np.arange(3.0)) @ params["dense1"]["w"]
    np.testing.assert_allclose(net(params, x)[0], expected, rtol=1e-12)


def test_a_layer_needs_apply():
    class Nothing(Layer):
        kind = "nothing"

    with pytest.raises(TypeError, match="apply"):
        Nothing()
