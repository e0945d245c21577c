"""A network in one line, and its multiplications, by hand and as they happen."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.backends import backend_of
from problems import NETWORKS, network
from problems.vision.describe import describe, multiplications
from problems.vision.layers import Dense, Elementwise, Layer, Sequence
from problems.vision.residual import Residual
from problems.vision.resnet import basic_block
from tests.support.networks import large_enough, narrow

CIFAR = (32, 32, 3)


def test_every_network_is_described_in_one_line():
    for name in NETWORKS:
        line = network(name, shape=CIFAR).describe()
        assert "\n" not in line
        assert line.endswith("dense 10")
    assert network("basic").describe() == (
        "conv 5x5x32, max pool 3/2, relu, conv 5x5x32, relu, avg pool 3/2, conv 5x5x64, relu, avg pool 3/2, dense 64, "
        "relu, dense 10"
    )


def test_layers_within_layers_and_of_ones_own():
    class Double(Layer):
        def apply(self, params, x, stats, masks=None):
            return 2.0 * x, {}

    block = basic_block(8, 2, shortcut=True, dropout=0.3)
    assert describe((block, basic_block(8))) == (
        "(conv 3x3x8/2, norm, relu, dropout 0.3, conv 3x3x8, norm) + (conv 1x1x8/2, norm), "
        "(conv 3x3x8, norm, relu, conv 3x3x8, norm) + input"
    )
    assert describe((Sequence((Dense(3), Double())), Elementwise(mg.tanh))) == "(dense 3, Double), tanh"


def test_by_hand():
    first, second, third = 32 * 32 * 75 * 32, 16 * 16 * 800 * 32, 8 * 8 * 800 * 64
    for name in ("basic", "basic-bn"):
        assert network(name).multiplications(CIFAR) == first + second + third + 1024 * 64 + 640 == 12_354_176
    block = Residual(Sequence((Dense(4), Dense(6))), Sequence((Dense(6),)))
    assert multiplications((block, Dense(2)), (5,)) == 5 * 4 + 4 * 6 + 5 * 6 + 6 * 2


@pytest.mark.parametrize("name", [*NETWORKS, *(f"random:{k}" for k in range(6))])
def test_against_what_is_computed(name, monkeypatch):
    """The convolutions that NumPy's backend is asked for, and the products of dense layers, counted as they happen."""
    shape = large_enough(name, (9, 8, 3))
    net = narrow(name, 10, shape)
    rng = np.random.default_rng(0)
    params, masks, counted = net.init(rng, shape), net.masks(rng, shape, 2), []
    library = backend_of(np.ones(1))

    def conv2d(x, w, *geometry, convolve=library.conv2d, **options):
        y = convolve(x, w, *geometry, **options)
        counted.append(w.size * y.shape[1] * y.shape[2])
        return y

    def matmul(a, b, multiply=mg.matmul):
        counted.append(b.size)
        return multiply(a, b)

    monkeypatch.setattr(library, "conv2d", conv2d)
    monkeypatch.setattr("minigrad.nn.layers.matmul", matmul)
    net(params, rng.standard_normal((2, *shape), dtype=np.float32), masks=masks)
    assert net.multiplications(shape) == sum(counted)
