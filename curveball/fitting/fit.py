"""Fit a formula to data: the parameters, with their error bars."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from curveball.fitting.box import Bounds
from curveball.fitting.data import check_finite, finite, predictors, whitening
from curveball.fitting.fit_result import FitResult
from curveball.fitting.least_squares import minimise
from curveball.fitting.parameters import Parameters
from curveball.fitting.robust import Rho
from minigrad import Array, Tree

Formula = Callable[..., Array]  # f(x, *params) or f(x, **params) -> y


def fit(
    f: Formula,
    x: Tree,
    y: np.ndarray,
    p0: Tree,
    sigma: np.ndarray | float | None = None,
    *,
    absolute_sigma: bool = False,
    bounds: Bounds = None,
    loss: str | Rho = "linear",
    f_scale: float = 1.0,
    x_scale: Tree = "jac",
    ftol: float = 1e-10,
    xtol: float = 1e-10,
    gtol: float = 1e-10,
    max_nfev: int | None = None,
    callback: Callable[[Tree, float], object] | None = None,
) -> FitResult:
    """Find the parameters at which `f(x, ...)` is nearest to `y`: least `1/2 sum_i ((f(x_i) - y_i) / sigma_i)^2`.

    - `p0`, the start: a list or array of numbers, for `f(x, a, b)`; or a dict, for the same `f` called as
      `f(x, a=..., b=...)`, with numbers or arrays as values. `f` is made of minigrad's functions (`mg.exp`).
    - `x`: whatever `f` takes, with arrays or lists of numbers in it; of a data frame, `f` gets a dict of its columns.
    - `y`: an array (m,), or of any shape that `f` returns.
    - `sigma`: the standard deviation of each `y`, or of all; or their covariance (m, m). None: all alike.
    - `absolute_sigma`: they are in the units of `y`. Otherwise, as in SciPy's `curve_fit`, only their ratios count, and
      the scatter of the residuals gives the scale.
    - All from `bounds` on is as in `least_squares`. `f_scale` is in units of sigma.

    The result is that of `least_squares`, with `predict`, `confidence_band` and `plot`. ValueError, with the row, for
    data that are not finite; for fewer points than parameters; and as `least_squares`.

    >>> import minigrad as mg
    >>> t = np.array([0.0, 1.0, 2.0, 3.0])
    >>> decay = lambda t, height, rate: height * mg.exp(-rate * t)
    >>> result = fit(decay, t, decay(t, 2.0, 0.5), {"height": 1.0, "rate": 1.0})
    >>> round(float(result.params["height"]), 9), round(float(result.params["rate"]), 9)
    (2.0, 0.5)
    """
    y, x = finite("y", y), predictors(x)
    check_finite(x)
    call, parameters = _read(f, p0)
    if parameters.start.size > y.size:
        raise ValueError(f"{parameters.start.size} parameters need at least as many points; there are {y.size}")
    whiten = whitening(sigma, y)
    with np.errstate(all="ignore"):  # minimise says which row is not finite
        first = call(x, parameters.tree(parameters.start))
    if np.shape(first) != y.shape:
        raise ValueError(f"f returns the shape {np.shape(first)}, but y has {y.shape}")

    def residuals(params: Tree) -> Array:
        return whiten(call(x, params) - y)

    found = minimise(
        residuals, parameters, bounds, loss, f_scale, absolute_sigma, x_scale=x_scale,
        ftol=ftol, xtol=xtol, gtol=gtol, max_nfev=max_nfev, callback=callback, row_of="f(x)",
    )  # fmt: skip
    return FitResult(**vars(found), f=call, x_data=x, y_data=y, sigma=sigma)


def _read(f: Formula, p0: Tree) -> tuple[Callable[[Tree, Tree], Array], Parameters]:
    """How to call `f` with the parameters, and the parameters with their names."""
    if not callable(f):
        raise TypeError(f"f must be a function f(x, ...); got {type(f).__name__}")
    if isinstance(p0, dict):
        return (lambda x, params: f(x, **params)), Parameters(p0)
    values = list(np.atleast_1d(p0)) if np.ndim(p0) < 2 else [p0]
    try:
        arguments = list(inspect.signature(f).parameters.values())[1:]
    except (TypeError, ValueError):
        arguments = []
    positional = [a.name for a in arguments if a.kind is a.POSITIONAL_OR_KEYWORD]
    names = tuple(positional[: len(values)]) if len(positional) >= len(values) else None
    return (lambda x, params: f(x, *params)), Parameters(values, names)
