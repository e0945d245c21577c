"""Matrix products and factorisations. A product with one factor fixed is a linear map of the other."""

from __future__ import annotations

from math import prod
from typing import Any

from minigrad.backend import namespace
from minigrad.linear_maps import Compose, Linear, LinearMap, Negate
from minigrad.primitive import primitive
from minigrad.shaping import expand_dims, matrix_transpose, permute_dims, reshape, sum_to, tril
from minigrad.variable import Array

# ------------------------------------------------------------------------------------- products


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

    ValueError where the inner lengths differ.
    """
    if not a.ndim or not b.ndim:
        raise ValueError(f"matmul needs arrays of one axis or more; got shapes {a.shape} and {b.shape}: use * for numbers")
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


@primitive(lambda y, a, b: times(b, a), lambda y, a, b: left_times(a, b))
def _matmul(a: Array, b: Array) -> Array:
    return a @ b


def tensordot(a: Array, b: Array, axes: int | tuple[Any, Any] = 2) -> Array:
    """Sum of products over pairs of axes: the last `axes` of `a` with the first of `b`, or two lists of axes.

    ValueError where paired axes differ in length.
    """
    if isinstance(axes, int):
        axes_a, axes_b = tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes))
    else:
        axes_a, axes_b = ((k,) if isinstance(k, int) else tuple(k) for k in axes)
    axes_a, axes_b = tuple(k % a.ndim for k in axes_a), tuple(k % b.ndim for k in axes_b)
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
    return expand_dims(a, 1) * expand_dims(b, 0)


def trace(x: Array) -> Array:
    """Sum of the diagonal of matrices."""
    from minigrad.reductions import sum

    xp = namespace_of(x)
    return sum(x * xp.eye(x.shape[-2], x.shape[-1], dtype=x.dtype), (-2, -1))


def namespace_of(x: Array) -> Any:
    from minigrad.variable import strip

    return namespace(strip(x))


# ------------------------------------------------------------------------------------- solving


def solve(a: Array, b: Array) -> Array:
    """The solution `x` of `a x = b`, for square matrices `a`; 1-d `b` is one vector. Singular `a`: the backend's error.

    ValueError where shapes do not match.
    """
    _check_square("solve", a)
    if not b.ndim or b.shape[-2 if b.ndim > 1 else 0] != a.shape[-1]:
        raise ValueError(f"solve: a has shape {a.shape}, so b needs {a.shape[-1]} rows; its shape is {b.shape}")
    if b.ndim == 1:
        y = _solve(a, expand_dims(b, 1))
        return reshape(y, y.shape[:-1])
    return _solve(a, b)


def _solve_map(a: Array, b: Array) -> LinearMap:
    """The map `t -> a^-1 t` on arrays of the shape of `b`."""
    shape = b.shape
    return Linear(lambda t: _solve(a, t), lambda c: sum_to(_solve(matrix_transpose(a), c), shape))


@primitive(
    # a x = b  gives  a_dot x + a x_dot = 0:  x_dot = -a^-1 (a_dot x)
    lambda y, a, b: Compose(Negate(), Compose(_solve_map(a, y), times(y, a))),
    lambda y, a, b: _solve_map(a, b),
)
def _solve(a: Array, b: Array) -> Array:
    return namespace(a, b).linalg.solve(a, b)


def inv(a: Array) -> Array:
    """The inverse of square matrices. Singular `a`: the backend's error."""
    _check_square("inv", a)
    return _inv(a)


@primitive(lambda y, a: Compose(Negate(), Compose(left_times(y, y), times(y, a))))  # y_dot = -y a_dot y
def _inv(a: Array) -> Array:
    return namespace(a).linalg.inv(a)


def cholesky(a: Array) -> Array:
    """The lower triangular `L` with `L L^T = (a + a^T)/2`, positive definite (else the backend's error).

    `L^-1 L_dot` is the lower triangle, diagonal halved, of `L^-1 a_dot L^-T`: Golub and Van Loan, section 4.2, for the
    factorisation; differentiating `L L^T = a` gives the rest.
    """
    _check_square("cholesky", a)
    return _cholesky(0.5 * (a + matrix_transpose(a)))


def _lower_half(x: Array) -> Array:
    return 0.5 * (tril(x) + tril(x, -1))


def _cholesky_map(y: Array, a: Array) -> LinearMap:
    inverse = inv(y)
    sandwich = Compose(left_times(inverse, a), times(matrix_transpose(inverse), a))
    return Compose(left_times(y, a), Compose(Linear(_lower_half, _lower_half), sandwich))


@primitive(_cholesky_map)
def _cholesky(a: Array) -> Array:
    return namespace(a).linalg.cholesky(a)


def _check_square(name: str, a: Array) -> None:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"{name} needs square matrices; got shape {a.shape}")
