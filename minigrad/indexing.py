"""Reading and replacing parts of an array: `x[index]`, and what stands in for `x[index] = value`."""

from __future__ import annotations

from typing import Any

from minigrad import backend
from minigrad.backend import namespace
from minigrad.elementwise import where
from minigrad.linear_maps import Linear
from minigrad.primitive import primitive
from minigrad.shaping import broadcast_to, sum_to
from minigrad.variable import Array, Variable, strip

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


@primitive(lambda y, x, index: Linear(lambda t: t[index], lambda c: _scatter_add(c, index=index, shape=x.shape)))
def _getitem(x: Array, index: Index) -> Array:
    return x[index]


@primitive(
    lambda y, c, index, shape: Linear(lambda t: _scatter_add(t, index=index, shape=shape), lambda u: u[index])
)
def _scatter_add(c: Array, index: Index, shape: tuple[int, ...]) -> Array:
    """Zeros of `shape` with `c` added at `index`: the transpose of `x[index]`."""
    return backend.scatter_add(c, index, shape)


def index_add(x: Array, index: Index, value: Array) -> Array:
    """Return `x` with `value` added at `index`; places named twice are added to twice.

    >>> import numpy as np
    >>> index_add(np.zeros(3), np.array([0, 0, 2]), 1.0)
    array([2., 0., 1.])
    """
    index = _plain(index)
    return x + _scatter_add(_as_part(x, index, value), index=index, shape=x.shape)


def index_update(x: Array, index: Index, value: Array) -> Array:
    """Return `x` with `value` at `index`: what `x[index] = value` would make, `x` itself unchanged.

    Of places named twice the last value counts, as in NumPy.

    >>> import numpy as np
    >>> index_update(np.zeros(3), slice(1, None), 5.0)
    array([0., 5., 5.])
    """
    index = _plain(index)
    value = _as_part(x, index, value)
    plain = strip(x)
    xp = namespace(plain)
    size = 1
    for n in value.shape:
        size *= n
    writer = xp.full(plain.shape, -1, dtype=xp.int64)  # which entry of `value` ends up at each place
    order = xp.reshape(xp.arange(size, dtype=xp.int64), value.shape)
    writer[index] = order
    lasting = writer[index] == order
    kept = where(writer < 0, x, 0.0)
    return kept + _scatter_add(where(lasting, value, 0.0), index=index, shape=x.shape)


def _as_part(x: Array, index: Index, value: Array) -> Array:
    """`value` broadcast to the shape of `x[index]`, in the dtype of `x`."""
    part = strip(x)[index]
    if not hasattr(value, "shape"):
        value = namespace(part).asarray(value, dtype=part.dtype)
    try:
        return broadcast_to(value, part.shape)
    except ValueError:
        raise ValueError(f"a value of shape {value.shape} does not fit x[index], of shape {part.shape}") from None


def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """Entries of `x` along an axis, at integer indices."""
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"take needs axis= for an array of {x.ndim} axes")
        axis = 0
    return getitem(x, (slice(None),) * (axis % x.ndim) + (indices,))


__all__ = ["getitem", "index_add", "index_update", "sum_to", "take"]
