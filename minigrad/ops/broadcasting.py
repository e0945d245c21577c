"""Repeating along axes and summing over them: each is the transpose of the other."""

from __future__ import annotations

from typing import Any

from minigrad.backends import backend_of, namespace
from minigrad.linear_maps import IDENTITY, Linear, LinearMap, Scale
from minigrad.ops.axes import Axis, Shape, axes_of, broadcast_shapes, check_arrays, integers, kept_shape
from minigrad.ops.dtypes import astype
from minigrad.ops.shaping import reshape
from minigrad.primitives import primitive
from minigrad.variable import Array

__all__ = ["broadcast_arrays", "broadcast_to", "sum", "tile"]


def broadcast_to(x: Array, shape: int | Shape) -> Array:
    """`x` repeated along new axes, and along those of length 1, to `shape`."""
    if shape.__class__ is not tuple:
        shape = integers(shape, "broadcast_to: shape")
    return x if getattr(x, "shape", None) == shape else _broadcast_to(x, shape=shape)


def _broadcast_map(y: Array, x: Array, shape: Shape) -> Linear:
    narrow = x.shape
    return Linear(lambda t: broadcast_to(t, shape), lambda c: sum_to(c, narrow))


@primitive(_broadcast_map)
def _broadcast_to(x: Array, shape: Shape) -> Array:
    return namespace(x).broadcast_to(x, shape)


def sum_to(c: Array, shape: Shape) -> Array:
    """Sum `c` down to a shape that broadcasts to its own: the transpose of `broadcast_to`."""
    if c.shape == shape:
        return c
    extra = c.ndim - len(shape)
    stretched = [k + extra for k, n in enumerate(shape) if n == 1 and c.shape[k + extra] != 1]
    c = sum(c, axis=(*range(extra), *stretched), keepdims=True)
    return c if c.shape == shape else reshape(c, shape)


def sum(x: Array, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None) -> Array:
    """Sum over the axes given (None: all), in the dtype of `x` or in another: `dtype=minigrad.float64`."""
    if dtype is not None:  # libraries widen sums of short integers
        return astype(sum(astype(x, dtype, copy=False), axis, keepdims), dtype, copy=False)
    if axis is not None and axis.__class__ is not tuple and axis.__class__ is not int:
        axis = axes_of(x, axis)
    return _sum(x, axis=axis, keepdims=keepdims)


def sum_map(y: Array, x: Array, axis: Axis, keepdims: bool) -> Linear:
    """The map from tangents of `x` to their sums."""
    shape = x.shape
    kept = shape if keepdims or y.shape == shape else kept_shape(shape, axes_of(x, axis))

    def pull(c: Array) -> Array:
        return broadcast_to(c if keepdims or c.shape == kept else reshape(c, kept), shape)

    return Linear(lambda t: sum(t, axis, keepdims), pull)


@primitive(sum_map)
def _sum(x: Array, axis: Axis, keepdims: bool) -> Array:
    return backend_of(x).sum(x, axis, keepdims)


# ------------------------------------------------------------------------------------- maps that broadcast


def scale(k: Array, x: Array, y: Array) -> LinearMap:
    """The map `t -> k t` for an argument `x` that was broadcast to the shape of `y`."""
    shape, wide = x.shape, y.shape
    if shape == wide:
        return Scale(k)
    return Linear(lambda t: broadcast_to(k * t, wide), lambda c: sum_to(k * c, shape))


def broadcast(x: Array, y: Array) -> LinearMap:
    """The map `t -> t` for an argument `x` that was broadcast to the shape of `y`."""
    shape, wide = x.shape, y.shape
    if shape == wide:
        return IDENTITY
    return Linear(lambda t: broadcast_to(t, wide), lambda c: sum_to(c, shape))


# ------------------------------------------------------------------------------------- several arrays


def broadcast_arrays(*arrays: Array) -> list[Array]:
    """Arrays broadcast against each other to one shape."""
    check_arrays("broadcast_arrays", *arrays)
    shape = broadcast_shapes(*(x.shape for x in arrays))
    return [broadcast_to(x, shape) for x in arrays]


def tile(x: Array, repetitions: int | Shape) -> Array:
    """Copies of `x` next to each other, `repetitions[k]` of them along axis k."""
    check_arrays("tile", x)
    repetitions = integers(repetitions, "tile: repetitions")
    ndim = max(x.ndim, len(repetitions))
    lengths = (1,) * (ndim - x.ndim) + tuple(x.shape)
    times = (1,) * (ndim - len(repetitions)) + tuple(repetitions)
    apart: list[Any] = [n for pair in zip((1,) * ndim, lengths, strict=True) for n in pair]
    wide = tuple(n for pair in zip(times, lengths, strict=True) for n in pair)
    return reshape(
        broadcast_to(reshape(x, tuple(apart)), wide), tuple(r * n for r, n in zip(times, lengths, strict=True))
    )
