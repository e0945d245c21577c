"""Networks by name: their sizes, shapes, initial weights and layers."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from problems import NETWORKS, network
from problems.layers import BatchNorm, Conv, Dense, Elementwise, Pool

CIFAR = (32, 32, 3)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("name", "shape", "count"), [
    ("basic", CIFAR, 145_578),
    ("basic-bn", CIFAR, 145_962),
    ("mlp", (8, 8, 1), 64 * 64 + 64 + 64 * 10 + 10),
    ("cnn", (8, 8, 1), 9 * 16 + 16 + 2 * 16 + 9 * 16 * 32 + 32 + 2 * 32 + 2 * 2 * 32 * 10 + 10),
])  # fmt: skip
def test_parameters(name, shape, count):
    net = network(name)
    params = net.init(rng(), shape)
    assert net.count(params) == sum(x.size for layer in params.values() for x in layer.values()) == count


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
    assert kinds == [*block, *block, *block, "dense", "norm", "function", "dense"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 7, 3), CIFAR])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs(name, shape, dtype):
    net = network(name, classes=7)
    params = net.init(rng(), shape, dtype)
    x = rng(1).standard_normal((4, *shape)).astype(dtype)
    y, stats = net(params, x)
    assert y.shape == (4, 7)
    assert y.dtype == dtype
    assert np.isfinite(y).all()
    norms = [key for key in params if key.startswith("norm")]
    assert sorted(stats) == norms
    assert all(v.dtype == dtype for layer in stats.values() for v in layer.values())
    evaluated, same = net(params, x, stats)
    assert evaluated.shape == (4, 7)
    assert np.allclose(evaluated, y) is (not norms)  # the unbiased variance is not the batch's own
    for key in norms:
        np.testing.assert_array_equal(same[key]["mean"], stats[key]["mean"])


def test_a_network_in_evaluation_treats_images_one_by_one():
    net = network("cnn")
    params = net.init(rng(), (8, 8, 1), np.float64)
    x = rng(1).standard_normal((6, 8, 8, 1))
    _, stats = net(params, x)
    together, _ = net(params, x, stats)
    alone = np.concatenate([net(params, x[k : k + 1], stats)[0] for k in range(6)])
    np.testing.assert_allclose(alone, together, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("scale", "variance"), [("he", lambda i, o: 2 / i), ("xavier", lambda i, o: 2 / (i + o))])
def test_initial_weights(scale, variance):
    """Standard deviations within five of their own standard errors, s / sqrt(2 n)."""
    params = network("basic", initialisation=scale).init(rng(7), CIFAR, np.float64)
    fans = {"conv1": (75, 800), "conv2": (800, 800), "conv3": (800, 1600), "dense1": (1024, 64), "dense2": (64, 10)}
    for key, (fan_in, fan_out) in fans.items():
        w = params[key]["w"]
        std = math.sqrt(variance(fan_in, fan_out))
        assert w.std() == pytest.approx(std, rel=5 / math.sqrt(2 * w.size)), key
        assert abs(w.mean()) < 5 * std / math.sqrt(w.size), key
        assert not params[key]["b"].any()


def test_batch_normalisation_starts_neutral():
    params = network("basic-bn").init(rng(), CIFAR)
    norms = [layer for key, layer in params.items() if key.startswith("norm")]
    assert len(norms) == 4
    assert all((layer["gain"] == 1.0).all() and not layer["bias"].any() for layer in norms)


def test_initialisation_depends_on_the_generator_alone():
    a, b, c = (network("basic").init(rng(seed), CIFAR)["conv2"]["w"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_dtype_does_not_change_the_draw():
    a, b = (network("mlp").init(rng(), (8, 8, 1), dtype)["dense1"]["w"] for dtype in (np.float32, np.float64))
    np.testing.assert_array_equal(a, b.astype(np.float32))


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
], ids=["same", "stride", "1x1", "dense", "dense flat", "norm", "relu", "max", "avg"])  # fmt: skip
def test_a_layer_says_the_shape_it_makes(layer, shape, expected):
    params, promised = layer.init(rng(), shape, "he")
    y, _ = layer.apply(params, rng(1).standard_normal((5, *shape)), None)
    assert promised == expected
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


@pytest.mark.parametrize("name", NETWORKS)
def test_derivatives(name):
    """The whole network and its loss, both sweeps, in float64."""
    net = network(name, classes=3)
    params = net.init(rng(), (8, 8, 2), np.float64)
    x, labels = rng(1).standard_normal((3, 8, 8, 2)), np.array([0, 2, 1])
    y, J = mg.linearize(lambda p: net(p, x)[0], params)
    v = mg.tree_map(lambda w: rng(2).standard_normal(w.shape), params)
    h = 1e-7  # small beside the distance to the kinks of relu and max pooling
    ahead, behind = (net(mg.tree_map(lambda w, d, s=s: w + s * h * d, params, v), x)[0] for s in (1.0, -1.0))
    np.testing.assert_allclose(J(v), (ahead - behind) / (2 * h), rtol=1e-4, atol=1e-5)
    u = rng(3).standard_normal(y.shape)
    adjoint = sum(np.sum(J.T(u)[key][k] * v[key][k]) for key in params for k in params[key])
    assert adjoint == pytest.approx(np.sum(u * J(v)), rel=1e-10)
    gradient = mg.grad(lambda p: nn.cross_entropy(net(p, x)[0], labels))(params)
    assert all(gradient[key][k].shape == params[key][k].shape for key in params for k in params[key])


def test_errors():
    with pytest.raises(ValueError, match="unknown network 'lenet': there are basic, basic-bn, "):
        network("lenet")
    with pytest.raises(ValueError, match="unknown initialisation 'zeros': there are he, xavier"):
        network("mlp", initialisation="zeros")
