"""Networks drawn at random: `random:SEED` is the same network for the same images and classes, on every machine.

What is drawn, all choices with equal probability:

    stages          1 to 3; the last are left out where maps have become smaller than 4 pixels
    in each stage   1 to 3 convolutions of 3 x 3, 5 x 5 or 7 x 7, one size for all of them
    channels        8, 16, 24, 32 or 48 in the first stage, then as many or twice as many as in the one before
    skip            from the first convolution of a stage to its end, if there are more: yes or no
    pools           after each stage (of maps of 4 pixels or more): maxima or averages, 2 x 2 or 3 x 3, every 2
    dense layers    0, 1 or 2 of 32, 64, 128 or 256 units before the outputs
    normalisation   of batches, after every layer with weights but the last: yes or no

A relu follows each of them. Images of more than 48 pixels are made smaller by the first convolution: its stride is the
smallest power of 2 that leaves 48 or fewer. A network of more than `BUDGET` multiplications for one image (the basic
CIFAR network has 12 million) is drawn anew, so that small networks are more frequent than this list says.

CurveBall's authors compare solvers on many networks drawn at random, to see whether they need tuning (ICCV 2019); the
ranges here are our own.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

import minigrad as mg
from minigrad import nn
from problems.vision.describe import multiplications
from problems.vision.layers import BatchNorm, Conv, Dense, Elementwise, Layer, Pool, Sequence, Shape
from problems.vision.networks import architecture
from problems.vision.residual import Residual

T = TypeVar("T")
BUDGET = 10_000_000  # multiplications of one forward pass of one image
LARGEST_MAP = 48  # pixels after the first convolution
TRIES = 1000
RELU, NORM = Elementwise(mg.relu), BatchNorm()


@architecture("random:SEED", by_shape=True)
def random_network(classes: int, shape: Shape | None, argument: str) -> tuple[Layer, ...]:
    """Draw the layers. ValueError for a seed that is no number, and where no network is within the budget.

    >>> len(random_network(10, (32, 32, 3), "7")) > 2
    True
    """
    if not (argument.isascii() and argument.isdecimal() and len(argument) <= 18):
        raise ValueError(f"random:SEED takes a number of at most 18 digits, as in random:7; got {argument!r}")
    if shape is None:
        raise ValueError(f"random:{argument} depends on the images: give their shape=(height, width, channels)")
    rng = np.random.default_rng(int(argument))
    for _ in range(TRIES):
        layers = _draw(rng, classes, shape)
        if multiplications(layers, shape) <= BUDGET:
            return layers
    raise ValueError(
        f"random:{argument}: {TRIES} networks for {classes} classes and images of shape {shape} are all beyond the "
        f"budget of {BUDGET} multiplications: use smaller images"
    )


def _pick(rng: np.random.Generator, options: tuple[T, ...]) -> T:
    """One of several, from one uniform number: NumPy's own choices may differ between its versions."""
    return options[int(rng.random() * len(options))]


def _draw(rng: np.random.Generator, classes: int, shape: Shape) -> tuple[Layer, ...]:
    after: tuple[Layer, ...] = _pick(rng, ((NORM, RELU), (RELU,)))  # each layer with weights
    pixels, stride = min(shape[:2]), 1
    while -(-max(shape[:2]) // stride) > LARGEST_MAP:
        stride *= 2
    pixels = -(-pixels // stride)
    channels = _pick(rng, (8, 16, 24, 32, 48))
    layers: list[Layer] = []
    for stage in range(_pick(rng, (1, 2, 3))):
        if stage:
            if pixels < 4:
                break
            channels *= _pick(rng, (1, 2))
        size, depth = _pick(rng, (3, 5, 7)), _pick(rng, (1, 2, 3))
        layers += [Conv(channels, size, 1 if stage else stride), *after]
        rest: list[Layer] = [layer for _ in range(depth - 1) for layer in (Conv(channels, size), *after)]
        if rest and _pick(rng, ("skip", "plain")) == "skip":
            rest = [Residual(Sequence(tuple(rest[:-1])))]  # which ends with a relu of its own
        layers += rest
        if pixels >= 4:
            function, window = _pick(rng, (nn.max_pool2d, nn.avg_pool2d)), _pick(rng, (2, 3))
            layers.append(Pool(function, window, 2))
            pixels = (pixels - window) // 2 + 1
    for _ in range(_pick(rng, (0, 1, 2))):
        layers += [Dense(_pick(rng, (32, 64, 128, 256))), *after]
    return *layers, Dense(classes)
