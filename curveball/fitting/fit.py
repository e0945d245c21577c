"""Fit a formula to data: the parameters, with their error bars."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as mg
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
    bounds: tuple[Tree, Tree] | dict[str, tuple[float, float]] | None = None,
    loss: str | Rho = "linear",
    f_scale: float = 1.0,
    **options: Any,
) -> FitResult:
    """Find the parameters at which `f(x, ...)` is nearest to `y`: least `1/2 sum_i ((f(x_i) - y_i) / sigma_i)^2`.

    - `p0`, the start: a list or array of numbers, for `f(x, a, b)`; or a dict, for the same `f` called as
      `f(x, a=..., b=...)`, with numbers or arrays as values. `f` is made of minigrad's functions (`mg.exp`).
    - `x`: whatever `f` takes, with NumPy arrays in it; `y`: an array (m,), or of any shape that `f` returns.
    - `sigma`: the standard deviation of each `y`, or of all; or their covariance (m, m). None: all alike.
    - `absolute_sigma`: they are in the units of `y`. Otherwise, as in SciPy's `curve_fit`, only their ratios count, and
      the scatter of the residuals gives the scale.
    - `bounds`, `loss`, `f_scale` and `options` are those of `least_squares`. `f_scale` is in units of sigma.

    The result is that of `least_squares`, with `predict`, `confidence_band` and `plot`. ValueError, with the row, for
    data that are not finite; for fewer points than parameters; and as `least_squares`.

    >>> import minigrad as mg
    >>> t = np.array([0.0, 1.0, 2.0, 3.0])
    >>> decay = lambda t, height, rate: height * mg.exp(-rate * t)
    >>> result = fit(decay, t, decay(t, 2.0, 0.5), {"height": 1.0, "rate": 1.0})
    >>> round(float(result.params["height"]), 9), round(float(result.params["rate"]), 9)
    (2.0, 0.5)
    """
    y = _finite("y", y)
    for name, leaf in zip(mg.tree_paths(mg.tree_flatten(x)[1]), mg.tree_flatten(x)[0], strict=True):
        _finite(f"x{name}", leaf)
    call, parameters = _read(f, p0)
    if parameters.start.size > y.size:
        raise ValueError(f"{parameters.start.size} parameters need at least as many points; there are {y.size}")
    whiten = _whitening(sigma, y)
    first = call(x, parameters.tree(parameters.start))
    if np.shape(first) != y.shape:
        raise ValueError(f"f returns the shape {np.shape(first)}, but y has {y.shape}")

    def residuals(params: Tree) -> Array:
        return whiten(call(x, params) - y)

    found = minimise(residuals, parameters, bounds, loss, f_scale, absolute_sigma, row_of="f(x)", **options)
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
    named = len(positional) == len(values) and len(arguments) == len(values)
    names = tuple(positional) if named else None
    return (lambda x, params: f(x, *params)), Parameters(values, names)


def _finite(name: str, values: np.ndarray | float) -> np.ndarray:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be real numbers; got {array.dtype}")
    bad = np.argwhere(~np.isfinite(array))
    if bad.size:
        row = bad[0]
        raise ValueError(f"{name}[{', '.join(map(str, row))}] is {array[tuple(row)]}: leave such rows out")
    return array.astype(float, copy=False)


def _whitening(sigma: np.ndarray | float | None, y: np.ndarray) -> Callable[[Array], Array]:
    """The map after which residuals have variance 1 (or all the same)."""
    if sigma is None:
        return lambda r: r
    given = _finite("sigma", sigma)
    if given.ndim == 2 and y.ndim == 1:
        if given.shape != (y.size, y.size):
            raise ValueError(f"sigma as a covariance needs the shape {(y.size, y.size)}; got {given.shape}")
        try:
            factor = np.linalg.cholesky(given)
        except np.linalg.LinAlgError:
            raise ValueError("sigma as a covariance must be positive definite: it is not") from None
        inverse = np.linalg.solve(factor, np.eye(y.size))
        return lambda r: mg.matmul(inverse, r)
    if given.shape not in ((), y.shape):
        raise ValueError(f"sigma must be a number or have the shape of y, {y.shape}; got {given.shape}")
    if not (given > 0.0).all():
        row = np.argwhere(~(given > 0.0))[0]
        where = f"sigma[{', '.join(map(str, row))}]" if given.ndim else "sigma"
        raise ValueError(f"{where} is {given[tuple(row)]:g}: standard deviations must be positive")
    weights = 1.0 / given
    return lambda r: weights * r
