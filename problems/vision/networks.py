"""What a network is: a list of layers with a name; and the networks known by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TypeVar

import numpy as np

import minigrad as mg
from minigrad import Array, tree_flatten
from problems.registry import Registry
from problems.vision.layers import INITIALISATIONS, Layer, Params, Sequence, Shape

Layers = TypeVar("Layers", bound=Callable[[int], tuple[Layer, ...]])


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
    inputs: str = "standard"  # images of mean 0 and deviation 1 per channel, or "unit", values in 0..1

    def init(self, rng: np.random.Generator, shape: Shape, dtype: type[np.floating] = np.float32) -> Params:
        """Draw the parameters for images of a shape (height, width, channels), on the host."""
        params = Sequence(self.layers).init(rng, shape, self.initialisation)
        return mg.tree_map(lambda value: np.asarray(value, dtype=dtype), params)

    def masks(self, rng: np.random.Generator, shape: Shape, batch: int) -> Params:
        """Draw dropout's masks for one mini-batch of images of a shape, on the host; none without dropout."""
        return Sequence(self.layers).masks(rng, shape, batch)

    def __call__(
        self, params: Params, x: Array, stats: Params | None = None, masks: Params | None = None
    ) -> tuple[Array, Params]:
        """Return the outputs (batch, classes) and the batch's statistics.

        With running `stats` the network is in evaluation: they replace the batch's, and nothing is dropped.
        """
        return Sequence(self.layers).apply(params, x, stats, masks)

    def count(self, params: Params) -> int:
        """The number of parameters."""
        return sum(prod(value.shape) for value in tree_flatten(params)[0])


@dataclass(frozen=True)
class Architecture:
    """The function that makes a network's layers for a number of classes, and what inputs they take."""

    layers: Callable[[int], tuple[Layer, ...]]
    inputs: str = "standard"


NETWORKS: Registry[Architecture] = Registry("network")


def architecture(name: str, inputs: str = "standard") -> Callable[[Layers], Layers]:
    """Decorator: a function from the number of classes to layers becomes the network `name`.

    `inputs` is that of `Network`. ValueError if the name is taken.

    >>> from problems.vision.layers import Dense
    >>> @architecture("linear")
    ... def linear(classes):
    ...     return (Dense(classes),)
    >>> network("linear", classes=3).layers
    (Dense(units=3),)
    >>> del NETWORKS["linear"]
    """

    def add(layers: Layers) -> Layers:
        NETWORKS.add(name, Architecture(layers, inputs))
        return layers

    return add


def network(name: str, classes: int = 10, initialisation: str = "he") -> Network:
    """Return a network by name. ValueError lists the names if there is none.

    `initialisation`: "he" (weights of variance 2/in) or "xavier" (2/(in + out)); biases start at 0.
    """
    known = NETWORKS.find(name)
    if initialisation not in INITIALISATIONS:
        raise ValueError(f"unknown initialisation {initialisation!r}: there are {', '.join(sorted(INITIALISATIONS))}")
    return Network(name, known.layers(classes), initialisation, known.inputs)


def names() -> tuple[str, ...]:
    """The names of all networks, sorted.

    >>> "resnet18" in names()
    True
    """
    return NETWORKS.names()
