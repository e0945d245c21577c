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
from problems.vision import describe as described
from problems.vision.layers import INITIALISATIONS, Layer, Params, Sequence, Shape, TooSmall

Layers = TypeVar("Layers", bound=Callable[..., tuple[Layer, ...]])
LARGEST = 1024  # pixels: what is said of images that are too small is looked for up to here


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
    by_shape: bool = False  # its layers depend on the shape of the images

    def init(self, rng: np.random.Generator, shape: Shape, dtype: type[np.floating] = np.float32) -> Params:
        """Draw the parameters for images of a shape (height, width, channels), on the host.

        ValueError where the images are too small.
        """
        self._check(shape)
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

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of the outputs for one input of a shape. ValueError where it is too small.

        >>> network("mlp", classes=3).output_shape((8, 8, 1))
        (3,)
        """
        self._check(shape)
        return Sequence(self.layers).shape(shape)

    def count(self, params: Params) -> int:
        """The number of parameters."""
        return sum(prod(value.shape) for value in tree_flatten(params)[0])

    def describe(self) -> str:
        """The layers in one line.

        >>> network("mlp").describe()
        'dense 64, tanh, dense 10'
        """
        return described.describe(self.layers)

    def multiplications(self, shape: Shape) -> int:
        """Of one forward pass of one image of a shape; pools, normalisation and biases are not counted.

        >>> network("mlp").multiplications((8, 8, 1))
        4736
        """
        self._check(shape)
        return described.multiplications(self.layers, shape)

    def _check(self, shape: Shape) -> None:
        """ValueError, with the least size, for images that are too small."""
        layers = Sequence(self.layers)
        try:
            layers.shape(shape)
        except TooSmall as error:
            least = next((n for n in range(1, LARGEST) if _fits(layers, (n, n, *shape[2:]))), None)
            more = "" if least is None else f": it takes {least} x {least} and larger"
            raise ValueError(
                f"images of {shape[0]} x {shape[1]} are too small for the network {self.name}{more} ({error})"
            ) from None


def _fits(layers: Sequence, shape: Shape) -> bool:
    try:
        layers.shape(shape)
    except TooSmall:
        return False
    return True


@dataclass(frozen=True)
class Architecture:
    """The function that makes a network's layers, what it is called with, and what inputs the layers take.

    It is called with the number of classes; then, with `by_shape`, with the shape of the images (or None, where that is
    not known); then, in a family, with what stands after the colon of the network's name.
    """

    layers: Callable[..., tuple[Layer, ...]]
    inputs: str = "standard"
    by_shape: bool = False


NETWORKS: Registry[Architecture] = Registry("network")
FAMILIES: Registry[Architecture] = Registry("family of networks")  # by the whole name, as in random:SEED


def architecture(name: str, inputs: str = "standard", by_shape: bool = False) -> Callable[[Layers], Layers]:
    """Decorator: a function from the number of classes to layers becomes the network `name`.

    `inputs` is that of `Network`. With `by_shape` the function has a second argument, the shape of the images. A name
    with a colon, as `random:SEED`, is a family of networks: the function also has the text after the colon. ValueError
    if the name is taken.

    >>> from problems.vision.layers import Dense
    >>> @architecture("linear")
    ... def linear(classes):
    ...     return (Dense(classes),)
    >>> network("linear", classes=3).layers
    (Dense(units=3),)
    >>> del NETWORKS["linear"]
    """

    def add(layers: Layers) -> Layers:
        table = FAMILIES if ":" in name else NETWORKS
        table.add(name, Architecture(layers, inputs, by_shape))
        return layers

    return add


def network(name: str, classes: int = 10, initialisation: str = "he", shape: Shape | None = None) -> Network:
    """Return a network by name. ValueError lists the names if there is none.

    `initialisation`: "he" (weights of variance 2/in) or "xavier" (2/(in + out)); biases start at 0. `shape` is that of
    the images (height, width, channels), which some networks are made for.
    """
    kind, colon, argument = name.partition(":")
    family = next((known for whole, known in FAMILIES.items() if colon and whole.partition(":")[0] == kind), None)
    if family is None and name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}: there are {', '.join([*names(), *families()])}")
    known = family or NETWORKS[name]
    if initialisation not in INITIALISATIONS:
        raise ValueError(f"unknown initialisation {initialisation!r}: there are {', '.join(sorted(INITIALISATIONS))}")
    layers = known.layers(classes, *((shape,) if known.by_shape else ()), *((argument,) if family else ()))
    return Network(name, layers, initialisation, known.inputs, known.by_shape)


def names() -> tuple[str, ...]:
    """The names of all networks, sorted.

    >>> "resnet18" in names()
    True
    """
    return NETWORKS.names()


def families() -> tuple[str, ...]:
    """The names of the families of networks, each with what stands after the colon.

    >>> "random:SEED" in families()
    True
    """
    return FAMILIES.names()
