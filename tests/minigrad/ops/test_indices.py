"""Indices that an array does not have: an error where arrays are on the host, and never an entry of another line."""

import contextlib
import re

import numpy as np
import pytest

import minigrad as mg
from minigrad.backends import backend_for
from tests.conftest import jax_bits, namespace_of

X = np.arange(1.0, 7.0).reshape(2, 3)
ROW = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("message", "f"),
    [
        (
            "take_along_axis: index 3 is out of bounds for axis 1 of length 3",
            lambda x: mg.take_along_axis(x, np.array([[3], [0]]), axis=1),
        ),
        (
            "take_along_axis: index 2 is out of bounds for axis 0 of length 2",
            lambda x: mg.take_along_axis(x, np.array([[2, 0, 0]]), axis=0),
        ),
        (
            "take_along_axis: index -4 is out of bounds for axis 1 of length 3",
            lambda x: mg.take_along_axis(x, np.array([[0], [-4]])),
        ),
        ("take: index -4 is out of bounds for axis 1 of length 3", lambda x: mg.take(x, np.array([-4]), axis=1)),
        ("take: index 2 is out of bounds for axis 0 of length 2", lambda x: mg.take(x, np.array([0, 2]), axis=0)),
        ("take: index 3 is out of bounds for axis 0 of length 3", lambda x: mg.take(x[0], np.array([3]))),
        ("take: any index is out of bounds for axis 1 of length 0", lambda x: mg.take(x[:, :0], np.array([0]), axis=1)),
        ("out of bounds for axis 1 with size 3", lambda x: x[:, np.array([3])]),
        ("out of bounds for axis 0 with size 2", lambda x: x[2]),
        ("out of bounds for axis 1 with size 3", lambda x: x[0, -4]),
        ("boolean index did not match", lambda x: x[np.array([True, False, True])]),
        ("out of bounds", lambda x: mg.index_add(x, (0, np.array([3])), 1.0)),
        ("out of bounds", lambda x: mg.index_update(x, (0, np.array([-4])), 1.0)),
        ("index 6 is out of bounds", lambda x: mg.reshape(x, (-1,))[np.array([6])]),
    ],
)
def test_indices_out_of_range(message, f):
    with pytest.raises(IndexError, match=re.escape(message)):
        f(X)
    with pytest.raises(IndexError, match=re.escape(message)):
        mg.grad(lambda x: mg.sum(f(x)))(X)


@pytest.fixture(params=["torch", "jax"])
def library(request):
    """A library, other than NumPy, whose arrays are on the host, as a namespace."""
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    with jax_bits(64) if request.param == "jax" else contextlib.nullcontext():
        yield namespace_of(request.param)


def test_the_same_on_other_libraries(library):
    a = library.asarray
    for message, f in (
        ("take_along_axis: index 3 is out of", lambda x: mg.take_along_axis(x, a([[3], [0]]), axis=1)),
        ("take_along_axis: index -4 is out of", lambda x: mg.take_along_axis(x, a([[0], [-4]]))),
        ("take: index -4 is out of bounds for axis 1 of length 3, of an array (2,", lambda x: mg.take(x, a([-4]), 1)),
        ("take: index 2 is out of bounds for axis 0 of length 2", lambda x: mg.take(x, a([0, 2]), axis=0)),
        ("take: index 3 is out of bounds for axis 0 of length 3", lambda x: mg.take(x[0], a([3]))),
        ("take: any index is out of bounds for axis 1 of length 0, of an", lambda x: mg.take(x[:, :0], a([0]), axis=1)),
        ("index 3 is out of bounds for", lambda x: x[:, a([3])]),
        ("index -4 is out of bounds for", lambda x: x[..., None, a([[0, -4], [1, 2]])]),
        ("index 2 is out of bounds for", lambda x: x[2]),
        ("index -3 is out of bounds for", lambda x: x[-3]),
        ("index -4 is out of bounds for", lambda x: x[0, -4]),
        ("index 3 is out of bounds for", lambda x: x[a([True, False]), a([3])]),
        ("index 2 is out of bounds for", lambda x: x[a(2)]),
        ("index 3 is out of bounds for", lambda x: mg.index_add(x, (0, a([3])), 1.0)),
        ("index 2 is out of bounds for", lambda x: mg.index_add(x, 2, 1.0)),
        ("index -4 is out of bounds for", lambda x: mg.index_update(x, (0, a([-4])), 1.0)),
        ("index 5 is out of bounds for", lambda x: mg.index_update(x, (slice(None), 5), 1.0)),
        ("index 6", lambda x: mg.reshape(x, (-1,))[a([6])]),
    ):
        if message.startswith("take"):  # x[index] of a plain array is the library's own
            with pytest.raises(IndexError, match=re.escape(message)):
                f(a(X))
        with pytest.raises(IndexError, match=re.escape(message)):
            mg.grad(lambda x, f=f: mg.sum(f(x)))(a(X))


def test_the_last_indices_of_every_axis(library):
    a = library.asarray
    for index in ((a([1, -2]), a([-3, 2])), (Ellipsis, a([-3, 2])), (None, -2, 2), (a([True, False]), -3), -1, 1):
        host = tuple(np.asarray(k) if hasattr(k, "shape") else k for k in index) if isinstance(index, tuple) else index
        found, _ = mg.vjp(lambda x, k=index: x[k], a(X))
        np.testing.assert_array_equal(mg.to_numpy(found), X[host])


def test_where_nobody_can_look():
    """Within a program of JAX, indices are not known: they wrap around their axis. Those that Python knows are."""
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    x, beyond = jax.numpy.asarray(X), jax.numpy.asarray([[3], [-4]])
    np.testing.assert_array_equal(jax.jit(mg.take_along_axis)(x, beyond), [[1.0], [6.0]])
    assert jax.jit(lambda x, k: x[:, k])(x, beyond).shape == (2, 2, 1)
    with pytest.raises(IndexError, match="index 2 is out of bounds for axis 0 with size 2"):
        jax.jit(mg.grad(lambda x: mg.sum(x[2])))(x)


def test_many_indices_out_of_range():
    """Enough of them for NumPy's threads."""
    x, index = np.zeros(10), np.zeros(1 << 20, np.int64)
    index[-1] = 10
    with pytest.raises(IndexError, match="out of bounds"):
        mg.grad(lambda x: mg.sum(x[index]))(x)


@pytest.mark.parametrize("dtype", [np.int64, np.int8])
def test_negative_indices_count_from_the_end(dtype):
    index = np.array([-1, -3, 2], dtype)
    np.testing.assert_array_equal(mg.take(X, index, axis=1), X[:, index])
    np.testing.assert_array_equal(mg.take(ROW, index), ROW[index])
    both = np.stack([index, index[::-1]])
    np.testing.assert_array_equal(mg.take_along_axis(X, both), np.take_along_axis(X, both, 1))
    gradient = mg.grad(lambda x: mg.sum(mg.take(x, index, axis=1) * np.array([1.0, 10.0, 100.0])))(X)
    np.testing.assert_array_equal(gradient, [[10.0, 0.0, 101.0]] * 2)


def test_unsigned_and_small_indices_reach_long_axes():
    x = np.arange(1000.0).reshape(2, 500)
    np.testing.assert_array_equal(mg.take(x, np.array([255, 0], np.uint8), axis=1), x[:, [255, 0]])


def test_on_devices_indices_stay_in_their_line(gpu):
    """A look would wait for the device: there they wrap around."""
    x = backend_for(gpu).from_host(X)
    along = mg.take_along_axis(x, gpu.asarray([[3], [-4]]), axis=1)
    np.testing.assert_array_equal(mg.to_numpy(along), [[1.0], [6.0]])
    np.testing.assert_array_equal(mg.to_numpy(mg.take(x, gpu.asarray([4]), axis=1)), [[2.0], [5.0]])


@pytest.mark.parametrize("indices", [np.array([0.0]), np.array([True]), 1.5, [0, 1], "a", None])
def test_indices_must_be_integer_arrays(indices):
    for f in (mg.take, mg.take_along_axis):
        with pytest.raises(TypeError, match=f"{f.__name__}: indices"):
            f(ROW, indices)


def test_variables_are_no_indices():
    for f in (mg.take, mg.take_along_axis):
        with pytest.raises(TypeError, match="must be integers; got float64"):
            mg.grad(lambda x, f=f: mg.sum(f(x, x)))(ROW)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3)])
def test_no_entries(shape):
    x = np.zeros(shape)
    none = np.zeros(0, np.int64)
    for axis in range(len(shape)):
        for f, want in (
            (lambda x, k=axis: mg.sort(x, axis=k), x),
            (lambda x, k=axis: mg.take(x, none, axis=k), np.take(x, none, axis=axis)),
            (lambda x, k=axis: mg.take_along_axis(x, np.zeros(shape, int)[:0], axis=0), x[:0]),
            (lambda x, k=axis: mg.repeat(x, 2, axis=k), np.repeat(x, 2, axis=axis)),
            (lambda x, k=axis: mg.repeat(x, 0, axis=k), np.repeat(x, 0, axis=axis)),
        ):
            assert f(x).shape == want.shape
            value, J = mg.value_and_grad(lambda x, f=f: mg.sum(f(x)))(x)
            assert value == 0.0
            assert J.shape == shape
