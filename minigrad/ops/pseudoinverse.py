"""The pseudoinverse, of `minigrad.linalg`."""

from __future__ import annotations

from minigrad.backends import backend_of, namespace
from minigrad.linear_maps import Linear
from minigrad.ops.products import matmul
from minigrad.ops.shaping import matrix_transpose
from minigrad.ops.singular_vectors import refuse_singular, svdvals
from minigrad.ops.solving import check_matrices
from minigrad.primitives import primitive
from minigrad.variable import Array, Variable, strip


def pinv(a: Array, rtol: float | None = None) -> Array:
    r"""The pseudoinverse `y` (..., n, m) of matrices (..., m, n): `y b` is the shortest of the least-squares solutions.

        y_dot = -y a_dot y + y y^T a_dot^T (1 - a y) + (1 - y a) a_dot^T y^T y.

    Singular values up to `rtol` times the largest count as 0; None: the larger of m and n, times `eps` of the dtype.
    ValueError for derivatives at matrices without full rank, where the pseudoinverse jumps; on a device, which would
    have to be waited for, they mean nothing there.
    Golub and Pereyra, "The differentiation of pseudo-inverses", SIAM Journal on Numerical Analysis 10, 1973.

    >>> import numpy as np
    >>> pinv(np.array([[2.0, 0.0], [0.0, 4.0], [0.0, 0.0]])).round(12).tolist()
    [[0.5, 0.0, 0.0], [0.0, 0.25, 0.0]]
    """
    check_matrices("pinv", a)
    if a.__class__ is Variable:
        plain = strip(a)
        if backend_of(plain).at_hand(plain) is not None:
            refuse_singular("pinv", svdvals(plain), max(a.shape[-2:]), rtol)
    return _pinv(a, rtol=rtol)


def _pinv_map(y: Array, a: Array, rtol: float | None) -> Linear:
    yt = matrix_transpose(y)

    def outside(c: Array) -> Array:  # c (1 - a y)
        return c - matmul(matmul(c, a), y)

    def beyond(c: Array) -> Array:  # (1 - y a) c
        return c - matmul(y, matmul(a, c))

    def push(t: Array) -> Array:
        tt = matrix_transpose(t)
        first = matmul(y, matmul(yt, outside(tt)))
        return first + matmul(matmul(beyond(tt), yt), y) - matmul(matmul(y, t), y)

    def pull(c: Array) -> Array:
        ct = matrix_transpose(c)
        first = matmul(matmul(ct - matmul(a, matmul(y, ct)), y), yt)
        last = matmul(yt, matmul(y, ct - matmul(matmul(ct, y), a)))
        return first + last - matmul(matmul(yt, c), yt)

    return Linear(push, pull)


@primitive(_pinv_map)
def _pinv(a: Array, rtol: float | None) -> Array:
    xp = namespace(a)
    if rtol is None:
        rtol = max(a.shape[-2:]) * float(xp.finfo(a.dtype).eps)
    return xp.linalg.pinv(a, rtol=rtol)
