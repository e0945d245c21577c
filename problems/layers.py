"""Layers with parameters: each says its initial parameters and its output for given ones.

    params, shape = layer.init(rng, shape, scale)         shape: (height, width, channels) or (features,)
    y, stats      = layer.apply(params, x, stats)         stats: None in training

`stats` are batch normalisation's means and variances: in training those of the batch come back, in evaluation the
running ones go in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import nn

Array = Any
Shape = tuple[int, ...]
Params = dict[str, Any]

# Standard deviation of the weights, from the numbers of inputs and outputs of one unit.
INITIALISATIONS: dict[str, Callable[[int, int], float]] = {
    "he": lambda fan_in, fan_out: math.sqrt(2.0 / fan_in),  # He et al., ICCV 2015, eq. 10
    "xavier": lambda fan_in, fan_out: math.sqrt(2.0 / (fan_in + fan_out)),  # Glorot and Bengio, AISTATS 2010, eq. 12
}


@dataclass(frozen=True)
class Conv:
    """Convolution with square kernels of odd size, keeping height and width (divided by `stride`), and a bias."""

    channels: int
    size: int
    stride: int = 1
    kind = "conv"

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> tuple[Params, Shape]:
        fan_in, fan_out = self.size**2 * shape[2], self.size**2 * self.channels
        std = INITIALISATIONS[scale](fan_in, fan_out)
        w = std * rng.standard_normal((self.size, self.size, shape[2], self.channels))
        height, width = (-(-n // self.stride) for n in shape[:2])
        return {"w": w, "b": np.zeros(self.channels)}, (height, width, self.channels)

    def apply(self, params: Params, x: Array, stats: Params | None) -> tuple[Array, Params]:
        return nn.conv2d(x, params["w"], self.stride, padding=self.size // 2) + params["b"], {}


@dataclass(frozen=True)
class Dense:
    """`x w + b`, on all that is not the batch, flattened."""

    units: int
    kind = "dense"

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> tuple[Params, Shape]:
        fan_in = math.prod(shape)
        w = INITIALISATIONS[scale](fan_in, self.units) * rng.standard_normal((fan_in, self.units))
        return {"w": w, "b": np.zeros(self.units)}, (self.units,)

    def apply(self, params: Params, x: Array, stats: Params | None) -> tuple[Array, Params]:
        return nn.dense(mg.reshape(x, (x.shape[0], -1)), params["w"], params["b"]), {}


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation per channel, gain 1 and bias 0 at the start."""

    eps: float = 1e-4
    kind = "norm"

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> tuple[Params, Shape]:
        return {"gain": np.ones(shape[-1]), "bias": np.zeros(shape[-1])}, shape

    def apply(self, params: Params, x: Array, stats: Params | None) -> tuple[Array, Params]:
        return nn.batch_norm(x, params["gain"], params["bias"], stats, training=stats is None, eps=self.eps)


@dataclass(frozen=True)
class Elementwise:
    """A function of each entry, or of each image: nothing to learn."""

    function: Callable[[Array], Array]
    kind = "function"

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> tuple[Params, Shape]:
        return {}, shape

    def apply(self, params: Params, x: Array, stats: Params | None) -> tuple[Array, Params]:
        return self.function(x), {}


@dataclass(frozen=True)
class Pool:
    """Maximum or average over windows."""

    function: Callable[..., Array]  # nn.max_pool2d or nn.avg_pool2d
    window: int
    stride: int
    padding: int = 0
    kind = "pool"

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> tuple[Params, Shape]:
        height, width = ((n + 2 * self.padding - self.window) // self.stride + 1 for n in shape[:2])
        return {}, (height, width, shape[2])

    def apply(self, params: Params, x: Array, stats: Params | None) -> tuple[Array, Params]:
        return self.function(x, self.window, self.stride, self.padding), {}
