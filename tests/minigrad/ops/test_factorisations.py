"""Factorisations: values against NumPy's, derivatives against closed forms, and where there are none."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import linalg

RNG = np.random.default_rng(4)
TALL, WIDE, SQUARE = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 4)), RNG.normal(size=(3, 3))
STACK = RNG.normal(size=(2, 4, 3))
MATRICES = pytest.mark.parametrize("a", [TALL, WIDE, SQUARE, STACK], ids=["tall", "wide", "square", "stack"])


def traced(f, a):
    """The value that a function has while its derivative is taken."""
    return mg.linearize(f, a)[0]


# ------------------------------------------------------------------------------------- values


@MATRICES
def test_values_with_and_without_a_derivative(a):
    for f in (lambda a: linalg.svd(a, full_matrices=False), linalg.qr):
        for got, want in zip(traced(f, a), f(a), strict=True):
            np.testing.assert_allclose(got, want, atol=1e-14)
    for f, reference in ((linalg.svdvals, np.linalg.svdvals), (linalg.pinv, np.linalg.pinv)):
        np.testing.assert_allclose(f(a), reference(a), atol=1e-13)
        np.testing.assert_allclose(traced(f, a), reference(a), atol=1e-13)
    for ord in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        for keepdims in (False, True):
            want = np.linalg.matrix_norm(a, ord=ord, keepdims=keepdims)
            np.testing.assert_allclose(linalg.matrix_norm(a, ord=ord, keepdims=keepdims), want, rtol=1e-13)


def test_values_of_symmetric_matrices():
    a = SQUARE + SQUARE.T
    w, V = traced(linalg.eigh, a)
    np.testing.assert_allclose(w, np.linalg.eigvalsh(a), atol=1e-14)
    np.testing.assert_allclose(V @ np.diag(w) @ V.T, a, atol=1e-14)
    np.testing.assert_array_equal(linalg.eigvalsh(SQUARE), np.linalg.eigvalsh(0.5 * a))
    assert linalg.eigh(a).eigenvectors.shape == (3, 3)


def test_full_factors_of_constants():
    U, S, Vh = linalg.svd(TALL)
    assert (U.shape, S.shape, Vh.shape) == ((4, 4), (3,), (3, 3))
    Q, R = linalg.qr(TALL, mode="complete")
    assert (Q.shape, R.shape) == ((4, 4), (4, 3))
    np.testing.assert_allclose(Q @ R, TALL, atol=1e-14)


# ------------------------------------------------------------------------------------- closed forms


def test_the_gradient_of_an_eigenvalue_is_an_outer_product():
    a = SQUARE + SQUARE.T
    w, V = np.linalg.eigh(a)
    for k in range(3):
        np.testing.assert_allclose(mg.grad(lambda a, k=k: linalg.eigvalsh(a)[k])(a), np.outer(V[:, k], V[:, k]))
    v = RNG.normal(size=(3, 3))
    v = v + v.T
    second = 2.0 * sum((V[:, 0] @ v @ V[:, j]) ** 2 / (w[0] - w[j]) for j in (1, 2))  # of the lowest one
    np.testing.assert_allclose(np.sum(v * mg.hvp(lambda a: linalg.eigvalsh(a)[0], a, v)), second)


def test_functions_of_all_eigenvalues_are_functions_of_the_matrix():
    a = SQUARE @ SQUARE.T + np.eye(3)
    f, g = lambda a: mg.sum(mg.log(linalg.eigvalsh(a))), lambda a: linalg.slogdet(0.5 * (a + a.mT)).logabsdet
    v = RNG.normal(size=(3, 3))
    np.testing.assert_allclose(mg.grad(f)(a), mg.grad(g)(a), rtol=1e-11)
    np.testing.assert_allclose(mg.hvp(f, a, v), mg.hvp(g, a, v), rtol=1e-10)


@MATRICES
def test_what_is_put_together_again_is_the_matrix(a):
    def from_svd(a):
        U, S, Vh = linalg.svd(a, full_matrices=False)
        return (U * S[..., None, :]) @ Vh

    def from_qr(a):
        Q, R = linalg.qr(a)
        return Q @ R

    v = RNG.normal(size=a.shape)
    for f in (from_svd, from_qr, lambda a: a @ linalg.pinv(a) @ a):
        y, J = mg.linearize(f, a)
        for got, want in ((y, a), (J(v), v), (J.T(v), v)):
            np.testing.assert_allclose(got, want, atol=1e-11)
        second = mg.jvp(lambda a, f=f: mg.jvp(f, (a,), (v,))[1], (a,), (v,))[1]
        np.testing.assert_allclose(second, 0.0, atol=1e-10)


def test_the_pseudoinverse_of_independent_columns_is_a_solution_of_normal_equations():
    normal = lambda a: linalg.solve(a.mT @ a, a.mT)  # noqa: E731
    v = RNG.normal(size=TALL.shape)
    for f in (lambda a: mg.sum(mg.sin(linalg.pinv(a))),):
        g = lambda a: mg.sum(mg.sin(normal(a)))  # noqa: E731
        np.testing.assert_allclose(mg.grad(f)(TALL), mg.grad(g)(TALL), rtol=1e-10)
        np.testing.assert_allclose(mg.hvp(f, TALL, v), mg.hvp(g, TALL, v), rtol=1e-9)


@MATRICES
def test_norms_of_singular_values(a):
    U, _, Vh = np.linalg.svd(a, full_matrices=False)
    nuclear = mg.grad(lambda a: mg.sum(linalg.matrix_norm(a, ord="nuc")))(a)
    np.testing.assert_allclose(nuclear, U @ Vh, atol=1e-12)
    largest = mg.grad(lambda a: mg.sum(linalg.matrix_norm(a, ord=2)))(a)
    np.testing.assert_allclose(largest, U[..., :, :1] @ Vh[..., :1, :], atol=1e-12)


# ------------------------------------------------------------------------------------- where there is none

TWICE = np.diag([1.0, 2.0, 2.0])
TURN = np.linalg.qr(SQUARE)[0]
DEFICIENT = np.array([[1.0, 2.0, 0.0], [2.0, 4.0, 1.0], [3.0, 6.0, 5.0]])
REFUSED = {
    "eigh": (linalg.eigh, TWICE, "eigh: eigenvalues 1 and 2 are equal (2): their vectors turn freely"),
    "eigh-turned": (linalg.eigh, TURN @ TWICE @ TURN.T, "eigh: eigenvalues 1 and 2 are equal (2)"),
    "eigh-zero": (linalg.eigh, np.zeros((2, 2)), "eigh: eigenvalues 0 and 1 are equal (0)"),
    "eigh-stack": (linalg.eigh, np.stack([SQUARE, TWICE]), "eigh: eigenvalues 1 and 2 of matrix [1] are equal (2)"),
    "eigvalsh": (linalg.eigvalsh, TWICE, "eigvalsh: eigenvalues 1 and 2 are equal (2)"),
    "svd-equal": (linalg.svd, -TWICE, "svd: singular values 0 and 1 are equal (2)"),
    "svd-rank": (linalg.svd, DEFICIENT, "svd: the rank is 2, less than 3"),
    "svd-full": (linalg.svd, TALL, "full_matrices=True adds vectors that have no derivative: give full_matrices=False"),
    "svdvals": (linalg.svdvals, np.zeros((2, 3)), "svdvals: the rank is 0, less than 2"),
    "nuclear": (lambda a: linalg.matrix_norm(a, ord="nuc"), np.eye(2), "svdvals: singular values 0 and 1 are equal"),
    "pinv": (linalg.pinv, DEFICIENT, "pinv: the rank is 2, less than 3"),
    "pinv-rtol": (lambda a: linalg.pinv(a, rtol=0.9), np.diag([3.0, 1.0]), "pinv: the rank is 1, less than 2"),
    "pinv-stack": (linalg.pinv, np.stack([SQUARE, DEFICIENT]), "pinv: the rank of matrix [1] is 2, less than 3"),
    "qr": (linalg.qr, DEFICIENT, "qr: column 1 depends on those before it"),
    "qr-complete": (lambda a: linalg.qr(a, "complete"), TALL, "mode='complete' adds columns that have no derivative"),
    "qr-mode": (lambda a: linalg.qr(a, "r"), TALL, "qr: mode must be 'reduced' or 'complete'; got 'r'"),
    "norm": (lambda a: linalg.matrix_norm(a, ord=3), TALL, "matrix_norm: ord must be 'fro', 'nuc', 1, 2, inf or"),
    "norm-vector": (linalg.matrix_norm, np.ones(3), "matrix_norm needs matrices; got shape (3,): take vector_norm(x)"),
    "svd-vector": (linalg.svd, np.ones(3), "svd needs matrices; got shape (3,)"),
    "eigh-tall": (linalg.eigh, TALL, "eigh needs square matrices; got shape (4, 3)"),
}


@pytest.mark.parametrize(("f", "a", "message"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_derivative_is_refused_by_name(f, a, message):
    for transform in (lambda: mg.linearize(f, a), lambda: mg.jvp(f, (a,), (a,))):
        with pytest.raises(ValueError) as caught:  # noqa: PT011  # the message is compared below
            transform()
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["eigh", "svd-equal", "svd-rank", "pinv", "qr", "nuclear", "svd-full"])
def test_their_values_are_given(name):
    f, a, _ = REFUSED[name]
    assert all(np.isfinite(x).all() for x in mg.tree_flatten(f(a))[0])


@pytest.mark.parametrize("name", ["eigh", "svd-rank", "pinv", "qr"])
def test_on_other_libraries_what_cannot_be_seen_is_not_waited_for(name, backend):
    """An error where the entries are at hand; else numbers, which nobody asked the device for."""
    f, a, message = REFUSED[name]
    x = backend.asarray(a.tolist(), dtype=backend.float64)
    if mg.backend_name(backend).partition(".")[0] in ("jax", "torch"):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            mg.linearize(f, x)
        assert message in str(caught.value)
    elif name != "pinv":
        with np.errstate(all="ignore"):
            assert mg.linearize(f, x)[0] is not None


def test_nearly_equal_eigenvalues_have_large_slopes_and_no_error():
    w, V = mg.jvp(linalg.eigh, (np.diag([1.0, 1.0 + 1e-6]),), (np.array([[0.0, 1.0], [1.0, 0.0]]),))[1]
    np.testing.assert_allclose(w, 0.0, atol=1e-12)
    np.testing.assert_allclose(np.abs(V), [[0.0, 1e6], [1e6, 0.0]], rtol=1e-8)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_tiny_and_huge_matrices(size):
    f = lambda a: mg.concat([linalg.svd(a).U, linalg.eigh(a).eigenvectors, linalg.qr(a).Q])  # noqa: E731
    y, J = mg.linearize(f, size * SQUARE)
    plain, J_plain = mg.linearize(f, SQUARE)
    np.testing.assert_allclose(y, plain, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(J(size * np.ones((3, 3))), J_plain(np.ones((3, 3))), rtol=1e-9, atol=1e-12)


def test_nan_is_no_tie():
    with np.errstate(invalid="ignore"):
        assert linalg.qr(np.full((2, 2), np.nan)).R.shape == (2, 2)
        assert np.isnan(mg.grad(lambda a: mg.sum(linalg.qr(a).R))(np.full((2, 2), np.nan))).all()
