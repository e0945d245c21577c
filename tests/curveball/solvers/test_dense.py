"""Matrices from their products, for one run and for several."""

import numpy as np

from curveball.solvers.dense import dense_matrix
from minigrad import Ravel


def test_a_matrix_for_each_of_several_runs():
    matrices = np.random.default_rng(0).normal(size=(5, 2, 2))
    params = np.zeros((5, 2))
    found = dense_matrix(lambda v: np.einsum("rij,rj->ri", matrices, v), Ravel(params, 1), params)
    np.testing.assert_array_equal(found, matrices)
