"""The factorisation into an orthogonal and a triangular matrix, of `minigrad.linalg`."""

from __future__ import annotations

from typing import NamedTuple

import numpy

from minigrad.backends import backend_of, namespace
from minigrad.linear_maps import Linear
from minigrad.ops.products import matmul
from minigrad.ops.shaping import concat, matrix_transpose, tril
from minigrad.ops.solving import check_matrices, solve
from minigrad.primitives import primitive
from minigrad.variable import Array, Variable, strip


class QRResult(NamedTuple):
    """A matrix with orthonormal columns, and an upper triangular one."""

    Q: Array
    R: Array


def qr(a: Array, mode: str = "reduced") -> QRResult:
    r"""The factorisation `a = Q R` of matrices (..., m, n): `Q` (..., m, k), `R` (..., k, n), with `k = min(m, n)`.

    With `C = a_dot R^-1`, `M = Q^T C` and `W = L - L^T`, where `L` is the part of `M` below its diagonal,

        Q_dot = C - Q M + Q W,        R_dot = (M - W) R

    for `m >= n`; for more columns than rows the first m of them decide `Q`. With `mode="complete"`, `Q` is square.
    ValueError for derivatives where the first k columns are dependent (on a device, which would have to be waited for,
    they are nan or infinite instead), and for those of the columns that "complete" adds. Signs are the library's.
    Walter and Lehmann, "On evaluating higher-order derivatives of the QR decomposition of tall matrices", 2010.

    >>> import numpy as np
    >>> Q, R = qr(np.array([[3.0, 1.0], [4.0, 2.0]]))
    >>> np.abs(R).round(12).tolist(), (Q @ R).round(12).tolist()
    ([[5.0, 2.2], [0.0, 0.4]], [[3.0, 1.0], [4.0, 2.0]])
    """
    check_matrices("qr", a)
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete'; got {mode!r}")
    (m, n), x = a.shape[-2:], a
    if a.__class__ is not Variable:
        return QRResult(*namespace(a).linalg.qr(a, mode=mode))
    if mode == "complete" and m > n:
        raise ValueError(
            f"qr: of matrices of shape {(m, n)}, mode='complete' adds columns that have no derivative: give 'reduced'"
        )
    k = min(m, n)
    y = _qr(x if n == k else x[..., :k])
    _refuse_dependent(strip(y)[..., m:, :], strip(a))
    Q, R = y[..., :m, :], y[..., m:, :]
    return QRResult(Q, R if n == k else concat([R, matmul(matrix_transpose(Q), x[..., k:])], axis=-1))


def _refuse_dependent(R: Array, a: Array) -> None:
    """By the diagonal of `R`, as far as it shows: a column that is a combination of those before it."""
    seen = backend_of(R).at_hand(R)
    if seen is None or not seen.size:
        return
    sizes = numpy.abs(numpy.diagonal(seen, axis1=-2, axis2=-1))
    limit = 10.0 * max(a.shape[-2:]) * float(numpy.finfo(seen.dtype).eps)
    small = sizes <= limit * numpy.max(numpy.abs(seen), axis=(-2, -1))[..., None]
    if small.any():
        *matrix, k = (int(i) for i in numpy.argwhere(small)[0])
        where = f" of matrix {matrix}" if matrix else ""
        raise ValueError(
            f"qr: column {k}{where} depends on those before it, and there is no derivative: give matrices of full rank"
        )


def _qr_map(y: Array, a: Array) -> Linear:
    m = a.shape[-2]
    Q, R = y[..., :m, :], y[..., m:, :]
    Qt, Rt = matrix_transpose(Q), matrix_transpose(R)

    def turn(M: Array) -> Array:
        below = tril(M, -1)
        return below - matrix_transpose(below)

    def push(t: Array) -> Array:
        C = matrix_transpose(solve(Rt, matrix_transpose(t)))
        M = matmul(Qt, C)
        W = turn(M)
        return concat([C - matmul(Q, M - W), matmul(M - W, R)], axis=-2)

    def pull(c: Array) -> Array:
        Q_bar, R_bar = c[..., :m, :], c[..., m:, :]
        X, Y = matmul(Qt, Q_bar), matmul(R_bar, Rt)
        W_bar = X - Y
        M_bar = Y - X + tril(W_bar - matrix_transpose(W_bar), -1)
        C_bar = Q_bar + matmul(Q, M_bar)
        return matrix_transpose(solve(R, matrix_transpose(C_bar)))

    return Linear(push, pull)


@primitive(_qr_map)
def _qr(a: Array) -> Array:
    """`Q` and below it `R`, of matrices with no more columns than rows."""
    xp = namespace(a)
    Q, R = xp.linalg.qr(a, mode="reduced")
    return xp.concat([Q, R], axis=-2)
