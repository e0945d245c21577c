"""The networks known by name, each a list of layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn, tree_flatten
from problems.vision.layers import INITIALISATIONS, BatchNorm, Conv, Dense, Elementwise, Layer, Pool, Sequence
from problems.vision.resnet import resnet18

Array = Any
Params = dict[str, Any]

RELU, TANH = Elementwise(mg.relu), Elementwise(mg.tanh)


@dataclass(frozen=True)
class Network:
    """Layers one after the other; parameters and statistics are dicts by layer: `conv1`, `norm1`, `dense1`, ...

    >>> net = network("mlp", classes=10)
    >>> params = net.init(np.random.default_rng(0), (8, 8, 1))
    >>> outputs, stats = net(params, np.zeros((5, 8, 8, 1), np.float32))
    >>> outputs.shape, net.count(params)
    ((5, 10), 4810)
    """

    name: str
    layers: tuple[Layer, ...]
    initialisation: str = "he"
    inputs: str = "standard"  # what it takes: mean 0 and deviation 1 per channel, or "unit", values in 0..1

    def init(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = np.float32) -> Params:
        """Draw the parameters for images of a shape (height, width, channels), on the host."""
        params = Sequence(self.layers).init(rng, shape, self.initialisation)
        return mg.tree_map(lambda value: np.asarray(value, dtype=dtype), params)

    def masks(self, rng: np.random.Generator, shape: tuple[int, ...], batch: int) -> Params:
        """Draw dropout's masks for one mini-batch of images of a shape, on the host; none without dropout."""
        return Sequence(self.layers).masks(rng, shape, batch)

    def __call__(
        self, params: Params, x: Array, stats: Params | None = None, masks: Params | None = None
    ) -> tuple[Array, Params]:
        """Return the outputs (batch, classes) and the batch's statistics.

        Running `stats`, if given, replace the batch's, and put the network into evaluation: nothing is dropped.
        """
        return Sequence(self.layers).apply(params, x, stats, masks)

    def count(self, params: Params) -> int:
        """The number of parameters."""
        return sum(value.size for value in tree_flatten(params)[0])


def _cnn(classes: int) -> tuple[Layer, ...]:
    """For small images: two convolutions of 3 x 3 with batch normalisation, max- and average pooling."""
    return (
        Conv(16, 3), BatchNorm(), RELU, Pool(nn.max_pool2d, 2, 2),
        Conv(32, 3), BatchNorm(), RELU, Pool(nn.avg_pool2d, 2, 2),
        Dense(classes),
    )  # fmt: skip


def _mlp(classes: int) -> tuple[Layer, ...]:
    """One hidden layer of 64."""
    return Dense(64), TANH, Dense(classes)


def _mnist_mlp(classes: int) -> tuple[Layer, ...]:
    """Three hidden layers, for images of 28 x 28 with values in 0..1: 784-128-64-32-10."""
    return Dense(128), TANH, Dense(64), TANH, Dense(32), TANH, Dense(classes)


def _basic(classes: int) -> tuple[Layer, ...]:
    """The basic CIFAR network: three convolutions of 5 x 5, pools of 3 x 3 every 2.

    Its first relu stands after the max pool, not before: the same function, as both are monotone, of a quarter of the
    numbers.
    """
    return (
        Conv(32, 5), Pool(nn.max_pool2d, 3, 2, 1), RELU,
        Conv(32, 5), RELU, Pool(nn.avg_pool2d, 3, 2, 1),
        Conv(64, 5), RELU, Pool(nn.avg_pool2d, 3, 2, 1),
        Dense(64), RELU,
        Dense(classes),
    )  # fmt: skip


def _normalised(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Batch normalisation after every layer with weights but the last."""
    weighted = [k for k, layer in enumerate(layers) if isinstance(layer, Conv | Dense)]
    return tuple(
        x for k, layer in enumerate(layers) for x in ((layer, BatchNorm()) if k in weighted[:-1] else (layer,))
    )


NETWORKS: dict[str, Callable[[int], tuple[Layer, ...]]] = {
    "cnn": _cnn,
    "mlp": _mlp,
    "mnist-mlp": _mnist_mlp,
    "basic": _basic,
    "basic-bn": lambda classes: _normalised(_basic(classes)),
    "resnet18": resnet18,
    "resnet18-dropout": lambda classes: resnet18(classes, dropout=0.3),
    "resnet18-7x7": lambda classes: resnet18(classes, stem="7x7"),
    "resnet18-7x7-dropout": lambda classes: resnet18(classes, dropout=0.3, stem="7x7"),
}
UNIT_INPUTS = ("mnist-mlp",)


def network(name: str, classes: int = 10, initialisation: str = "he") -> Network:
    """Return a network by name. ValueError lists the names there are.

    `initialisation`: "he" (weights of variance 2/in) or "xavier" (2/(in + out)); biases start at 0.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}: there are {', '.join(sorted(NETWORKS))}")
    if initialisation not in INITIALISATIONS:
        raise ValueError(f"unknown initialisation {initialisation!r}: there are {', '.join(sorted(INITIALISATIONS))}")
    return Network(name, NETWORKS[name](classes), initialisation, "unit" if name in UNIT_INPUTS else "standard")
