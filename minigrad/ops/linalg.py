"""Linear algebra, as the standard's extension `linalg` has it: this file is `minigrad.linalg`.

Solving, factorisations and norms have files of their own, which list nothing: what is listed here is public.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from minigrad.backends import namespace, numpy_namespace
from minigrad.linear_maps import Linear, LinearMap
from minigrad.ops.axes import check_arrays
from minigrad.ops.broadcasting import broadcast_to, sum
from minigrad.ops.eigenvectors import eigh, eigvalsh
from minigrad.ops.elementwise import exp
from minigrad.ops.norms import matrix_norm, vector_norm
from minigrad.ops.orthogonal_factor import qr
from minigrad.ops.products import cross, matmul, outer, tensordot, vecdot
from minigrad.ops.pseudoinverse import pinv
from minigrad.ops.shaping import expand_dims, matrix_transpose, reshape
from minigrad.ops.singular_vectors import svd, svdvals
from minigrad.ops.solving import check_factored, check_square, cholesky, inv, solve
from minigrad.primitives import primitive
from minigrad.variable import Array, Variable, strip

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power",
    "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "tensordot", "trace", "vecdot",
    "vector_norm",
]  # fmt: skip

# ------------------------------------------------------------------------------------- diagonals, powers


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


def trace(x: Array, offset: int = 0, *, dtype: Any = None) -> Array:
    """Sum of a diagonal of matrices, in another dtype where one is given."""
    return sum(diagonal(x, offset), -1, dtype=dtype)


def matrix_power(x: Array, n: int) -> Array:
    """`x @ x @ ... @ x`, `n` factors, for square matrices and `n` of at least 1, by repeated squaring."""
    check_square("matrix_power", x)
    if n < 1:
        raise ValueError(f"matrix_power: n must be at least 1; got {n}: take inv(x) for negative powers")
    y = x
    for bit in f"{n:b}"[1:]:
        y = matmul(y, y)
        if bit == "1":
            y = matmul(y, x)
    return y


# ------------------------------------------------------------------------------------- determinants


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Array
    logabsdet: Array


def slogdet(a: Array) -> SlogdetResult:
    """The sign of the determinant of square matrices, a constant, and `log(abs(det(a)))`."""
    check_factored("slogdet", a)
    xp = namespace(strip(a))
    return SlogdetResult(xp.linalg.slogdet(strip(a))[0], _logabsdet(a))


def det(a: Array) -> Array:
    """The determinant of square matrices.

    On NumPy its derivatives are exact to any order at singular matrices too; the first is the matrix of cofactors.
    Where a look at the singular values would wait for a device, a singular `a` is the backend's error, or nan.
    """
    check_factored("det", a)
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
