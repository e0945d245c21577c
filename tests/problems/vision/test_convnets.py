"""The small convolutional networks, layer by layer."""

import numpy as np

import minigrad as mg
from minigrad import nn, tree_flatten
from problems import network

CIFAR = (32, 32, 3)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_basic_network_layer_by_layer():
    """conv 5x5x32, conv 5x5x32, conv 5x5x64, dense 64, dense 10: 32, 16, 8 and 4 pixels wide."""
    params = network("basic").init(rng(), CIFAR)
    assert {key: layer["w"].shape for key, layer in params.items()} == {
        "conv1": (5, 5, 3, 32),
        "conv2": (5, 5, 32, 32),
        "conv3": (5, 5, 32, 64),
        "dense1": (4 * 4 * 64, 64),
        "dense2": (64, 10),
    }
    kinds = [layer.kind for layer in network("basic-bn").layers]
    block = ["conv", "norm", "function", "pool"]
    first = ["conv", "norm", "pool", "function"]  # in the paper's order the same function: see the next test
    assert kinds == [*first, *block, *block, "dense", "norm", "function", "dense"]


def test_the_basic_network_may_pool_before_its_first_relu():
    """Layer by layer in the paper's order, relu before the max pool: the same outputs, the same gradient."""
    params = network("basic").init(rng(), (10, 9, 3), np.float64)
    x, labels = rng(1).standard_normal((4, 10, 9, 3)), np.array([0, 9, 3, 3])

    def conv(y, layer):
        return mg.relu(nn.conv2d(y, layer["w"], padding=2) + layer["b"])

    def in_order(p):
        y = nn.max_pool2d(conv(x, p["conv1"]), 3, 2, 1)
        y = nn.avg_pool2d(conv(y, p["conv2"]), 3, 2, 1)
        y = nn.avg_pool2d(conv(y, p["conv3"]), 3, 2, 1)
        y = mg.relu(nn.dense(mg.reshape(y, (4, -1)), p["dense1"]["w"], p["dense1"]["b"]))
        return nn.dense(y, p["dense2"]["w"], p["dense2"]["b"])

    np.testing.assert_array_equal(network("basic")(params, x)[0], in_order(params))
    ours, theirs = (
        mg.grad(lambda p, f=f: nn.cross_entropy(f(p), labels))(params)
        for f in (lambda p: network("basic")(p, x)[0], in_order)
    )
    for a, b in zip(tree_flatten(ours)[0], tree_flatten(theirs)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_batch_normalisation_starts_neutral():
    params = network("basic-bn").init(rng(), CIFAR)
    norms = [layer for key, layer in params.items() if key.startswith("norm")]
    assert len(norms) == 4
    assert all((layer["gain"] == 1.0).all() and not layer["bias"].any() for layer in norms)


def test_batch_norm_adds_1e_4_to_the_variance():
    """As the paper's network does: images of variance 1e-4 come out with variance 1/2."""
    net = network("basic-bn", 10)
    norm = next(layer for layer in net.layers if layer.kind == "norm")
    x = 0.01 * np.where(np.arange(32).reshape(2, 4, 4, 1) % 2, 1.0, -1.0)
    y, _ = norm.apply({"gain": np.ones(1), "bias": np.zeros(1)}, x, None)
    np.testing.assert_allclose(np.var(y), 0.5, rtol=1e-12)
