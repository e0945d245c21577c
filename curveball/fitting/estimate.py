"""What a minimisation found: parameters, how well they are known, and why it ended."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from curveball.fitting.covariance import Covariance, correlation, covariance
from curveball.fitting.parameters import Parameters
from curveball.fitting.robust import Weighing
from curveball.fitting.warning import FitWarning
from minigrad import Tree


@dataclass(frozen=True, eq=False)
class Estimate:
    """The parameters at a minimum, with their errors.

    Errors are those of linear regression at the minimum: they hold where the residuals are nearly linear over the
    error bars.
    """

    params: Tree  # like p0
    cost: float  # 1/2 the sum of squares, or of a robust loss
    residuals: np.ndarray  # (m,)
    jacobian: np.ndarray  # (m, n), of the residuals at params
    names: tuple[str, ...]  # of the n parameters, in the order of the columns of the jacobian
    success: bool
    status: int  # 1 to 3 converged, 0 evaluations used up, -1 stopped by the callback
    message: str  # the same in words
    nit: int  # steps taken
    nfev: int  # evaluations of the residuals
    njev: int  # of their Jacobian
    nhev: int  # of their second derivative along a step
    absolute_sigma: bool  # whether the residuals were in units of their standard deviations
    active_mask: np.ndarray  # (n,): -1 or 1 for a parameter held at its lower or upper bound, else 0
    _parameters: Parameters = field(repr=False)
    _weighing: Weighing = field(repr=False)

    @property
    def x(self) -> Tree:
        """The params, by SciPy's name."""
        return self.params

    @property
    def values(self) -> np.ndarray:
        """The params in a row, (n,), in the order of `names`."""
        return self._parameters.vector(self.params, "params")

    @property
    def degrees_of_freedom(self) -> int:
        """Residuals less parameters that are free: those at a bound are not."""
        return self.residuals.size - int(np.sum(self.active_mask == 0))

    @property
    def chi_square(self) -> float:
        """The sum of the squared residuals."""
        return float(self.residuals @ self.residuals)

    @property
    def reduced_chi_square(self) -> float:
        """The sum of squares per degree of freedom: about 1 for residuals in units of their standard deviation."""
        return self.chi_square / self.degrees_of_freedom if self.degrees_of_freedom > 0 else np.nan

    @cached_property
    def _found(self) -> Covariance:
        return covariance(self.residuals, self.jacobian, self._weighing, self.active_mask, self.absolute_sigma)

    @property
    def covariance(self) -> np.ndarray:
        """The covariance of the parameters, (n, n), in the order of `names`.

        Parameters that the data do not determine have infinite variances, with a FitWarning; those at a bound nan.
        """
        if self.advice:
            warnings.warn(self.advice, FitWarning, stacklevel=2)
        return self._found.matrix

    @property
    def standard_errors(self) -> Tree:
        """The standard error of each parameter, a tree like the params."""
        if self.advice:
            warnings.warn(self.advice, FitWarning, stacklevel=2)
        return self._parameters.tree(self.errors)

    @property
    def errors(self) -> np.ndarray:
        """The standard errors in a row, (n,), without a warning."""
        return np.sqrt(np.diag(self._found.matrix))

    @property
    def correlation(self) -> np.ndarray:
        """The correlation of the parameters, (n, n); nan where it is not determined."""
        return correlation(self._found.matrix)

    @property
    def condition(self) -> float:
        """The condition number of the Jacobian with columns of length 1: infinite where its rank is too low."""
        return self._found.condition

    @property
    def undetermined(self) -> tuple[str, ...]:
        """The names of the parameters in combinations that the data leave open."""
        return tuple(name for name, is_open in zip(self.names, self._found.undetermined, strict=True) if is_open)

    @property
    def advice(self) -> str:
        """What to do where errors are not determined; empty where they are."""
        if self.undetermined:
            which = "it" if len(self.undetermined) == 1 else "one of them"
            return f"the data do not determine {', '.join(self.undetermined)}: fix {which}, or measure more"
        if self.degrees_of_freedom < 1 and not np.isfinite(self.errors[self.active_mask == 0]).all():
            return "no scatter is left to tell errors from: give more points than parameters, or absolute_sigma=True"
        return ""

    def confidence_intervals(self, level: float = 0.95) -> Tree:
        """Intervals `(low, high)` that hold each parameter with this probability: for each leaf an array (..., 2).

        From Student's t, or from the normal distribution where the standard deviations of the data were given.
        """
        half = self.quantile(level) * self.errors
        low, high = (self._parameters.tree(self.values + sign * half) for sign in (-1.0, 1.0))
        return _pairs(low, high)

    def quantile(self, level: float) -> float:
        """How many standard errors an interval of this probability extends to each side."""
        from scipy.special import ndtri, stdtrit

        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1, as 0.95; got {level!r}")
        tail = 0.5 + level / 2.0
        if self.absolute_sigma:
            return float(ndtri(tail))
        return float(stdtrit(self.degrees_of_freedom, tail)) if self.degrees_of_freedom > 0 else np.inf


def _pairs(low: Tree, high: Tree) -> Tree:
    from minigrad import tree_map

    return tree_map(lambda a, b: np.stack([np.asarray(a), np.asarray(b)], axis=-1), low, high)
