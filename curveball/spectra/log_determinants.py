"""The log-determinant, which is the sum of the eigenvalues' logarithms."""

from __future__ import annotations

import numpy as np

from curveball.spectra.arguments import Random, generator
from curveball.spectra.estimate import Estimate
from curveball.spectra.flat_operator import FlatOperator, Operator
from curveball.spectra.spectral_density import Density, spectral_density


def log_determinant(
    operator: Operator, damping: float = 0.0, probes: int = 10, steps: int = 50, rng: Random = 0, progress: bool = False
) -> Estimate:
    """Return `log det(A + damping I)` of a symmetric operator, by stochastic Lanczos quadrature.

    It takes `probes * steps` products. The error is the standard error of the probes with what half of the steps
    would change. ValueError where an eigenvalue of `A + damping I` is seen that is not positive.

    Ubaru, Chen, Saad, SIAM Journal on Matrix Analysis and Applications 38(4), 2017.

    >>> A = np.diag(np.arange(1.0, 101.0))
    >>> print(log_determinant(A))  # log 100! = 363.74
    364 ± 4
    """
    A = FlatOperator(operator, progress)
    try:
        density = spectral_density(A, probes, steps, generator(rng))
    finally:
        A.close()
    return sum_of_logarithms(density, damping)


def sum_of_logarithms(density: Density, damping: float) -> Estimate:
    """`sum_i log(h_i + damping)`."""
    nodes = np.concatenate([density.known, *(p.nodes for p in density.probes)])
    if not nodes.min() + damping > 0.0:
        raise ValueError(
            f"the logarithm needs positive eigenvalues; the smallest that was seen is {nodes.min():.3g}, and damping "
            f"is {damping:g}: damping must be larger than {max(0.0, -nodes.min()):.3g}"
        )
    return density.sum_of(lambda h: np.log(h + damping))
