"""ResNet-18: its parameters by hand, its blocks, its derivatives, and the same network written in PyTorch."""

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, tree_flatten
from problems import network
from problems.vision.layers import Conv, Dense, Dropout, Sequence
from problems.vision.networks import Network
from problems.vision.resnet import Residual, basic_block, resnet18

CIFAR = (32, 32, 3)


def rng(seed=0):
    return np.random.default_rng(seed)


def by_hand(stem, last, classes=10):
    """Weights of the stem, gains and biases of the normalisations, and `last` numbers into the dense layer."""
    total, channels = stem + 2 * 64, 64
    for stage, width in enumerate((64, 128, 256, 512)):
        total += 9 * channels * width + 9 * width * width + 2 * (2 * width)  # first block
        if stage:
            total += channels * width + 2 * width  # its shortcut
        total += 2 * (9 * width * width) + 2 * (2 * width)  # second block
        channels = width
    return total + last * classes + classes


@pytest.mark.parametrize(("stem", "weights", "last"), [("3x3", 9 * 3 * 64, 4 * 4 * 512), ("7x7", 49 * 3 * 64, 512)])
def test_parameters_by_hand(stem, weights, last):
    net = Network("", resnet18(10, stem=stem))
    params = net.init(rng(), CIFAR)
    assert net.count(params) == by_hand(weights, last) == {"3x3": 11_250_762, "7x7": 11_181_642}[stem]
    assert params["dense1"]["w"].shape == (last, 10)
    assert all(leaf.dtype == np.float32 for leaf in tree_flatten(params)[0])


def test_stages():
    """64, 128, 256, 512 channels on 32, 16, 8 and 4 pixels; nothing between the last block and the dense layer."""
    layers = resnet18(10)
    shapes, shape = [], CIFAR
    for layer in layers:
        shape = layer.shape(shape)
        shapes.append(shape)
    sizes = [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512)]
    assert shapes == [(32, 32, 64)] * 3 + [size for size in sizes for _ in range(2)] + [(10,)]
    assert [layer.kind for layer in layers] == ["conv", "norm", "function", *["block"] * 8, "dense"]
    blocks = [layer for layer in layers if isinstance(layer, Residual)]
    assert [bool(block.shortcut.layers) for block in blocks] == [False, False, *[True, False] * 3]
    params = network("resnet18").init(rng(), CIFAR)
    assert params["block3"]["shortcut"]["conv1"]["w"].shape == (1, 1, 64, 128)
    assert "shortcut" not in params["block1"]
    assert params["block8"]["branch"]["conv2"]["w"].shape == (3, 3, 512, 512)


@pytest.mark.parametrize(("scale", "variance"), [("he", lambda i, o: 2 / i), ("xavier", lambda i, o: 2 / (i + o))])
def test_initial_weights(scale, variance):
    """Also of the layers within layers: within five standard errors."""
    params = network("resnet18", initialisation=scale).init(rng(3), CIFAR)
    for w, fans in (
        (params["block5"]["branch"]["conv1"]["w"], (9 * 128, 9 * 256)),
        (params["block5"]["shortcut"]["conv1"]["w"], (128, 256)),
    ):
        assert w.std() == pytest.approx(math.sqrt(variance(*fans)), rel=5 / math.sqrt(2 * w.size))
    assert (params["block5"]["branch"]["norm2"]["gain"] == 1.0).all()


@pytest.mark.parametrize("shortcut", [False, True])
def test_a_block_adds_to_what_it_gets(shortcut):
    """In evaluation, convolution by convolution; with the last gain at 0 the branch adds nothing."""
    block = basic_block(3, stride=2 if shortcut else 1, shortcut=shortcut)
    params = block.init(rng(), (5, 5, 3), "he")
    x = rng(1).standard_normal((2, 5, 5, 3))
    _, stats = block.apply(params, x, None)

    def convolve(x, part, k, stride, padding, own):
        w, norm, seen = own[f"conv{k}"]["w"], own[f"norm{k}"], stats[part][f"norm{k}"]
        y = nn.conv2d(x, w, stride, padding)
        return norm["gain"] * (y - seen["mean"]) / np.sqrt(seen["var"] + 1e-5) + norm["bias"]

    stride = 2 if shortcut else 1
    inner = np.maximum(convolve(x, "branch", 1, stride, 1, params["branch"]), 0.0)
    kept = convolve(x, "shortcut", 1, stride, 0, params["shortcut"]) if shortcut else x
    expected = np.maximum(convolve(inner, "branch", 2, 1, 1, params["branch"]) + kept, 0.0)
    y, _ = block.apply(params, x, stats)
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)
    params["branch"]["norm2"]["gain"] = np.zeros(3)
    np.testing.assert_allclose(block.apply(params, x, stats)[0], np.maximum(kept, 0.0), rtol=1e-12)


def test_dropout_is_between_the_relu_and_the_second_convolution():
    kinds = [layer.kind for layer in basic_block(4, dropout=0.3).branch.layers]
    assert kinds == ["conv", "norm", "function", "dropout", "conv", "norm"]
    assert [layer.rate for layer in basic_block(4, dropout=0.3).branch.layers if isinstance(layer, Dropout)] == [0.3]
    masks = network("resnet18-dropout").masks(rng(), CIFAR, 2)
    share = np.mean([block["branch"]["dropout1"]["keep"].mean() for key, block in masks.items() if "block" in key])
    assert abs(share - 0.7) < 0.01
    assert [masks[f"block{k}"]["branch"]["dropout1"]["keep"].shape for k in (1, 3, 8)] == [
        (2, 32, 32, 64),
        (2, 16, 16, 128),
        (2, 4, 4, 512),
    ]
    assert len(masks) == 8
    assert network("resnet18").masks(rng(), CIFAR, 2) == {}


@pytest.mark.parametrize("stem", ["3x3", "7x7"])
def test_derivatives_to_order_two(stem):
    """A whole ResNet of three channels with dropout, and its loss."""
    net = Network("tiny", resnet18(3, dropout=0.3, stem=stem, width=3))
    shape = (8, 8, 1)
    params = net.init(rng(1), shape, np.float64)
    x, labels = rng(2).standard_normal((8, *shape)), np.arange(8) % 3
    masks = net.masks(rng(3), shape, 8)

    def loss(p):
        return nn.cross_entropy(net(p, x, masks=masks)[0], labels)

    mg.check_derivatives(loss, params, order=2, step=1e-7)  # steps of 1e-6 cross kinks of relu, one seed in three


def test_a_block_with_dropout_to_order_two():
    block = basic_block(3, stride=2, shortcut=True, dropout=0.3)
    params, x = block.init(rng(), (4, 4, 2), "he"), rng(1).standard_normal((3, 4, 4, 2))
    masks = block.masks(rng(2), (4, 4, 2), 3)
    assert not masks["branch"]["dropout1"]["keep"].all()
    mg.check_derivatives(lambda p, x: block.apply(p, x, None, masks)[0], params, x, order=2)


def test_errors():
    wrong = Residual(Sequence((Conv(4, 3, 2),)), Sequence((Conv(4, 1),)))
    with pytest.raises(ValueError, match=r"cannot add \(2, 2, 4\), which its branch makes, to its shortcut's \(4, 4, "):
        Network("wrong", (wrong, Dense(2))).init(rng(), (4, 4, 3))
    with pytest.raises(ValueError, match="unknown stem '5x5': there are 3x3, 7x7"):
        resnet18(10, stem="5x5")


# ------------------------------------------------------------------------------------- the same in PyTorch


def torch_resnet(torch, stem, width, classes, last):
    """ResNet-18 as a PyTorch user writes it: blocks as modules, channels first."""

    class Block(torch.nn.Module):
        def __init__(self, before, channels, stride):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(before, channels, 3, stride, 1, bias=False)
            self.bn1 = torch.nn.BatchNorm2d(channels)
            self.conv2 = torch.nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.bn2 = torch.nn.BatchNorm2d(channels)
            self.down = None
            if stride != 1 or before != channels:
                self.down = torch.nn.Sequential(
                    torch.nn.Conv2d(before, channels, 1, stride, bias=False), torch.nn.BatchNorm2d(channels)
                )

        def forward(self, x):
            y = torch.relu(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            return torch.relu(y + (x if self.down is None else self.down(x)))

    if stem == "3x3":
        layers = [torch.nn.Conv2d(3, width, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(width), torch.nn.ReLU()]
    else:
        layers = [torch.nn.Conv2d(3, width, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(width), torch.nn.ReLU()]
        layers.append(torch.nn.MaxPool2d(3, 2, 1))
    before = width
    for stage in range(4):
        for k in range(2):
            channels = width * 2**stage
            layers.append(Block(before, channels, 2 if stage and not k else 1))
            before = channels
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(last, classes))


def copy_into(torch, module, params, size):
    """Give a PyTorch network our parameters: its leaves in the order of its layers, ours by name."""
    ours = []

    def convolution(layer):
        ours.append(np.transpose(layer["w"], (3, 2, 0, 1)))

    def normalisation(layer):
        ours.extend([layer["gain"], layer["bias"]])

    convolution(params["conv1"])
    normalisation(params["norm1"])
    for k in range(1, 9):
        block = params[f"block{k}"]
        for part, count in (("branch", 2), ("shortcut", 1)):
            for j in range(1, count + 1) if part in block else ():
                convolution(block[part][f"conv{j}"])
                normalisation(block[part][f"norm{j}"])
    dense = params["dense1"]["w"].reshape(*size, -1, params["dense1"]["w"].shape[1])
    ours += [np.transpose(dense, (3, 2, 0, 1)).reshape(dense.shape[3], -1), params["dense1"]["b"]]
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), ours, strict=True):
            assert tuple(parameter.shape) == value.shape
            parameter.copy_(torch.tensor(value))


@pytest.mark.parametrize(("stem", "size"), [("3x3", 4), ("7x7", 1)])
def test_against_pytorch(stem, size):
    """The same number of parameters, outputs in training and in evaluation, and gradient."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    whole = torch_resnet(torch, stem, 64, 10, size * size * 512)
    assert sum(p.numel() for p in whole.parameters()) == {"3x3": 11_250_762, "7x7": 11_181_642}[stem]

    net = Network("narrow", resnet18(5, stem=stem, width=8))
    params = net.init(rng(), CIFAR, np.float64)
    params = mg.tree_map(lambda w: w + 0.1 * rng(w.size).standard_normal(w.shape), params)  # gains and biases too
    module = torch_resnet(torch, stem, 8, 5, size * size * 64).double()
    copy_into(torch, module, params, (size, size))
    x, labels = rng(1).standard_normal((6, *CIFAR)), np.array([0, 4, 2, 1, 3, 3])
    images = torch.tensor(x.transpose(0, 3, 1, 2).copy())

    y, stats = net(params, x)
    theirs = module(images)
    np.testing.assert_allclose(y, theirs.detach().numpy(), rtol=1e-9, atol=1e-10)
    torch.nn.functional.cross_entropy(theirs, torch.tensor(labels)).backward()
    gradient = mg.grad(lambda p: nn.cross_entropy(net(p, x)[0], labels))(params)
    mirror = torch_resnet(torch, stem, 8, 5, size * size * 64).double()
    copy_into(torch, mirror, gradient, (size, size))
    for ours, their in zip(mirror.parameters(), module.parameters(), strict=True):
        np.testing.assert_allclose(ours.detach().numpy(), their.grad.numpy(), rtol=1e-7, atol=1e-9)

    norms = [m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for m in norms:
        m.momentum = None  # the mean of what was seen: the one batch's
        m.reset_running_stats()
    module(images)
    module.eval()
    with torch.no_grad():
        np.testing.assert_allclose(net(params, x, stats)[0], module(images).numpy(), rtol=1e-9, atol=1e-10)
