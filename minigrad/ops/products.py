"""Products of matrices and tensors. A product with one factor fixed is a linear map of the other."""

from __future__ import annotations

from math import prod
from typing import Any

from minigrad.backends import backend_of, families, namespace
from minigrad.linear_maps import Linear, LinearMap
from minigrad.ops.axes import Axis, axes_of, check_arrays, integers, one_axis
from minigrad.ops.broadcasting import sum_to
from minigrad.ops.shaping import expand_dims, matrix_transpose, moveaxis, permute_dims, reshape, roll
from minigrad.primitives import primitive
from minigrad.variable import Array, Variable

__all__ = ["matmul", "outer", "tensordot", "vecdot"]


def times(b: Array, a: Array) -> LinearMap:
    """The map `t -> t @ b` on arrays of the shape of `a`."""
    shape = a.shape
    return Linear(lambda t: matmul(t, b), lambda c: sum_to(matmul(c, matrix_transpose(b)), shape))


def left_times(a: Array, b: Array) -> LinearMap:
    """The map `t -> a @ t` on arrays of the shape of `b`."""
    shape = b.shape
    return Linear(lambda t: matmul(a, t), lambda c: sum_to(matmul(matrix_transpose(a), c), shape))


def matmul(a: Array, b: Array) -> Array:
    """Matrix product `a @ b` over the last two axes, earlier axes broadcast; 1-d arrays are vectors.

    One of them may be a constant sparse matrix of SciPy.

    ValueError where the inner lengths differ.
    """
    if a.__class__ not in families or b.__class__ not in families:  # no arrays of a type that is known
        if _is_sparse(a):
            return _sparse_times(b, matrix=a)
        if _is_sparse(b):
            y = _sparse_times(a if a.ndim == 1 else matrix_transpose(a), matrix=b.T)
            return y if a.ndim == 1 else matrix_transpose(y)
    if not getattr(a, "ndim", 0) or not getattr(b, "ndim", 0):
        namespace(a, b)  # TypeError for lists
        raise ValueError(
            "matmul needs arrays of one axis or more: use * for numbers; got "
            + " and ".join(f"shape {x.shape}" if hasattr(x, "shape") else type(x).__name__ for x in (a, b))
        )
    inner = b.shape[-2 if b.ndim > 1 else 0]
    if a.shape[-1] != inner:
        raise ValueError(
            f"matmul: shapes {a.shape} and {b.shape} do not match: the last axis of the first argument "
            f"({a.shape[-1]}) must be as long as {'the last axis but one' if b.ndim > 1 else 'the axis'} of the second "
            f"({inner}); transpose one with x.mT or reshape it"
        )
    if a.ndim == 1 and b.ndim == 1:
        return reshape(_matmul(reshape(a, (1, -1)), reshape(b, (-1, 1))), ())
    if a.ndim == 1:
        y = _matmul(expand_dims(a, 0), b)
        return reshape(y, (*y.shape[:-2], y.shape[-1]))
    if b.ndim == 1:
        y = _matmul(a, expand_dims(b, 1))
        return reshape(y, y.shape[:-1])
    return _matmul(a, b)


def _is_sparse(x: Any) -> bool:
    return x.__class__ is not Variable and hasattr(x, "tocsr")


def _sparse_map(y: Array, x: Array, matrix: Any) -> Linear:
    return Linear(lambda t: _sparse_times(t, matrix=matrix), lambda c: _sparse_times(c, matrix=matrix.T))


@primitive(_sparse_map)
def _sparse_times(x: Array, matrix: Any) -> Array:
    """A constant sparse matrix of SciPy times a vector, or times each column of a matrix."""
    if x.ndim not in (1, 2) or x.shape[0] != matrix.shape[1]:
        raise ValueError(
            f"matmul: a sparse matrix of shape {matrix.shape} needs a vector or a matrix with {matrix.shape[1]} rows; "
            f"got shape {x.shape}"
        )
    return matrix @ x


@primitive(lambda y, a, b: times(b, a), lambda y, a, b: left_times(a, b))
def _matmul(a: Array, b: Array) -> Array:
    if a.dtype == b.dtype:
        return a @ b
    return namespace(a, b).matmul(a, b)  # PyTorch's operator takes one dtype


def tensordot(a: Array, b: Array, axes: int | tuple[Axis, Axis] = 2) -> Array:
    """Sum of products over pairs of axes: the last `axes` of `a` with the first of `b`, or two lists of axes.

    ValueError where paired axes differ in length.
    """
    if not isinstance(axes, tuple | list):
        (n,) = integers(axes, "tensordot: axes")
        axes = (tuple(range(-n, 0)), tuple(range(n)))
    axes_a, axes_b = axes_of(a, axes[0], "tensordot: axes"), axes_of(b, axes[1], "tensordot: axes")
    if [a.shape[k] for k in axes_a] != [b.shape[k] for k in axes_b]:
        raise ValueError(
            f"tensordot: axes {axes_a} of shape {a.shape} and axes {axes_b} of shape {b.shape} must have equal lengths"
        )
    free_a = tuple(k for k in range(a.ndim) if k not in axes_a)
    free_b = tuple(k for k in range(b.ndim) if k not in axes_b)
    shape = tuple(a.shape[k] for k in free_a) + tuple(b.shape[k] for k in free_b)
    n = prod(a.shape[k] for k in axes_a)
    left = reshape(permute_dims(a, free_a + axes_a), (prod(a.shape[k] for k in free_a), n))
    right = reshape(permute_dims(b, axes_b + free_b), (n, prod(b.shape[k] for k in free_b)))
    return reshape(_matmul(left, right), shape)


def outer(a: Array, b: Array) -> Array:
    """Outer product of two vectors."""
    check_arrays("outer", a, b)
    return expand_dims(a, 1) * expand_dims(b, 0)


def vecdot(a: Array, b: Array, axis: int = -1) -> Array:
    """Inner product along an axis of each, the other axes broadcast; ValueError where the lengths differ."""
    try:
        same = a.shape[axis] == b.shape[axis]
    except (AttributeError, IndexError, TypeError):
        for x in (a, b):
            one_axis("vecdot", x, axis)
        raise TypeError(f"vecdot: axis must be an integer; got {axis!r}") from None
    if not same:
        raise ValueError(f"vecdot: shapes {a.shape} and {b.shape} must have the same length along axis {axis}")
    return _vecdot(_axis_last(a, axis), _axis_last(b, axis))


def cross(a: Array, b: Array, axis: int = -1) -> Array:
    """Cross product of vectors of three entries along an axis, the other axes broadcast: `a_1 b_2 - a_2 b_1`, ..."""
    check_arrays("cross", a, b)
    for x in (a, b):
        if x.shape[one_axis("cross", x, axis)] != 3:
            raise ValueError(f"cross: shapes {a.shape} and {b.shape} must have three entries along axis {axis}")
    return roll(a, -1, axis) * roll(b, -2, axis) - roll(a, -2, axis) * roll(b, -1, axis)


def _axis_last(x: Array, axis: int) -> Array:
    return x if axis in (-1, x.ndim - 1) else moveaxis(x, axis, -1)


def _dot_with(b: Array, a: Array) -> Linear:
    """The map `t -> vecdot(t, b)` on arrays of the shape of `a`."""
    shape = a.shape
    return Linear(lambda t: _vecdot(t, b), lambda c: sum_to(expand_dims(c, -1) * b, shape))


@primitive(lambda y, a, b: _dot_with(b, a), lambda y, a, b: _dot_with(a, b))
def _vecdot(a: Array, b: Array) -> Array:
    return backend_of(a, b).vecdot(a, b)
