"""VGG-f: parameters and maps by hand, the same network written in PyTorch, and images that are too small."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from problems import network
from problems.vision.layers import Pool, Sequence
from problems.vision.networks import Network
from problems.vision.vgg_f import vgg_f_layers


def rng(seed=0):
    return np.random.default_rng(seed)


def by_hand(last, classes, batch_norm=False):
    """Weights and biases layer by layer; `last` numbers go into the first dense layer."""
    convolutions = 11 * 11 * 3 * 64 + 64 + 5 * 5 * 64 * 256 + 256 + 3 * (3 * 3 * 256 * 256 + 256)
    dense = last * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * classes + classes
    return convolutions + dense + batch_norm * 2 * (64 + 4 * 256 + 2 * 4096)


def count(net, shape):
    """The number of parameters, without drawing them: those of the convolutions, and of the dense layers by shape."""
    total = 0
    for layer in net.layers:
        if layer.kind == "dense":
            total += (int(np.prod(shape)) + 1) * layer.units
        elif layer.kind != "dropout":
            total += net.count(layer.init(rng(), shape, "he"))
        shape = layer.shape(shape)
    return total


@pytest.mark.parametrize("batch_norm", [False, True])
def test_parameters_as_published(batch_norm):
    """60.8 million with 1000 classes: 4 bytes each, the 232 MiB of the file that MatConvNet has of it."""
    net = network("vgg-f-bn" if batch_norm else "vgg-f", classes=1000)
    assert count(net, (224, 224, 3)) == by_hand(6 * 6 * 256, 1000, batch_norm)
    assert by_hand(6 * 6 * 256, 1000) == 60_834_536
    assert by_hand(6 * 6 * 256, 1000) * 4 / 2**20 == pytest.approx(232, abs=0.5)
    small = network("vgg-f-bn" if batch_norm else "vgg-f", 100, shape=(64, 64, 3))
    assert count(small, (64, 64, 3)) == by_hand(3 * 3 * 256, 100, batch_norm)


@pytest.mark.parametrize(
    ("pixels", "maps"),
    [
        (224, [(54, 64), (27, 64), (27, 256), (13, 256), (13, 256), (13, 256), (13, 256), (6, 256)]),
        (128, [(30, 64), (15, 64), (15, 256), (7, 256), (7, 256), (7, 256), (7, 256), (3, 256)]),
        (64, [(27, 64), (13, 64), (13, 256), (6, 256), (6, 256), (6, 256), (6, 256), (3, 256)]),
        (32, [(11, 64), (5, 64), (5, 256), (2, 256), (2, 256), (2, 256), (2, 256), (1, 256)]),
    ],
)
def test_maps(pixels, maps):
    shape, found = (pixels, pixels, 3), []
    for layer in network("vgg-f", shape=shape).layers:
        shape = layer.shape(shape)
        if layer.kind in ("conv", "pool"):
            found.append((shape[0], shape[2]))
    assert found == maps
    assert shape == (10,)


def test_the_stem_is_that_of_the_size_and_says_so():
    assert network("vgg-f").describe() == network("vgg-f", shape=(224, 224, 3)).describe()
    assert network("vgg-f").describe().startswith("conv 11x11x64/4, relu, local_response_norm, max pool 3/2, conv 5x5")
    assert network("vgg-f", shape=(64, 64, 3)).describe().startswith("conv 11x11x64/2, relu")
    assert network("vgg-f-bn").describe().startswith("conv 11x11x64/4, norm, relu, max pool 3/2, conv 5x5x256, norm")
    assert (
        network("vgg-f").describe().endswith("dense 4096, relu, dropout 0.5, dense 4096, relu, dropout 0.5, dense 10")
    )
    assert "dropout" not in network("vgg-f-bn").describe()
    assert network("vgg-f-bn-dropout").describe().count("dropout 0.3") == 2


@pytest.mark.parametrize("batch_norm", [False, True])
def test_values_and_gradients_against_torch(batch_norm):
    """A narrow one on images of 64 pixels, dropout without masks, and its batch statistics."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    F = torch.nn.functional
    shape = (64, 64, 3)
    net = Network("narrow", vgg_f_layers(5, shape, batch_norm, dropout=0.0, width=4))
    params = net.init(rng(1), shape, np.float64)
    x, labels = rng(2).standard_normal((3, *shape)), np.array([0, 4, 2])
    w = mg.tree_map(lambda a: torch.tensor(a, requires_grad=True), params)
    t, norms = torch.tensor(x).permute(0, 3, 1, 2), iter(range(1, 8))

    def after(t):
        if batch_norm:
            own = w[f"norm{next(norms)}"]
            t = F.batch_norm(t, None, None, own["gain"], own["bias"], training=True, eps=1e-4)
        return F.relu(t)

    for k, (stride, padding) in enumerate([(2, 0), (1, 2), (1, 1), (1, 1), (1, 1)], 1):
        t = after(F.conv2d(t, w[f"conv{k}"]["w"].permute(3, 2, 0, 1), w[f"conv{k}"]["b"], stride, padding))
        if k <= 2 and not batch_norm:
            t = F.local_response_norm(t, 5, 5e-4, 0.75, 2.0)
        if k in (1, 2, 5):
            t = F.max_pool2d(t, 3, 2, ceil_mode=True)
    t = t.permute(0, 2, 3, 1).reshape(3, -1)
    for k in (1, 2):
        t = after(t @ w[f"dense{k}"]["w"] + w[f"dense{k}"]["b"])
    t = t @ w["dense3"]["w"] + w["dense3"]["b"]
    value = F.cross_entropy(t, torch.tensor(labels))
    value.backward()
    np.testing.assert_allclose(net(params, x)[0], t.detach().numpy(), rtol=1e-9, atol=1e-10)
    gradient = mg.grad(lambda p: nn.cross_entropy(net(p, x)[0], labels))(params)
    mg.tree_map(lambda a, b: np.testing.assert_allclose(a, b.grad.numpy(), rtol=1e-6, atol=1e-9), gradient, w)


@pytest.mark.parametrize(
    ("name", "made_for", "shape", "words"),
    [
        ("vgg-f", (16, 16, 3), (16, 16, 3), "images of 16 x 16 are too small for the network vgg-f: it takes 25 x 25"),
        ("vgg-f-bn", (300, 24, 3), (300, 24, 3), "images of 300 x 24 are too small for the network vgg-f-bn: it takes"),
        ("vgg-f", None, (32, 32, 3), "images of 32 x 32 are too small for the network vgg-f: it takes 39 x 39"),
        ("vgg-f", None, (8, 8, 3), r"a convolution needs 11 pixels or more each way, and gets 8 x 8\)"),
    ],
)
def test_images_that_are_too_small(name, made_for, shape, words):
    net = network(name, shape=made_for)
    for call in (lambda: net.init(rng(), shape), lambda: net.multiplications(shape)):
        with pytest.raises(ValueError, match=words):
            call()


def test_the_least_images_are_large_enough():
    for shape, made_for in (((25, 25, 3), (25, 25, 3)), ((39, 39, 3), None)):
        layers = vgg_f_layers(4, made_for, width=1)
        assert Network("", layers)(
            Network("", layers).init(rng(), shape),
            np.zeros((2, *shape), np.float32),
            masks=Network("", layers).masks(rng(), shape, 2),
        )[0].shape == (2, 4)


@pytest.mark.parametrize("n", range(2, 12))
@pytest.mark.parametrize(("window", "stride", "padding"), [(3, 2, 0), (2, 2, 0), (3, 2, 1), (3, 3, 0)])
def test_pools_that_round_up(n, window, stride, padding):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    layer = Pool(nn.max_pool2d, window, stride, padding, ceil=True)
    x = rng(n).standard_normal((2, n, n + 1, 3))
    y, _ = layer.apply({}, x, None)
    theirs = torch.nn.functional.max_pool2d(
        torch.tensor(x).permute(0, 3, 1, 2), window, stride, padding, ceil_mode=True
    )
    if theirs.shape[2:] == y.shape[1:3]:  # PyTorch drops a window that begins in the padding
        np.testing.assert_array_equal(y, theirs.permute(0, 2, 3, 1).numpy())
    else:
        assert padding
    assert y.shape[1:] == layer.shape(x.shape[1:]) == Sequence((layer,)).shape(x.shape[1:])
