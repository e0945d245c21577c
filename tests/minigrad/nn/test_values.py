"""Layers and losses against loops that spell the definition out."""

import itertools

import numpy as np
import pytest
import scipy.special
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn
from minigrad.backends import backend_of

RNG = np.random.default_rng(7)
X = RNG.normal(size=(3, 4, 5))


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


def test_dense_with_a_bias_for_each_of_several_runs():
    x, w, b = RNG.normal(size=(4, 5, 3)), RNG.normal(size=(4, 3, 2)), RNG.normal(size=(4, 1, 2))
    np.testing.assert_array_equal(nn.dense(x, w, b), x @ w + b)
