"""Rosenbrock's valley, as least squares, deterministic or with noise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minigrad as mg
from problems.closed_form.arrays import like

Array = Any
Runs = tuple[int, ...]


@dataclass(frozen=True)
class Rosenbrock:
    """`f(w) = sum_i 100 eps^2 (w_{i+1} - w_i^2)^2 + (1 - w_i)^2`: outputs `(10 eps (w_{i+1} - w_i^2), 1 - w_i)`.

    `eps` is 1, or with `noise=(a, b)` drawn from U[a, b] for every batch: the minimum stays where it is. Starts at
    (-0.25, ..., -0.25) plus one draw from U[-0.25, 0.25] added to all entries. Params are (*runs, n). ValueError for a
    noise that is no range, fewer than two variables, or params of another shape. Rosenbrock, Computer Journal 3, 1960;
    the noise as in Henriques et al., ICCV 2019.

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
                mend = ": exchange them" if b < a else ""
                raise ValueError(f"noise is a finite range U[a, b] with a below b; got [{a:g}, {b:g}]{mend}")

    @property
    def solution(self) -> Array:
        return np.ones(self.n)

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Array:
        return -0.25 + rng.uniform(-0.25, 0.25, (*runs, 1)) * np.ones(self.n)

    def batch(self, rng: np.random.Generator, runs: Runs = ()) -> Any:
        """`eps`: one number for each run, or 1."""
        if self.noise is None:
            return 1.0
        return rng.uniform(*self.noise, (*runs, 1))

    def model(self, params: Array, batch: Any = 1.0) -> Array:
        if params.shape[-1:] != (self.n,):
            raise ValueError(f"this Rosenbrock function has {self.n} variables; got params of shape {params.shape}")
        eps = like(batch, params) if hasattr(batch, "shape") else batch
        here, after = params[..., :-1], params[..., 1:]
        return mg.concat([(10.0 * eps) * (after - here * here), 1.0 - here], axis=-1)

    def loss(self, outputs: Array, batch: Any = None) -> Array:
        return mg.sum(outputs * outputs, axis=-1)
