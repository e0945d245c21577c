"""Networks by name: their sizes, shapes, initial weights and layers."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, tree_flatten
from problems import NETWORKS, network
from problems.vision.layers import BatchNorm, Conv, Dense, Dropout, Elementwise, Pool, Sequence
from problems.vision.networks import Network
from problems.vision.resnet import resnet18

CIFAR = (32, 32, 3)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("name", "shape", "count"), [
    ("basic", CIFAR, 145_578),
    ("basic-bn", CIFAR, 145_962),
    ("mnist-mlp", (28, 28, 1), 784 * 128 + 128 + 128 * 64 + 64 + 64 * 32 + 32 + 32 * 10 + 10),
    ("resnet18", CIFAR, 11_250_762),  # by hand in test_resnet
    ("resnet18-dropout", CIFAR, 11_250_762),
    ("resnet18-7x7", CIFAR, 11_181_642),
    ("resnet18-7x7-dropout", CIFAR, 11_181_642),
    ("mlp", (8, 8, 1), 64 * 64 + 64 + 64 * 10 + 10),
    ("cnn", (8, 8, 1), 9 * 16 + 16 + 2 * 16 + 9 * 16 * 32 + 32 + 2 * 32 + 2 * 2 * 32 * 10 + 10),
])  # fmt: skip
def test_parameters(name, shape, count):
    net = network(name)
    params = net.init(rng(), shape)
    assert net.count(params) == sum(x.size for x in tree_flatten(params)[0]) == count


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


def narrow(name, classes):
    """The network of a name; for ResNet-18 the same one with 4 channels where it has 64."""
    if not name.startswith("resnet18"):
        return network(name, classes)
    stem = "7x7" if "7x7" in name else "3x3"
    return Network(name, resnet18(classes, 0.3 if "dropout" in name else 0.0, stem, width=4))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 7, 3), CIFAR])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs(name, shape, dtype):
    net = narrow(name, classes=7)
    params = net.init(rng(), shape, dtype)
    x = rng(1).standard_normal((4, *shape)).astype(dtype)
    masks = net.masks(rng(2), shape, 4)
    y, stats = net(params, x, masks=masks)
    assert y.shape == (4, 7)
    assert y.dtype == dtype
    assert np.isfinite(y).all()
    seen = tree_flatten(stats)[0]
    normalised = any(word in name for word in ("cnn", "bn", "resnet"))
    assert bool(seen) is normalised
    assert all(v.dtype == dtype for v in seen)
    evaluated, same = net(params, x, stats)
    assert evaluated.shape == (4, 7)
    assert np.allclose(evaluated, y) is not normalised  # the unbiased variance is not the batch's own
    for a, b in zip(tree_flatten(same)[0], seen, strict=True):
        np.testing.assert_array_equal(a, b)
    assert bool(masks) is ("dropout" in name)


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


@pytest.mark.parametrize("name", NETWORKS)
def test_derivatives(name):
    """The whole network and its loss, both sweeps, in float64."""
    net = narrow(name, classes=3)
    params = net.init(rng(), (8, 8, 2), np.float64)
    x, labels = rng(1).standard_normal((3, 8, 8, 2)), np.array([0, 2, 1])
    masks = net.masks(rng(5), (8, 8, 2), 3)

    def outputs(p):
        return net(p, x, masks=masks)[0]

    y, J = mg.linearize(outputs, params)
    v = mg.tree_map(lambda w: rng(2).standard_normal(w.shape), params)
    h = 1e-7  # small beside the distance to the kinks of relu and max pooling
    ahead, behind = (outputs(mg.tree_map(lambda w, d, s=s: w + s * h * d, params, v)) for s in (1.0, -1.0))
    np.testing.assert_allclose(J(v), (ahead - behind) / (2 * h), rtol=1e-4, atol=1e-5)
    u = rng(3).standard_normal(y.shape)
    adjoint = sum(np.sum(a * b) for a, b in zip(tree_flatten(J.T(u))[0], tree_flatten(v)[0], strict=True))
    assert adjoint == pytest.approx(np.sum(u * J(v)), rel=1e-10)
    gradient = mg.grad(lambda p: nn.cross_entropy(outputs(p), labels))(params)
    assert [g.shape for g in tree_flatten(gradient)[0]] == [w.shape for w in tree_flatten(params)[0]]


def test_the_mlp_of_mnist():
    """784-128-64-32-10, tanh between, and inputs of 0 to 1."""
    net = network("mnist-mlp")
    assert net.inputs == "unit"
    assert all(network(name).inputs == "standard" for name in NETWORKS if name != "mnist-mlp")
    params = net.init(rng(), (28, 28, 1), np.float64)
    y = x = rng(1).uniform(size=(5, 28, 28, 1))
    y = y.reshape(5, 784)
    for k in (1, 2, 3):
        y = np.tanh(y @ params[f"dense{k}"]["w"] + params[f"dense{k}"]["b"])
    expected = y @ params["dense4"]["w"] + params["dense4"]["b"]
    assert [params[f"dense{k}"]["w"].shape for k in (1, 2, 3, 4)] == [(784, 128), (128, 64), (64, 32), (32, 10)]
    np.testing.assert_allclose(net(params, x)[0], expected, rtol=1e-12)


def test_a_convolution_without_bias():
    layer = Conv(3, 1, bias=False)
    params = layer.init(rng(), (4, 4, 2), "he")
    assert set(params) == {"w"}
    x = rng(1).standard_normal((2, 4, 4, 2))
    np.testing.assert_allclose(layer.apply(params, x, None)[0], x @ params["w"][0, 0], rtol=1e-12)


def test_errors():
    with pytest.raises(ValueError, match="unknown network 'lenet': there are basic, basic-bn, "):
        network("lenet")
    with pytest.raises(ValueError, match="unknown initialisation 'zeros': there are he, xavier"):
        network("mlp", initialisation="zeros")


def test_batch_norm_adds_1e_4_to_the_variance():
    """As the paper's network does: images of variance 1e-4 come out with variance 1/2."""
    net = network("basic-bn", 10)
    norm = next(layer for layer in net.layers if layer.kind == "norm")
    x = 0.01 * np.where(np.arange(32).reshape(2, 4, 4, 1) % 2, 1.0, -1.0)
    y, _ = norm.apply({"gain": np.ones(1), "bias": np.zeros(1)}, x, None)
    np.testing.assert_allclose(np.var(y), 0.5, rtol=1e-12)
