"""Matrices from their products, for one run and for several."""

import numpy as np

from curveball.solvers.dense import dense_matrix, identity_like
from minigrad import Ravel


def test_a_matrix_for_each_of_several_runs():
    matrices = np.random.default_rng(0).normal(size=(5, 2, 2))
    params = np.zeros((5, 2))
    found = dense_matrix(lambda v: np.einsum("rij,rj->ri", matrices, v), Ravel(params, 1), params)
    np.testing.assert_array_equal(found, matrices)


def test_the_identity_has_the_size_of_each_of_several_matrices():
    np.testing.assert_array_equal(identity_like(np.ones((5, 2, 2))), np.eye(2))


def test_the_identity_for_runs_along_two_axes():
    np.testing.assert_array_equal(identity_like(np.ones((4, 5, 2, 2))), np.eye(2))
