r"""An inverse problem: how well does a rod conduct? `u_t = a u_xx` with unknown `a`, and `u` measured at some points.

The equation, its start and its boundary are those of `heat`. The unknown is `log a`, beside the network's parameters;
the outputs are the residuals of the equation, and `weight (u - measured)` at the sensors, without noise. Without the
measurements every `a` has its solution; with them one `a` fits. Raissi, Perdikaris and Karniadakis, Journal of
Computational Physics 378, 2019, section 4 (discovery of the coefficients of an equation).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.asarray_like import asarray_like
from problems.physics_informed.collocation import Params, Point, Term, product_of
from problems.physics_informed.heat import Heat
from problems.physics_informed.jet import Jet, coordinates
from problems.physics_informed.registry import register
from problems.protocol import Runs


@dataclass(frozen=True)
class HeatInverse(Heat):
    """The heat equation whose `diffusivity` is to be found, from `guess`; params are `{"network", "log_a"}`.

    `u` is measured at 5 places and 4 times.

    >>> problem = HeatInverse()
    >>> params = problem.init(np.random.default_rng(0))
    >>> problem.model(params).shape, round(problem.found(params), 3)
    ((420,), 0.5)
    """

    guess: float = 0.5
    weight: float = 10.0
    name: str = field(default="heat-inverse", init=False)

    @cached_property
    def sensors(self) -> np.ndarray:
        """Where `u` is measured, (20, 2)."""
        return product_of(np.linspace(0.1, 0.9, 5), np.linspace(0.25, 1.0, 4))

    @cached_property
    def measured(self) -> np.ndarray:
        """The exact solution at the sensors, (20,)."""
        return self.solution(coordinates(self.sensors, 0, 0)).value

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Params:
        """Draw the parameters to start from; the coefficient starts at `guess`."""
        return {"network": self.network.init(rng, runs), "log_a": np.full((*runs, 1), np.log(self.guess))}

    def residual(self, u: Jet, x: Point, params: Params) -> Array:
        return u.first[1] - mg.exp(params["log_a"]) * u.second[0]

    def terms(self) -> tuple[Term, ...]:
        """The equation, and the misfit at the sensors."""
        return (*super().terms(), (self._misfit, self.sensors))

    def _misfit(self, params: Params, x: Point) -> Array:
        u = self.u(params, x).value
        measured = asarray_like(self.measured, u)
        return self.weight * (u - mg.reshape(measured, x[0].value.shape))

    def found(self, params: Params) -> float:
        """The coefficient that the parameters state."""
        return float(np.exp(mg.to_numpy(params["log_a"])[0]))

    def error(self, params: Params) -> float:
        """The larger of two relative errors: that of `u` over the test points, and that of the coefficient."""
        return max(super().error(params), abs(self.found(params) / self.diffusivity - 1.0))


register("heat-inverse", HeatInverse())
