"""Quadratics of a chosen spectrum: the problem that every local analysis is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minigrad as mg

Array = Any
Runs = tuple[int, ...]


@dataclass(frozen=True)
class Quadratic:
    """`f(w) = 1/2 (w - w*).H (w - w*)`, with eigenvalues `spectrum` of `H` in directions drawn by `seed`.

    As least squares: outputs `sqrt(Lambda) Q^T (w - w*)`, loss half their sum of squares, so that the Gauss-Newton
    matrix is `H` itself. The start is `w*` plus a normal draw; the minimum is 0 at `solution`.

    >>> problem = Quadratic((1.0, 10.0))
    >>> float(problem.loss(problem.model(problem.solution)))
    0.0
    """

    spectrum: tuple[float, ...]
    seed: int = 0
    minimum: float = field(default=0.0, init=False)
    name: str = field(default="quadratic", init=False)

    def __post_init__(self) -> None:
        if not self.spectrum or min(self.spectrum) < 0.0:
            raise ValueError(f"spectrum must be one or more eigenvalues of at least 0; got {self.spectrum}")

    @property
    def basis(self) -> Array:
        """The eigenvectors `Q`, one per column."""
        n = len(self.spectrum)
        return np.linalg.qr(np.random.default_rng(self.seed).standard_normal((n, n)))[0]

    @property
    def hessian(self) -> Array:
        """`H = Q Lambda Q^T`."""
        return (self.basis * np.asarray(self.spectrum)) @ self.basis.T

    @property
    def solution(self) -> Array:
        """`w*`, drawn by `seed`."""
        return np.random.default_rng([self.seed, 1]).standard_normal(len(self.spectrum))

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Array:
        return self.solution + rng.standard_normal((*runs, len(self.spectrum)))

    def batch(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> None:
        """None: there is no noise."""

    def model(self, params: Array, batch: None = None) -> Array:
        return (params - self.solution) @ (self.basis * np.sqrt(self.spectrum))

    def loss(self, outputs: Array, batch: None = None) -> Array:
        return 0.5 * mg.sum(outputs * outputs, axis=-1)
