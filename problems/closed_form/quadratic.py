"""Quadratics of a chosen spectrum: the problem that every local analysis is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.asarray_like import asarray_like
from problems.closed_form.registry import register
from problems.protocol import Runs


@dataclass(frozen=True)
class Quadratic:
    """`f(w) = 1/2 (w - w*).H (w - w*)`, with eigenvalues `spectrum` of `H` in directions drawn by `seed`.

    As least squares: outputs `sqrt(Lambda) Q^T (w - w*)`, loss half their sum of squares, so that the Gauss-Newton
    matrix is `H` itself. The start is `w*` plus a normal draw; the minimum is 0 at `solution`. Params are (*runs, n).
    ValueError for a negative eigenvalue, none at all, or params of another shape.

    >>> problem = Quadratic((1.0, 10.0))
    >>> float(problem.loss(problem.model(problem.solution)))
    0.0
    """

    spectrum: tuple[float, ...]
    seed: int = 0
    minimum: float = field(default=0.0, init=False)
    name: str = field(default="quadratic", init=False)

    def __post_init__(self) -> None:
        if not self.spectrum or not all(0.0 <= eigenvalue < np.inf for eigenvalue in self.spectrum):
            raise ValueError(f"spectrum must be one or more finite eigenvalues of at least 0; got {self.spectrum}")

    @cached_property
    def basis(self) -> Array:
        """The eigenvectors `Q`, one per column."""
        n = len(self.spectrum)
        return np.linalg.qr(np.random.default_rng(self.seed).standard_normal((n, n)))[0]

    @cached_property
    def hessian(self) -> Array:
        """`H = Q Lambda Q^T`."""
        return (self.basis * np.asarray(self.spectrum)) @ self.basis.T

    @cached_property
    def solution(self) -> Array:
        """`w*`, drawn by `seed`."""
        return np.random.default_rng([self.seed, 1]).standard_normal(len(self.spectrum))

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Array:
        """Draw the start of every run, (*runs, n)."""
        return self.solution + rng.standard_normal((*runs, len(self.spectrum)))

    def batch(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> None:
        """None: there is no noise."""

    @cached_property
    def _root(self) -> Array:
        return self.basis * np.sqrt(self.spectrum)

    def model(self, params: Array, batch: None = None) -> Array:
        """`sqrt(Lambda) Q^T (w - w*)`: (*runs, n) -> (*runs, n)."""
        n = len(self.spectrum)
        if params.shape[-1:] != (n,):
            raise ValueError(f"this quadratic has {n} variables; got params of shape {params.shape}")
        return mg.matmul(params - asarray_like(self.solution, params), asarray_like(self._root, params))

    def loss(self, outputs: Array, batch: None = None) -> Array:
        """Half the sum of squares over the last axis, of shape runs."""
        return 0.5 * mg.sum(outputs * outputs, axis=-1)


register("quadratic", Quadratic((1.0, 10.0, 100.0)))
