r"""Burgers' equation: `u_t + u u_x = nu u_xx` for x in (-1, 1), t in (0, 1], with `u(-1, t) = u(1, t) = 0`.

    start  u(x, 0) = -sin(pi x)

A wave steepens and becomes a layer of width `nu` at `x = 0`. With `u = -2 nu phi_x / phi` the equation is the heat
equation for `phi` (Hopf, 1950; Cole, 1951), whose solution is an integral over the start. With
`F(y) = exp(-cos(pi y) / (2 pi nu))` and Gauss-Hermite nodes `eta_j` and weights `w_j`

    u(x, t) = - sum_j w_j sin(pi xi_j) F(xi_j) / sum_j w_j F(xi_j),        xi_j = x - eta_j sqrt(4 nu t)

The solution is odd, so `u(0, t) = 0`: half the domain, x in (0, 1), is enough. The layer is narrow, so the points and
what the network sees are those of a stretched coordinate `s`, with `x = sinh(c s) / sinh(c)`, as is usual for boundary
layers; the residual is multiplied by `dx/ds`. The network is put in as `u = -sin(pi x) + t s (1 - s) N(s, t)`.

Basdevant et al., Computers and Fluids 14, 1986 (nu = 0.01/pi, and the exact solution); Raissi, Perdikaris and
Karniadakis, Journal of Computational Physics 378, 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.physics_informed.collocation import Collocation, Params, Point, gauss_points, product_of
from problems.physics_informed.jet import Jet, asinh, cos, exp, sin, sqrt
from problems.physics_informed.network import Network
from problems.physics_informed.registry import register

NODES = 100  # of Gauss and Hermite


@dataclass(frozen=True)
class Burgers(Collocation):
    """`u_t + u u_x = nu u_xx`, with nu = `viscosity`, at `counts` points of x and t, by layers of `widths` units.

    `stretch` is c: the higher, the more points there are near the layer. ValueError if it is not positive.

    >>> problem = Burgers("burgers", viscosity=0.1 / np.pi)
    >>> problem.model(problem.init(np.random.default_rng(0))).shape
    (576,)
    """

    name: str
    viscosity: float
    stretch: float = 2.0
    widths: tuple[int, ...] = (16, 16)
    counts: tuple[int, int] = (24, 24)
    second: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not self.stretch > 0.0 or not self.viscosity > 0.0:
            raise ValueError(f"viscosity and stretch must be positive; got {self.viscosity} and {self.stretch}")

    @cached_property
    def network(self) -> Network:
        return Network(2, self.widths, scale=3.0)

    @cached_property
    def points(self) -> np.ndarray:
        return product_of(self._x(gauss_points(self.counts[0])), gauss_points(self.counts[1]))

    @cached_property
    def test_points(self) -> np.ndarray:
        evenly = np.linspace(0.0, 1.0, 101)
        return product_of(np.concatenate([evenly, self._x(evenly[1:-1])]), np.linspace(0.0, 1.0, 51))

    def _x(self, s: np.ndarray) -> np.ndarray:
        return np.sinh(self.stretch * s) / np.sinh(self.stretch)

    def features(self, x: Point) -> Point:
        """`(s, t)`, with the stretched coordinate `s` for `x`."""
        return asinh(x[0] * float(np.sinh(self.stretch))) * (1.0 / self.stretch), x[1]

    def solution(self, x: Point) -> Jet:
        place, time = (u.linear(lambda a: a[..., None]) for u in x)  # the nodes are along the last axis
        nodes, weights = np.polynomial.hermite.hermgauss(NODES)
        xi = (place - sqrt(time * (4.0 * self.viscosity)) * nodes) * np.pi
        exponent = cos(xi) * (-0.5 / (np.pi * self.viscosity))
        F = exp(exponent - np.max(exponent.value, axis=-1, keepdims=True)) * weights  # a factor that cancels
        return -(sin(xi) * F).linear(_sum) / F.linear(_sum)

    def ansatz(self, output: Jet, x: Point) -> Jet:
        s, t = self.features(x)
        return t * (s * (1.0 - s)) * output - sin(x[0] * np.pi)

    def residual(self, u: Jet, x: Point, params: Params) -> Array:
        s, _ = self.features(x)
        return (u.first[1] + u.value * u.first[0] - self.viscosity * u.second[0]) / s.first[0]


def _sum(a: Array) -> Array:
    return mg.sum(a, axis=-1)


register("burgers", Burgers("burgers", viscosity=0.1 / np.pi))
register("burgers-sharp", Burgers("burgers-sharp", 0.01 / np.pi, stretch=4.0, widths=(18, 18), counts=(40, 56)))
