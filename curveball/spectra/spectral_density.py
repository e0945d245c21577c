"""Sums over all eigenvalues by stochastic Lanczos quadrature.

For a unit vector `u` drawn uniformly, `E[n u.f(A) u] = sum_i f(h_i)`. Each probe `u` gives `u.f(A) u` for all functions
`f` at once, by Lanczos' method. Eigenvalues that are known are taken out first, with their eigenvectors `Q`: what is
left lives on the `n - k` dimensions orthogonal to `Q`, and has less variance, because outliers have the most.

Ubaru, Chen, Saad, SIAM Journal on Matrix Analysis and Applications 38(4), 2017; Lin, Saad, Yang, SIAM Review 58(1),
2016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from curveball.spectra.arguments import check_count
from curveball.spectra.estimate import Estimate
from curveball.spectra.flat_operator import FlatOperator
from curveball.spectra.lanczos import Quadrature, lanczos, quadrature

Function = Callable[[np.ndarray], np.ndarray]


class Density(NamedTuple):
    """The spectrum of an operator: eigenvalues that are known, and probes that have seen the others."""

    known: np.ndarray
    others: int  # how many eigenvalues are not known
    probes: list[Quadrature]
    shorter: list[Quadrature]  # with half of the steps, to see what the number of steps changes

    def sums(self, f: Function) -> np.ndarray:
        """`sum_i f(h_i)` as each probe estimates it, (probes, ...) for `f` from (m,) to (m, ...)."""
        return self._sums(f, self.probes)

    def sum_of(self, f: Function) -> Estimate:
        """`sum_i f(h_i) = tr f(A)`, with its error: that of the probes, and what half of the steps would change."""
        value, error = self.each_sum_of(f)
        return Estimate(float(value), float(error))

    def each_sum_of(self, f: Function) -> tuple[np.ndarray, np.ndarray]:
        """The same for several functions at once: sums (...) and their errors (...), for `f` from (m,) to (m, ...)."""
        samples = self.sums(f)
        mean = np.mean(samples, axis=0)
        if not self.others:
            return mean, np.zeros_like(mean)
        scatter = np.std(samples, axis=0, ddof=1) / len(samples) ** 0.5
        return mean, np.hypot(scatter, mean - np.mean(self._sums(f, self.shorter), axis=0))

    def _sums(self, f: Function, probes: list[Quadrature]) -> np.ndarray:
        known = np.sum(f(self.known), axis=0)
        if not self.others:
            return known[None]
        return np.stack([known + self.others * np.tensordot(p.weights, f(p.nodes), 1) for p in probes])


def spectral_density(
    A: FlatOperator,
    probes: int,
    steps: int,
    rng: np.random.Generator,
    known: np.ndarray | None = None,
    vectors: np.ndarray | None = None,
) -> Density:
    """Send `probes` random vectors through `steps` steps of Lanczos' method each.

    `known` are eigenvalues whose eigenvectors are the columns of `vectors`.

    >>> A = FlatOperator(np.diag(np.arange(1.0, 101.0)))
    >>> density = spectral_density(A, probes=10, steps=20, rng=np.random.default_rng(0))
    >>> print(density.sum_of(np.log))  # 363.74
    364 ± 4
    """
    check_count("probes", probes, 2)
    check_count("steps", steps, 4)
    known = np.zeros(0) if known is None else known
    Q = None if vectors is None or not vectors.size else np.linalg.qr(vectors)[0]
    others = A.size - len(known)
    whole, shorter = [], []
    for k in range(probes if others else 0):
        A.at(f"probe {k + 1} of {probes}")
        alpha, beta = lanczos(A, rng.standard_normal(A.size), min(steps, others), away_from=Q)
        m = max(1, len(alpha) // 2)
        whole.append(quadrature(alpha, beta))
        shorter.append(quadrature(alpha[:m], beta[: m - 1]))
    return Density(known, others, whole, shorter)
