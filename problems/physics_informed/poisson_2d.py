r"""Poisson's equation on a square: `u_xx + u_yy = -f` on `(0, 1)^2`, `u = 0` on the boundary.

    f(x, y) = 2 pi^2 sin(pi x) sin(pi y),        exact solution  u(x, y) = sin(pi x) sin(pi y)

The network is put in as `u = x (1 - x) y (1 - y) N(x, y)`. The first example of Müller and Zeinhofer (ICML 2023).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.physics_informed.collocation import Collocation, Params, Point, gauss_points, product_of
from problems.physics_informed.jet import Jet, sin
from problems.physics_informed.network import Network
from problems.physics_informed.registry import register


@dataclass(frozen=True)
class Poisson2D(Collocation):
    """`u_xx + u_yy = -2 pi^2 sin(pi x) sin(pi y)` at `count^2` points, by one layer of `width` units.

    >>> problem = Poisson2D()
    >>> problem.model(problem.init(np.random.default_rng(0))).shape
    (256,)
    """

    width: int = 24
    count: int = 16
    name: str = field(default="poisson-2d", init=False)
    second: ClassVar[int] = 2

    @cached_property
    def network(self) -> Network:
        return Network(2, (self.width,), scale=3.0)

    @cached_property
    def points(self) -> np.ndarray:
        return product_of(gauss_points(self.count), gauss_points(self.count))

    @cached_property
    def test_points(self) -> np.ndarray:
        return product_of(np.linspace(0.0, 1.0, 51), np.linspace(0.0, 1.0, 51))

    def solution(self, x: Point) -> Jet:
        return sin(x[0] * np.pi) * sin(x[1] * np.pi)

    def ansatz(self, output: Jet, x: Point) -> Jet:
        return x[0] * (1.0 - x[0]) * (x[1] * (1.0 - x[1])) * output

    def residual(self, u: Jet, x: Point, params: Params) -> Array:
        source = 2.0 * np.pi**2 * (mg.sin(np.pi * x[0].value) * mg.sin(np.pi * x[1].value))
        return u.second[0] + u.second[1] + source


register("poisson-2d", Poisson2D())
