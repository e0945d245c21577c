"""How well a prior and a noise explain the data: the Laplace approximation of the evidence, and its maximum.

With `e` minus the log-likelihood at the params `w`, `s = 1 / noise^2` (1 without noise), and `h` the eigenvalues of the
Gauss-Newton matrix for noise 1,

    log p(data) = -e - lam |w|^2 / 2 + n log(lam) / 2 - sum_i log(s h_i + lam) / 2

for the prior `N(0, I / lam)`; the powers of `2 pi` cancel. With `k = sum_i s h_i / (s h_i + lam)`, the number of
parameters that the data determine, its slopes are

    d / d log lam = (k - lam |w|^2) / 2,        d / d log noise = s RSS + k - N

for `e = N log(noise) + s RSS / 2 + N log(2 pi) / 2`. MacKay, Neural Computation 4(3), 1992.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

LIMIT = 30.0  # of the logarithms of prior and noise
FLAT = 1e4  # a prior this many times stronger than all data: the evidence only grows towards it


@dataclass(frozen=True)
class Evidence:
    """What the evidence depends on."""

    h: np.ndarray
    squared_norm: float  # |w|^2
    error: float  # e; for numbers half the sum of squares
    numbers: int  # how many numbers were fitted; 0 for classes

    def log(self, prior: float, noise: float = 1.0) -> float:
        """`log p(data)`.

        >>> round(Evidence(np.array([1.0]), 0.25, 0.125, 1).log(1.0, 1.0), 6)  # one measurement 1, by N(0, 2): w = 1/2
        -1.515512
        """
        s, error = 1.0, self.error
        if self.numbers:
            s = noise**-2
            error = self.numbers * (math.log(noise) + 0.5 * math.log(2.0 * math.pi)) + s * self.error
        volume = self.h.size * math.log(prior) - float(np.sum(np.log(s * self.h + prior)))
        return -error - 0.5 * prior * self.squared_norm + 0.5 * volume

    def determined(self, prior: float, noise: float = 1.0) -> float:
        """`k`, the number of parameters that the data determine."""
        s = noise**-2 if self.numbers else 1.0
        return float(np.sum(s * self.h / (s * self.h + prior)))

    def best(self, prior: float | None, noise: float | None) -> tuple[float, float]:
        """`prior` and `noise`, those that are None chosen to maximise the evidence.

        ValueError where there is no maximum.
        """
        from scipy.optimize import minimize

        free_prior, free_noise = prior is None, noise is None and self.numbers > 0
        if not (free_prior or free_noise):
            return float(prior or 0.0), 1.0 if noise is None else noise

        def read(x: np.ndarray) -> tuple[float, float]:
            found = iter(np.exp(x).tolist())
            return next(found) if prior is None else prior, next(found) if free_noise else noise or 1.0

        def negative(x: np.ndarray) -> tuple[float, np.ndarray]:
            d, sigma = read(x)
            k = self.determined(d, sigma)
            slopes = [0.5 * (k - d * self.squared_norm)] if free_prior else []
            slopes += [2.0 * sigma**-2 * self.error + k - self.numbers] if free_noise else []
            return -self.log(d, sigma), -np.array(slopes)

        start = np.zeros(free_prior + free_noise)
        if free_noise:
            start[-1] = 0.5 * math.log(max(2.0 * self.error / self.numbers, 1e-12))
        found = minimize(negative, start, jac=True, bounds=[(-LIMIT, LIMIT)] * start.size, options={"ftol": 1e-14})
        best, sigma = read(found.x)
        if free_noise and math.log(sigma) < -LIMIT + 1.0:
            raise ValueError("the evidence has no maximum in the noise, as the model fits all numbers: give noise=")
        if free_prior and best > FLAT * sigma**-2 * float(self.h.max()):
            raise ValueError(
                "the evidence has no maximum in the prior: the data say nothing about the params, or the params are "
                "zero. Give prior="
            )
        return best, sigma
