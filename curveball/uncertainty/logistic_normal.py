"""Expectations of the logistic function `s(f) = 1 / (1 + exp(-f))` for a normally distributed `f`, to rounding.

The trapezoidal rule converges exponentially for functions that are analytic in a strip. `s` has poles at `+- i pi`. For
a standard deviation `std < 1` of `f = mean + std z` the sum is over `z`, where they are `pi / std` away. For a larger
one it is over `f` itself, with `s` by parts: `E s(f) = int s'(t) Phi((mean - t) / std) dt`.

Trefethen and Weideman, "The exponentially convergent trapezoidal rule", SIAM Review 56(3), 2014.
"""

from __future__ import annotations

import numpy as np

STEP = 0.25
Z = np.arange(-9.0, 9.0 + STEP, STEP)
T = np.arange(-40.0, 40.0 + STEP, STEP)


def expected_probability(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """`E s(f)` for each mean and standard deviation.

    >>> expected_probability(np.array([0.0, 2.0]), np.array([3.0, 0.0])).round(4).tolist()
    [0.5, 0.8808]
    """
    from scipy.special import expit, ndtr

    slope = expit(T) * expit(-T)
    wide = STEP * ndtr((mean[:, None] - T) / np.maximum(std, 1.0)[:, None]) @ slope
    return np.where(std < 1.0, _over_z(expit(mean[:, None] + np.minimum(std, 1.0)[:, None] * Z)), wide)


def expected_entropy(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """The mean of the entropy of `(s(f), 1 - s(f))`, in nats.

    >>> expected_entropy(np.array([0.0]), np.array([0.0])).round(4).tolist()  # log 2
    [0.6931]
    """
    bounded = np.maximum(std, 1.0)[:, None]
    weights = np.exp(-0.5 * ((T - mean[:, None]) / bounded) ** 2) / (np.sqrt(2.0 * np.pi) * bounded)
    narrow = _over_z(_entropy(mean[:, None] + np.minimum(std, 1.0)[:, None] * Z))
    return np.where(std < 1.0, narrow, STEP * weights @ _entropy(T))


def _over_z(values: np.ndarray) -> np.ndarray:
    return STEP * values @ (np.exp(-0.5 * Z**2) / np.sqrt(2.0 * np.pi))


def _entropy(f: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    p = expit(f)
    return np.logaddexp(0.0, f) - p * f
