"""Operations that move numbers without changing them: each is linear, and so is its own derivative."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy

from minigrad.backend import namespace
from minigrad.linear_maps import Linear
from minigrad.primitive import primitive
from minigrad.variable import Array, Variable, strip

Shape = tuple[int, ...]


def reshape(x: Array, shape: int | Shape) -> Array:
    """`x` in another shape of the same size; one length may be -1."""
    return _reshape(x, shape=(shape,) if isinstance(shape, int) else tuple(shape))


@primitive(lambda y, x, shape: Linear(lambda t: reshape(t, y.shape), lambda c: reshape(c, x.shape)))
def _reshape(x: Array, shape: Shape) -> Array:
    return namespace(x).reshape(x, shape)


def permute_dims(x: Array, axes: Shape) -> Array:
    """`x` with its axes in the order `axes`."""
    ndim = x.ndim
    axes = tuple(a + ndim if a < 0 else a for a in axes)
    if sorted(axes) != list(range(ndim)):
        raise ValueError(f"permute_dims: axes {axes} must name each axis of an array of shape {x.shape} once")
    return _permute(x, axes=axes)


def _inverse(axes: Shape) -> Shape:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


@primitive(lambda y, x, axes: Linear(lambda t: _permute(t, axes=axes), lambda c: _permute(c, axes=_inverse(axes))))
def _permute(x: Array, axes: Shape) -> Array:
    return namespace(x).permute_dims(x, axes)


def matrix_transpose(x: Array) -> Array:
    """`x` with its last two axes exchanged."""
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose needs two axes or more; got shape {x.shape}")
    return _permute(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def moveaxis(x: Array, source: int, destination: int) -> Array:
    """`x` with one axis moved to another place."""
    axes = [k for k in range(x.ndim) if k != source % x.ndim]
    axes.insert(destination % x.ndim, source % x.ndim)
    return _permute(x, axes=tuple(axes))


def expand_dims(x: Array, axis: int | Shape = 0) -> Array:
    """`x` with axes of length 1 put in, so that they stand at `axis` in the result."""
    axes = (axis,) if isinstance(axis, int) else axis
    ndim = x.ndim + len(axes)
    axes = tuple(a + ndim if a < 0 else a for a in axes)
    if len(set(axes)) < len(axes) or not all(0 <= a < ndim for a in axes):
        raise ValueError(f"expand_dims: axis {axis} must name places in a result of {ndim} axes, each once")
    lengths = iter(x.shape)
    return reshape(x, tuple(1 if k in axes else next(lengths) for k in range(ndim)))


def squeeze(x: Array, axis: int | Shape) -> Array:
    """`x` without the axes of length 1 named."""
    axes = tuple(a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis))
    if any(x.shape[a] != 1 for a in axes):
        raise ValueError(f"squeeze: axis {axis} of shape {x.shape} does not have length 1")
    return reshape(x, tuple(n for k, n in enumerate(x.shape) if k not in axes))


def broadcast_to(x: Array, shape: Shape) -> Array:
    """`x` repeated along new axes, and along those of length 1, to `shape`."""
    return x if x.shape == shape else _broadcast_to(x, shape=shape)


@primitive(lambda y, x, shape: Linear(lambda t: broadcast_to(t, shape), lambda c: sum_to(c, x.shape)))
def _broadcast_to(x: Array, shape: Shape) -> Array:
    return namespace(x).broadcast_to(x, shape)


def sum_to(c: Array, shape: Shape) -> Array:
    """Sum `c` down to a shape that broadcasts to its own: the transpose of `broadcast_to`."""
    from minigrad.reductions import sum

    if c.shape == shape:
        return c
    extra = c.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        k + extra for k, n in enumerate(shape) if n == 1 and c.shape[k + extra] != 1
    )
    c = sum(c, axis=axes, keepdims=True)
    return c if c.shape == shape else reshape(c, shape)


def broadcast_shapes(*shapes: Shape) -> Shape:
    return numpy.broadcast_shapes(*shapes)


# ------------------------------------------------------------------------------------- joining


def concat(arrays: Any, axis: int | None = 0) -> Array:
    """Arrays one after the other along an axis (None: flattened first)."""
    arrays = list(arrays)
    if not arrays:
        raise ValueError("concat needs at least one array")
    if axis is None:
        return _concat(*(reshape(x, (-1,)) for x in arrays), axis=0)
    return _concat(*arrays, axis=axis)


def _part(i: int, y: Array, *arrays: Array, axis: int) -> Linear:
    """Argument i of `concat` fills one part of it: pad with zeros, and its transpose, the slice."""
    axis = axis % y.ndim
    start = 0
    for x in arrays[:i]:
        start += x.shape[axis]
    stop = start + arrays[i].shape[axis]
    before, after = [0] * y.ndim, [0] * y.ndim
    before[axis], after[axis] = start, y.shape[axis] - stop
    window = (slice(None),) * axis + (slice(start, stop),)
    return Linear(lambda t: pad(t, tuple(zip(before, after, strict=True))), lambda c: c[window])


@primitive(each=_part)
def _concat(*arrays: Array, axis: int) -> Array:
    return namespace(*arrays).concat(arrays, axis=axis)


def stack(arrays: Any, axis: int = 0) -> Array:
    """Arrays of one shape along a new axis."""
    arrays = list(arrays)
    shapes = {x.shape if hasattr(x, "shape") else () for x in arrays}
    if len(shapes) != 1:
        raise ValueError(f"stack needs one or more arrays of one shape; got {sorted(shapes)}")
    xp = next((namespace(strip(x)) for x in arrays if hasattr(x, "shape")), namespace())
    return concat([expand_dims(x if hasattr(x, "shape") else xp.asarray(float(x)), axis) for x in arrays], axis)


def pad(x: Array, widths: tuple[tuple[int, int], ...]) -> Array:
    """`x` with zeros put before and after it, `widths[k] = (before, after)` along axis k."""
    if all(w == (0, 0) for w in widths):
        return x
    return _pad(x, widths=widths)


def _inside(widths: tuple[tuple[int, int], ...], shape: Shape) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True))


@primitive(lambda y, x, widths: Linear(lambda t: pad(t, widths), lambda c: c[_inside(widths, x.shape)]))
def _pad(x: Array, widths: tuple[tuple[int, int], ...]) -> Array:
    shape = tuple(before + n + after for (before, after), n in zip(widths, x.shape, strict=True))
    y = namespace(x).zeros(shape, dtype=x.dtype, device=x.device)
    y[_inside(widths, x.shape)] = x
    return y


# ------------------------------------------------------------------------------------- turning


def flip(x: Array, axis: int | Shape | None = None) -> Array:
    """`x` in reverse order along the axes given (None: all)."""
    return _flip(x, axis=axis)


@primitive(lambda y, x, axis: Linear(lambda t: flip(t, axis), lambda c: flip(c, axis)))
def _flip(x: Array, axis: int | Shape | None) -> Array:
    return namespace(x).flip(x, axis=axis)


def roll(x: Array, shift: int | Shape, axis: int | Shape | None = None) -> Array:
    """`x` shifted along the axes given, what leaves at one end coming in at the other (None: flattened)."""
    return _roll(x, shift=shift, axis=axis)


def _back(shift: int | Shape) -> int | Shape:
    return -shift if isinstance(shift, int) else tuple(-s for s in shift)


@primitive(lambda y, x, shift, axis: Linear(lambda t: roll(t, shift, axis), lambda c: roll(c, _back(shift), axis)))
def _roll(x: Array, shift: int | Shape, axis: int | Shape | None) -> Array:
    return namespace(x).roll(x, shift, axis=axis)


def tril(x: Array, k: int = 0) -> Array:
    """The lower triangle of matrices, zeros above diagonal `k`."""
    return _tril(x, k=k)


@primitive(lambda y, x, k: Linear(lambda t: tril(t, k), lambda c: tril(c, k)))
def _tril(x: Array, k: int) -> Array:
    return namespace(x).tril(x, k=k)


# ------------------------------------------------------------------------------------- dtype


def astype(x: Array, dtype: Any) -> Array:
    """`x` in another dtype: minigrad's name of it, or the backend's. Integers and booleans are constants."""
    from minigrad.backend import backend_dtype

    plain = strip(x)
    xp = namespace(plain)
    dtype = backend_dtype(xp, dtype)
    if not xp.isdtype(dtype, "real floating"):
        return xp.astype(plain, dtype)
    return _astype(x, dtype=dtype)


@primitive(lambda y, x, dtype: Linear(lambda t: astype(t, dtype), lambda c: astype(c, x.dtype)))
def _astype(x: Array, dtype: Any) -> Array:
    xp = namespace(x)
    return xp.astype(xp.asarray(x), dtype)


def size(shape: Shape) -> int:
    return prod(shape)


def shape_of(x: Array | Variable) -> Shape:
    return getattr(x, "shape", ())
