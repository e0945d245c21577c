"""Networks drawn at random: the same by seed, within the stated ranges and the budget, valid for any shape."""

import re
from itertools import pairwise

import numpy as np
import pytest

from problems import network
from problems.vision import random_network as drawn
from problems.vision.layers import BatchNorm, Conv, Dense, Elementwise, Pool
from problems.vision.residual import Residual

SHAPES = [(32, 32, 3), (28, 28, 1), (8, 8, 1), (64, 64, 3), (224, 224, 3), (9, 40, 3), (3, 3, 1), (1, 1, 5)]
SEEDS = range(60)


def rng(seed=0):
    return np.random.default_rng(seed)


def draw(seed, shape=(32, 32, 3), classes=10):
    return network(f"random:{seed}", classes, shape=shape)


# Drawn once and written down: on another machine, or with another NumPy, they must be the same.
KNOWN = {
    0: "conv 3x3x16, relu, conv 3x3x16, relu, conv 3x3x16, relu, avg pool 3/2, dense 256, relu, dense 10",
    1: "conv 7x7x48, relu, max pool 3/2, dense 128, relu, dense 10",
    4: "conv 7x7x8, relu, (conv 7x7x8, relu, conv 7x7x8) + input, max pool 3/2, conv 3x3x16, relu, (conv 3x3x16) + "
    "input, avg pool 3/2, dense 32, relu, dense 128, relu, dense 10",
    5: "conv 5x5x48, norm, relu, max pool 2/2, dense 256, norm, relu, dense 10",
}


@pytest.mark.parametrize("seed", KNOWN)
def test_the_same_by_seed(seed):
    assert draw(seed).describe() == KNOWN[seed]
    assert draw(seed).layers == draw(seed).layers
    assert draw(seed).name == f"random:{seed}"


@pytest.mark.parametrize("shape", SHAPES)
def test_valid_for_the_shape_and_within_the_budget(shape):
    for seed in SEEDS:
        net = draw(seed, shape, classes=7)
        assert 0 < net.multiplications(shape) <= drawn.BUDGET
        if seed < 6:
            params = net.init(rng(), shape)
            outputs, _ = net(params, rng(1).standard_normal((3, *shape)).astype(np.float32))
            assert outputs.shape == (3, 7)
            assert np.isfinite(outputs).all()


def test_within_the_ranges_and_all_of_them_are_met():
    met = {key: set() for key in ("channels", "sizes", "pools", "norm", "skip", "dense", "stages", "in a stage")}
    for seed in range(300):
        layers = draw(seed).layers
        assert isinstance(layers[-1], Dense)
        flat = [x for layer in layers for x in (layer.branch.layers if isinstance(layer, Residual) else (layer,))]
        convolutions = [x for x in flat if isinstance(x, Conv)]
        met["channels"].add(convolutions[0].channels)
        met["sizes"] |= {x.size for x in convolutions}
        met["pools"] |= {(x.function.__name__, x.window, x.stride) for x in flat if isinstance(x, Pool)}
        met["norm"].add(any(isinstance(x, BatchNorm) for x in flat))
        met["skip"].add(any(isinstance(x, Residual) for x in layers))
        met["dense"] |= {x.units for x in layers[:-1] if isinstance(x, Dense)}
        words = ["conv" if x in convolutions else "pool" for x in flat if isinstance(x, Conv | Pool)]
        stages = re.findall("c+", "".join(word[0] for word in words))
        met["stages"].add(len(stages))
        met["in a stage"] |= set(map(len, stages))
        widths = [a.channels for a in convolutions]
        assert all(b in (a, 2 * a) for a, b in pairwise(widths))
        weighted = sum(isinstance(x, Conv | Dense) for x in flat)
        assert sum(isinstance(x, BatchNorm) for x in flat) in (0, weighted - 1)
        relus = sum(isinstance(x, Elementwise) for x in flat) + sum(isinstance(x, Residual) for x in layers)
        assert relus == weighted - 1
    assert met == {
        "channels": {8, 16, 24, 32, 48},
        "sizes": {3, 5, 7},
        "pools": {(f"{kind}_pool2d", window, 2) for kind in ("max", "avg") for window in (2, 3)},
        "norm": {False, True},
        "skip": {False, True},
        "dense": {32, 64, 128, 256},
        "stages": {1, 2, 3},
        "in a stage": {1, 2, 3},
    }


@pytest.mark.parametrize("pixels", [48, 49, 96, 97, 224])
def test_large_images_are_made_small_first(pixels):
    strides = {draw(seed, (pixels, pixels, 3)).layers[0].stride for seed in range(10)}
    assert strides == {{48: 1, 49: 2, 96: 2, 97: 4, 224: 8}[pixels]}


@pytest.mark.parametrize("argument", ["", "x", "-1", "1.5", "1" * 19, "²", "1:2"])
def test_bad_seeds(argument):
    with pytest.raises(ValueError, match="random:SEED takes a number of at most 18 digits, as in random:7; got "):
        network(f"random:{argument}", shape=(8, 8, 1))


def test_errors():
    with pytest.raises(
        ValueError, match=r"random:3 depends on the images: give their shape=\(height, width, channels\)"
    ):
        network("random:3")
    with pytest.raises(
        ValueError, match=r"random:3: 1000 networks for 10 classes and images of shape .* beyond the budget"
    ):
        network("random:3", shape=(48, 48, 3000))
    with pytest.raises(ValueError, match=r"unknown network 'random': there are basic, .*, random:SEED$"):
        network("random")
    with pytest.raises(ValueError, match=r"unknown network 'cnn:3': there are"):
        network("cnn:3")
