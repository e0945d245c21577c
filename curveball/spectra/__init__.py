"""What does the curvature look like? Eigenvalues, spectral density, trace, diagonal, log-determinant.

All of them from products with a symmetric operator. None writes the matrix down, unless it is small.
"""

from curveball.spectra.diagonal_estimate import DiagonalEstimate, diagonal
from curveball.spectra.eigenpairs import Eigenpairs, extreme_eigenpairs
from curveball.spectra.estimate import Estimate
from curveball.spectra.log_determinants import log_determinant
from curveball.spectra.report import spectrum
from curveball.spectra.result import Spectrum
from curveball.spectra.trace_estimate import trace

__all__ = [
    "DiagonalEstimate", "Eigenpairs", "Estimate", "Spectrum", "diagonal", "extreme_eigenpairs", "log_determinant",
    "spectrum", "trace",
]  # fmt: skip
