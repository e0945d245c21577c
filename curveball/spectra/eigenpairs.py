"""The eigenvalues at the ends of a spectrum, with their eigenvectors: Lanczos' method, as SciPy's `eigsh` has it.

The residual `|A v - h v|` of a unit vector `v` bounds how far `h` is from an eigenvalue of a symmetric `A`:

    A = sum_i h_i v_i v_i^T,    |A v - h v|^2 = sum_i (h_i - h)^2 (v_i.v)^2 >= min_i (h_i - h)^2
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from curveball.spectra.arguments import Random, check_count, generator
from curveball.spectra.flat_operator import FlatOperator, Operator
from minigrad import Tree

ENDS = {"magnitude": "LM", "largest": "LA", "smallest": "SA", "both": "BE"}
RESTARTS = 50  # of Lanczos' method, at most


class Eigenpairs(NamedTuple):
    """Eigenvalues in falling order, the residuals that bound their errors, and unit eigenvectors."""

    values: np.ndarray
    errors: np.ndarray
    vectors: list[Tree]  # trees like the params, or vectors where the operator has no trees


def extreme_eigenpairs(
    operator: Operator, count: int = 10, end: str = "magnitude", tol: float = 1e-3, rng: Random = 0,
    progress: bool = False,
) -> Eigenpairs:  # fmt: skip
    """Return the `count` eigenpairs of a symmetric operator at an end of its spectrum.

    `end`: "magnitude" (largest absolute values), "largest", "smallest", or "both" (half of them from each end). It
    stops when each residual is below `tol` times the eigenvalue. UserWarning where fewer converge: those are returned.
    ValueError unless `1 <= count < size`, for an unknown end, and for an operator that is not symmetric.

    Lehoucq, Sorensen, Yang, ARPACK Users' Guide, SIAM 1998.

    >>> pairs = extreme_eigenpairs(np.diag([1.0, 5.0, -3.0, 2.0]), 2, tol=1e-12)
    >>> pairs.values.round(6).tolist(), float(pairs.errors.max()) < 1e-9
    ([5.0, -3.0], True)
    """
    A = FlatOperator(operator, progress)
    try:
        values, vectors, errors = flat_eigenpairs(A, count, end, tol, generator(rng))
    finally:
        A.close()
    return Eigenpairs(values, errors, [A.to_tree(v) for v in vectors.T])


def flat_eigenpairs(
    A: FlatOperator, count: int, end: str, tol: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues in falling order, eigenvectors in the columns, residuals."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    check_count("count", count, 1, A.size - 1, f", as the operator has {A.size} rows")
    check_end(end)
    if not (isinstance(tol, float | int) and tol >= 0.0):
        raise ValueError(f"tol must be zero or a positive number; got {tol!r}")
    A.at(f"{count} eigenvalues")
    flat = LinearOperator((A.size, A.size), matvec=lambda v: A @ v.reshape(-1), dtype=A.dtype)
    start = rng.standard_normal(A.size).astype(A.dtype)
    try:
        values, vectors = eigsh(flat, count, which=ENDS[end], v0=start, tol=tol, maxiter=RESTARTS)
    except ArpackNoConvergence as error:
        values, vectors = error.eigenvalues, error.eigenvectors
        warnings.warn(
            f"only {len(values)} of {count} eigenvalues converged to {tol:g}: raise tol, or ask for fewer, "
            "or for those of another end",
            stacklevel=3,
        )
    order = np.argsort(-values)
    values, vectors = values[order].astype(float), vectors[:, order]
    errors = np.array([np.linalg.norm(A @ v - h * v) for h, v in zip(values, vectors.T, strict=True)])
    return values, vectors, errors


def check_end(end: str) -> None:
    """ValueError for an end that there is not."""
    if end not in ENDS:
        raise ValueError(f"end must be one of {', '.join(map(repr, ENDS))}; got {end!r}")
