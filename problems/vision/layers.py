"""What a layer is, and the layers that networks are made of.

    shape    = layer.shape(shape)                  of one output, from that of one input: (height, width, channels)
                                                   or (features,)
    params   = layer.init(rng, shape, scale)
    masks    = layer.masks(rng, shape, batch)      what is random in training, drawn for one mini-batch
    y, stats = layer.apply(params, x, stats, masks)

`stats` are the means and variances of batch normalisation. In training they are None, and those of the batch are
returned; in evaluation the running ones are given. Masks are data like the images: with the same masks, a layer is the
same function every time it is evaluated on a batch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

import minigrad as mg
from minigrad import Array, Tree, nn

Shape = tuple[int, ...]
Params = dict[str, Tree]
Outputs = tuple[Array, Params]  # of a layer, and the statistics of the batch

# Standard deviation of the weights, from the numbers of inputs and outputs of one unit.
INITIALISATIONS: dict[str, Callable[[int, int], float]] = {
    "he": lambda fan_in, fan_out: math.sqrt(2.0 / fan_in),  # He et al., ICCV 2015, eq. 10
    "xavier": lambda fan_in, fan_out: math.sqrt(2.0 / (fan_in + fan_out)),  # Glorot and Bengio, AISTATS 2010, eq. 12
}


class TooSmall(ValueError):
    """Images are too small for a network."""


def check_size(what: str, least: int, padding: int, shape: Shape) -> None:
    """TooSmall unless images of a shape, padded, have the least height and width."""
    if min(shape[:2]) + 2 * padding < least:
        height, width = shape[:2]
        raise TooSmall(f"{what} needs {least - 2 * padding} pixels or more each way, and gets {height} x {width}")


class Layer(Protocol):
    """What a layer has. A class that inherits from it writes `apply`, and of the rest only what differs.

    By default a layer keeps the shape, has no parameters, and nothing in it is random.

    >>> class Double(Layer):
    ...     def apply(self, params, x, stats, masks=None):
    ...         return 2.0 * x, {}
    >>> Double().apply({}, np.array([1.0, 2.0]), None)
    (array([2., 4.]), {})
    """

    kind: ClassVar[str] = "layer"  # its name in the dicts of parameters: the first is layer1

    def shape(self, shape: Shape) -> Shape:
        """The shape of one output, from that of one input."""
        return shape

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> Params:
        """Draw the parameters for inputs of a shape; `scale` is a name in `INITIALISATIONS`."""
        return {}

    def masks(self, rng: np.random.Generator, shape: Shape, batch: int) -> Params:
        """Draw what is random in training, for one mini-batch of inputs of a shape."""
        return {}

    @abstractmethod
    def apply(self, params: Params, x: Array, stats: Params | None, masks: Params | None = None) -> Outputs:
        """The outputs (batch, *shape), and the batch's statistics, if there are any."""


@dataclass(frozen=True)
class Conv(Layer):
    """Convolution with square kernels of odd size, and a bias.

    Height and width are kept, divided by `stride` and rounded up, unless a `padding` is given.
    """

    channels: int
    size: int
    stride: int = 1
    bias: bool = True
    padding: int | None = None  # None: size // 2
    kind: ClassVar[str] = "conv"

    def shape(self, shape: Shape) -> Shape:
        height, width = ((n + 2 * self._pad - self.size) // self.stride + 1 for n in shape[:2])
        check_size("a convolution", self.size, self._pad, shape)
        return height, width, self.channels

    @property
    def _pad(self) -> int:
        return self.size // 2 if self.padding is None else self.padding

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> Params:
        fan_in, fan_out = self.size**2 * shape[2], self.size**2 * self.channels
        std = INITIALISATIONS[scale](fan_in, fan_out)
        w = std * rng.standard_normal((self.size, self.size, shape[2], self.channels))
        return {"w": w, "b": np.zeros(self.channels)} if self.bias else {"w": w}

    def apply(self, params: Params, x: Array, stats: Params | None, masks: Params | None = None) -> Outputs:
        return nn.conv2d(x, params["w"], self.stride, padding=self._pad, bias=params.get("b")), {}


@dataclass(frozen=True)
class Dense(Layer):
    """`x w + b`, on all that is not the batch, flattened."""

    units: int
    kind: ClassVar[str] = "dense"

    def shape(self, shape: Shape) -> Shape:
        return (self.units,)

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> Params:
        fan_in = math.prod(shape)
        w = INITIALISATIONS[scale](fan_in, self.units) * rng.standard_normal((fan_in, self.units))
        return {"w": w, "b": np.zeros(self.units)}

    def apply(self, params: Params, x: Array, stats: Params | None, masks: Params | None = None) -> Outputs:
        return nn.dense(mg.reshape(x, (x.shape[0], -1)), params["w"], params["b"]), {}


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalisation per channel, gain 1 and bias 0 at the start."""

    eps: float = 1e-4
    kind: ClassVar[str] = "norm"

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> Params:
        return {"gain": np.ones(shape[-1]), "bias": np.zeros(shape[-1])}

    def apply(self, params: Params, x: Array, stats: Params | None, masks: Params | None = None) -> Outputs:
        return nn.batch_norm(x, params["gain"], params["bias"], stats, training=stats is None, eps=self.eps)


@dataclass(frozen=True)
class Elementwise(Layer):
    """A function of each entry, or of each image: nothing to learn."""

    function: Callable[[Array], Array]
    kind: ClassVar[str] = "function"

    def apply(self, params: Params, x: Array, stats: Params | None, masks: Params | None = None) -> Outputs:
        return self.function(x), {}


@dataclass(frozen=True)
class Pool(Layer):
    """Maximum or average over windows.

    `ceil`: the number of windows is rounded up, so that the last may reach beyond the image; else down.
    """

    function: Callable[..., Array]  # nn.max_pool2d or nn.avg_pool2d
    window: int
    stride: int
    padding: int = 0
    ceil: bool = False
    kind: ClassVar[str] = "pool"

    def shape(self, shape: Shape) -> Shape:
        height, width = ((n + sum(self._pads(n)) - self.window) // self.stride + 1 for n in shape[:2])
        check_size("a pool", self.window - (self.stride - 1 if self.ceil else 0), self.padding, shape)
        return height, width, shape[2]

    def apply(self, params: Params, x: Array, stats: Params | None, masks: Params | None = None) -> Outputs:
        height, width = (self._pads(n) for n in x.shape[1:3])
        return self.function(x, self.window, self.stride, (height, width)), {}

    def _pads(self, n: int) -> tuple[int, int]:
        """Before and after `n` pixels; with `ceil`, what is missing to the end of the last window."""
        rest = -(n + 2 * self.padding - self.window) % self.stride if self.ceil else 0
        return self.padding, self.padding + rest


@dataclass(frozen=True)
class Dropout(Layer):
    """In training each entry is 0 with probability `rate`, else divided by `1 - rate`; in evaluation it is kept."""

    rate: float
    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        if not 0.0 <= self.rate < 1.0:
            raise ValueError(f"the rate of dropout must be in [0, 1); got {self.rate}")

    def masks(self, rng: np.random.Generator, shape: Shape, batch: int) -> Params:
        # 16 bits are cheaper to draw than a float (ResNet-18 needs 31 million), and the rate is exact to 1e-5.
        dropped = round(self.rate * 2**16)
        return {"keep": rng.integers(0, 2**16, (batch, *shape), dtype=np.uint16) >= dropped}

    def apply(self, params: Params, x: Array, stats: Params | None, masks: Params | None = None) -> Outputs:
        if stats is not None:
            return x, {}
        if not masks:
            raise ValueError("dropout in training needs masks: draw them with the network's masks(rng, shape, batch)")
        return nn.dropout(x, masks["keep"], self.rate), {}


@dataclass(frozen=True)
class Sequence(Layer):
    """Layers one after the other, together a layer. Their parameters are in dicts by layer: `conv1`, `norm1`, ..."""

    layers: tuple[Layer, ...] = ()
    kind: ClassVar[str] = "sequence"

    def shape(self, shape: Shape) -> Shape:
        for layer in self.layers:
            shape = layer.shape(shape)
        return shape

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> Params:
        return self._each(shape, lambda layer, shape: layer.init(rng, shape, scale))

    def masks(self, rng: np.random.Generator, shape: Shape, batch: int) -> Params:
        return self._each(shape, lambda layer, shape: layer.masks(rng, shape, batch))

    def apply(self, params: Params, x: Array, stats: Params | None, masks: Params | None = None) -> Outputs:
        seen: Params = {}
        for name, layer in self._named():
            own = None if stats is None else stats.get(name, {})
            x, batch_stats = layer.apply(params.get(name, {}), x, own, (masks or {}).get(name))
            if batch_stats:
                seen[name] = batch_stats
        return x, seen

    def _each(self, shape: Shape, ask: Callable[[Layer, Shape], Params]) -> Params:
        """Ask every layer, with the shape of its input; those that have nothing are left out."""
        found: Params = {}
        for name, layer in self._named():
            if values := ask(layer, shape):
                found[name] = values
            shape = layer.shape(shape)
        return found

    def _named(self) -> list[tuple[str, Layer]]:
        counts: dict[str, int] = {}
        named = []
        for layer in self.layers:
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
            named.append((f"{layer.kind}{counts[layer.kind]}", layer))
        return named
