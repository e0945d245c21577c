"""A fit: the result of least squares together with its data, for predictions, confidence bands and a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from curveball.fitting.data import predictors
from curveball.fitting.evaluation import Evaluation
from curveball.fitting.plot import draw
from curveball.fitting.result import LeastSquaresResult
from minigrad import Array, Tree

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class FitResult(LeastSquaresResult):
    """The end of `fit`. Printed, it is a report."""

    f: Callable[[Tree, Tree], Array] = field(repr=False)  # of x and params
    x_data: Tree = field(repr=False)
    y_data: np.ndarray = field(repr=False)
    sigma: np.ndarray | float | None = field(repr=False)

    def predict(self, x: Tree) -> np.ndarray:
        """The fitted formula at other points."""
        return np.asarray(self.f(predictors(x), self.params))

    def confidence_band(self, x: Tree, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """`low, high`: between them the curve lies, at each point by itself, with this probability.

        `f(x) -+ t sqrt(a.C a)` with the covariance `C` and the gradient `a = df/dp` at each point. Infinite, with a
        FitWarning, where parameters are not determined.
        """
        x = predictors(x)
        evaluation = Evaluation(lambda params: self.f(x, params), self._parameters)
        point = evaluation.at(self.values)
        A = evaluation.jacobian(point)
        C = self.covariance
        free = self.active_mask == 0
        with np.errstate(invalid="ignore"):
            variance = np.einsum("ij,jk,ik->i", A[:, free], C[np.ix_(free, free)], A[:, free])
        variance = np.where(np.isnan(variance), np.inf, variance)
        half = self.quantile(level) * np.sqrt(np.maximum(variance, 0.0))
        middle = self.predict(x)
        half = half.reshape(middle.shape)
        return middle - half, middle + half

    def plot(self, ax: Axes | None = None, level: float = 0.95) -> Axes:
        """Draw data, curve and confidence band, with the residuals below; return the upper axes. For one predictor."""
        x, y = np.asarray(self.x_data), self.y_data
        if isinstance(self.x_data, tuple | list | dict) or x.ndim != 1 or y.shape != x.shape:
            raise ValueError("plot draws y over one predictor x (m,): for others, plot result.predict(x) over y")
        errors = None
        if self.sigma is not None:
            sigma = np.asarray(self.sigma, dtype=float)
            errors = np.broadcast_to(np.sqrt(np.diag(sigma)) if sigma.ndim == 2 else sigma, y.shape)
        band = None if self.advice else lambda x: self.confidence_band(x, level)
        return draw(ax, x, y, errors, self.predict, band, f"{100.0 * level:g}% confidence")
