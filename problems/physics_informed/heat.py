r"""The heat equation: `u_t = a u_xx` for x in (0, 1), t in (0, 1], with `u(0, t) = u(1, t) = 0`.

    start  u(x, 0) = sin(pi x) + 1/2 sin(2 pi x)
    exact  u(x, t) = exp(-a pi^2 t) sin(pi x) + 1/2 exp(-4 a pi^2 t) sin(2 pi x)

Every sine decays at its own rate (Fourier, 1822). The network is put in as `u = u(x, 0) + t x (1 - x) N(x, t)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from minigrad import Array
from problems.physics_informed.collocation import Collocation, Params, Point, gauss_points, product_of
from problems.physics_informed.jet import Jet, exp, sin
from problems.physics_informed.network import Network
from problems.physics_informed.registry import register

WAVES = ((1, 1.0), (2, 0.5))  # half waves in (0, 1), and their sizes at the start


@dataclass(frozen=True)
class Heat(Collocation):
    """`u_t = a u_xx` with a = `diffusivity`, at `count^2` points (x, t), by layers of `widths` units.

    >>> problem = Heat()
    >>> problem.model(problem.init(np.random.default_rng(0))).shape
    (400,)
    """

    diffusivity: float = 0.1
    widths: tuple[int, ...] = (12, 12)
    count: int = 20
    name: str = field(default="heat", init=False)
    second: ClassVar[int] = 1

    @cached_property
    def network(self) -> Network:
        return Network(2, self.widths, scale=3.0)

    @cached_property
    def points(self) -> np.ndarray:
        return product_of(gauss_points(self.count), gauss_points(self.count))

    @cached_property
    def test_points(self) -> np.ndarray:
        return product_of(np.linspace(0.0, 1.0, 51), np.linspace(0.0, 1.0, 51))

    def solution(self, x: Point) -> Jet:
        one, two = (
            exp(x[1] * (-self.diffusivity * (k * np.pi) ** 2)) * sin(x[0] * (k * np.pi)) * size for k, size in WAVES
        )
        return one + two

    def start(self, x: Point) -> Jet:
        """`u(x, 0)`."""
        one, two = (sin(x[0] * (k * np.pi)) * size for k, size in WAVES)
        return one + two

    def ansatz(self, output: Jet, x: Point) -> Jet:
        return self.start(x) + x[1] * (x[0] * (1.0 - x[0])) * output

    def residual(self, u: Jet, x: Point, params: Params) -> Array:
        return u.first[1] - self.diffusivity * u.second[0]


register("heat", Heat())
