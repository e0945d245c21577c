r"""Matrix factorisation: `U V^T` is fitted to a matrix of a chosen condition number, whose optimum is known.

`f(U, V) = 1/2 |U V^T - A|_F^2` for `A = P diag(sigma) Q^T` of rank r, with singular values from 1 to `1 / condition`,
spaced evenly on a logarithmic scale. The minimum is 0, taken at `U = P sqrt(sigma) R`, `V = Q sqrt(sigma) R^-T` for
every invertible `R` (r x r): the problem is not convex and each minimiser has `r^2` flat directions. At the balanced
one the other eigenvalues of the Hessian are `sigma_i + sigma_j` and `sigma_i`: from 2 down to `sigma_r = 1/condition`.
Tu et al., "Low-rank Solutions of Linear Matrix Equations via Procrustes Flow" (ICML 2016), section 3; Tong, Ma and
Chi, "Accelerating Ill-Conditioned Low-Rank Matrix Estimation via Scaled Gradient Descent" (JMLR 22, 2021).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.asarray_like import asarray_like
from problems.closed_form.ill_conditioned import CONDITIONS, short
from problems.closed_form.registry import register
from problems.protocol import Runs


@dataclass(frozen=True)
class MatrixFactorisation:
    """A matrix of given rank and condition number as `U V^T`; it is drawn by `seed`, the same for all runs.

    Params are `{"u": (*runs, rows, rank), "v": (*runs, columns, rank)}`. The start is normal, with columns of norm 1 on
    average. ValueError for a condition below 1 or no number, or a rank that is not from 2 to the smaller side.

    >>> problem = MatrixFactorisation(1e3)
    >>> problem.model(problem.init(np.random.default_rng(0), runs=(3,))).shape
    (3, 600)
    >>> float(problem.loss(problem.model(problem.solution))) < 1e-30
    True
    """

    condition: float
    rows: int = 30
    columns: int = 20
    rank: int = 5
    seed: int = 0
    minimum: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if not 1.0 <= self.condition < np.inf:
            raise ValueError(f"condition must be a number of at least 1; got {self.condition}")
        if not 2 <= self.rank <= min(self.rows, self.columns):
            raise ValueError(
                f"rank must be from 2 to {min(self.rows, self.columns)}, the smaller side; got {self.rank}"
            )

    @property
    def name(self) -> str:
        """The name for tables and figures."""
        return f"factorisation-{short(self.condition)}"

    @cached_property
    def factors(self) -> tuple[Array, Array, Array]:
        """`P` (rows, rank), the singular values (rank,), and `Q` (columns, rank)."""
        rng = np.random.default_rng([self.seed, 0])
        p, q = (np.linalg.qr(rng.standard_normal((n, self.rank)))[0] for n in (self.rows, self.columns))
        return p, self.condition ** np.linspace(0.0, -1.0, self.rank), q

    @cached_property
    def matrix(self) -> Array:
        """`A`, (rows, columns)."""
        p, sigma, q = self.factors
        return (p * sigma) @ q.T

    @cached_property
    def solution(self) -> dict[str, Array]:
        """The balanced one of many."""
        p, sigma, q = self.factors
        return {"u": p * np.sqrt(sigma), "v": q * np.sqrt(sigma)}

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> dict[str, Array]:
        """Draw `U` and `V` of every run."""
        sides = {"u": self.rows, "v": self.columns}
        return {name: n**-0.5 * rng.standard_normal((*runs, n, self.rank)) for name, n in sides.items()}

    def batch(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> None:
        """None: every step sees the whole matrix."""

    def model(self, params: dict[str, Array], batch: None = None) -> Array:
        """The misfit `U V^T - A`, flattened: (*runs, rows columns)."""
        u, v = params["u"], params["v"]
        wanted = [(self.rows, self.rank), (self.columns, self.rank)]
        if [tuple(u.shape[-2:]), tuple(v.shape[-2:])] != wanted:
            raise ValueError(f"this factorisation takes u and v of shapes {wanted}; got {u.shape} and {v.shape}")
        axes = (*range(v.ndim - 2), v.ndim - 1, v.ndim - 2)
        misfit = u @ mg.permute_dims(v, axes) - asarray_like(self.matrix, u)
        return mg.reshape(misfit, (*misfit.shape[:-2], -1))

    def loss(self, outputs: Array, batch: None = None) -> Array:
        """Half the sum of squares over the last axis, of shape runs."""
        return 0.5 * mg.sum(outputs * outputs, axis=-1)

    def error(self, params: dict[str, Array]) -> float:
        """The misfit between the singular vectors of `A`, each entry in units of its singular values, root mean square.

        `(P^T (U V^T - A) Q)_ij / sqrt(sigma_i sigma_j)`: every direction counts alike, and the least one is found only
        where this is below 1.
        """
        p, sigma, q = self.factors
        u, v = (mg.to_numpy(params[name]) for name in ("u", "v"))
        core = p.T @ (u @ v.T - self.matrix) @ q
        return float(np.sqrt(np.mean((core / np.sqrt(np.outer(sigma, sigma))) ** 2)))


for _condition in CONDITIONS:
    register(f"factorisation-{short(_condition)}", MatrixFactorisation(_condition))
