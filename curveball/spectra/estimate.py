"""A number that was estimated from random vectors, and how far off it may be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A value and its standard error; the error is 0 where the value is exact.

    >>> print(Estimate(12.345, 0.5))
    12.3 ± 0.5
    """

    value: float
    error: float

    def __str__(self) -> str:
        if not self.error > 0.0 or not np.isfinite(self.error):
            return f"{self.value:.6g}"
        digit = int(np.floor(np.log10(float(f"{self.error:.1g}"))))
        places = max(0, -digit)
        if not -4 <= digit <= 4:
            return f"{self.value:.3e} ± {self.error:.0e}"
        return f"{round(self.value, -digit):.{places}f} ± {round(self.error, -digit):.{places}f}"


def mean_of(samples: np.ndarray) -> Estimate:
    """The mean of independent samples, with its standard error.

    >>> mean_of(np.array([1.0, 3.0]))
    Estimate(value=2.0, error=1.0)
    """
    return Estimate(float(np.mean(samples)), float(np.std(samples, ddof=1) / np.sqrt(len(samples))))
