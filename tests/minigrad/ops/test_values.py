"""Values of operations against NumPy and SciPy."""

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import minigrad as mg
from minigrad import nn
from minigrad.ops import linalg
from minigrad.ops.broadcasting import sum_to

RNG = np.random.default_rng(7)
X = RNG.normal(size=(3, 4, 5))
NUMPY_NAMES = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atanh": "arctanh",
    "atan2": "arctan2", "pow": "power", "concat": "concatenate",
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "exp", "expm1", "floor", "log",
     "log10", "log1p", "log2", "negative", "positive", "reciprocal", "round", "sign", "sin", "sinh", "sqrt", "square",
     "tan", "tanh"],
)  # fmt: skip
def test_functions_of_one_array(name):
    x = np.abs(X) % 1.0 + (1.0 if name == "acosh" else 0.0)
    np.testing.assert_allclose(getattr(mg, name)(x), getattr(np, NUMPY_NAMES.get(name, name))(x), rtol=1e-15)


@pytest.mark.parametrize(
    "name",
    ["add", "atan2", "copysign", "divide", "floor_divide", "hypot", "logaddexp", "maximum", "minimum", "multiply",
     "pow", "remainder", "subtract"],
)  # fmt: skip
def test_functions_of_two_arrays(name):
    a, b = np.abs(X), X[1] if name != "pow" else np.abs(X[1])
    np.testing.assert_array_equal(getattr(mg, name)(a, b), getattr(np, NUMPY_NAMES.get(name, name))(a, b))


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("sigmoid", scipy.special.expit),
        ("erf", scipy.special.erf),
        ("relu", lambda x: np.where(x > 0.0, x, 0.0)),
        ("softplus", lambda x: np.log1p(np.exp(x))),
    ],
)
def test_activations(name, oracle):
    np.testing.assert_allclose(getattr(mg, name)(X), oracle(X), rtol=1e-13)


def test_nothing_overflows():
    x = np.array([-1e4, -800.0, 0.0, 800.0, 1e4, np.inf])
    np.testing.assert_array_equal(mg.softplus(x), np.maximum(x, 0.0) + np.array([0, 0, np.log(2.0), 0, 0, 0]))
    np.testing.assert_array_equal(mg.sigmoid(x), [0.0, 0.0, 0.5, 1.0, 1.0, 1.0])
    np.testing.assert_allclose(mg.logsumexp(1000.0 + X), 1000.0 + scipy.special.logsumexp(X))
    np.testing.assert_allclose(nn.log_softmax(np.array([0.0, 1e4])), [-1e4, 0.0])
    np.testing.assert_array_equal(mg.grad(lambda x: mg.sum(mg.softplus(x)))(x[:-1]), [0.0, 0.0, 0.5, 1.0, 1.0])


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod", "max", "min"])
def test_reductions(name, axis, keepdims):
    got = getattr(mg, name)(X, axis=axis, keepdims=keepdims)
    want = getattr(np, name)(X, axis=axis, keepdims=keepdims)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-13)


@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_logsumexp(axis):
    np.testing.assert_allclose(mg.logsumexp(X, axis), scipy.special.logsumexp(X, axis), rtol=1e-14)


def test_variance_with_correction():
    np.testing.assert_allclose(mg.var(X, 1, correction=1), X.var(1, ddof=1))
    assert np.isnan(mg.std(np.ones(1), correction=1))


@pytest.mark.parametrize("name", ["max", "min", "sum", "prod", "cumulative_sum", "cumulative_prod", "sort"])
def test_integers_stay_integers(name):
    x = np.array([3, 1, 2])
    got = getattr(mg, name)(x)
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(got, getattr(np, name)(x))


def test_running_sums_and_products():
    for axis in (0, 1, -1):
        np.testing.assert_allclose(mg.cumulative_sum(X, axis), np.cumsum(X, axis))
        np.testing.assert_allclose(mg.cumulative_prod(X, axis), np.cumprod(X, axis))
    np.testing.assert_array_equal(mg.cumulative_sum(np.array([np.inf, 1.0]), include_initial=True), [0, np.inf, np.inf])
    np.testing.assert_array_equal(mg.cumulative_prod(np.array([2.0, 3.0]), include_initial=True), [1, 2, 6])
    np.testing.assert_array_equal(mg.diff(X, axis=1, n=2), np.diff(X, n=2, axis=1))
    np.testing.assert_array_equal(mg.diff(X), np.diff(X))


def test_reductions_of_nothing():
    empty = np.zeros((2, 0))
    np.testing.assert_array_equal(mg.sum(empty, 1), [0.0, 0.0])
    np.testing.assert_array_equal(mg.prod(empty, 1), [1.0, 1.0])
    assert np.isnan(mg.mean(empty))
    assert mg.cumulative_prod(np.zeros(0)).shape == (0,)
    with pytest.raises(ValueError, match=r"max over no entries: shape \(2, 0\), axis 1"):
        mg.max(empty, 1)


def test_shaping():
    same = np.testing.assert_array_equal
    same(mg.moveaxis(X, (0, 2), (1, 0)), np.moveaxis(X, (0, 2), (1, 0)))
    same(mg.expand_dims(X, (0, -1)), np.expand_dims(X, (0, -1)))
    same(mg.roll(X, (1, -7), (0, 2)), np.roll(X, (1, -7), (0, 2)))
    same(mg.roll(X, 3), np.roll(X, 3))
    same(mg.flip(X, (0, 1)), np.flip(X, (0, 1)))
    same(mg.tile(X, (2, 1)), np.tile(X, (2, 1)))
    same(mg.tile(X[0, 0], (2, 3)), np.tile(X[0, 0], (2, 3)))
    same(mg.repeat(X, 2, axis=1), np.repeat(X, 2, axis=1))
    same(mg.repeat(X, 2), np.repeat(X, 2))
    same(mg.pad(X, ((0, 1), (2, 0), (1, 1))), np.pad(X, ((0, 1), (2, 0), (1, 1))))
    same(mg.triu(X, -1), np.triu(X, -1))
    same(mg.concat([X, X], axis=None), np.concatenate([X, X], axis=None))
    same(mg.stack(mg.unstack(X, axis=1), axis=1), X)
    for a, b in zip(mg.broadcast_arrays(X, X[0, 0], X[:1]), np.broadcast_arrays(X, X[0, 0], X[:1]), strict=True):
        same(a, b)


def test_sorting_and_taking():
    same = np.testing.assert_array_equal
    for axis in (0, 1, -1):
        order = np.argsort(X, axis)
        same(mg.sort(X, axis), np.sort(X, axis))
        same(mg.sort(X, axis, descending=True), -np.sort(-X, axis))
        same(mg.take_along_axis(X, order - X.shape[axis], axis), np.take_along_axis(X, order, axis))
        same(mg.take(X, np.array([0, 2, 2, -1]), axis), np.take(X, [0, 2, 2, -1], axis))


def test_index_update_and_add_as_numpy_assigns():
    index, value = np.array([0, 2, 0, -1]), np.array([1.0, 2.0, 3.0, 4.0])
    assigned, added = X[0, 0].copy(), X[0, 0].copy()
    assigned[index] = value
    np.add.at(added, index, value)
    np.testing.assert_array_equal(mg.index_update(X[0, 0], index, value), assigned)
    np.testing.assert_allclose(mg.index_add(X[0, 0], index, value), added, rtol=1e-15)
    masked = X.copy()
    masked[X > 0.0] = 7.0
    np.testing.assert_array_equal(mg.index_update(X, X > 0.0, 7.0), masked)
    np.testing.assert_array_equal(mg.index_update(np.array([1, 2]), 0, 5), [5, 2])
    assert mg.index_update(np.zeros(2, np.float32), 0, np.ones((), np.float64)).dtype == np.float32


def test_products():
    a, b = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(4, 3, 5))
    np.testing.assert_allclose(mg.tensordot(a, b, ((1, 2), (1, 0))), np.tensordot(a, b, ((1, 2), (1, 0))), rtol=1e-13)
    np.testing.assert_allclose(mg.tensordot(a, b, ((-1,), (0,))), np.tensordot(a, b, ((-1,), (0,))), rtol=1e-13)
    np.testing.assert_allclose(mg.vecdot(X, X[0, 0]), X @ X[0, 0], rtol=1e-13)
    np.testing.assert_array_equal(mg.outer(X[0, 0], X[0, 1]), np.outer(X[0, 0], X[0, 1]))


def test_linear_algebra():
    a = RNG.normal(size=(2, 4, 4)) + 3.0 * np.eye(4)
    spd = a @ a.mT
    close = np.testing.assert_allclose
    close(linalg.solve(a, a @ X[0, :, :2]), np.broadcast_to(X[0, :, :2], (2, 4, 2)), rtol=1e-12)
    close(linalg.inv(a) @ a, np.broadcast_to(np.eye(4), a.shape), atol=1e-13)
    close(linalg.cholesky(spd), np.stack([scipy.linalg.cholesky(s, lower=True) for s in spd]), rtol=1e-12)
    close(linalg.det(a), np.linalg.det(a), rtol=1e-13)
    close(linalg.slogdet(-a[:, :3, :3]), np.linalg.slogdet(-a[:, :3, :3]), rtol=1e-13)
    close(linalg.matrix_power(a, 6), np.linalg.matrix_power(a, 6), rtol=1e-12)
    for offset in range(-5, 6):
        np.testing.assert_array_equal(linalg.diagonal(X, offset), np.diagonal(X, offset, 1, 2))
        close(linalg.trace(X, offset), np.trace(X, offset, 1, 2), atol=1e-15)
    for order in (1, 2, 3, np.inf, -np.inf):
        close(linalg.vector_norm(X, 1, ord=order), np.linalg.norm(X, ord=order, axis=1), rtol=1e-13)


@pytest.mark.parametrize("axis", [0, (0,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_over_many_rows(axis, keepdims):
    """Large sums over leading axes take another way to the same numbers."""
    x = RNG.normal(size=(41, 43, 47))
    np.testing.assert_allclose(mg.sum(x, axis, keepdims), np.sum(x, axis, keepdims=keepdims), rtol=1e-11, atol=1e-11)
    assert mg.sum(x.astype(np.float32), axis, keepdims).dtype == np.float32
    assert mg.sum(np.ones((300, 300), np.int64), 0)[0] == 300


@pytest.mark.parametrize("shape", [3, [3], (3,), np.array([3])], ids=str)
def test_an_array_that_has_the_shape_is_not_broadcast(shape):
    x = np.arange(3.0)
    assert mg.broadcast_to(x, shape) is x
    np.testing.assert_array_equal(mg.broadcast_to(1.0, shape), np.ones(3))


def test_astype_copies_unless_told_otherwise():
    x = np.arange(3.0)
    assert not np.shares_memory(mg.astype(x, mg.float64), x)
    assert np.shares_memory(mg.astype(x, mg.float64, copy=False), x)


@pytest.mark.parametrize(
    ("a", "b", "axis"),
    [
        ((3, 3), (3,), 0),  # columns of a with b, not the entries that stand below one another
        ((3,), (3, 3), 0),
        ((3, 2), (3, 2), 0),
        ((2, 3, 4), (3, 4), -2),
        ((2, 3, 4), (2, 3, 1), 1),
        ((2, 3, 4), (4,), -1),
        ((3, 4), (3, 4), 1),
    ],
)
def test_vecdot_is_numpys_along_any_axis(a, b, axis):
    a, b = RNG.normal(size=a), RNG.normal(size=b)
    np.testing.assert_allclose(mg.vecdot(a, b, axis=axis), np.vecdot(a, b, axis=axis), rtol=1e-13)


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logic_of_two_arrays(name):
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    np.testing.assert_array_equal(getattr(mg, name)(a, b), getattr(np, name)(a, b))
    np.testing.assert_array_equal(mg.logical_not(a), [False, False, True, True])


def test_a_new_axis_is_the_first_by_default():
    assert mg.expand_dims(X).shape == (1, *X.shape)


def test_sums_down_to_a_shape_with_fewer_axes_and_ones():
    np.testing.assert_allclose(sum_to(X, (1, 5)), X.sum((0, 1))[None, :], rtol=1e-13)
    np.testing.assert_allclose(sum_to(X[:, :, :1], (1, 1)), X[:, :, :1].sum((0, 1))[None, :], rtol=1e-13)
    np.testing.assert_allclose(sum_to(X, (4, 1)), X.sum((0, 2))[:, None], rtol=1e-13)


def test_fifty_points_by_default():
    assert mg.linspace(0.0, 1.0).shape == (50,)


def test_a_list_is_no_array_to_repeat():
    with pytest.raises(TypeError, match="repeat"):
        mg.repeat([1.0, 2.0], 2)


def test_a_transpose_is_applied_both_ways():
    scale = mg.Linear(lambda t: 2.0 * t, lambda c: 3.0 * c)
    assert (scale.T.push(1.0), scale.T.pull(1.0), scale.T.T is scale) == (3.0, 2.0, True)


# ------------------------------------------------------------------------------------- sums in another dtype

SUMS = pytest.mark.parametrize("name", ["sum", "prod", "cumulative_sum", "cumulative_prod"])


@SUMS
def test_sums_in_another_dtype(name):
    x = np.array([1.1, 2.3, -0.7], np.float32)
    f, reference = getattr(mg, name), getattr(np, name)
    np.testing.assert_array_equal(f(x, dtype=mg.float64), reference(x, axis=0, dtype=np.float64), strict=True)
    y, J = mg.linearize(lambda x: f(x, dtype=mg.float64), x)
    assert y.dtype == J(x).dtype == np.float64
    assert J.T(y).dtype == np.float32
    mg.check_derivatives(lambda x: f(x, dtype="float64"), x)
    assert f(x).dtype == np.float32
    assert f(x.astype(np.float64), dtype=mg.float32).dtype == np.float32


@SUMS
def test_sums_of_integers_in_another_dtype(name):
    x = np.array([3, 1, 2])
    for dtype in (np.float32, np.int32):
        got = getattr(mg, name)(x, dtype=dtype)
        np.testing.assert_array_equal(got, getattr(np, name)(x, dtype=dtype), strict=True)
    assert mg.sum(np.array([True, True]), dtype=mg.int64) == 2


def test_many_small_numbers_keep_their_digits_in_a_wider_sum():
    x = np.full(100_000, 0.1, np.float32)
    exact = 100_000 * float(np.float32(0.1))
    assert float(mg.sum(x, dtype=mg.float64)) == pytest.approx(exact, rel=1e-12)
    assert float(mg.cumulative_sum(x, dtype=mg.float64)[-1]) == pytest.approx(exact, rel=1e-11)


@SUMS
def test_dtypes_of_sums_on_other_libraries(name, backend):
    x = backend.asarray([1.5, 0.5], dtype=backend.float32)
    assert getattr(mg, name)(x, dtype=mg.float64).dtype == backend.float64
