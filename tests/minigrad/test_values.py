"""Values against NumPy, SciPy and loops that spell the definition out."""

import itertools

import numpy as np
import pytest
import scipy.linalg
import scipy.special
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.backends import backend_of
from minigrad.ops import linalg

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


# ------------------------------------------------------------------------------------- networks


def padded(x, pads, fill):
    return np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)


def windows(x, size, stride):
    """Every window of images that are padded already: (row, column, window of all images and channels)."""
    rows = range(0, x.shape[1] - size[0] + 1, stride[0])
    columns = range(0, x.shape[2] - size[1] + 1, stride[1])
    for (i, r), (j, c) in itertools.product(enumerate(rows), enumerate(columns)):
        yield i, j, x[:, r : r + size[0], c : c + size[1]]


def by_windows(x, size, stride, pads, fill, reduce):
    parts = {(i, j): reduce(part) for i, j, part in windows(padded(x, pads, fill), size, stride)}
    rows, columns = (max(k) + 1 for k in zip(*parts, strict=True))
    return np.stack([np.stack([parts[i, j] for j in range(columns)], axis=1) for i in range(rows)], axis=1)


GEOMETRIES = [
    ((6, 5), (3, 3), (1, 1), 0, ((0, 0), (0, 0))),
    ((6, 5), (3, 2), (2, 1), (1, 1), ((1, 1), (1, 1))),
    ((5, 7), (2, 3), (2, 2), ((1, 0), (0, 2)), ((1, 0), (0, 2))),
    ((6, 5), (3, 3), (2, 2), "same", ((0, 1), (1, 1))),
    ((6, 5), (4, 2), (1, 1), "same", ((1, 2), (0, 1))),
    ((7, 7), (2, 2), (3, 3), "valid", ((0, 0), (0, 0))),
]
GEOMETRY = pytest.mark.parametrize(("size", "window", "stride", "padding", "pads"), GEOMETRIES)


@GEOMETRY
def test_conv2d_is_a_sum_over_windows(size, window, stride, padding, pads):
    x, w = RNG.normal(size=(2, *size, 3)), RNG.normal(size=(*window, 3, 4))
    want = by_windows(x, window, stride, pads, 0.0, lambda part: np.einsum("nabc,abco->no", part, w))
    np.testing.assert_allclose(nn.conv2d(x, w, stride, padding), want, rtol=1e-12, atol=1e-13)


@GEOMETRY
def test_pools_reduce_windows(size, window, stride, padding, pads):
    x = RNG.normal(size=(2, *size, 3)) - 3.0  # so that a padding of zeros would win
    largest = by_windows(x, window, stride, pads, -np.inf, lambda part: part.max((1, 2)))
    average = by_windows(x, window, stride, pads, 0.0, lambda part: part.mean((1, 2)))
    np.testing.assert_array_equal(nn.max_pool2d(x, window, stride, padding), largest)
    np.testing.assert_allclose(nn.avg_pool2d(x, window, stride, padding), average, rtol=1e-13)


lengths, pads = st.integers(1, 6), st.tuples(st.integers(0, 3), st.integers(0, 3))
windows_and_strides = st.tuples(st.integers(1, 4), st.integers(1, 4))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    st.tuples(lengths, lengths),
    windows_and_strides,
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(pads, pads),
)
def test_windows_of_any_geometry(size, window, stride, pads):
    assume(all(n + sum(p) >= k for n, p, k in zip(size, pads, window, strict=True)))
    x, w = (0.1 * RNG.permutation(4 * size[0] * size[1])).reshape(2, *size, 2), RNG.normal(size=(*window, 2, 2))
    convolved = by_windows(x, window, stride, pads, 0.0, lambda part: np.einsum("nabc,abco->no", part, w))
    np.testing.assert_allclose(nn.conv2d(x, w, stride, pads), convolved, rtol=1e-9, atol=1e-9)
    mg.check_derivatives(lambda x, w: nn.conv2d(x, w, stride, pads), x, w, directions=1)
    if all(p < k for both, k in zip(pads, window, strict=True) for p in both):
        largest = by_windows(x, window, stride, pads, -np.inf, lambda part: part.max((1, 2)))
        np.testing.assert_array_equal(nn.max_pool2d(x, window, stride, pads), largest)
        mg.check_derivatives(lambda x: nn.max_pool2d(x, window, stride, pads), x, directions=1)
        average = by_windows(x, window, stride, pads, 0.0, lambda part: part.mean((1, 2)))
        np.testing.assert_allclose(nn.avg_pool2d(x, window, stride, pads), average, rtol=1e-12)
        mg.check_derivatives(lambda x: nn.avg_pool2d(x, window, stride, pads), x, directions=1)


@pytest.mark.parametrize("images", [0, 1, 7, 64])
def test_images_worked_on_in_parts(images, monkeypatch):
    """A few images at a time, on several threads or one, or all at once: the same values and derivatives."""
    x, w = RNG.normal(size=(images, 5, 5, 2)), RNG.normal(size=(3, 3, 2, 3))

    def f(args):
        y = nn.conv2d(*args, 2, 1)
        return mg.sum(mg.sin(nn.max_pool2d(y, 2, 1))) + mg.sum(mg.sin(nn.avg_pool2d(y, 2, 1)))

    results = []
    for part_bytes in (1 << 30, 1):
        monkeypatch.setattr(type(backend_of(x)), "part_bytes", part_bytes)
        results.append(mg.value_and_grad(f)((x, w)))
    mg.tree_map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12), *results)


def test_batch_norm_and_its_running_statistics():
    x, gain, bias = RNG.normal(size=(8, 3)) * 2.0 + 1.0, RNG.normal(size=3), RNG.normal(size=3)
    y, stats = nn.batch_norm(x, gain, bias, eps=1e-3)
    np.testing.assert_allclose(y, gain * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) + bias, rtol=1e-12)
    np.testing.assert_allclose(stats["mean"], x.mean(0))
    np.testing.assert_allclose(stats["var"], x.var(0, ddof=1))
    old = {"mean": np.ones(3), "var": np.full(3, 2.0)}
    _, new = nn.batch_norm(x, gain, bias, old, momentum=0.25)
    np.testing.assert_allclose(new["mean"], 0.75 + 0.25 * x.mean(0))
    np.testing.assert_allclose(new["var"], 1.5 + 0.25 * x.var(0, ddof=1))
    y, same = nn.batch_norm(x, gain, bias, old, training=False, eps=0.0)
    np.testing.assert_allclose(y, gain * (x - 1.0) / np.sqrt(2.0) + bias)
    assert same is old


def test_running_averages_of_trees():
    old, new = {"a": [np.ones(2), 4.0]}, {"a": [np.zeros(2), 8.0]}
    moved = nn.running_average(old, new, 0.25)
    np.testing.assert_array_equal(moved["a"][0], [0.75, 0.75])
    assert moved["a"][1] == 5.0
    assert nn.running_average(None, new, 0.25) is new
    with pytest.raises(TypeError, match="another structure"):
        nn.running_average(old, {"a": [np.zeros(2)]}, 0.25)


def test_batch_norm_statistics_are_aux():
    def f(x):
        y, stats = nn.batch_norm(x, np.ones(3), np.zeros(3))
        return mg.sum(mg.sin(y)), stats

    x = RNG.normal(size=(5, 3))
    (_, stats), _ = mg.value_and_grad(f, has_aux=True)(x)
    assert type(stats["mean"]) is np.ndarray
    np.testing.assert_allclose(stats["mean"], x.mean(0))


def test_cross_entropy():
    y, labels = RNG.normal(size=(6, 4)), np.array([0, 3, 1, 1, 2, 0])
    log_p = scipy.special.log_softmax(y, axis=1)
    np.testing.assert_allclose(nn.cross_entropy(y, labels), -log_p[np.arange(6), labels].mean())
    np.testing.assert_allclose(nn.cross_entropy(y, np.eye(4)[labels]), -log_p[np.arange(6), labels].mean())
    q = scipy.special.softmax(RNG.normal(size=(6, 4)), axis=1)
    np.testing.assert_allclose(nn.cross_entropy(y, q), -(q * log_p).sum(1).mean())


def test_cross_entropy_with_small_labels_and_many_classes():
    y, labels = RNG.normal(size=(3, 300)), np.array([0, 255, 44], dtype=np.uint8)
    want = -scipy.special.log_softmax(y, axis=1)[np.arange(3), labels].mean()
    np.testing.assert_allclose(nn.cross_entropy(y, labels), want)


def test_losses_of_several_runs_have_their_shape():
    y = RNG.normal(size=(2, 6, 4))
    labels = RNG.integers(0, 4, size=(2, 6))
    got = nn.cross_entropy(y, labels)
    np.testing.assert_allclose(got, [nn.cross_entropy(a, b) for a, b in zip(y, labels, strict=True)])
    np.testing.assert_allclose(nn.squared_error(y, np.zeros_like(y)), (y**2).sum(2).mean(1))


def test_softmax():
    np.testing.assert_allclose(nn.softmax(X, axis=1), scipy.special.softmax(X, axis=1))
    np.testing.assert_allclose(nn.log_softmax(X, axis=0), scipy.special.log_softmax(X, axis=0))


def test_dropout():
    keep = np.array([True, False, True, True])
    np.testing.assert_allclose(nn.dropout(np.full(4, 3.0), keep, 0.25), [4.0, 0.0, 4.0, 4.0])


@pytest.mark.parametrize("axis", [0, (0,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_over_many_rows(axis, keepdims):
    """Large sums over leading axes take another way to the same numbers."""
    x = RNG.normal(size=(41, 43, 47))
    np.testing.assert_allclose(mg.sum(x, axis, keepdims), np.sum(x, axis, keepdims=keepdims), rtol=1e-11, atol=1e-11)
    assert mg.sum(x.astype(np.float32), axis, keepdims).dtype == np.float32
    assert mg.sum(np.ones((300, 300), np.int64), 0)[0] == 300
