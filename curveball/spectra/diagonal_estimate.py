"""The diagonal from products with random signs: `E[z * A z] = diag(A)`, entry by entry.

    z_i (A z)_i = A_ii + sum_{j != i} A_ij z_i z_j,      var(z_i (A z)_i) = sum_{j != i} A_ij^2

for a vector `z` of random signs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from curveball.spectra.arguments import Random, check_count, generator
from curveball.spectra.flat_operator import FlatOperator, Operator
from minigrad import Tree


class DiagonalEstimate(NamedTuple):
    """The diagonal and its standard errors, trees like the params (vectors where the operator has no trees)."""

    values: Tree
    errors: Tree


def diagonal(operator: Operator, products: int = 100, rng: Random = 0, progress: bool = False) -> DiagonalEstimate:
    """Return the diagonal of a symmetric operator, estimated from `products` products, with standard errors.

    It is exact with at least as many products as rows. ValueError for fewer than two products.

    Bekas, Kokiopoulou, Saad, "An estimator for the diagonal of a matrix", Applied Numerical Mathematics 57, 2007.

    >>> diagonal(np.diag([1.0, 2.0, 3.0]), products=2)
    DiagonalEstimate(values=array([1., 2., 3.]), errors=array([0., 0., 0.]))
    """
    check_count("products", products, 2)
    generated = generator(rng)
    A = FlatOperator(operator, progress)
    try:
        A.at("diagonal")
        if products >= A.size:
            values = np.array([(A @ unit)[k] for k, unit in enumerate(np.eye(A.size, dtype=A.dtype))])
            return DiagonalEstimate(A.to_tree(values), A.to_tree(np.zeros(A.size)))
        mean, squares = np.zeros(A.size), np.zeros(A.size)  # Welford's recurrence: no sum of many squares cancels
        for k in range(1, products + 1):
            z = generated.choice([-1.0, 1.0], A.size)
            sample = z * (A @ z)
            change = sample - mean
            mean += change / k
            squares += change * (sample - mean)
    finally:
        A.close()
    return DiagonalEstimate(A.to_tree(mean), A.to_tree(np.sqrt(squares / (products - 1) / products)))
