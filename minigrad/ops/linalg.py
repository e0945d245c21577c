"""Matrix products and factorisations. A product with one factor fixed is a linear map of the other."""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from minigrad.backends import backend_of, namespace
from minigrad.linear_maps import NEGATE, Compose, Linear, LinearMap
from minigrad.ops.broadcasting import broadcast_to, sum, sum_to
from minigrad.ops.elementwise import exp
from minigrad.ops.reductions import vecdot, vector_norm
from minigrad.ops.shaping import axes_of, expand_dims, matrix_transpose, permute_dims, reshape, tril
from minigrad.primitives import primitive
from minigrad.variable import Array, strip

__all__ = [
    "cholesky", "det", "diagonal", "inv", "matmul", "matrix_power", "matrix_transpose", "outer", "slogdet", "solve",
    "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip

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
    if not getattr(a, "ndim", 0) or not getattr(b, "ndim", 0):
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


@primitive(lambda y, a, b: times(b, a), lambda y, a, b: left_times(a, b))
def _matmul(a: Array, b: Array) -> Array:
    return a @ b


def tensordot(a: Array, b: Array, axes: int | tuple[Any, Any] = 2) -> Array:
    """Sum of products over pairs of axes: the last `axes` of `a` with the first of `b`, or two lists of axes.

    ValueError where paired axes differ in length.
    """
    if isinstance(axes, int):
        axes = (tuple(range(-axes, 0)), tuple(range(axes)))
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
    return expand_dims(a, 1) * expand_dims(b, 0)


def diagonal(x: Array, offset: int = 0) -> Array:
    """A diagonal of matrices, `x[..., k, k + offset]`: every (columns + 1)-th entry of the rows in one line."""
    rows, columns = x.shape[-2:]
    first = offset if offset >= 0 else -offset * columns
    n = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    stop = first + (n - 1) * (columns + 1) + 1
    return reshape(x, (*x.shape[:-2], rows * columns))[..., slice(first, stop, columns + 1) if n else slice(0)]


def trace(x: Array, offset: int = 0) -> Array:
    """Sum of a diagonal of matrices."""
    return sum(diagonal(x, offset), -1)


def matrix_power(x: Array, n: int) -> Array:
    """`x @ x @ ... @ x`, `n` factors, for square matrices and `n` of at least 1, by repeated squaring."""
    _check_square("matrix_power", x)
    if n < 1:
        raise ValueError(f"matrix_power: n must be at least 1; got {n}: take inv(x) for negative powers")
    y = x
    for bit in f"{n:b}"[1:]:
        y = _matmul(y, y)
        if bit == "1":
            y = _matmul(y, x)
    return y


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
    lambda y, a, b: Compose(NEGATE, Compose(_solve_map(a, y), times(y, a))),
    lambda y, a, b: _solve_map(a, b),
)
def _solve(a: Array, b: Array) -> Array:
    return backend_of(a, b).solve(a, b)


def inv(a: Array) -> Array:
    """The inverse of square matrices. Singular `a`: the backend's error."""
    _check_square("inv", a)
    return _inv(a)


@primitive(lambda y, a: Compose(NEGATE, Compose(left_times(y, y), times(y, a))))  # y_dot = -y a_dot y
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


# ------------------------------------------------------------------------------------- determinants


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Array
    logabsdet: Array


def slogdet(a: Array) -> SlogdetResult:
    """The sign of the determinant of square matrices, a constant, and `log(abs(det(a)))`."""
    _check_square("slogdet", a)
    xp = namespace(strip(a))
    return SlogdetResult(xp.linalg.slogdet(strip(a))[0], _logabsdet(a))


def det(a: Array) -> Array:
    """The determinant of square matrices that are not singular."""
    sign, logabsdet = slogdet(a)
    return sign * exp(logabsdet)


def _logabsdet_map(
    y: Array, a: Array
) -> LinearMap:  # y_dot = trace(a^-1 a_dot), the entries of a^-T times those of a_dot
    k, shape = matrix_transpose(inv(a)), a.shape
    return Linear(lambda t: sum(k * t, (-2, -1)), lambda c: k * broadcast_to(expand_dims(c, (-2, -1)), shape))


@primitive(_logabsdet_map)
def _logabsdet(a: Array) -> Array:
    return namespace(a).linalg.slogdet(a)[1]


def _check_square(name: str, a: Array) -> None:
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"{name} needs square matrices; got shape {a.shape}")
