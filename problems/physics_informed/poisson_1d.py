r"""Poisson's equation on an interval: `u'' = -f` on (0, 1), `u(0) = u(1) = 0`.

    f(x) = (k pi)^2 sin(k pi x),        exact solution  u(x) = sin(k pi x)

The network is put in as `u = x (1 - x) N(x)`. The example of many papers on physics-informed networks, with `k = 3`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.physics_informed.collocation import Collocation, Params, Point, gauss_points
from problems.physics_informed.jet import Jet, sin
from problems.physics_informed.network import Network
from problems.physics_informed.registry import register


@dataclass(frozen=True)
class Poisson1D(Collocation):
    """`u'' = -(k pi)^2 sin(k pi x)` with `k` = `waves`, at `count` points, by one layer of `width` units.

    >>> problem = Poisson1D()
    >>> problem.model(problem.init(np.random.default_rng(0))).shape
    (60,)
    """

    waves: int = 3
    width: int = 16
    count: int = 60
    name: str = field(default="poisson-1d", init=False)
    second: ClassVar[int] = 1

    @cached_property
    def network(self) -> Network:
        return Network(1, (self.width,), scale=10.0)

    @cached_property
    def points(self) -> np.ndarray:
        return gauss_points(self.count)[:, None]

    @cached_property
    def test_points(self) -> np.ndarray:
        return np.linspace(0.0, 1.0, 401)[:, None]

    def solution(self, x: Point) -> Jet:
        return sin(x[0] * (self.waves * np.pi))

    def ansatz(self, output: Jet, x: Point) -> Jet:
        return x[0] * (1.0 - x[0]) * output

    def residual(self, u: Jet, x: Point, params: Params) -> Array:
        k_pi = self.waves * np.pi
        return u.second[0] + k_pi**2 * mg.sin(k_pi * x[0].value)


register("poisson-1d", Poisson1D())
