"""Conjugate gradients against SciPy's, iterate by iterate, and against dense solves."""

import numpy as np
import pytest
from scipy.sparse.linalg import cg

import minigrad as mg
from curveball import conjugate_gradient

N = 8


def spd(seed, n=N, spectrum=None):
    """A symmetric matrix of a given spectrum, 1 to 50 unless said."""
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]
    return (q * (np.geomspace(1.0, 50.0, n) if spectrum is None else np.asarray(spectrum))) @ q.T


def vector(seed, n=N):
    return np.random.default_rng([seed, 1]).standard_normal(n)


def product_of(matrix):
    return lambda v: (matrix @ v[..., None])[..., 0]


@pytest.mark.parametrize("from_zero", [True, False])
def test_iterates_are_scipys(from_zero):
    A, b = spd(0), vector(0)
    x0 = None if from_zero else vector(7)
    expected = []
    cg(A, b, x0=x0, rtol=0.0, maxiter=N - 1, callback=lambda x: expected.append(x.copy()))
    for k, x in enumerate(expected, start=1):
        found = conjugate_gradient(product_of(A), b, x0, tol=0.0, max_iter=k)
        np.testing.assert_allclose(found.x, x, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.residual_norm, np.linalg.norm(b - A @ x), rtol=1e-8)
        assert found.iterations == k
    assert len(expected) == N - 1


@pytest.mark.parametrize("tol", [0.5, 1e-2, 1e-6])
def test_stops_where_scipy_stops(tol):
    A, b = spd(1), vector(1)
    expected = []
    cg(A, b, rtol=tol, callback=lambda x: expected.append(x.copy()))
    found = conjugate_gradient(product_of(A), b, tol=tol)
    assert found.iterations == len(expected)
    assert np.linalg.norm(b - A @ found.x) <= tol * np.linalg.norm(b)
    np.testing.assert_allclose(found.x, expected[-1], rtol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_n_iterations_solve_the_system(seed):
    A, b = spd(seed), vector(seed)
    found = conjugate_gradient(product_of(A), b, tol=1e-12)
    np.testing.assert_allclose(found.x, np.linalg.solve(A, b), rtol=1e-8)
    assert not found.negative_curvature


def test_as_many_iterations_as_distinct_eigenvalues():
    A, b = spd(2, spectrum=[1.0] * 3 + [5.0] * 3 + [9.0] * 2), vector(2)
    assert conjugate_gradient(product_of(A), b, tol=1e-10).iterations == 3


def test_trees():
    # Sums over leaves are in another order than over a vector; an ill-conditioned system would blow that up.
    A, b = spd(3, spectrum=np.linspace(1.0, 4.0, N)), vector(3)
    x0 = vector(4)

    def tree(v):
        return {"a": v[:4].reshape(2, 2), "b": (v[4:], [])}

    def product(v):
        return tree(A @ np.concatenate([v["a"].ravel(), v["b"][0]]))

    found = conjugate_gradient(product, tree(b), tree(x0), tol=1e-3)
    flat = conjugate_gradient(product_of(A), b, x0, tol=1e-3)
    np.testing.assert_allclose(found.x["a"].ravel(), flat.x[:4], rtol=1e-12)
    np.testing.assert_allclose(found.x["b"][0], flat.x[4:], rtol=1e-12)
    assert found.x["b"][1] == []
    assert found.iterations == flat.iterations


def test_zero_right_hand_side():
    found = conjugate_gradient(product_of(spd(0)), np.zeros(N))
    assert not found.x.any()
    assert (found.residual_norm, found.iterations, found.negative_curvature) == (0.0, 0, False)


def test_a_start_at_the_solution_stays():
    A, b = spd(0), vector(0)
    x = np.linalg.solve(A, b)
    found = conjugate_gradient(product_of(A), b, x)
    assert found.iterations == 0
    np.testing.assert_array_equal(found.x, x)


def test_no_iterations():
    b = vector(0)
    found = conjugate_gradient(product_of(spd(0)), b, max_iter=0)
    assert not found.x.any()
    np.testing.assert_allclose(found.residual_norm, np.linalg.norm(b))


def test_negative_curvature_at_once():
    A, b = spd(0, spectrum=np.linspace(-8.0, -1.0, N)), vector(0)
    found = conjugate_gradient(product_of(A), b)
    np.testing.assert_array_equal(found.x, b)  # steepest descent of 1/2 x.A x - b.x at zero
    np.testing.assert_allclose(found.residual_norm, np.linalg.norm(b - A @ b))
    assert (found.negative_curvature, found.iterations) == (True, 1)
    x0 = vector(5)
    from_x0 = conjugate_gradient(product_of(A), b, x0)
    np.testing.assert_array_equal(from_x0.x, x0)
    assert (from_x0.negative_curvature, from_x0.iterations) == (True, 1)


def test_negative_curvature_later():
    A, b = np.diag([10.0, -1.0]), np.array([1.0, 0.1])
    found = conjugate_gradient(product_of(A), b, tol=1e-8)
    np.testing.assert_allclose(found.x, (b @ b) / (b @ A @ b) * b)  # the first iterate, p.A p > 0 still
    np.testing.assert_allclose(found.residual_norm, np.linalg.norm(b - A @ found.x))
    assert (found.negative_curvature, found.iterations) == (True, 2)


def test_zero_curvature_ends_it_too():
    found = conjugate_gradient(product_of(np.diag([1.0, 0.0])), np.array([0.0, 2.0]))
    assert found.negative_curvature
    np.testing.assert_array_equal(found.x, [0.0, 2.0])


def several():
    """Systems that end one after the other: solved at once, after 1 and 3, never, by negative curvature, by zero."""
    matrices = [
        np.eye(N),
        spd(1, spectrum=[1.0] * 4 + [2.0] * 2 + [7.0] * 2),
        spd(2, spectrum=np.geomspace(1.0, 1e6, N)),
        -np.eye(N),
        np.diag([10.0, -1.0] + [1.0] * (N - 2)),
        spd(3),
    ]
    rhs = [vector(k) for k in range(5)] + [np.zeros(N)]
    rhs[4] = np.array([1.0, 0.1] + [0.0] * (N - 2))
    return np.array(matrices), np.array(rhs)


@pytest.mark.parametrize("from_zero", [True, False])
@pytest.mark.parametrize("per_run", [True, False])
def test_runs_are_separate_systems(from_zero, per_run):
    A, b = several()
    x0 = None if from_zero else np.array([vector(k + 20) for k in range(len(b))])
    tols = np.geomspace(1e-2, 1e-10, len(b)) if per_run else np.full(len(b), 1e-6)
    together = conjugate_gradient(product_of(A), b, x0, tol=tols if per_run else 1e-6, runs=1)
    for k in range(len(b)):
        one = conjugate_gradient(product_of(A[k]), b[k], None if from_zero else x0[k], tol=tols[k])
        np.testing.assert_allclose(together.x[k], one.x, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(together.residual_norm[k], one.residual_norm, rtol=1e-6, atol=1e-13)
        assert together.iterations[k] == one.iterations
        assert together.negative_curvature[k] == one.negative_curvature
    if from_zero:
        assert together.iterations.tolist()[:2] == [1, 3]
        assert together.negative_curvature.tolist() == [False, False, False, True, True, False]


def test_two_axes_of_runs_and_trees():
    A = np.array([[spd(3 * i + j, 4) for j in range(3)] for i in range(2)])
    b = np.random.default_rng(0).standard_normal((2, 3, 4))

    def tree(v):
        return v[..., :1], v[..., 1:]

    def product(v):
        return tree(product_of(A)(np.concatenate(v, axis=-1)))

    found = conjugate_gradient(product, tree(b), tol=1e-12, runs=2)
    expected = np.linalg.solve(A, b[..., None])[..., 0]
    np.testing.assert_allclose(np.concatenate(found.x, axis=-1), expected, rtol=1e-9)
    assert found.residual_norm.shape == (2, 3)


def test_a_run_that_is_not_finite_leaves_the_others_alone():
    A, b = np.array([spd(0), spd(1)]), np.array([vector(0), np.full(N, np.nan)])
    found = conjugate_gradient(product_of(A), b, tol=1e-10, runs=1)
    np.testing.assert_allclose(found.x[0], np.linalg.solve(A[0], b[0]), rtol=1e-8)


def test_float32_stays():
    found = conjugate_gradient(product_of(spd(0).astype(np.float32)), vector(0).astype(np.float32), tol=1e-4)
    assert found.x.dtype == found.residual_norm.dtype == np.float32


def test_other_arrays(backend):
    """Without a look at the host all iterations run; those after the end change nothing."""
    A, b = several()
    matrices, rhs = backend.asarray(A), backend.asarray(b)
    options = {"tol": 1e-6, "max_iter": 100, "runs": 1}
    found = conjugate_gradient(lambda v: backend.matmul(matrices, v[..., None])[..., 0], rhs, **options)
    expected = conjugate_gradient(product_of(A), b, **options)
    for got, wanted in zip(found, expected, strict=True):
        for k in {*range(len(b))} - {2}:
            np.testing.assert_allclose(mg.to_numpy(got)[k], wanted[k], rtol=1e-12, atol=1e-12)
    # The third has condition number 1e6, its least eigenvalue is 1: there sums in another order show on the way, but
    # not in the end, where |x - A^-1 b| <= |b - A x|.
    error = mg.to_numpy(found.x)[2] - np.linalg.solve(A[2], b[2])
    assert np.linalg.norm(error) <= 1.01e-6 * np.linalg.norm(b[2])
    assert mg.to_numpy(found.residual_norm)[2] <= 1e-6 * np.linalg.norm(b[2])


@pytest.mark.parametrize(("name", "value"), [("tol", -1e-3), ("tol", float("nan")), ("max_iter", -1)])
def test_bad_arguments(name, value):
    with pytest.raises(ValueError, match=f"{name} must be zero or a positive number"):
        conjugate_gradient(product_of(spd(0)), vector(0), **{name: value})
