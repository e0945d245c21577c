"""The networks known by name, each a list of layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn
from problems.layers import INITIALISATIONS, BatchNorm, Conv, Dense, Elementwise, Pool

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
    layers: tuple[Any, ...]
    initialisation: str = "he"

    def init(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: Any = np.float32) -> Params:
        """Draw the parameters for images of a shape (height, width, channels), on the host."""
        params: Params = {}
        for name, layer in self._named():
            values, shape = layer.init(rng, shape, self.initialisation)
            if values:
                params[name] = {key: np.asarray(value, dtype=dtype) for key, value in values.items()}
        return params

    def __call__(self, params: Params, x: Array, stats: Params | None = None) -> tuple[Array, Params]:
        """Return the outputs (batch, classes) and the batch's statistics; running `stats`, if given, replace them."""
        seen: Params = {}
        for name, layer in self._named():
            x, batch_stats = layer.apply(params.get(name, {}), x, None if stats is None else stats.get(name, {}))
            if batch_stats:
                seen[name] = batch_stats
        return x, seen

    def _named(self) -> list[tuple[str, Any]]:
        counts: dict[str, int] = {}
        named = []
        for layer in self.layers:
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
            named.append((f"{layer.kind}{counts[layer.kind]}", layer))
        return named

    def count(self, params: Params) -> int:
        """The number of parameters."""
        return sum(value.size for layer in params.values() for value in layer.values())


def _cnn(classes: int) -> tuple[Any, ...]:
    """For small images: two convolutions of 3 x 3 with batch normalisation, max- and average pooling."""
    return (
        Conv(16, 3), BatchNorm(), RELU, Pool(nn.max_pool2d, 2, 2),
        Conv(32, 3), BatchNorm(), RELU, Pool(nn.avg_pool2d, 2, 2),
        Dense(classes),
    )  # fmt: skip


def _mlp(classes: int) -> tuple[Any, ...]:
    """One hidden layer of 64."""
    return Dense(64), TANH, Dense(classes)


def _basic(classes: int) -> tuple[Any, ...]:
    """The basic CIFAR network: three convolutions of 5 x 5, pools of 3 x 3 every 2."""
    return (
        Conv(32, 5), RELU, Pool(nn.max_pool2d, 3, 2, 1),
        Conv(32, 5), RELU, Pool(nn.avg_pool2d, 3, 2, 1),
        Conv(64, 5), RELU, Pool(nn.avg_pool2d, 3, 2, 1),
        Dense(64), RELU,
        Dense(classes),
    )  # fmt: skip


def _normalised(layers: tuple[Any, ...]) -> tuple[Any, ...]:
    """Batch normalisation after every layer with weights but the last."""
    weighted = [k for k, layer in enumerate(layers) if isinstance(layer, Conv | Dense)]
    return tuple(
        x for k, layer in enumerate(layers) for x in ((layer, BatchNorm()) if k in weighted[:-1] else (layer,))
    )


NETWORKS: dict[str, Any] = {
    "cnn": _cnn,
    "mlp": _mlp,
    "basic": _basic,
    "basic-bn": lambda classes: _normalised(_basic(classes)),
}


def network(name: str, classes: int = 10, initialisation: str = "he") -> Network:
    """Return a network by name. ValueError lists the names there are.

    `initialisation`: "he" (weights of variance 2/in) or "xavier" (2/(in + out)); biases start at 0.
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}: there are {', '.join(sorted(NETWORKS))}")
    if initialisation not in INITIALISATIONS:
        raise ValueError(f"unknown initialisation {initialisation!r}: there are {', '.join(sorted(INITIALISATIONS))}")
    return Network(name, NETWORKS[name](classes), initialisation)
