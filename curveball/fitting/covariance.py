r"""How well the data fix the parameters: the covariance of the estimate, from singular values.

For residuals with variance `s^2` each, near the minimum,

    covariance = s^2 (J^T J)^-1 = s^2 C V S^-2 V^T C,     J C = U S V^T

where the diagonal matrix `C` gives the columns of J the length 1, so that units do not matter. A robust loss weighs
residuals: with `w = rho'` and `h = rho' + 2 rho'' z` (robust.py) and `A = J^T diag(h) J`, it is

    covariance = A^-1 J^T diag(w r)^2 J A^-1 m / (m - n)

(Huber, Robust Statistics, 1981, section 6.3). Where singular values are rounding errors, some combinations of
parameters are not determined: the variances of the parameters in them are infinite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curveball.fitting.robust import Weighing


@dataclass(frozen=True)
class Covariance:
    """The covariance of the parameters, and what of it the data do not determine."""

    matrix: np.ndarray  # (n, n): infinite variances where it is not determined, nan at a bound
    condition: float  # of J with columns of length 1
    undetermined: np.ndarray  # (n,), True for parameters in combinations that the data leave open


def covariance(r: np.ndarray, J: np.ndarray, weighing: Weighing, held: np.ndarray, absolute: bool) -> Covariance:
    """The covariance at a minimum with residuals r (m,) and their Jacobian J (m, n).

    `held` marks parameters at a bound, which count as known. With `absolute`, residuals have variance 1; else it is
    estimated: `|r|^2 / (m - n)`.

    >>> plain = Weighing.of("linear", 1.0)
    >>> J = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> covariance(np.zeros(3), J, plain, np.zeros(2), True).matrix.round(4).tolist()
    [[0.8333, -0.5], [-0.5, 0.5]]
    """
    n = J.shape[1]
    free = np.flatnonzero(held == 0)
    J = J[:, free]
    m, k = J.shape
    first, curvature = weighing.weights(r)
    smallest = np.finfo(float).eps
    weighted = J if weighing.rho is None else np.sqrt(np.maximum(curvature, smallest))[:, None] * J
    norms = np.linalg.norm(weighted, axis=0)
    scaled = weighted / np.where(norms > 0.0, norms, 1.0)
    _, s, Vt = np.linalg.svd(scaled, full_matrices=True)
    s = np.concatenate([s, np.zeros(k - s.size)])
    keep = s > max(m, k) * smallest * s.max(initial=0.0)
    open_to = np.abs(Vt[~keep]).max(axis=0, initial=0.0) > 1e-8
    root = (Vt[keep] / s[keep, None]).T / np.where(norms > 0.0, norms, 1.0)[:, None]  # (k, rank): root root^T = A^-1
    if weighing.rho is None:
        inner = root @ root.T
        variance = 1.0 if absolute else float(r @ r) / (m - k) if m > k else np.inf
    else:
        rows = (first * r)[:, None] * J @ root
        inner = root @ (rows.T @ rows) @ root.T
        variance = m / (m - k) if m > k else np.inf
    with np.errstate(invalid="ignore"):
        inner = inner * variance
    inner[open_to, :] = inner[:, open_to] = np.inf
    matrix = np.full((n, n), np.nan)
    matrix[np.ix_(free, free)] = inner
    undetermined = np.zeros(n, dtype=bool)
    undetermined[free] = open_to
    condition = float(s.max() / s.min()) if k and s.min() > 0.0 else np.inf if k else 1.0
    return Covariance(matrix, condition, undetermined)


def correlation(matrix: np.ndarray) -> np.ndarray:
    """The covariance divided by both standard errors; nan where they are infinite."""
    errors = np.sqrt(np.diag(matrix))
    with np.errstate(invalid="ignore", divide="ignore"):
        return matrix / np.outer(errors, errors)
