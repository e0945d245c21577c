"""Axes and shapes: which axes an argument names, and the shape of a result."""

from __future__ import annotations

from operator import index
from typing import Any

from minigrad.backends import not_an_array, shown
from minigrad.variable import Array

Shape = tuple[int, ...]
Axis = int | tuple[int, ...] | None


def check_arrays(name: str, *arrays: Array) -> None:
    """TypeError for lists and numbers where an operation needs the axes of arrays."""
    for x in arrays:
        if not hasattr(x, "ndim"):
            raise TypeError(f"{name}: expected an array, got {not_an_array(x)}")


def axis_count(name: str, x: Array) -> int:
    """The number of axes of an array; TypeError for lists and numbers."""
    try:
        return x.ndim
    except AttributeError:
        raise TypeError(f"{name}: expected an array, got {not_an_array(x)}") from None


def integers(value: Any, what: str) -> Shape:
    """One integer or several, of Python or NumPy, as a tuple of Python's; TypeError for anything else."""
    try:
        if isinstance(value, tuple | list) or (hasattr(value, "shape") and value.shape):
            return tuple(map(index, value))
        return (index(value),)
    except TypeError:
        raise TypeError(f"{what} must be an integer or a tuple of integers; got {shown(value)}") from None


def axes_of(x: Array, axis: Axis, what: str = "axis") -> Shape:
    """The axes that `axis` names, counted from 0 (None: all); ValueError for one that `x` does not have."""
    ndim = axis_count(what, x)
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if axis.__class__ is int else integers(axis, what)
    done = tuple(a + ndim if a < 0 else a for a in axes)
    if not all(0 <= a < ndim for a in done) or len(set(done)) < len(done):
        raise ValueError(f"{what} {axis} does not name axes of an array of shape {x.shape}, each once")
    return done


def axis_index(axis: int, part: Any) -> tuple[Any, ...]:
    """The index that takes `part` of one axis and all of the others."""
    return (*(slice(None),) * axis, part, ...)


def one_axis(name: str, x: Array, axis: int | None) -> int:
    """The axis that `axis` names, counted from 0 (None: the only one); ValueError if `x` does not have it."""
    if axis is None and getattr(x, "ndim", 1) != 1:
        raise ValueError(f"{name} needs axis= for an array of {x.ndim} axes")
    axes = axes_of(x, axis, f"{name}: axis")
    if len(axes) != 1:
        raise ValueError(f"{name} works along one axis; got axis={shown(axis)}")
    return axes[0]


def kept_shape(shape: Shape, axes: Shape) -> Shape:
    """The shape of a reduction with `keepdims`."""
    return tuple(1 if k in axes else n for k, n in enumerate(shape))


def dropped_shape(shape: Shape, axes: Shape) -> Shape:
    """The shape of a reduction without `keepdims`."""
    return tuple(n for k, n in enumerate(shape) if k not in axes)


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape to which all of these broadcast; ValueError where there is none."""
    ndim = max(map(len, shapes), default=0)
    columns = zip(*((1,) * (ndim - len(shape)) + tuple(shape) for shape in shapes), strict=True)
    lengths = [set(column) - {1} for column in columns]
    if any(len(n) > 1 for n in lengths):
        raise ValueError(f"shapes {', '.join(map(str, shapes))} do not broadcast to one another")
    return tuple(n.pop() if n else 1 for n in lengths)
