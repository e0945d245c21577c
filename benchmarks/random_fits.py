"""Random fits: formulas of the laboratory, true parameters, noise and starts drawn by a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import minigrad as mg
from minigrad import Array

X = np.linspace(0.0, 10.0, 60)


def decay(p: Array) -> Array:
    return p[0] * mg.exp(-p[1] * X) + p[2]


def two_decays(p: Array) -> Array:
    return p[0] * mg.exp(-p[1] * X) + p[2] * mg.exp(-p[3] * X)


def peak(p: Array) -> Array:
    return p[0] * mg.exp(-0.5 * ((X - p[1]) / p[2]) ** 2) + p[3] + p[4] * X


def two_peaks(p: Array) -> Array:
    return p[0] * mg.exp(-0.5 * ((X - p[1]) / p[2]) ** 2) + p[3] * mg.exp(-0.5 * ((X - p[4]) / p[5]) ** 2)


def lorentzian(p: Array) -> Array:
    return p[0] / (1.0 + ((X - p[1]) / p[2]) ** 2) + p[3]


def logistic(p: Array) -> Array:
    return p[0] / (1.0 + mg.exp(-(X - p[1]) / p[2]))


def saturation(p: Array) -> Array:
    return p[0] * X / (p[1] + X)


def growth(p: Array) -> Array:
    return p[0] * mg.exp(-p[1] * mg.exp(-p[2] * X))


def damped_wave(p: Array) -> Array:
    return p[0] * mg.exp(-p[1] * X) * mg.cos(p[2] * X + p[3])


def power_law(p: Array) -> Array:
    return p[0] * mg.pow(X + 1.0, p[1]) + p[2]


FORMULAS: dict[Callable[[Array], Array], tuple[float, ...]] = {  # with typical parameters
    decay: (3.0, 0.5, 1.0),
    two_decays: (3.0, 0.3, 5.0, 2.0),
    peak: (4.0, 5.0, 1.0, 1.0, 0.1),
    two_peaks: (4.0, 3.0, 0.8, 2.0, 6.5, 1.2),
    lorentzian: (4.0, 5.0, 1.0, 0.5),
    logistic: (3.0, 5.0, 1.0),
    saturation: (3.0, 2.0),
    growth: (3.0, 4.0, 0.6),
    damped_wave: (3.0, 0.2, 2.0, 0.5),
    power_law: (2.0, -1.3, 0.5),
}


@dataclass(frozen=True)
class RandomFit:
    """One fit: the formula, its data, the parameters they were made from, and a start."""

    formula: Callable[[Array], Array]
    y: np.ndarray
    truth: np.ndarray
    start: np.ndarray

    def residuals(self, p: Array) -> Array:
        """The formula less the data."""
        return self.formula(p) - self.y


def random_fits(count: int, seed: int = 0) -> list[RandomFit]:
    """Draw them: parameters within a factor of about 1.5, noise of 2 %, starts off by a factor of about 2."""
    rng = np.random.default_rng(seed)
    formulas, fits = list(FORMULAS), []
    for k in range(count):
        formula = formulas[k % len(formulas)]
        truth = np.array(FORMULAS[formula]) * np.exp(0.3 * rng.normal(size=len(FORMULAS[formula])))
        clean = formula(truth)
        y = clean + 0.02 * np.ptp(clean) * rng.normal(size=X.size)
        fits.append(RandomFit(formula, y, truth, truth * np.exp(0.7 * rng.normal(size=truth.size))))
    return fits
