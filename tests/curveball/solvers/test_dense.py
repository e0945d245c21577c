"""Matrices from their products, for one run and for several."""

import numpy as np

import minigrad as mg
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


class Curve:
    """A model that states its Jacobian, and counts how often it is asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, w):
        return {"a": w["x"] * w["x"], "b": w["x"][:1] * w["y"]}

    def jacobian(self, w):
        self.asked += 1
        x, y = w["x"], w["y"]
        return np.array([[2.0 * x[0], 0.0, 0.0], [0.0, 2.0 * x[1], 0.0], [y[0], 0.0, x[0]]])


def test_a_models_own_jacobian_makes_the_gauss_newton_matrix():
    """Of a loss that is no square, and of outputs that are a tree; without it, one product per column, and the same."""
    w = {"x": np.array([0.5, -2.0]), "y": np.array([3.0])}
    curve, ravel = Curve(), Ravel(w)

    def loss(y):
        return mg.sum(mg.cosh(y["a"])) + mg.sum(mg.exp(y["b"]))

    with_rows, without = mg.GGNOperator(curve, loss, w), mg.GGNOperator(lambda w: curve(w), loss, w)
    g = ravel.vector(without.gradient)
    found = dense_matrix(with_rows, ravel, g)
    assert curve.asked == 1
    np.testing.assert_allclose(found, dense_matrix(without, ravel, g), rtol=1e-13)
    assert curve.asked == 1
    assert without.rows is None


def test_aux_and_runs_have_one_product_per_column():
    """A stated Jacobian is for one run, and for outputs alone."""
    w = {"x": np.array([0.5, -2.0]), "y": np.array([3.0])}
    curve = Curve()

    class WithAux(Curve):
        def __call__(self, w):
            return Curve.__call__(self, w), None

    def loss(y):
        return mg.sum(y["a"])

    assert mg.GGNOperator(WithAux(), loss, w, has_aux=True).rows is None
    runs = mg.tree_map(lambda x: x[None], w)
    assert mg.GGNOperator(lambda w: w["x"], mg.independent_runs(lambda y: mg.sum(y * y, axis=-1)), runs).rows is None
    assert curve.asked == 0
