"""Linear systems, inverses and Cholesky's factor, of `minigrad.linalg`; and what it asks of a matrix."""

from __future__ import annotations

from minigrad.backends import backend_of, namespace
from minigrad.linear_maps import NEGATE, Compose, Linear, LinearMap
from minigrad.ops.axes import check_arrays
from minigrad.ops.broadcasting import sum_to
from minigrad.ops.products import left_times, times
from minigrad.ops.shaping import expand_dims, matrix_transpose, reshape, tril
from minigrad.primitives import primitive
from minigrad.variable import Array


def solve(a: Array, b: Array) -> Array:
    """The solution `x` of `a x = b`, for square matrices `a`; 1-d `b` is one vector. Singular `a`: the backend's error.

    ValueError where shapes do not match.
    """
    check_factored("solve", a)
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
    check_factored("inv", a)
    return _inv(a)


@primitive(lambda y, a: Compose(NEGATE, Compose(left_times(y, y), times(y, a))))  # y_dot = -y a_dot y
def _inv(a: Array) -> Array:
    return namespace(a).linalg.inv(a)


def cholesky(a: Array, upper: bool = False) -> Array:
    """The lower triangular `L` with `L L^T = (a + a^T)/2`, positive definite (else the backend's error).

    `upper`: its transpose. `L^-1 L_dot` is the lower triangle, diagonal halved, of `L^-1 a_dot L^-T`: Golub and Van
    Loan, section 4.2, for the factorisation; differentiating `L L^T = a` gives the rest.
    """
    check_factored("cholesky", a)
    lower = _cholesky(0.5 * (a + matrix_transpose(a)))
    return matrix_transpose(lower) if upper else lower


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


def check_matrices(name: str, a: Array) -> None:
    """Matrices in a dtype that libraries factor in."""
    check_arrays(name, a)
    if a.ndim < 2:
        raise ValueError(f"{name} needs matrices; got shape {a.shape}")
    _check_dtype(name, a)


def check_factored(name: str, a: Array) -> None:
    """Square matrices in a dtype that libraries solve and factor in."""
    check_square(name, a)
    _check_dtype(name, a)


def _check_dtype(name: str, a: Array) -> None:
    if "float16" in str(a.dtype):  # bfloat16, too
        raise TypeError(
            f"{name}: {a.dtype} is unsupported in linalg of the libraries: give minigrad.astype(a, minigrad.float32)"
        )


def check_square(name: str, a: Array) -> None:
    """Matrices with as many rows as columns."""
    check_arrays(name, a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"{name} needs square matrices; got shape {a.shape}")
