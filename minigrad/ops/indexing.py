"""Reading and replacing parts of an array: `x[index]`, and what replaces `x[index] = value`."""

from __future__ import annotations

from math import prod
from typing import Any

from minigrad.backends import backend_of, is_floating, namespace
from minigrad.linear_maps import Linear
from minigrad.ops.axes import one_axis
from minigrad.ops.broadcasting import broadcast_to
from minigrad.ops.dtypes import astype
from minigrad.ops.piecewise import where
from minigrad.ops.shaping import moveaxis, reshape
from minigrad.primitives import primitive
from minigrad.variable import Array, Variable, strip

__all__ = ["index_add", "index_update", "repeat", "sort", "take", "take_along_axis"]

Index = Any  # slices, integers, integer arrays, masks, None, Ellipsis, or a tuple of them


def getitem(x: Array, index: Index) -> Array:
    """`x[index]`, for slices, integers, integer arrays, boolean masks, None and Ellipsis."""
    return _getitem(x, index=_plain(index))


def _plain(index: Index) -> Index:
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if part.__class__ is Variable or isinstance(part, float):
            raise TypeError("an index must be made of integers, slices or masks; got a floating-point value")
    return index


def _getitem_map(y: Array, x: Array, index: Index) -> Linear:
    shape = x.shape
    return Linear(lambda t: _getitem(t, index=index), lambda c: scatter_add(c, index=index, shape=shape))


@primitive(_getitem_map)
def _getitem(x: Array, index: Index) -> Array:
    return backend_of(x).gather(x, index)


def _scatter_map(y: Array, c: Array, index: Index, shape: tuple[int, ...]) -> Linear:
    return Linear(lambda t: scatter_add(t, index=index, shape=shape), lambda u: u[index])


@primitive(_scatter_map)
def scatter_add(c: Array, index: Index, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape` with `c` added at `index`: the transpose of `x[index]`."""
    return backend_of(c).scatter_add(c, index, shape)


def index_add(x: Array, index: Index, value: Array) -> Array:
    """Return `x` with `value` added at `index`. Where an index occurs twice, both values are added.

    >>> import numpy as np
    >>> index_add(np.zeros(3), np.array([0, 0, 2]), 1.0)
    array([2., 0., 1.])
    """
    index = _plain(index)
    return x + scatter_add(_as_part(x, index, value), index=index, shape=x.shape)


def index_update(x: Array, index: Index, value: Array) -> Array:
    """Return `x` with `value` at `index`: what `x[index] = value` would make, `x` itself unchanged.

    Where an index occurs twice, the last value stays, as in NumPy.

    >>> import numpy as np
    >>> index_update(np.zeros(3), slice(1, None), 5.0)
    array([0., 5., 5.])
    """
    index = _plain(index)
    value = _as_part(x, index, value)
    plain = strip(x)
    xp = namespace(plain)
    order = xp.reshape(xp.arange(prod(value.shape), dtype=xp.int64), value.shape)
    writer = backend_of(plain).scatter_last(order, index, plain.shape)  # which entry of `value` ends up at each place
    lasting = writer[index] == order
    return where(writer < 0, x, 0) + scatter_add(where(lasting, value, 0), index=index, shape=x.shape)


def _as_part(x: Array, index: Index, value: Array) -> Array:
    """`value` broadcast to the shape of `x[index]`, in the dtype of `x` where that can hold it."""
    part = strip(x)[index]
    if not hasattr(value, "shape"):
        value = namespace(part).asarray(value, dtype=part.dtype)
    elif value.dtype != part.dtype and is_floating(part):
        value = astype(value, part.dtype)
    try:
        return broadcast_to(value, part.shape)
    except ValueError:
        raise ValueError(f"a value of shape {value.shape} does not fit x[index], of shape {part.shape}") from None


def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """Entries of `x` along an axis, at integer indices (None: the only one)."""
    axis = one_axis("take", x, axis)
    if x.ndim == 1:
        return getitem(x, indices)
    if indices.ndim != 1:
        raise ValueError(f"take: indices of shape {indices.shape} must have one axis; x[indices] takes any number")
    every_line = namespace(indices).broadcast_to(indices, (*x.shape[:axis], *x.shape[axis + 1 :], indices.shape[0]))
    return moveaxis(_take_from_lines(moveaxis(x, axis, -1), every_line), -1, axis)


def take_along_axis(x: Array, indices: Array, axis: int = -1) -> Array:
    """For every line along an axis, its entries at the indices of the same line of `indices`."""
    return moveaxis(_take_from_lines(moveaxis(x, axis, -1), moveaxis(indices, axis, -1)), -1, axis)


def _take_from_lines(x: Array, indices: Array) -> Array:
    """`take_along_axis` along the last axis, by places in `x` flattened."""
    if x.shape[:-1] != indices.shape[:-1]:
        raise ValueError(f"take_along_axis: x {x.shape} and indices {indices.shape} must agree but for the last axis")
    xp = namespace(indices)
    lines, n = prod(x.shape[:-1]), x.shape[-1]
    place = xp.reshape(xp.where(indices < 0, indices + n, indices), (lines, -1)) + n * xp.arange(lines)[:, None]
    return reshape(getitem(reshape(x, (-1,)), xp.reshape(place, (-1,))), indices.shape)


def sort(x: Array, axis: int = -1, descending: bool = False) -> Array:
    """Entries in order along an axis; equal ones stay in the order they had."""
    plain = strip(x)
    return take_along_axis(x, namespace(plain).argsort(plain, axis=axis, descending=descending, stable=True), axis)


def repeat(x: Array, repeats: int | Array, axis: int | None = None) -> Array:
    """Each entry along an axis several times in a row (None: `x` flattened first)."""
    if axis is None:
        x = reshape(x, (-1,))
    axis = one_axis("repeat", x, 0 if axis is None else axis)
    xp = namespace(strip(x))
    return take(x, xp.repeat(xp.arange(x.shape[axis]), repeats), axis)
