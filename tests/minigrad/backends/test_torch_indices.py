"""Indices, labels and counts on PyTorch: what it reads as NumPy does, and what is refused."""

from functools import partial

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"])
def test_labels_counts_and_indices_of_every_integer_dtype(dtype):
    outputs, labels, lines = np.linspace(0.0, 1.0, 12).reshape(3, 4), np.array([3, 0, 1]), np.array([[0, 2]] * 3)
    operations = [
        lambda y, i: nn.cross_entropy(y, i[0]),
        lambda y, i: mg.repeat(y, i[0], axis=0),
        lambda y, i: mg.take(y, i[0][1:], axis=0),
        lambda y, i: mg.take_along_axis(y, i[1], axis=1),
    ]
    if dtype != "uint8":
        operations += [lambda y, i: y[i[0][1:], ...], lambda y, i: mg.index_add(y, (i[0][1:], ...), y[:2, :])]
    there = [torch.tensor(a).to(getattr(torch, dtype)) for a in (labels, lines)]
    for f in operations:
        y, J = mg.linearize(partial(f, i=[labels, lines]), outputs)
        z, K = mg.linearize(partial(f, i=there), torch.tensor(outputs))
        np.testing.assert_allclose(z, y)
        np.testing.assert_allclose(K.T(z), J.T(y))


def test_an_index_array_of_uint8_is_no_mask():
    index = torch.tensor([0, 2], dtype=torch.uint8)
    for f in (lambda x: x[index], lambda x: mg.index_add(x, index, 1.0), lambda x: mg.index_update(x, index, 1.0)):
        with pytest.raises(TypeError, match=r"uint8: PyTorch takes it for a mask, .* Give minigrad.astype\(index"):
            mg.linearize(f, torch.ones(2))


INDEX = np.array([0, 2, 2, 1, 0])
EVERYTHING = slice(None)
OTHER_ORDER = [
    (1, ..., INDEX), (1, EVERYTHING, INDEX), (EVERYTHING, 1, EVERYTHING, INDEX), (1, None, INDEX),
    (EVERYTHING, INDEX, slice(1, None), 1), (EVERYTHING, INDEX, ..., INDEX, 1, 1),
]  # fmt: skip
SAME_ORDER = [
    (1, INDEX), (EVERYTHING, 1, INDEX), (EVERYTHING, INDEX, 1), (..., INDEX, 1), (INDEX, EVERYTHING, 1),
    (EVERYTHING, INDEX, 2, INDEX), (INDEX, EVERYTHING, INDEX), (1, EVERYTHING, INDEX, EVERYTHING, INDEX),
    (EVERYTHING, INDEX, EVERYTHING, INDEX), (EVERYTHING, INDEX, None, INDEX), (1, INDEX, ..., INDEX, EVERYTHING),
    (slice(None, None, -1), 1, INDEX), (1, 1, 1, ..., 1, INDEX),
]  # fmt: skip
X = np.arange(3.0**5).reshape(3, 3, 3, 3, 3)


def on_torch(index):
    return tuple(torch.tensor(part) if isinstance(part, np.ndarray) else part for part in index)


@pytest.mark.parametrize("index", SAME_ORDER, ids=str)
def test_axes_are_where_numpy_puts_them(index):
    y, J = mg.linearize(lambda x: x[on_torch(index)], torch.tensor(X))
    np.testing.assert_array_equal(y, X[index])
    np.testing.assert_array_equal(J.T(y), mg.linearize(lambda x: x[index], X)[1].T(X[index]))


@pytest.mark.parametrize("index", OTHER_ORDER, ids=str)
def test_an_index_of_which_pytorch_orders_the_axes_otherwise_is_refused(index):
    assert torch.tensor(X)[on_torch(index)].shape != X[index].shape
    with pytest.raises(IndexError, match="PyTorch orders the axes in another way than NumPy"):
        mg.linearize(lambda x: x[on_torch(index)], torch.tensor(X))
