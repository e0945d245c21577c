"""Operators of trees: their algebra against that of dense matrices, on every library, and what they refuse."""

import numpy as np
import pytest

import minigrad as mg
from tests.support import small_network as net

X = np.random.default_rng(0).standard_normal((5, 3))
W = {"a": np.array([0.3, -0.2, 0.5]), "b": np.array(0.7)}


def model(w):
    return mg.tanh(X @ w["a"]) * w["b"]


def operators():
    """The Jacobian, its own Gauss-Newton matrix, and the Hessian of the same objective; each with its matrix."""
    _, J = mg.linearize(model, W)
    G = mg.GGNOperator(model, lambda y: 0.5 * (y @ y), W)
    H = mg.HessianOperator(lambda w: 0.5 * (model(w) @ model(w)), W)
    t = np.tanh(X @ W["a"])
    dense = np.column_stack([X * (1.0 - t**2)[:, None] * W["b"], t])
    second = np.zeros((4, 4))
    y = t * W["b"]
    second[:3, :3] = np.einsum("n,ni,nj->ij", y * W["b"] * -2.0 * t * (1.0 - t**2), X, X)
    second[:3, 3] = second[3, :3] = (y * (1.0 - t**2)) @ X
    return (J, dense), (G, dense.T @ dense), (H, dense.T @ dense + second)


(J, J_DENSE), (G, G_DENSE), (H, H_DENSE) = operators()
d = {"a": np.array([1.0, 2.0, 3.0]), "b": np.array(4.0)}
D, D_DENSE = mg.DiagonalOperator(d), np.diag([1.0, 2.0, 3.0, 4.0])

CASES = {
    "J": (J, J_DENSE),
    "J.T": (J.T, J_DENSE.T),
    "J.T.T": (J.T.T, J_DENSE),
    "G": (G, G_DENSE),
    "H": (H, H_DENSE),
    "D": (D, D_DENSE),
    "J.T @ H_L @ J": (J.T @ G.H_L @ J, G_DENSE),
    "J @ J.T": (J @ J.T, J_DENSE @ J_DENSE.T),
    "(J @ D).T": ((J @ D).T, D_DENSE @ J_DENSE.T),
    "H - G": (H - G, H_DENSE - G_DENSE),
    "G + D": (G + D, G_DENSE + D_DENSE),
    "(J + 2 J).T": ((J + 2.0 * J).T, 3.0 * J_DENSE.T),
    "-J": (-J, -J_DENSE),
    "np.float64(3) J": (np.float64(3.0) * J, 3.0 * J_DENSE),
    "J array(2)": (J * np.array(2.0), 2.0 * J_DENSE),
    "J / 4": (J / 4.0, J_DENSE / 4.0),
}


@pytest.mark.parametrize(("A", "dense"), CASES.values(), ids=CASES)
def test_they_are_the_matrices(A, dense):
    assert A.shape == dense.shape
    np.testing.assert_allclose(A.to_dense(), dense, atol=1e-14)
    flat = A.to_scipy()
    assert flat.shape == dense.shape
    assert flat.dtype == np.float64
    np.testing.assert_allclose(flat @ np.eye(dense.shape[1]), dense, atol=1e-14)
    np.testing.assert_allclose(flat.T @ np.eye(dense.shape[0]), dense.T, atol=1e-14)
    v = mg.Ravel(A.domain.build(A.domain.leaves)).tree(np.linspace(-1.0, 1.0, dense.shape[1]))
    ravel = mg.Ravel(A.codomain.build(A.codomain.leaves))
    for product in (A @ v, A(v), A.push(v), A.T.pull(v)):
        np.testing.assert_allclose(ravel.vector(product), dense @ np.linspace(-1.0, 1.0, dense.shape[1]), atol=1e-14)


def test_of_a_network():
    """The oracle is the complex step, in plain NumPy."""
    _, J = mg.linearize(net.model, net.START)
    np.testing.assert_allclose(J.to_dense(), net.J(net.vector(net.START)), atol=1e-14)


def test_of_several_arguments_and_none():
    _, J = mg.linearize(lambda x, y: {"z": x * y}, np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    dense = np.array([[3.0, 0.0, 1.0, 0.0], [0.0, 4.0, 0.0, 2.0]])
    np.testing.assert_array_equal(J.to_dense(), dense)
    np.testing.assert_array_equal((J @ J.T).to_dense(), dense @ dense.T)
    np.testing.assert_array_equal(J.to_scipy() @ np.eye(4), dense)
    np.testing.assert_array_equal((J @ (np.ones(2), np.ones(2)))["z"], [4.0, 6.0])
    assert mg.DiagonalOperator({}).to_dense().shape == (0, 0)


def test_float32_stays_float32():
    w = mg.tree_map(np.float32, W)
    w = {"a": W["a"].astype(np.float32), "b": np.float32(0.7)}
    _, J = mg.linearize(lambda w: mg.tanh(w["a"]) * w["b"], w)
    A = np.float64(2.0) * (J.T @ J) / np.float64(3.0) + np.array(0.5) * mg.DiagonalOperator(w)
    assert A.to_dense().dtype == A.to_scipy().dtype == (A @ w)["a"].dtype == np.float32


def test_on_another_library(backend):
    _, J = mg.linearize(lambda w: mg.exp(w["a"]) * w["b"], {"a": backend.ones(3), "b": backend.ones(())})
    A = J.T @ J + 0.5 * mg.DiagonalOperator({"a": backend.ones(3), "b": backend.ones(())})
    dense = A.to_dense()
    assert mg.namespace(dense) is mg.namespace(backend.ones(3))
    e = np.e
    want = np.array([[e * e + 0.5, 0, 0, e * e], [0, e * e + 0.5, 0, e * e], [0, 0, e * e + 0.5, e * e]])
    np.testing.assert_allclose(mg.to_numpy(dense)[:3], want, rtol=1e-6)
    np.testing.assert_allclose(A.to_scipy() @ np.eye(4), mg.to_numpy(dense), rtol=1e-6)


def test_operators_of_a_loss_can_be_differentiated():
    """`v.H v` of a combination, differentiated again: the third derivatives are those of closed form."""

    def f(w):
        A = 2.0 * mg.HessianOperator(lambda x: mg.sum(x**3), w) + mg.DiagonalOperator(w)
        return mg.sum(A @ np.ones(2))

    np.testing.assert_allclose(mg.grad(f)(np.array([1.0, 2.0])), [13.0, 13.0])


_, NARROW = mg.linearize(lambda w: mg.tanh(X[:, :2] @ w["a"]) * w["b"], {"a": W["a"][:2], "b": W["b"]})
REFUSED = {
    "sum of two shapes": (
        lambda: J + NARROW,
        ValueError,
        r"A \+ B: A and B take trees of one shape; got \(3,\), \(\) and \(2,\), \(\)",
    ),
    "sum of two structures": (lambda: G + mg.DiagonalOperator(np.ones(4)), TypeError, r"take trees of one structure"),
    "product that does not fit": (lambda: J @ J, TypeError, r"A @ B: A takes and B returns trees of one structure"),
    "two operators": (lambda: J * J, TypeError, "write A @ B for their product"),
    "an array": (lambda: G * np.ones(4), TypeError, r"one number; got an array of shape \(4,\). Write A @ v"),
    "an array, first": (lambda: np.ones(4) * G, TypeError, r"one number; got an array of shape \(4,\)"),
    "a word": (lambda: G * "2", TypeError, "one number; got str"),
    "a number added": (lambda: G + 1.0, TypeError, "unsupported operand"),
    "a vector of another length": (lambda: D @ {"a": np.ones(2), "b": 1.0}, ValueError, r"\['a'\] has shape \(2,\)"),
}


@pytest.mark.parametrize(("act", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_what_they_refuse(act, kind, message):
    with pytest.raises(kind, match=message):
        act()
