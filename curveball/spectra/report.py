"""The spectrum of a curvature matrix that is too large to be written down."""

from __future__ import annotations

import numpy as np

from curveball.spectra.arguments import Random, check_count, generator
from curveball.spectra.eigenpairs import Eigenpairs, check_end, flat_eigenpairs
from curveball.spectra.flat_operator import FlatOperator, Operator
from curveball.spectra.result import Spectrum
from curveball.spectra.spectral_density import Density, spectral_density


def spectrum(
    operator: Operator,
    count: int = 10,
    end: str = "magnitude",
    probes: int = 6,
    steps: int = 40,
    tol: float = 1e-2,
    rng: Random = 0,
    exact: bool | None = None,
    progress: bool = False,
) -> Spectrum:
    """Return the spectrum of a symmetric operator, such as `mg.HessianOperator(f, params)` or `mg.GGNOperator(...)`.

    First the `count` eigenpairs at an `end` ("magnitude", "largest", "smallest" or "both"), to residuals of `tol` times
    the eigenvalue; then the density of all others by stochastic Lanczos quadrature, with `probes` random vectors and
    `steps` products for each. An operator with no more rows than this takes products is made dense instead, and all of
    it is exact (`exact` True or False decides otherwise). `progress` shows a bar on a terminal.

    The result has `eigenpairs`, `trace`, `log_determinant(damping)`, `sum_of(f)`, `count(low, high)`, `density_at(x)`,
    each with its error, and `plot(ax)`. ValueError for an operator that is not symmetric, or for a product that is not
    finite.

    Ghorbani, Krishnan, Xiao, "An Investigation into Neural Net Optimization via Hessian Eigenvalue Density", ICML 2019.

    >>> import minigrad as mg
    >>> H = mg.HessianOperator(lambda w: w["a"] ** 2 + 3.0 * w["b"] ** 2, {"a": np.array(1.0), "b": np.array(1.0)})
    >>> print(spectrum(H))
    Hessian of <lambda>: 2 eigenvalues in [2, 6], from 2 products
      trace 8
      above 1% of the largest: 2; below -1% of it: 0
                 6 ± 0
                 2 ± 0
    """
    check_count("count", count, 0)
    check_end(end)
    A = FlatOperator(operator, progress)
    try:
        if exact or (exact is None and A.size <= count + probes * steps):
            values, vectors = _dense(A)
            density = Density(values, 0, [], [])
            chosen = _at_end(values, count, end)
            values, vectors, errors = values[chosen], vectors[:, chosen], np.zeros(len(chosen))
        else:
            generated = generator(rng)
            values, vectors, errors = np.zeros(0), np.zeros((A.size, 0)), np.zeros(0)
            if count:
                values, vectors, errors = flat_eigenpairs(A, count, end, tol, generated)
            density = spectral_density(A, probes, steps, generated, values, vectors)
    finally:
        A.close()
    pairs = Eigenpairs(values, errors, [A.to_tree(v) for v in vectors.T])
    name = getattr(operator, "name", "operator")
    return Spectrum(name, A.size, A.products, pairs, density)


def _dense(A: FlatOperator) -> tuple[np.ndarray, np.ndarray]:
    """All eigenvalues in falling order, and the eigenvectors in the columns."""
    matrix = (A.at("matrix") @ np.eye(A.size, dtype=A.dtype)).astype(float)
    values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
    return values[::-1], vectors[:, ::-1]


def _at_end(values: np.ndarray, count: int, end: str) -> np.ndarray:
    """Where the eigenvalues at an end stand among all, which fall.

    >>> _at_end(np.array([3.0, 1.0, -2.0]), 2, "magnitude")
    array([0, 2])
    """
    n = len(values)
    count = min(count, n)
    if end == "magnitude":
        return np.sort(np.argsort(-np.abs(values), kind="stable")[:count])
    above = {"largest": count, "smallest": 0, "both": (count + 1) // 2}[end]
    return np.r_[0:above, n - (count - above) : n]
