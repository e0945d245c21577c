"""Rosenbrock's valley, as least squares, deterministic or with noise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.asarray_like import asarray_like
from problems.closed_form.registry import register
from problems.protocol import Runs


@dataclass(frozen=True)
class Rosenbrock:
    """`f(w) = sum_i 100 eps^2 (w_{i+1} - w_i^2)^2 + (1 - w_i)^2`: outputs `(10 eps (w_{i+1} - w_i^2), 1 - w_i)`.

    `eps` is 1, or with `noise=(a, b)` drawn from U[a, b] for every batch: the minimum stays where it is. Starts at
    (-0.25, ..., -0.25) plus one draw from U[-0.25, 0.25] added to all entries. Params are (*runs, n). ValueError if
    `noise` is not a finite range, for fewer than two variables, or params of another shape. Rosenbrock, Computer
    Journal 3, 1960; the noise as in Henriques et al., ICCV 2019.

    >>> problem = Rosenbrock()
    >>> float(problem.loss(problem.model(np.array([-1.2, 1.0]), 1.0)).round(6))
    24.2
    """

    noise: tuple[float, float] | None = None
    n: int = 2
    minimum: float = field(default=0.0, init=False)
    name: str = field(default="rosenbrock", init=False)

    def __post_init__(self) -> None:
        if self.n < 2:
            raise ValueError(f"the Rosenbrock function has two variables or more; got n={self.n}")
        if self.noise is not None:
            a, b = self.noise
            if not -np.inf < a < b < np.inf:
                advice = ": exchange them" if b < a else ""
                raise ValueError(f"noise is a finite range U[a, b] with a below b; got [{a:g}, {b:g}]{advice}")

    @property
    def solution(self) -> Array:
        """(1, ..., 1)."""
        return np.ones(self.n)

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Array:
        """Draw the start of every run, (*runs, n)."""
        return -0.25 + rng.uniform(-0.25, 0.25, (*runs, 1)) * np.ones(self.n)

    def batch(self, rng: np.random.Generator, runs: Runs = ()) -> Array:
        """`eps`: one number for each run, or 1."""
        if self.noise is None:
            return 1.0
        return rng.uniform(*self.noise, (*runs, 1))

    def model(self, params: Array, batch: Array = 1.0) -> Array:
        """The residuals, with `batch` for `eps`: (*runs, n) -> (*runs, 2 n - 2)."""
        if params.shape[-1:] != (self.n,):
            raise ValueError(f"this Rosenbrock function has {self.n} variables; got params of shape {params.shape}")
        eps = asarray_like(batch, params) if hasattr(batch, "shape") else batch
        here, after = params[..., :-1], params[..., 1:]
        return mg.concat([(10.0 * eps) * (after - here * here), 1.0 - here], axis=-1)

    def loss(self, outputs: Array, batch: Array = None) -> Array:
        """The sum of squares over the last axis, of shape runs."""
        return mg.sum(outputs * outputs, axis=-1)


register("noisy-rosenbrock", Rosenbrock(noise=(0.0, 1.0)))  # "rosenbrock" is that of Moré, Garbow and Hillstrom
