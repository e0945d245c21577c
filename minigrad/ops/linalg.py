"""Linear algebra, as the standard's extension `linalg` has it: solving, factorisations, determinants, norms."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from minigrad.backends import backend_of, namespace, numpy_namespace
from minigrad.linear_maps import NEGATE, Compose, Linear, LinearMap
from minigrad.ops import reductions
from minigrad.ops.axes import Axis, check_arrays
from minigrad.ops.broadcasting import broadcast_to, sum, sum_to
from minigrad.ops.elementwise import exp, pow, sqrt, square
from minigrad.ops.piecewise import abs
from minigrad.ops.products import left_times, matmul, outer, tensordot, times, vecdot
from minigrad.ops.shaping import expand_dims, matrix_transpose, reshape, tril
from minigrad.primitives import primitive
from minigrad.variable import Array, Variable, strip

__all__ = [
    "cholesky", "det", "diagonal", "inv", "matmul", "matrix_power", "matrix_transpose", "outer", "slogdet", "solve",
    "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip

# ------------------------------------------------------------------------------------- diagonals, powers, norms


def diagonal(x: Array, offset: int = 0) -> Array:
    """A diagonal of matrices, `x[..., k, k + offset]`: every (columns + 1)-th entry of the rows laid end to end."""
    check_arrays("diagonal", x)
    if x.ndim < 2:
        raise ValueError(f"diagonal needs two axes or more; got shape {x.shape}")
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
        y = matmul(y, y)
        if bit == "1":
            y = matmul(y, x)
    return y


def vector_norm(x: Array, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Array:
    """`sum(abs(x)**ord) ** (1/ord)` over the axes given, the largest entry's size for `ord` infinite.

    At `x = 0` the norm of order 2 has no derivative: it comes out as nan.
    """
    ord = float(ord)  # a number of NumPy's would make float64 of float32
    if ord == 2:
        return sqrt(sum(square(x), axis, keepdims))
    if ord == 1:
        return sum(abs(x), axis, keepdims)
    if ord in (float("inf"), float("-inf")):
        return (reductions.max if ord > 0 else reductions.min)(abs(x), axis, keepdims)
    return pow(sum(pow(abs(x), ord), axis, keepdims), 1.0 / ord)


# ------------------------------------------------------------------------------------- solving


def solve(a: Array, b: Array) -> Array:
    """The solution `x` of `a x = b`, for square matrices `a`; 1-d `b` is one vector. Singular `a`: the backend's error.

    ValueError where shapes do not match.
    """
    _check_factored("solve", a)
    check_arrays("solve", b)
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
    _check_factored("inv", a)
    return _inv(a)


@primitive(lambda y, a: Compose(NEGATE, Compose(left_times(y, y), times(y, a))))  # y_dot = -y a_dot y
def _inv(a: Array) -> Array:
    return namespace(a).linalg.inv(a)


def cholesky(a: Array) -> Array:
    """The lower triangular `L` with `L L^T = (a + a^T)/2`, positive definite (else the backend's error).

    `L^-1 L_dot` is the lower triangle, diagonal halved, of `L^-1 a_dot L^-T`: Golub and Van Loan, section 4.2, for the
    factorisation; differentiating `L L^T = a` gives the rest.
    """
    _check_factored("cholesky", a)
    return _cholesky(0.5 * (a + matrix_transpose(a)))


def _lower_half(x: Array) -> Array:
    return 0.5 * (tril(x) + tril(x, -1))


def _cholesky_map(y: Array, a: Array) -> LinearMap:
    inverse = inv(y)
    sandwich = Compose(left_times(inverse, a), times(matrix_transpose(inverse), a))
    return Compose(left_times(y, a), Compose(Linear(_lower_half, _lower_half), sandwich))


@primitive(_cholesky_map)
def _cholesky(a: Array) -> Array:
    """The entries on the diagonal and on either side of it: Dask's factor is the upper one."""
    xp = namespace(a)
    y = xp.linalg.cholesky(a)
    return xp.tril(y) + xp.matrix_transpose(xp.triu(y, k=1))


# ------------------------------------------------------------------------------------- determinants


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Array
    logabsdet: Array


def slogdet(a: Array) -> SlogdetResult:
    """The sign of the determinant of square matrices, a constant, and `log(abs(det(a)))`."""
    _check_factored("slogdet", a)
    xp = namespace(strip(a))
    return SlogdetResult(xp.linalg.slogdet(strip(a))[0], _logabsdet(a))


def det(a: Array) -> Array:
    """The determinant of square matrices.

    On NumPy its derivatives are exact to any order at singular matrices too; the first is the matrix of cofactors.
    Where a look at the singular values would wait for a device, a singular `a` is the backend's error, or nan.
    """
    _check_factored("det", a)
    m = _near_nullity(strip(a)) if a.__class__ is Variable else 0
    if m:
        return _singular_det(a, m)
    sign, logabsdet = slogdet(a)
    return sign * exp(logabsdet)


def _near_nullity(a: Array) -> int:
    """How many singular values are next to nothing, in the worst of the matrices: on NumPy, else 0."""
    xp = namespace(a)
    if xp is not numpy_namespace or not prod(a.shape) or not xp.all(xp.isfinite(a)):
        return 0
    values = xp.linalg.svd(a)[1]
    small = values <= float(xp.finfo(a.dtype).eps) ** 0.5 * values[..., :1]
    return int(xp.max(xp.sum(small, axis=-1)))


def _singular_det(a: Array, m: int) -> Array:
    r"""The determinant of matrices with up to `m` singular values next to nothing.

    With the singular vectors at the point, two constants, `b = U^T a V` is diagonal there. Split off its last `m` rows
    and columns: `det a = det U det V det b_11 det(b_22 - b_21 b_11^-1 b_12)`, where `b_11` is far from singular.
    """
    plain = strip(a)
    xp = namespace(plain)
    U, _, Vt = xp.linalg.svd(plain)
    b = matmul(matmul(matrix_transpose(U), a), matrix_transpose(Vt))
    r = plain.shape[-1] - m
    corner = b[..., r:, r:]
    outside = xp.linalg.det(U) * xp.linalg.det(Vt)
    if not r:
        return outside * _division_free_det(corner)
    sign, logabsdet = slogdet(b[..., :r, :r])
    schur = corner - matmul(b[..., r:, :r], solve(b[..., :r, :r], b[..., :r, r:]))
    return outside * sign * exp(logabsdet) * _division_free_det(schur)


def _division_free_det(a: Array) -> Array:
    """The determinant as a polynomial in the entries: Faddeev and Leverrier's recursion for small matrices."""
    n = a.shape[-1]
    identity = namespace(strip(a)).eye(n, dtype=a.dtype)
    product, coefficient = a, -trace(a)
    for k in range(2, n + 1):
        product = matmul(a, product + coefficient[..., None, None] * identity)
        coefficient = -trace(product) / k
    return coefficient if n % 2 == 0 else -coefficient


def _logabsdet_map(
    y: Array, a: Array
) -> LinearMap:  # y_dot = trace(a^-1 a_dot), the entries of a^-T times those of a_dot
    k, shape = matrix_transpose(inv(a)), a.shape
    return Linear(lambda t: sum(k * t, (-2, -1)), lambda c: k * broadcast_to(expand_dims(c, (-2, -1)), shape))


@primitive(_logabsdet_map)
def _logabsdet(a: Array) -> Array:
    return namespace(a).linalg.slogdet(a)[1]


def _check_factored(name: str, a: Array) -> None:
    """Square matrices in a dtype that libraries solve and factor in."""
    _check_square(name, a)
    if "float16" in str(a.dtype):  # bfloat16, too
        raise TypeError(
            f"{name}: {a.dtype} is unsupported in linalg of the libraries: give minigrad.astype(a, minigrad.float32)"
        )


def _check_square(name: str, a: Array) -> None:
    check_arrays(name, a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"{name} needs square matrices; got shape {a.shape}")
