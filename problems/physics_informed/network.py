"""A network of tanh layers that takes coordinates as jets and returns a jet: its value and derivatives at points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.physics_informed.jet import Jet, tanh
from problems.protocol import Runs

Layers = dict[str, dict[str, Array]]


@dataclass(frozen=True)
class Network:
    """Layers of tanh units, as wide as `widths` say, and one linear output without a bias.

    The first layer sees the coordinates; its weights have standard deviation `scale / sqrt(d)`, and each of its units
    changes sign on a line through a point drawn in the unit box, where the domain is. The others have standard
    deviation `1 / sqrt(inputs)` and bias 0. Params are `{"layer1": {"w", "b"}, ..., "output": {"w"}}`, with the axes of
    independent runs in front. ValueError for no widths, or numbers that are not positive.

    >>> from problems.physics_informed.jet import coordinates
    >>> network = Network(2, (8, 8), scale=3.0)
    >>> params = network.init(np.random.default_rng(0))
    >>> u = network(params, coordinates(np.ones((5, 2)), second=1))
    >>> u.value.shape, len(u.first), len(u.second)
    ((5,), 2, 1)
    """

    inputs: int
    widths: tuple[int, ...]
    scale: float

    def __post_init__(self) -> None:
        if not self.widths or min(self.inputs, *self.widths) < 1 or not self.scale > 0.0:
            raise ValueError(
                f"a network has inputs, layers of units and a positive scale; got inputs={self.inputs}, "
                f"widths={self.widths}, scale={self.scale}"
            )

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Layers:
        """Draw the parameters of every run."""
        params = {}
        for k, (n, m) in enumerate(zip((self.inputs, *self.widths[:-1]), self.widths, strict=True)):
            w = rng.standard_normal((*runs, n, m)) / np.sqrt(n)
            b = np.zeros((*runs, m))
            if k == 0:
                w *= self.scale
                b -= np.sum(w * rng.uniform(size=w.shape), axis=-2)
            params[f"layer{k + 1}"] = {"w": w, "b": b}
        n = self.widths[-1]
        return {**params, "output": {"w": rng.standard_normal((*runs, n, 1)) / np.sqrt(n)}}

    def __call__(self, params: Layers, x: tuple[Jet, ...]) -> Jet:
        """The output at points (*runs, N), as a jet by the coordinates that `x` is differentiated by."""
        h = _side_by_side(x)
        for k in range(len(self.widths)):
            layer = params[f"layer{k + 1}"]
            h = tanh(h.linear(lambda a, w=layer["w"]: mg.matmul(a, w)) + layer["b"][..., None, :])  # type: ignore[misc]
        return h.linear(lambda a: mg.matmul(a, params["output"]["w"])[..., 0])


def _side_by_side(x: tuple[Jet, ...]) -> Jet:
    """The coordinates as one jet of arrays (..., N, d)."""

    def stack(*columns: Array) -> Array:
        return mg.stack(columns, axis=-1)

    return Jet(
        stack(*[u.value for u in x]),
        tuple(stack(*u_x) for u_x in zip(*[u.first for u in x], strict=True)),
        tuple(stack(*u_xx) for u_xx in zip(*[u.second for u in x], strict=True)),
    )
