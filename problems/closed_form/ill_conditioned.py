r"""Linear least squares of a chosen condition number: the gradient is of use in some directions, and not in others.

`f(w) = 1/2N |X w - y|^2`. The singular values of `X / sqrt(N)` are `sigma_k`, spaced evenly on a logarithmic scale from
1 to `condition^(-1/2)`, so the Hessian `X^T X / N` has the eigenvalues `sigma_k^2` and this condition number. The
targets are `y = X w* + r` with `r` orthogonal to the columns of `X`: then `w*` is the minimiser and `|r|^2 / 2N` the
minimum, exactly and without a system to solve.

Gradient descent at its best rate multiplies the error by `1 - 2/(condition + 1)` in each step, heavy ball at its best
by `1 - 2/(sqrt(condition) + 1)`; Gauss-Newton takes one step. Nocedal and Wright, Numerical Optimization (2006),
section 3.3; tests/derivations/test_03_heavy_ball.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.asarray_like import asarray_like
from problems.closed_form.registry import register
from problems.protocol import Runs

CONDITIONS = (1e2, 1e4, 1e6, 1e8)


@dataclass(frozen=True)
class IllConditionedRegression:
    """Linear least squares whose Hessian has a given condition number; the data are drawn by `seed`.

    Params are (*runs, features). ValueError for a condition below 1 or no number, fewer than two features, or no more
    samples than features.

    >>> problem = IllConditionedRegression(1e4)
    >>> eigenvalues = np.linalg.eigvalsh(problem.hessian)
    >>> float((eigenvalues[-1] / eigenvalues[0]).round(4)), problem.error(problem.solution)
    (10000.0, 0.0)
    """

    condition: float
    features: int = 20
    samples: int = 100
    noise: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1.0 <= self.condition < np.inf:
            raise ValueError(f"condition must be a number of at least 1; got {self.condition}")
        if self.features < 2 or self.samples <= self.features:
            raise ValueError(
                f"features must be at least 2 and samples more than features; got {self.features} and {self.samples}"
            )

    @property
    def name(self) -> str:
        """The name for tables and figures.

        >>> IllConditionedRegression(1e6).name
        'regression-1e6'
        """
        return f"regression-{short(self.condition)}"

    @cached_property
    def _factors(self) -> tuple[Array, Array, Array]:
        """`Q`, sigma and `V` with `X = sqrt(N) Q[:, :features] diag(sigma) V^T`; the last column of `Q` is for `r`."""
        rng = np.random.default_rng([self.seed, 0])
        q = np.linalg.qr(rng.standard_normal((self.samples, self.features + 1)))[0]
        v = np.linalg.qr(rng.standard_normal((self.features, self.features)))[0]
        return q, self.condition ** np.linspace(0.0, -0.5, self.features), v

    @cached_property
    def inputs(self) -> Array:
        """`X`, (samples, features)."""
        q, sigma, v = self._factors
        return self.samples**0.5 * (q[:, :-1] * sigma) @ v.T

    @cached_property
    def solution(self) -> Array:
        """`w*`, drawn by `seed`."""
        return np.random.default_rng([self.seed, 1]).standard_normal(self.features)

    @cached_property
    def targets(self) -> Array:
        """`y = X w* + r`, (samples,)."""
        return self.inputs @ self.solution + self.noise * self.samples**0.5 * self._factors[0][:, -1]

    @cached_property
    def hessian(self) -> Array:
        """`X^T X / N`, the same everywhere."""
        return self.inputs.T @ self.inputs / self.samples

    @cached_property
    def minimum(self) -> float:
        """The loss at the solution, `noise^2 / 2` but for rounding."""
        return float(self.loss(self.model(self.solution)))

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Array:
        """Draw the start of every run: the solution plus a normal draw, so that no direction begins at its end."""
        return self.solution + rng.standard_normal((*runs, self.features))

    def batch(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> None:
        """None: every step sees all samples."""

    def model(self, params: Array, batch: None = None) -> Array:
        """The misfit `(X w - y) / sqrt(N)`: (*runs, features) -> (*runs, samples)."""
        if params.shape[-1:] != (self.features,):
            raise ValueError(f"this regression has {self.features} features; got params of shape {params.shape}")
        scale = self.samples**-0.5
        return mg.matmul(params, asarray_like(scale * self.inputs.T, params)) - asarray_like(
            scale * self.targets, params
        )

    def loss(self, outputs: Array, batch: None = None) -> Array:
        """Half the sum of squares over the last axis, of shape runs."""
        return 0.5 * mg.sum(outputs * outputs, axis=-1)

    def error(self, params: Array) -> float:
        """`|w - w*| / |w*|`."""
        return float(np.linalg.norm(mg.to_numpy(params) - self.solution) / np.linalg.norm(self.solution))


def short(condition: float) -> str:
    """A number for a name: `1e4` for 10000.

    >>> short(1e4), short(2.5)
    ('1e4', '2.5')
    """
    return f"{condition:.3e}".replace(".000e+0", "e") if condition >= 1e2 else f"{condition:g}"


for _condition in CONDITIONS:
    register(f"regression-{short(_condition)}", IllConditionedRegression(_condition))
