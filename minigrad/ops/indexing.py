"""Reading and replacing parts of an array: `x[index]`, and what replaces `x[index] = value`."""

from __future__ import annotations

from math import prod
from typing import Any

from minigrad.backends import SCALARS, backend_dtype, backend_of, device_of, is_floating, namespace, numpy_namespace
from minigrad.linear_maps import Linear
from minigrad.ops.axes import check_arrays, one_axis
from minigrad.ops.broadcasting import broadcast_to
from minigrad.ops.dtypes import astype, int64
from minigrad.ops.piecewise import where
from minigrad.ops.shaping import moveaxis, reshape
from minigrad.primitives import primitive
from minigrad.variable import Array, Variable, strip

__all__ = ["index_add", "index_update", "repeat", "sort", "take", "take_along_axis"]

Index = Any  # slices, integers, integer arrays, masks, None, Ellipsis, or a tuple of them


def getitem(x: Array, index: Index) -> Array:
    """`x[index]`, for slices, integers, integer arrays, boolean masks, None and Ellipsis."""
    return _getitem(x, index=_plain(index, x))


def _plain(index: Index, x: Array) -> Index:
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if part.__class__ is Variable or isinstance(part, float):
            raise TypeError("an index must be made of integers, slices or masks; got a floating-point value")
        if getattr(part, "ndim", 0):
            _check_library(part, x)
    return index


def _check_library(index: Array, x: Array) -> None:
    """TypeError where an index array is of another library than `x`; those of NumPy may be, as they are constants."""
    if namespace(index) is not numpy_namespace:
        namespace(index, strip(x))


def _getitem_map(y: Array, x: Array, index: Index) -> Linear:
    shape = x.shape
    return Linear(lambda t: _getitem(t, index=index), lambda c: scatter_add(c, index=index, shape=shape))


@primitive(_getitem_map)
def _getitem(x: Array, index: Index) -> Array:
    return backend_of(x).gather(x, index)


def _scatter_map(y: Array, c: Array, index: Index, shape: tuple[int, ...]) -> Linear:
    return Linear(lambda t: scatter_add(t, index=index, shape=shape), lambda u: _getitem(u, index=index))


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
    index = _plain(index, x)
    return x + scatter_add(_as_part(x, index, value), index=index, shape=x.shape)


def index_update(x: Array, index: Index, value: Array) -> Array:
    """Return `x` with `value` at `index`: what `x[index] = value` would make, `x` itself unchanged.

    Where an index occurs twice, the last value stays, as in NumPy.

    >>> import numpy as np
    >>> index_update(np.zeros(3), slice(1, None), 5.0)
    array([0., 5., 5.])
    """
    index = _plain(index, x)
    value = _as_part(x, index, value)
    plain = strip(x)
    xp = namespace(plain)
    order = xp.arange(prod(value.shape), dtype=backend_dtype(xp, "int64"), device=device_of(plain))
    order = xp.reshape(order, value.shape)
    backend = backend_of(plain)
    writer = backend.scatter_last(order, index, plain.shape)  # which entry of `value` ends up at each place
    lasting = backend.gather(writer, index) == order
    return where(writer < 0, x, 0) + scatter_add(where(lasting, value, 0), index=index, shape=x.shape)


def _as_part(x: Array, index: Index, value: Array) -> Array:
    """`value` broadcast to the shape of `x[index]`, in the dtype of `x` where that can hold it."""
    check_arrays("index_update or index_add", x)
    plain = strip(x)
    part = backend_of(plain).gather(plain, index)
    if isinstance(value, SCALARS):
        value = namespace(part).asarray(value, dtype=part.dtype, device=device_of(part))
    check_arrays("index_update or index_add: value", value)
    if value.dtype != part.dtype and is_floating(part):
        value = astype(value, part.dtype)
    try:
        return broadcast_to(value, part.shape)
    except ValueError:
        raise ValueError(f"a value of shape {value.shape} does not fit x[index], of shape {part.shape}") from None


def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """Entries of `x` along an axis, at integer indices (None: the only one). Negative indices count from the end.

    IndexError for an index that the axis does not have, where arrays are on the host: on NumPy, PyTorch and JAX. On a
    GPU, and in a program of JAX, nobody looks: an index wraps around the axis there, it is taken modulo the length.
    """
    axis = one_axis("take", x, axis)
    indices = _checked("take", indices, x, axis)
    if x.ndim == 1:
        return getitem(x, indices)
    if indices.ndim != 1:
        raise ValueError(f"take: indices of shape {indices.shape} must have one axis; x[indices] takes any number")
    every_line = namespace(indices).broadcast_to(indices, (*x.shape[:axis], *x.shape[axis + 1 :], indices.shape[0]))
    return moveaxis(_take_from_lines(moveaxis(x, axis, -1), every_line), -1, axis)


def take_along_axis(x: Array, indices: Array, axis: int = -1) -> Array:
    """For every line along an axis, its entries at the indices of the same line of `indices`.

    Indices are as in `take`: negative ones count from the end, and those that the axis does not have are an IndexError
    on the host, and wrap around on a GPU.
    """
    axis = one_axis("take_along_axis", x, axis)
    indices = _checked("take_along_axis", indices, x, axis)
    lines, others = ((*a.shape[:axis], *a.shape[axis + 1 :]) for a in (x, indices))
    if x.ndim != indices.ndim or lines != others:
        raise ValueError(
            f"take_along_axis: x {x.shape} and indices {indices.shape} must agree but for axis {axis}, along which "
            "entries are taken"
        )
    return moveaxis(_take_from_lines(moveaxis(x, axis, -1), moveaxis(indices, axis, -1)), -1, axis)


def _checked(name: str, indices: Array, x: Array, axis: int) -> Array:
    """Indices along an axis, those below zero counted from its end; all are in 0..length-1."""
    indices = strip(indices)
    check_arrays(f"{name}: indices", indices)
    _check_library(indices, x)
    xp, n = namespace(indices), x.shape[axis]
    if not xp.isdtype(indices.dtype, "integral"):
        raise TypeError(f"{name}: indices must be integers; got {indices.dtype}")
    if not prod(indices.shape):
        return astype(indices, int64)
    bad = None if n else "any index"
    seen = backend_of(indices).at_hand(indices)
    if n and seen is not None and not (-n <= seen.min() and seen.max() < n):
        bad = f"index {seen[(seen < -n) | (seen >= n)][0]}"
    if bad:
        raise IndexError(f"{name}: {bad} is out of bounds for axis {axis} of length {n}, of an array {tuple(x.shape)}")
    return astype(indices, int64) % n


def _take_from_lines(x: Array, indices: Array) -> Array:
    """`take_along_axis` along the last axis, by places in `x` flattened."""
    xp = namespace(indices)
    lines, n = prod(x.shape[:-1]), x.shape[-1]
    first = xp.reshape(n * xp.arange(lines, dtype=indices.dtype, device=device_of(indices)), (lines, 1))
    place = xp.reshape(indices, (lines, indices.shape[-1])) + first
    return reshape(getitem(reshape(x, (-1,)), xp.reshape(place, (-1,))), indices.shape)


def sort(x: Array, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """Entries in order along an axis; equal ones stay in the order they had, whatever `stable` says."""
    axis = one_axis("sort", x, axis)
    plain = strip(x)
    order = namespace(plain).argsort(plain, axis=axis, descending=descending, stable=True)
    return moveaxis(_take_from_lines(moveaxis(x, axis, -1), moveaxis(order, axis, -1)), -1, axis)


def repeat(x: Array, repeats: int | Array, axis: int | None = None) -> Array:
    """Each entry along an axis several times in a row (None: `x` flattened first)."""
    check_arrays("repeat", x)
    if getattr(repeats, "ndim", 0):
        repeats = astype(repeats, int64)  # PyTorch takes few other integers
    elif not hasattr(repeats, "__index__"):
        check_arrays("repeat: repeats", repeats)
    if axis is None:
        x = reshape(x, (-1,))
    axis = one_axis("repeat", x, 0 if axis is None else axis)
    xp = namespace(strip(x))
    return take(x, xp.repeat(xp.arange(x.shape[axis], device=device_of(strip(x))), repeats), axis)
