"""Operations that move numbers without changing them: each is linear, and so its own derivative."""

from __future__ import annotations

from collections.abc import Iterable

import numpy

from minigrad.backends import SCALARS, backend_of, device_of, namespace
from minigrad.linear_maps import Linear
from minigrad.ops.axes import Axis, Shape, axes_of, axis_count, axis_index, check_arrays, integers, one_axis
from minigrad.primitives import primitive
from minigrad.variable import Array, strip

__all__ = [
    "concat", "expand_dims", "flip", "matrix_transpose", "moveaxis", "pad", "permute_dims", "reshape", "roll",
    "squeeze", "stack", "tril", "triu", "unstack",
]  # fmt: skip


def reshape(x: Array, shape: int | Shape) -> Array:
    """`x` in another shape of the same size; one length may be -1."""
    return _reshape(x, shape=shape if shape.__class__ is tuple else integers(shape, "reshape: shape"))


def _reshape_map(y: Array, x: Array, shape: Shape) -> Linear:
    after, before = y.shape, x.shape
    return Linear(lambda t: _reshape(t, shape=after), lambda c: _reshape(c, shape=before))


@primitive(_reshape_map)
def _reshape(x: Array, shape: Shape) -> Array:
    return namespace(x).reshape(x, shape)


# ------------------------------------------------------------------------------------- axes


def permute_dims(x: Array, axes: Shape) -> Array:
    """`x` with its axes in the order `axes`."""
    axes = axes_of(x, tuple(axes), "permute_dims: axes")
    if len(axes) != x.ndim:
        raise ValueError(f"permute_dims: axes {axes} must name each axis of an array of shape {x.shape} once")
    return _permute(x, axes=axes)


def _inverse(axes: Shape) -> Shape:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def _permute_map(y: Array, x: Array, axes: Shape) -> Linear:
    return Linear(lambda t: _permute(t, axes=axes), lambda c: _permute(c, axes=_inverse(axes)))


@primitive(_permute_map)
def _permute(x: Array, axes: Shape) -> Array:
    return namespace(x).permute_dims(x, axes)


def matrix_transpose(x: Array) -> Array:
    """`x` with its last two axes exchanged."""
    ndim = axis_count("matrix_transpose", x)
    if ndim < 2:
        raise ValueError(f"matrix_transpose needs two axes or more; got shape {x.shape}")
    return _permute(x, axes=(*range(ndim - 2), ndim - 1, ndim - 2))


def moveaxis(x: Array, source: int | Shape, destination: int | Shape) -> Array:
    """`x` with axes moved to other places."""
    sources, places = axes_of(x, source, "moveaxis: source"), axes_of(x, destination, "moveaxis: destination")
    if len(sources) != len(places):
        raise ValueError(f"moveaxis: source {source} and destination {destination} must name as many axes")
    axes = [k for k in range(x.ndim) if k not in sources]
    for place, k in sorted(zip(places, sources, strict=True)):
        axes.insert(place, k)
    return _permute(x, axes=tuple(axes))


def expand_dims(x: Array, axis: int | Shape = 0) -> Array:
    """`x` with axes of length 1 put in, which are axes `axis` of the result."""
    axes = (axis,) if axis.__class__ is int else integers(axis, "expand_dims: axis")
    ndim = axis_count("expand_dims", x) + len(axes)
    axes = tuple(a + ndim if a < 0 else a for a in axes)
    if len(set(axes)) < len(axes) or not all(0 <= a < ndim for a in axes):
        raise ValueError(f"expand_dims: axis {axis} must name places in a result of {ndim} axes, each once")
    lengths = iter(x.shape)
    return reshape(x, tuple(1 if k in axes else next(lengths) for k in range(ndim)))


def squeeze(x: Array, axis: int | Shape) -> Array:
    """`x` without the axes named, which must have length 1."""
    axes = axes_of(x, axis, "squeeze: axis")
    if any(x.shape[a] != 1 for a in axes):
        raise ValueError(f"squeeze: axis {axis} of shape {x.shape} does not have length 1")
    return reshape(x, tuple(n for k, n in enumerate(x.shape) if k not in axes))


# ------------------------------------------------------------------------------------- joining


def concat(arrays: Iterable[Array], axis: int | None = 0) -> Array:
    """Arrays one after the other along an axis (None: flattened first). ValueError where other axes differ."""
    arrays = list(arrays)
    if not arrays:
        raise ValueError("concat needs at least one array")
    check_arrays("concat", *arrays)
    if axis is None:
        return _concat(*(reshape(x, (-1,)) for x in arrays), axis=0)
    axis = one_axis("concat", arrays[0], axis)
    shapes = [x.shape for x in arrays]
    if len({(*shape[:axis], -1, *shape[axis + 1 :]) for shape in shapes}) > 1:
        raise ValueError(f"concat: the shapes may differ along axis {axis} only; got {shapes}")
    return _concat(*arrays, axis=axis)


def _part(i: int, y: Array, *arrays: Array, axis: int) -> Linear:
    """Argument i of `concat` fills one part of it: pad with zeros, and its transpose, the slice."""
    start = 0
    for x in arrays[:i]:
        start += x.shape[axis]
    stop = start + arrays[i].shape[axis]
    widths = tuple((start, y.shape[axis] - stop) if k == axis else (0, 0) for k in range(y.ndim))
    window = axis_index(axis, slice(start, stop))
    return Linear(lambda t: pad(t, widths), lambda c: c[window])


@primitive(each=_part)
def _concat(*arrays: Array, axis: int) -> Array:
    return namespace(*arrays).concat(arrays, axis=axis)


def stack(arrays: Iterable[Array], axis: int = 0) -> Array:
    """Arrays of one shape along a new axis. Python numbers take the dtype of the arrays."""
    arrays = list(arrays)
    like = next((strip(x) for x in arrays if hasattr(x, "shape")), numpy.float64(0.0))
    arrays = [
        namespace(like).asarray(x, dtype=like.dtype, device=device_of(like)) if x.__class__ in SCALARS else x
        for x in arrays
    ]
    check_arrays("stack", *arrays)
    shapes = {x.shape for x in arrays}
    if len(shapes) != 1:
        raise ValueError(f"stack needs one or more arrays of one shape; got {sorted(shapes)}")
    return concat([expand_dims(x, axis) for x in arrays], axis)


def unstack(x: Array, axis: int = 0) -> tuple[Array, ...]:
    """The parts of `x` along an axis, without that axis: the inverse of `stack`."""
    axis = one_axis("unstack", x, axis)
    return tuple(x[axis_index(axis, k)] for k in range(x.shape[axis]))


def pad(x: Array, widths: tuple[tuple[int, int], ...]) -> Array:
    """`x` with zeros put before and after it, `widths[k] = (before, after)` along axis k."""
    check_arrays("pad", x)
    if len(widths) != x.ndim:
        raise ValueError(f"pad: widths {widths} need one pair (before, after) per axis of an array of shape {x.shape}")
    if all(w == (0, 0) for w in widths):
        return x
    return _pad(x, widths=widths)


def _pad_map(y: Array, x: Array, widths: tuple[tuple[int, int], ...]) -> Linear:
    inside = _inside(widths, x.shape)
    return Linear(lambda t: _pad(t, widths=widths), lambda c: c[inside])


def _inside(widths: tuple[tuple[int, int], ...], shape: Shape) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True))


@primitive(_pad_map)
def _pad(x: Array, widths: tuple[tuple[int, int], ...]) -> Array:
    shape = tuple(before + n + after for (before, after), n in zip(widths, x.shape, strict=True))
    return backend_of(x).scatter_add(x, _inside(widths, x.shape), shape)


# ------------------------------------------------------------------------------------- turning


def flip(x: Array, axis: Axis = None) -> Array:
    """`x` in reverse order along the axes given (None: all)."""
    return _flip(x, axis=axes_of(x, axis, "flip: axis"))


def _flip_map(y: Array, x: Array, axis: Shape) -> Linear:
    return Linear(lambda t: _flip(t, axis=axis), lambda c: _flip(c, axis=axis))


@primitive(_flip_map)
def _flip(x: Array, axis: Shape) -> Array:
    return namespace(x).flip(x, axis=axis)


def roll(x: Array, shift: int | Shape, axis: Axis = None) -> Array:
    """`x` shifted along the axes given, entries that leave at one end come in at the other (None: flattened)."""
    shift = shift if isinstance(shift, int) else integers(shift, "roll: shift")
    return _roll(x, shift=shift, axis=axis if axis is None else axes_of(x, axis, "roll: axis"))


def _back(shift: int | Shape) -> int | Shape:
    return -shift if isinstance(shift, int) else tuple(-s for s in shift)


def _roll_map(y: Array, x: Array, shift: int | Shape, axis: Axis) -> Linear:
    return Linear(lambda t: roll(t, shift, axis), lambda c: roll(c, _back(shift), axis))


@primitive(_roll_map)
def _roll(x: Array, shift: int | Shape, axis: Axis) -> Array:
    return namespace(x).roll(x, shift, axis=axis)


def tril(x: Array, k: int = 0) -> Array:
    """The lower triangle of matrices, zeros above diagonal `k`."""
    return _triangle_of(x, k, "tril")


def triu(x: Array, k: int = 0) -> Array:
    """The upper triangle of matrices, zeros below diagonal `k`."""
    return _triangle_of(x, k, "triu")


def _triangle_of(x: Array, k: int, side: str) -> Array:
    if axis_count(side, x) < 2:
        raise ValueError(f"{side} needs two axes or more; got shape {x.shape}")
    return _triangle(x, k=integers(k, f"{side}: k")[0], side=side)


def _triangle_map(y: Array, x: Array, k: int, side: str) -> Linear:
    return Linear(lambda t: _triangle(t, k=k, side=side), lambda c: _triangle(c, k=k, side=side))


@primitive(_triangle_map)
def _triangle(x: Array, k: int, side: str) -> Array:
    return getattr(namespace(x), side)(x, k=k)
