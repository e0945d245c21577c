r"""A sum of exponentials: the classical ill-conditioned fit of a nonlinear model.

`f(a, c) = 1/2N sum_n (sum_i c_i exp(-a_i t_n) - y_n)^2` at times `t_n` in [0, 1], with data that the model fits
exactly. Each term more makes the Gauss-Newton matrix `J^T J / N` at the solution worse by about two powers of ten, as
decaying exponentials are nearly parallel. C. Lanczos, Applied Analysis (1956), chapter IV, section 23, showed with
three terms that other rates and amplitudes fit the data to two decimals: `Lanczos1` among NIST's problems.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.asarray_like import asarray_like
from problems.closed_form.registry import register
from problems.protocol import Runs

RATES = (2.0, 4.0, 8.0, 16.0)  # of the first, the second, ... term; each amplitude is 1


@dataclass(frozen=True)
class SumOfExponentials:
    """Fit `terms` exponentials, of rates 2, 4, 8, 16 and amplitude 1, at times in [0, 1]; the minimum is 0.

    Params are (*runs, 2 terms): the logarithms of the rates, which so stay positive, then the amplitudes. The start has
    rates off by up to a factor of 1.3 and amplitudes by up to a half, drawn for each run. ValueError for another number
    of terms, or fewer samples than params.

    >>> problem = SumOfExponentials(2)
    >>> float(problem.loss(problem.model(problem.solution))) < 1e-30, f"{problem.condition:.0e}"
    (True, '1e+05')
    """

    terms: int = 3
    samples: int = 100
    minimum: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if not 1 <= self.terms <= len(RATES) or self.samples < 2 * self.terms:
            raise ValueError(
                f"terms must be from 1 to {len(RATES)} and samples at least twice as many; got {self.terms} and "
                f"{self.samples}"
            )

    @property
    def name(self) -> str:
        """The name for tables and figures."""
        return f"exponentials-{self.terms}"

    @cached_property
    def solution(self) -> Array:
        """The logarithms of the rates, and the amplitudes."""
        return np.concatenate([np.log(RATES[: self.terms]), np.ones(self.terms)])

    @cached_property
    def times(self) -> Array:
        """`t`, (samples,)."""
        return np.linspace(0.0, 1.0, self.samples)

    @cached_property
    def targets(self) -> Array:
        """`y`, (samples,)."""
        return np.exp(-np.asarray(RATES[: self.terms])[:, None] * self.times).sum(axis=0)

    @cached_property
    def condition(self) -> float:
        """Of the Gauss-Newton matrix at the solution, from its closed form: columns `-c a t exp(-a t)`, `exp(-a t)`."""
        rates = np.asarray(RATES[: self.terms])[:, None]
        decays = np.exp(-rates * self.times)
        return float(np.linalg.cond(np.concatenate([-rates * self.times * decays, decays]).T) ** 2)

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Array:
        """Draw the start of every run, (*runs, 2 terms)."""
        off = rng.uniform(-1.0, 1.0, (*runs, 2 * self.terms))
        return self.solution + off * np.repeat([np.log(1.3), 0.5], self.terms)

    def batch(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> None:
        """None: every step sees all samples."""

    def model(self, params: Array, batch: None = None) -> Array:
        """The misfit over `sqrt(N)`: (*runs, 2 terms) -> (*runs, samples)."""
        if params.shape[-1:] != (2 * self.terms,):
            raise ValueError(f"{self.terms} exponentials have {2 * self.terms} params; got the shape {params.shape}")
        t, total = asarray_like(self.times, params), asarray_like(-self.targets, params)
        for i in range(self.terms):
            rate, amplitude = mg.exp(params[..., i : i + 1]), params[..., self.terms + i : self.terms + i + 1]
            total = total + amplitude * mg.exp(-rate * t)
        return self.samples**-0.5 * total

    def loss(self, outputs: Array, batch: None = None) -> Array:
        """Half the sum of squares over the last axis, of shape runs."""
        return 0.5 * mg.sum(outputs * outputs, axis=-1)

    def error(self, params: Array) -> float:
        """`|w - w*| / |w*|`, with the terms in the order of their rates."""
        logs, amplitudes = np.reshape(mg.to_numpy(params), (2, self.terms))
        order = np.argsort(logs)
        found = np.concatenate([logs[order], amplitudes[order]])
        return float(np.linalg.norm(found - self.solution) / np.linalg.norm(self.solution))


for _terms in (2, 3, 4):
    register(f"exponentials-{_terms}", SumOfExponentials(_terms))
