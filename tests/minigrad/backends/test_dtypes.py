"""The functions of every backend keep the dtype of their arrays, and where two dtypes meet, have the larger one."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, tree_flatten
from minigrad.backends import backend_for, numpy_namespace

NUMPY = backend_for(numpy_namespace)
WINDOW, STRIDE, PADS = (3, 2), (2, 1), ((1, 1), (0, 1))
GEOMETRY, PLAIN = (WINDOW, STRIDE, PADS), (STRIDE, PADS, (1, 1))


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


IMAGES, KERNEL, OUT, CHANNELS = draw(2, 5, 4, 3), draw(*WINDOW, 3, 2, seed=1), draw(2, 3, 4, 2, seed=2), draw(3, seed=3)
POOLED, TABLE = draw(2, 3, 4, 3, seed=4), draw(40_000, 2, seed=5)


def at_maxima(library, x, c):
    y, places = library.window_max_at(x, *GEOMETRY)
    return [y, library.window_pick(x, places, *GEOMETRY), library.window_put(c, places, x.shape, *GEOMETRY)]


def repeated(library, values):
    index = library.from_host(np.array([0, 2, 2]))
    return [library.gather(values, index), library.scatter_add(values, index, (4,))]


FUNCTIONS = {
    "conv2d": (lambda b, x, k: b.conv2d(x, k, *PLAIN), IMAGES, KERNEL),
    "conv2d_push": (lambda b, x, k: b.conv2d_push(x, k, x, k, *PLAIN), IMAGES, KERNEL),
    "conv2d_kernel": (lambda b, x, c: b.conv2d_kernel(x, c, *GEOMETRY, (1, 1)), IMAGES, OUT),
    "maxima": (at_maxima, IMAGES, POOLED),
    "window_sum": (lambda b, x: b.window_sum(x, *GEOMETRY), IMAGES),
    "window_sum_transpose": (lambda b, c: b.window_sum_transpose(c, *GEOMETRY, (5, 4)), POOLED),
    "batch_norm": (lambda b, x, g: b.batch_norm(x, g, g, 1e-5), IMAGES, CHANNELS),
    "batch_norm_push": (lambda b, x, g: b.batch_norm_push(x, g, g, x, g, g, g), IMAGES, CHANNELS),
    "batch_norm_pull": (lambda b, x, g: b.batch_norm_pull(x, x, g, g, g), IMAGES, CHANNELS),
    "indices": (repeated, CHANNELS),
    "sum": (lambda b, x: [b.sum(x, (0,), False), b.sum(x, None, False)], TABLE),
    "elementwise": (lambda b, x: [b.erf(x), b.sign(x), b.maximum(x, 0.5), b.minimum(x, 0.5)], CHANNELS),
    "vecdot": (lambda b, x, y: b.vecdot(x, y), KERNEL[0, 0].T, CHANNELS),
    "solve": (lambda b, x: b.solve(x, x), np.eye(3) + np.outer(CHANNELS, CHANNELS)),
}  # fmt: skip


@pytest.mark.parametrize(("function", "args"), [(f, args) for f, *args in FUNCTIONS.values()], ids=FUNCTIONS)
def test_float32_stays_float32(function, args, backend):
    expected = tree_flatten(function(NUMPY, *args))[0]
    for library in (NUMPY, backend_for(backend)):
        found = tree_flatten(function(library, *(library.from_host(x.astype(np.float32)) for x in args)))[0]
        for got, want in zip(found, expected, strict=True):
            assert mg.to_numpy(got).dtype == np.float32
            np.testing.assert_allclose(mg.to_numpy(got), want, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("images", [1, 3])
def test_the_pull_of_batch_normalisation_is_the_transpose_of_its_push(images, backend):
    x, x_dot, c = (draw(images, 3, 2, 4, seed=seed) for seed in (0, 1, 2))
    gain, gain_dot, bias_dot = (draw(4, seed=seed) for seed in (3, 4, 5))
    for library in (NUMPY, backend_for(backend)):
        mean, scale = x.mean((0, 1, 2)), (x.var((0, 1, 2)) + 1e-5) ** -0.5
        here = [library.from_host(a) for a in (x, gain, mean, scale)]
        push = library.batch_norm_push(*(library.from_host(a) for a in (x_dot, gain_dot, bias_dot)), *here)
        pull = library.batch_norm_pull(library.from_host(c), *here)
        left = np.sum(mg.to_numpy(push) * c)
        right = sum(np.sum(mg.to_numpy(a) * b) for a, b in zip(pull, (x_dot, gain_dot, bias_dot), strict=True))
        np.testing.assert_allclose(left, right, atol=1e-11)


TWO = {
    "add": mg.add,
    "matmul": mg.matmul,
    "vector": lambda a, b: a @ b[0, ...],
    "tensordot": mg.tensordot,
    "solve": mg.linalg.solve,
    "dense": lambda a, b: nn.dense(a, b, b[0, ...]),
    "maximum": mg.maximum,
    "where": lambda a, b: mg.where(a > 0.0, a, b),
    "conv2d": lambda a, b: nn.conv2d(mg.reshape(a, (1, 3, 3, 1)), mg.reshape(b, (3, 3, 1, 1)), padding=1),
    "batch_norm": lambda a, b: nn.batch_norm(a, b[0, ...], b[1, ...])[0],
}


@pytest.mark.parametrize("first", ["float32", "float64"])
@pytest.mark.parametrize("f", TWO.values(), ids=TWO)
def test_where_two_dtypes_meet_results_have_the_larger_one_and_pulls_those_of_the_arguments(f, first, backend):
    other = {"float32": "float64", "float64": "float32"}[first]
    args = [draw(3, 3).astype(first), draw(3, 3, seed=1).astype(other)]

    def results(args):
        y, J = mg.linearize(f, *args)
        return [y, J(*args), *J.T(y)]

    found = [mg.to_numpy(x) for x in results([backend_for(backend).from_host(x) for x in args])]
    for got, want, dtype in zip(found, results(args), ("float64", "float64", first, other), strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
