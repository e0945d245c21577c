"""Networks by name: their sizes, shapes, initial weights and derivatives; and a network in one file of its own."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, tree_flatten
from problems import NETWORKS, network
from problems.vision.layers import Dense
from problems.vision.networks import architecture, names
from tests.support.networks import has_dropout, large_enough, narrow
from tests.support.packages import copy_with_files, run

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
    ("vgg-f-bn", (64, 64, 3), 28_466_954 + 2 * (64 + 4 * 256 + 2 * 4096)),
    ("mlp", (8, 8, 1), 64 * 64 + 64 + 64 * 10 + 10),
    ("cnn", (8, 8, 1), 9 * 16 + 16 + 2 * 16 + 9 * 16 * 32 + 32 + 2 * 32 + 2 * 2 * 32 * 10 + 10),
])  # fmt: skip
def test_parameters(name, shape, count):
    net = network(name, shape=shape)
    params = net.init(rng(), shape)
    assert net.count(params) == sum(x.size for x in tree_flatten(params)[0]) == count


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 7, 3), CIFAR])
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs(name, shape, dtype):
    shape = large_enough(name, shape)
    net = narrow(name, 7, shape)
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
    # The unbiased variance is not the batch's own, and nothing is dropped.
    assert np.allclose(evaluated, y) is not (normalised or has_dropout(name))
    for a, b in zip(tree_flatten(same)[0], seen, strict=True):
        np.testing.assert_array_equal(a, b)
    assert bool(masks) is has_dropout(name)


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


def test_initialisation_depends_on_the_generator_alone():
    a, b, c = (network("basic").init(rng(seed), CIFAR)["conv2"]["w"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_dtype_does_not_change_the_draw():
    a, b = (network("mlp").init(rng(), (8, 8, 1), dtype)["dense1"]["w"] for dtype in (np.float32, np.float64))
    np.testing.assert_array_equal(a, b.astype(np.float32))


@pytest.mark.parametrize("name", NETWORKS)
def test_derivatives(name):
    """The whole network and its loss, both sweeps, in float64."""
    shape = large_enough(name, (8, 8, 2))
    net = narrow(name, 3, shape)
    params = net.init(rng(), shape, np.float64)
    x, labels = rng(1).standard_normal((3, *shape)), np.array([0, 2, 1])
    masks = net.masks(rng(5), shape, 3)

    def outputs(p):
        return net(p, x, masks=masks)[0]

    y, J = mg.linearize(outputs, params)
    v = mg.tree_map(lambda w: rng(2).standard_normal(w.shape), params)
    h = 1e-7  # small compared with the distance to the kinks of relu and max pooling
    ahead, behind = (outputs(mg.tree_map(lambda w, d, s=s: w + s * h * d, params, v)) for s in (1.0, -1.0))
    np.testing.assert_allclose(J(v), (ahead - behind) / (2 * h), rtol=1e-4, atol=1e-5)
    u = rng(3).standard_normal(y.shape)
    adjoint = sum(np.sum(a * b) for a, b in zip(tree_flatten(J.T(u))[0], tree_flatten(v)[0], strict=True))
    assert adjoint == pytest.approx(np.sum(u * J(v)), rel=1e-10)
    gradient = mg.grad(lambda p: nn.cross_entropy(outputs(p), labels))(params)
    assert [g.shape for g in tree_flatten(gradient)[0]] == [w.shape for w in tree_flatten(params)[0]]


def test_errors():
    with pytest.raises(ValueError, match="unknown network 'lenet': there are basic, basic-bn, "):
        network("lenet")
    with pytest.raises(ValueError, match="unknown initialisation 'zeros': there are he, xavier"):
        network("mlp", initialisation="zeros")


def test_names():
    assert names() == tuple(sorted(NETWORKS))
    assert {"cnn", "mlp", "mnist-mlp", "basic", "basic-bn", "resnet18", "resnet18-7x7-dropout"} <= set(names())


def test_name_given_twice():
    with pytest.raises(ValueError, match="there is a network named 'cnn' already: choose another name"):
        architecture("cnn")(lambda classes: (Dense(classes),))
    assert len(network("cnn").layers) > 1


MINE = '''"""A network in one file."""
from problems.vision.layers import Dense, Layer
from problems.vision.networks import architecture

@architecture("linear", inputs="unit")
def linear(classes: int) -> tuple[Layer, ...]:
    """One dense layer: softmax regression."""
    return (Dense(classes),)
'''


def test_a_network_is_added_with_one_file(tmp_path):
    root = copy_with_files(tmp_path, {"problems/vision/mine.py": MINE})
    code = (
        "import problems; net = problems.network('linear', 7); print(net.layers, net.inputs);"
        "print(*problems.vision.names())"
    )
    first, known = run(root, code).splitlines()
    assert first == "(Dense(units=7),) unit"
    assert known.split() == sorted([*names(), "linear"])
