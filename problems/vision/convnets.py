"""Small convolutional networks: one for digits, and the paper's for CIFAR, with and without batch normalisation."""

from __future__ import annotations

import minigrad as mg
from minigrad import nn
from problems.vision.layers import BatchNorm, Conv, Dense, Elementwise, Layer, Pool
from problems.vision.networks import architecture

RELU = Elementwise(mg.relu)


@architecture("cnn")
def cnn(classes: int) -> tuple[Layer, ...]:
    """For small images: two convolutions of 3 x 3 with batch normalisation, max- and average pooling."""
    return (
        Conv(16, 3), BatchNorm(), RELU, Pool(nn.max_pool2d, 2, 2),
        Conv(32, 3), BatchNorm(), RELU, Pool(nn.avg_pool2d, 2, 2),
        Dense(classes),
    )  # fmt: skip


@architecture("basic")
def basic(classes: int) -> tuple[Layer, ...]:
    """The basic CIFAR network: three convolutions of 5 x 5, pools of 3 x 3 every 2.

    In the paper the first relu is before the max pool. Here it is after, on a quarter of the numbers: the function is
    the same, because both are monotone.
    """
    return (
        Conv(32, 5), Pool(nn.max_pool2d, 3, 2, 1), RELU,
        Conv(32, 5), RELU, Pool(nn.avg_pool2d, 3, 2, 1),
        Conv(64, 5), RELU, Pool(nn.avg_pool2d, 3, 2, 1),
        Dense(64), RELU,
        Dense(classes),
    )  # fmt: skip


@architecture("basic-bn")
def basic_bn(classes: int) -> tuple[Layer, ...]:
    """The basic CIFAR network with batch normalisation after every layer with weights but the last."""
    layers = basic(classes)
    weighted = [k for k, layer in enumerate(layers) if isinstance(layer, Conv | Dense)]
    return tuple(
        x for k, layer in enumerate(layers) for x in ((layer, BatchNorm()) if k in weighted[:-1] else (layer,))
    )
