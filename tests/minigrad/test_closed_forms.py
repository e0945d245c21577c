"""Curvature of models whose Hessians are known: everything expected here is written in plain NumPy."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

RNG = np.random.default_rng(11)
N, D, K = 12, 3, 4
X = RNG.normal(size=(N, D))
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def dense(operator, n):
    return np.stack([operator(e) for e in np.eye(n)], axis=1)


def check_curvature(model, loss, w, hessian, ggn):
    """Operators, dense derivatives and products against matrices over the flat parameters."""
    n = w.size

    def f(w):
        return loss(model(w))

    def flat(operator):
        return lambda e: operator(e.reshape(w.shape)).ravel()

    for got in (
        dense(flat(mg.HessianOperator(f, w)), n),
        dense(flat(lambda v: mg.hvp(f, w, v)), n),
        mg.hessian(f)(w).reshape(n, n),
        mg.hessian(f, "reverse-over-reverse")(w).reshape(n, n),
        mg.HessianOperator(f, w).to_scipy() @ np.eye(n),
    ):
        np.testing.assert_allclose(got, hessian, **CLOSE)
    for got in (
        dense(flat(mg.GGNOperator(model, loss, w)), n),
        dense(flat(lambda v: mg.ggnvp(model, loss, w, v)), n),
        mg.GGNOperator(model, loss, w).to_scipy() @ np.eye(n),
    ):
        np.testing.assert_allclose(got, ggn, **CLOSE)


def test_linear_regression():
    targets = RNG.normal(size=(N, 2))
    H = np.kron(2.0 / N * X.T @ X, np.eye(2))  # sum over features, mean over the batch
    check_curvature(lambda w: X @ w, lambda y: nn.squared_error(y, targets), RNG.normal(size=(D, 2)), H, H)


def test_logistic_regression():
    t = RNG.integers(0, 2, size=N).astype(float)
    w = RNG.normal(size=D)
    p = sigmoid(X @ w)
    H = X.T @ ((p * (1.0 - p))[:, None] * X) / N
    check_curvature(lambda w: X @ w, lambda z: mg.mean(mg.softplus(z) - t * z), w, H, H)
    np.testing.assert_allclose(mg.grad(lambda w: mg.mean(mg.softplus(X @ w) - t * (X @ w)))(w), X.T @ (p - t) / N)


def test_softmax_regression():
    labels = RNG.integers(0, K, size=N)
    w = RNG.normal(size=(D, K))
    p = softmax(X @ w)
    H = np.einsum("na,nb,nkl->akbl", X, X, p[:, :, None] * np.eye(K) - p[:, :, None] * p[:, None, :]) / N
    H = H.reshape(D * K, D * K)
    for given in (labels, np.eye(K)[labels]):
        check_curvature(lambda w: X @ w, lambda y, t=given: nn.cross_entropy(y, t), w, H, H)
    gradient = mg.grad(lambda w: nn.cross_entropy(X @ w, labels))(w)
    np.testing.assert_allclose(gradient, X.T @ (p - np.eye(K)[labels]) / N, **CLOSE)


def test_a_nonlinear_model_has_a_hessian_beyond_its_gauss_newton_matrix():
    """sum_i (exp(x_i w) - t_i)^2 / N in one parameter per column: H = G + 2/N sum r x x^T exp(x w)."""
    t = RNG.normal(size=N)
    w = 0.3 * RNG.normal(size=D)
    y = np.exp(X @ w)
    G = 2.0 / N * X.T @ ((y * y)[:, None] * X)
    H = G + 2.0 / N * X.T @ (((y - t) * y)[:, None] * X)
    check_curvature(lambda w: mg.exp(X @ w), lambda y: mg.mean((y - t) ** 2), w, H, G)


def test_rosenbrock():
    x, y = -1.2, 1.0
    w = np.array([x, y])

    def f(w):
        return (1.0 - w[0]) ** 2 + 100.0 * (w[1] - w[0] ** 2) ** 2

    np.testing.assert_allclose(mg.grad(f)(w), [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])
    np.testing.assert_allclose(mg.hessian(f)(w), [[2 - 400 * (y - 3 * x * x), -400 * x], [-400 * x, 200]])


def test_batch_norm_hessian_product_differentiates_the_deviation():
    """y = c / s with c = x - mean and s^2 = mean c^2, its first and second derivatives along v from NumPy."""
    n, u = 7, RNG.normal(size=(7, 1))
    x, v = RNG.normal(size=(n, 1)), RNG.normal(size=(n, 1))
    one = np.ones(1)

    def f(x):
        return mg.sum(u * nn.batch_norm(x, one, 0.0 * one, eps=0.0)[0])

    c, d = x - x.mean(), v - v.mean()
    s2, a, b = np.mean(c * c), np.mean(c * d), np.mean(d * d)
    # along x + t v:  c + t d,  s^2(t) = s2 + 2 t a + t^2 b
    first = d / s2**0.5 - c * a / s2**1.5
    second = -2.0 * d * a / s2**1.5 + c * (3.0 * a**2 / s2**2.5 - b / s2**1.5)
    np.testing.assert_allclose(mg.jvp(f, (x,), (v,))[1], np.sum(u * first), rtol=1e-12)
    np.testing.assert_allclose(np.sum(v * mg.hvp(f, x, v)), np.sum(u * second), rtol=1e-11)
    h = 1e-5
    quotient = (mg.grad(f)(x + h * v) - mg.grad(f)(x - h * v)) / (2.0 * h)
    np.testing.assert_allclose(mg.hvp(f, x, v), quotient, rtol=1e-7, atol=1e-7)


def test_cholesky_of_a_two_by_two():
    """L = [[sqrt(a), 0], [b / sqrt(a), sqrt(c - b^2 / a)]]."""
    a, b, c = 2.0, 0.5, 1.5

    def last(w):
        return mg.linalg.cholesky(mg.stack([mg.stack([w[0], w[1]]), mg.stack([w[1], w[2]])]))[1, 1]

    s = (c - b * b / a) ** 0.5
    np.testing.assert_allclose(mg.grad(last)(np.array([a, b, c])), [b * b / (2 * a * a * s), -b / (a * s), 0.5 / s])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_operators_for_scipy(dtype):
    """Flat on the host, in the order of the leaves, in the dtype of the parameters."""
    params = {"b": np.ones(2, dtype), "a": [np.asarray(2.0, dtype)]}
    H = mg.HessianOperator(lambda p: p["a"][0] ** 2 * mg.sum(p["b"] ** 2), params).to_scipy()
    assert H.shape == (3, 3)
    assert repr(mg.HessianOperator(mg.sum, X)) == f"<Hessian of sum, {N * D} x {N * D}>"
    assert H.dtype == dtype
    matrix = H @ np.eye(3, dtype=dtype)
    assert matrix.dtype == dtype
    np.testing.assert_allclose(matrix, [[4, 8, 8], [8, 8, 0], [8, 0, 8]])
    np.testing.assert_allclose(H.T @ np.ones(3, dtype), matrix.sum(0))
