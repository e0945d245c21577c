"""Lanczos' method: a symmetric operator seen from one vector, as a small tridiagonal matrix.

    A V = V T + rest,    V = [v_1 ... v_m] orthonormal, v_1 the start,
    T tridiagonal: alpha_j = v_j.A v_j on its diagonal, beta_j = |rest_j| beside it

The eigenvalues `h_j` of `T`, with the first entries `s_j` of its eigenvectors, are the nodes and weights of Gauss'
quadrature for the spectrum as `v_1` sees it: `v_1.f(A) v_1 = sum_j s_j^2 f(h_j)`, exactly for polynomials `f` of degree
`2 m - 1`. Golub and Meurant, Matrices, Moments and Quadrature, 2010.

Rounding makes the `v_j` lose their orthogonality, and eigenvalues that have converged come back as copies. So each new
vector is made orthogonal to all that there are, twice.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np


class Product(Protocol):
    """What multiplies a vector."""

    @property
    def dtype(self) -> np.dtype: ...

    def __matmul__(self, v: np.ndarray, /) -> np.ndarray: ...


class Quadrature(NamedTuple):
    """Nodes and weights; the weights add up to 1."""

    nodes: np.ndarray
    weights: np.ndarray


def lanczos(
    A: Product, start: np.ndarray, steps: int, away_from: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the diagonal (m,) and the subdiagonal (m - 1,) of `T`; `m` is `steps`, or fewer where `A V = V T` exactly.

    With `away_from`, orthonormal columns `Q`, it is the operator `(I - Q Q^T) A (I - Q Q^T)` on the vectors orthogonal
    to `Q`.

    >>> alpha, beta = lanczos(np.diag([1.0, 2.0, 5.0]), np.ones(3), 3)
    >>> T = np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1)
    >>> np.linalg.eigvalsh(T).round(10).tolist()
    [1.0, 2.0, 5.0]
    """
    basis = np.zeros((steps, start.size), A.dtype)
    alpha, beta = np.zeros(steps), np.zeros(steps)

    def orthogonal(w: np.ndarray, j: int) -> np.ndarray:
        for _ in range(2):
            if away_from is not None:
                w = w - away_from @ (away_from.T @ w)
            w = w - basis[:j].T @ (basis[:j] @ w)
        return w

    v = orthogonal(start.astype(A.dtype), 0)
    scale = 0.0
    for j in range(steps):
        basis[j] = v / np.linalg.norm(v)
        w = A @ basis[j]
        alpha[j] = float(basis[j] @ w)
        v = orthogonal(w, j + 1)
        beta[j] = float(np.linalg.norm(v))
        scale = max(scale, abs(alpha[j]) + beta[j])
        if beta[j] <= 10.0 * start.size**0.5 * np.finfo(A.dtype).eps * scale:
            return alpha[: j + 1], beta[:j]
    return alpha, beta[:-1]


def quadrature(alpha: np.ndarray, beta: np.ndarray) -> Quadrature:
    """Gauss' quadrature from a tridiagonal matrix.

    >>> quadrature(np.array([1.0, 1.0]), np.array([1.0])).weights.round(6).tolist()
    [0.5, 0.5]
    """
    from scipy.linalg import eigh_tridiagonal

    nodes, vectors = eigh_tridiagonal(alpha, beta)
    return Quadrature(nodes, vectors[0] ** 2)
