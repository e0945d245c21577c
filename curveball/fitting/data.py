"""Measurements as their user has them, as NumPy arrays of finite numbers; and what is known of their errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Array, Tree


def predictors(x: Any) -> Tree:
    """What the formula is called with: lists of numbers and columns of tables become arrays, a table a dict of them.

    >>> predictors([1, 2]), predictors({"t": (1.0, 2.0)})
    (array([1., 2.]), {'t': array([1., 2.])})
    """
    if isinstance(x, dict):
        return {name: predictors(values) for name, values in x.items()}
    if isinstance(x, list | tuple):
        if all(isinstance(leaf, int | float | np.generic) for leaf in mg.tree_flatten(x)[0]):
            return np.asarray(x, dtype=float)
        return type(x)([predictors(values) for values in x])
    if hasattr(x, "columns"):  # of pandas or polars
        return {str(name): predictors(x[name]) for name in x.columns}
    return np.asarray(x) if hasattr(x, "to_numpy") else x


def check_finite(x: Tree) -> None:
    """ValueError with the name and the row of the first number that is not finite."""
    leaves, structure = mg.tree_flatten(x)
    for name, leaf in zip(mg.tree_paths(structure), leaves, strict=True):
        finite(f"x{name}", leaf)


def finite(name: str, values: np.ndarray | float) -> np.ndarray:
    """An array of floats; ValueError, with the row, where one is not finite or is masked; TypeError for other things.

    >>> finite("y", [1.0, np.nan])
    Traceback (most recent call last):
    ValueError: y[1] is nan: leave such rows out
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must be real numbers; got {array.dtype}")
    masked = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else np.zeros((), dtype=bool)
    bad = np.argwhere(~np.isfinite(array) | masked)
    if bad.size:
        row = tuple(bad[0])
        what = "masked" if masked.shape and masked[row] else array[row]
        raise ValueError(f"{_entry(name, row)} is {what}: leave such rows out")
    return array.astype(float, copy=False)


def whitening(sigma: np.ndarray | float | None, y: np.ndarray) -> Callable[[Array], Array]:
    """The map after which residuals have variance 1 (or all the same).

    ValueError, with the row, for standard deviations that are not positive, and for a covariance that is singular.
    """
    if sigma is None:
        return lambda r: r
    given = finite("sigma", sigma)
    if given.ndim == 2 and y.ndim == 1:
        inverse = np.linalg.solve(_cholesky(given, y.size), np.eye(y.size))
        return lambda r: mg.matmul(inverse, r)
    if given.shape not in ((), y.shape):
        raise ValueError(f"sigma must be a number or have the shape of y, {y.shape}; got {given.shape}")
    if not (given > 0.0).all():
        row = tuple(np.argwhere(~(given > 0.0))[0])
        raise ValueError(f"{_entry('sigma', row)} is {given[row]:g}: standard deviations must be positive")
    weights = 1.0 / given
    return lambda r: weights * r


def _cholesky(covariance: np.ndarray, m: int) -> np.ndarray:
    from scipy.linalg.lapack import dpotrf

    if covariance.shape != (m, m):
        raise ValueError(f"sigma as a covariance needs the shape {(m, m)}; got {covariance.shape}")
    apart = np.abs(covariance - covariance.T) > 1e-8 * np.abs(covariance).max()
    if apart.any():
        i, j = np.argwhere(apart)[0]
        raise ValueError(
            f"sigma as a covariance must be symmetric: [{i}, {j}] is {covariance[i, j]:g}, [{j}, {i}] "
            f"is {covariance[j, i]:g}"
        )
    factor, first = dpotrf(covariance, lower=1)
    pivots = np.diag(factor) ** 2 <= m * np.finfo(float).eps * np.diag(covariance)  # what is left is rounding error
    if first or pivots.any():
        row = first - 1 if first else int(np.argmax(pivots))
        raise ValueError(f"sigma as a covariance must be positive definite: it is not, first at row {row}")
    return np.asarray(factor)


def _entry(name: str, row: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, row))}]" if row else name
