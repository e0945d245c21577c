"""Batch normalisation against the same in ordinary operations, whose derivatives are tested elsewhere, and PyTorch."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.backends import backend_for, numpy_namespace
from minigrad.backends import channels as channels_file
from minigrad.backends.standard import Standard

NUMPY, STANDARD = backend_for(numpy_namespace), Standard(numpy_namespace)
SHAPES = pytest.mark.parametrize("shape", [(2, 3), (7, 1), (3, 4, 2), (2, 3, 5, 4)])
EPS = 1e-3


def composed(x, gain, bias):
    """In ordinary operations."""
    rows = tuple(range(x.ndim - 1))
    centred = x - mg.mean(x, rows)
    return centred * (gain / mg.sqrt(mg.mean(mg.square(centred), rows) + EPS)) + bias


def primitive(x, gain, bias):
    return nn.batch_norm(x, gain, bias, eps=EPS)[0]


def draw(shape, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape)
    x[..., 0] = 0.75  # a constant channel, whose sums are exact
    return tuple(a.astype(dtype) for a in (x, rng.normal(size=shape[-1]), rng.normal(size=shape[-1])))


def orders(f, args, directions):
    """Value; push, pull; two kinds of second derivative; third derivative; over all arguments and over each alone."""
    y, J = mg.linearize(f, *args)
    results = [y, J(*directions), J.T(y)]

    def scalar(*args):
        return mg.sum(mg.sin(f(*args)))

    for k in (None, 0, 1, 2):
        some = args if k is None else args[k : k + 1]
        v = directions if k is None else directions[k : k + 1]

        def g(*some, k=k):
            return scalar(*some) if k is None else scalar(*args[:k], *some, *args[k + 1 :])

        def gradient(*some, g=g):
            return mg.vjp(g, *some)[1](1.0)

        def product(*some, gradient=gradient, v=v):
            return mg.jvp(gradient, some, v)[1]

        results += [gradient(*some), product(*some), mg.jvp(product, some, v)[1]]
        results += [mg.jvp(lambda *s, g=g, v=v: mg.jvp(g, s, v)[1], some, v)[1]]
    return mg.tree_flatten(results)[0]


@SHAPES
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_all_orders_are_those_of_the_operations(shape, dtype):
    args, directions = draw(shape, 0, dtype), draw(shape, 1, dtype)
    found, expected = orders(primitive, args, directions), orders(composed, draw(shape), draw(shape, 1))
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype
        size = max(1.0, np.abs(b).max())
        np.testing.assert_allclose(a, b, rtol=0.0, atol=size * (1e-11 if dtype is np.float64 else 2e-3))


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 2)])
def test_all_orders_on_other_libraries(shape, backend):
    there = backend_for(backend)
    args, directions = ([there.from_host(a) for a in draw(shape, seed)] for seed in (0, 1))
    found = orders(primitive, tuple(args), tuple(directions))
    for a, b in zip(found, orders(composed, draw(shape), draw(shape, 1)), strict=True):
        np.testing.assert_allclose(mg.to_numpy(a), b, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(b).max()))


def test_differences():
    mg.check_derivatives(primitive, *draw((5, 3))[:1], *draw((5, 3), 1)[1:])


@pytest.mark.parametrize("constant", [(1,), (0, 1), (1, 2), (0,)])
def test_some_arguments_are_constants(constant):
    args, directions = draw((4, 2, 3)), draw((4, 2, 3), 1)
    active = [k for k in range(3) if k not in constant]

    def of(f):
        def g(*some):
            full = list(args)
            for k, a in zip(active, some, strict=True):
                full[k] = a
            return f(*full)

        y, J = mg.linearize(g, *(args[k] for k in active))
        return [y, J(*(directions[k] for k in active)), J.T(y)]

    found, expected = (mg.tree_flatten(of(f))[0] for f in (primitive, composed))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


@pytest.mark.parametrize("library", [NUMPY, STANDARD], ids=["numpy", "standard"])
def test_a_mean_of_ten_thousand_deviations(library):
    rng = np.random.default_rng(0)
    x = (1000.0 + 0.1 * rng.normal(size=(32, 16, 16, 4))).astype(np.float32)
    exact = x.astype(np.float64)
    mean, std = exact.mean((0, 1, 2)), exact.std((0, 1, 2))
    y, m, v = library.batch_norm(x, np.ones(4, np.float32), np.zeros(4, np.float32), 0.0)
    assert {y.dtype, m.dtype, v.dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(y, (exact - mean) / std, atol=2e-5)
    np.testing.assert_allclose(m, mean, rtol=6e-8)
    np.testing.assert_allclose(v, std**2, rtol=1e-5)


LARGE = {"images": (9, 32, 16, 8), "rows": (5003, 5), "one-image": (1, 200, 31, 4), "wide": (3, 2, 90, 128)}


@pytest.mark.parametrize("shape", LARGE.values(), ids=LARGE)
@pytest.mark.parametrize("part_bytes", [1, 1 << 17, 1 << 30])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_parts_of_a_batch_give_what_the_whole_gives(shape, part_bytes, dtype, monkeypatch):
    monkeypatch.setattr(type(NUMPY), "part_bytes", part_bytes)
    assert np.prod(shape) >= channels_file.SMALL
    (x, gain, bias), (t, k, b) = draw(shape, 0, dtype), draw(shape, 1, dtype)
    found, expected = [], []
    for results, library in ((found, NUMPY), (expected, STANDARD)):
        y, mean, variance = library.batch_norm(x, gain, bias, EPS)
        s = (1.0 / np.sqrt(variance + EPS)).astype(dtype)
        results += [y, mean, variance, library.batch_norm_push(t, k, b, x, gain, mean, s)]
        results += library.batch_norm_pull(t, x, gain, mean, s)
    for a, want in zip(found, expected, strict=True):
        assert a.dtype == want.dtype == dtype
        tol = 1e-5 if dtype is np.float32 else 1e-11
        np.testing.assert_allclose(a, want, rtol=tol, atol=tol * max(1.0, np.abs(want).max()))  # sums that cancel


def test_arrays_that_are_not_contiguous_or_of_two_dtypes():
    x, gain, bias = draw((9, 32, 16, 8))
    turned = np.ascontiguousarray(x.transpose(2, 1, 0, 3)).transpose(2, 1, 0, 3)
    np.testing.assert_array_equal(primitive(turned, gain, bias), primitive(x, gain, bias))
    mixed = primitive(x.astype(np.float32), gain, bias)
    assert mixed.dtype == np.float64
    np.testing.assert_allclose(mixed, primitive(x, gain, bias), atol=1e-5)


def test_the_sweeps_are_one_function_each(monkeypatch):
    """Not a map for each argument: the push and the pull of all three at once, and their transposes agree."""
    x, gain, bias = draw((9, 32, 16, 8))
    t, k, b = draw((9, 32, 16, 8), 1)
    calls = []
    for name in ("batch_norm", "batch_norm_push", "batch_norm_pull"):
        function = getattr(NUMPY, name)
        monkeypatch.setattr(NUMPY, name, lambda *args, f=function, name=name: calls.append(name) or f(*args))
    y, J = mg.linearize(primitive, x, gain, bias)
    y_dot, (x_bar, gain_bar, bias_bar) = J(t, k, b), J.T(y)
    assert calls == ["batch_norm", "batch_norm_push", "batch_norm_pull"]
    np.testing.assert_allclose(np.sum(y * y_dot), np.sum(x_bar * t) + gain_bar @ k + bias_bar @ b)


def test_the_shapes_of_gain_and_bias():
    x = draw((4, 3))[0]
    np.testing.assert_array_equal(
        nn.batch_norm(x, np.ones(1), np.asarray(0.5))[0], nn.batch_norm(x, np.ones(3), np.full(3, 0.5))[0]
    )
    with pytest.raises(ValueError, match=r"batch_norm: the gain has shape \(2,\); with x of shape \(4, 3\) it needs"):
        nn.batch_norm(x, np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match=r"batch_norm: the bias has shape \(4, 3\)"):
        nn.batch_norm(x, np.ones(3), x)


def test_against_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the operations are the other oracle")
    for shape in ((2, 3), (5, 4, 3, 6)):
        args, directions = draw(shape, 3), draw(shape, 4)

        def theirs(x, gain, bias):
            return (
                torch.nn.functional.batch_norm(torch.movedim(x, -1, 1), None, None, gain, bias, True, eps=EPS)
                .sin()
                .sum()
            )

        tensors = tuple(torch.tensor(a, requires_grad=True) for a in args)
        first = torch.autograd.grad(theirs(*tensors), tensors, create_graph=True)
        along = sum((g * torch.tensor(v)).sum() for g, v in zip(first, directions, strict=True))
        second = torch.autograd.grad(along, tensors)
        gradient = mg.grad(lambda w: mg.sum(mg.sin(primitive(*w))))
        found = [*gradient(args), *mg.jvp(gradient, (args,), (directions,))[1]]
        for a, b in zip(found, (*first, *second), strict=True):
            np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-9, atol=1e-9)
