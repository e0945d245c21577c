"""Singular values and singular vectors, of `minigrad.linalg`."""

from __future__ import annotations

from typing import NamedTuple

import numpy

from minigrad.backends import backend_of, namespace
from minigrad.linear_maps import Linear
from minigrad.ops.eigenvectors import diagonal_of, on_diagonal, reciprocal_gaps, refuse_equal
from minigrad.ops.products import matmul
from minigrad.ops.shaping import concat, expand_dims, matrix_transpose
from minigrad.ops.solving import check_matrices
from minigrad.primitives import primitive
from minigrad.variable import Array, Variable, strip


class SVDResult(NamedTuple):
    """Left singular vectors (columns of `U`), singular values, the largest first, right vectors (rows of `Vh`)."""

    U: Array
    S: Array
    Vh: Array


def svd(a: Array, full_matrices: bool = True) -> SVDResult:
    r"""The singular value decomposition of matrices (..., m, n): `a = U diag(S) Vh`, with `k = min(m, n)` values.

    `U` is (..., m, k) and `Vh` (..., k, n) with `full_matrices=False`, square without. With `P = U^T a_dot V`,

        S_dot_i = P_ii,    U_dot = U (F * (P S + S P^T)) + (1 - U U^T) a_dot V S^-1,
        V_dot = V (F * (S P + P^T S)) + (1 - V V^T) a_dot^T U S^-1,    F_ij = 1/(S_j^2 - S_i^2),  F_ii = 0.

    ValueError for derivatives at equal singular values or at one that is 0, which have none (on a device, which would
    have to be waited for, they are nan or infinite instead), and for those of the vectors that `full_matrices=True`
    adds to matrices that are not square: any basis will do there. The signs of the vectors are the library's.
    Townsend, "Differentiating the singular value decomposition", 2016.

    >>> import numpy as np
    >>> U, S, Vh = svd(np.array([[0.0, 2.0], [3.0, 0.0], [0.0, 0.0]]), full_matrices=False)
    >>> S.tolist(), (U @ np.diag(S) @ Vh).round(12).tolist()
    ([3.0, 2.0], [[0.0, 2.0], [3.0, 0.0], [0.0, 0.0]])
    """
    check_matrices("svd", a)
    m, n = a.shape[-2:]
    if full_matrices and m != n:
        if a.__class__ is Variable:
            raise ValueError(
                f"svd: of matrices of shape {(m, n)}, full_matrices=True adds vectors that have no derivative: give "
                "full_matrices=False"
            )
        return SVDResult(*namespace(a).linalg.svd(a, full_matrices=True))
    return _singular("svd", a)


def svdvals(a: Array) -> Array:
    r"""The singular values of matrices, the largest first: `S_dot_i = u_i^T a_dot v_i`.

    ValueError for derivatives at equal singular values or at one that is 0, as of `svd`.

    >>> import numpy as np
    >>> svdvals(np.array([[0.0, 2.0], [-3.0, 0.0]])).tolist()
    [3.0, 2.0]
    """
    check_matrices("svdvals", a)
    if a.__class__ is not Variable:
        return namespace(a).linalg.svd(a, full_matrices=False)[1]
    return _singular("svdvals", a).S


def _singular(name: str, a: Array) -> SVDResult:
    U, S, V = _parts(_svd(a, name=name), a.shape[-2])
    return SVDResult(U, S, matrix_transpose(V))


def refuse_singular(name: str, values: Array, length: int, rtol: float | None = None) -> None:
    """ValueError for matrices without full rank, where their singular values can be looked at."""
    seen = backend_of(values).at_hand(values)
    if seen is None or not seen.size:
        return
    if rtol is None:
        rtol = length * float(numpy.finfo(seen.dtype).eps)
    small = seen <= rtol * seen[..., :1]
    if small.any():
        *matrix, k = (int(i) for i in numpy.argwhere(small)[0])
        where = f" of matrix {matrix}" if matrix else ""
        raise ValueError(
            f"{name}: the rank{where} is {k}, less than {seen.shape[-1]} ({name} has no derivative where a singular "
            f"value is 0): the largest is {float(seen[(*matrix, 0)]):.6g}, number {k} is "
            f"{float(seen[(*matrix, k)]):.6g}"
        )


def _parts(y: Array, m: int) -> tuple[Array, Array, Array]:
    """`U`, `S` and `V`, which are kept above one another."""
    return y[..., :m, :], y[..., m, :], y[..., m + 1 :, :]


def _svd_map(y: Array, a: Array, name: str) -> Linear:
    m, n = a.shape[-2:]
    k = min(m, n)
    U, S, V = _parts(y, m)
    refuse_singular(name, strip(S), max(m, n))
    refuse_equal(name, "singular values", strip(S))
    Ut, Vt, S_row, S_column = matrix_transpose(U), matrix_transpose(V), expand_dims(S, -2), expand_dims(S, -1)
    # F_ij S_j and F_ij S_i, without squares, which would lose digits and overflow.
    gaps, total = reciprocal_gaps(S), S_row + S_column
    FS, SF = gaps * (S_row / total), gaps * (S_column / total)

    def push(t: Array) -> Array:
        tV, tU = matmul(t, V), matmul(matrix_transpose(t), U)
        P = matmul(Ut, tV)
        Pt = matrix_transpose(P)
        U_dot = matmul(U, FS * P + SF * Pt)
        V_dot = matmul(V, SF * P + FS * Pt)
        if m > k:
            U_dot = U_dot + (tV - matmul(U, P)) / S_row
        if n > k:
            V_dot = V_dot + (tU - matmul(V, Pt)) / S_row
        return concat([U_dot, expand_dims(diagonal_of(P), -2), V_dot], axis=-2)

    def pull(c: Array) -> Array:
        U_bar, S_bar, V_bar = _parts(c, m)
        X, Y = matmul(Ut, U_bar), matmul(Vt, V_bar)
        P_bar = FS * X + matrix_transpose(SF * X) + SF * Y + matrix_transpose(FS * Y) + on_diagonal(S_bar)
        a_bar = matmul(matmul(U, P_bar), Vt)
        if m > k:
            a_bar = a_bar + matmul((U_bar - matmul(U, X)) / S_row, Vt)
        if n > k:
            a_bar = a_bar + matmul(U, matrix_transpose((V_bar - matmul(V, Y)) / S_row))
        return a_bar

    return Linear(push, pull)


@primitive(_svd_map)
def _svd(a: Array, name: str) -> Array:
    """`U`, below it a row with the singular values, below it `V`."""
    xp = namespace(a)
    U, S, Vh = xp.linalg.svd(a, full_matrices=False)
    return xp.concat([U, xp.expand_dims(S, axis=-2), xp.matrix_transpose(Vh)], axis=-2)
