"""Eigenvalues and eigenvectors of symmetric matrices, of `minigrad.linalg`."""

from __future__ import annotations

from typing import NamedTuple

import numpy

from minigrad.backends import backend_of, device_of, namespace
from minigrad.linear_maps import Linear
from minigrad.ops.broadcasting import sum
from minigrad.ops.products import matmul
from minigrad.ops.shaping import concat, expand_dims, matrix_transpose
from minigrad.ops.solving import check_factored
from minigrad.primitives import primitive
from minigrad.variable import Array, Variable, strip


class EighResult(NamedTuple):
    """Eigenvalues (..., n), the smallest first, and eigenvectors (..., n, n), one in each column."""

    eigenvalues: Array
    eigenvectors: Array


def eigh(a: Array) -> EighResult:
    r"""The eigenvalues `w` and eigenvectors `V` of the symmetric part of matrices: `(a + a^T)/2 = V diag(w) V^T`.

        w_dot_i = v_i^T a_dot v_i,        V_dot = V (F * V^T a_dot V),   F_ij = 1/(w_j - w_i),  F_ii = 0.

    ValueError for derivatives at equal eigenvalues, where eigenvectors turn freely; on a device, which would have to be
    waited for, they are nan or infinite instead. The sign of an eigenvector is the library's.
    Magnus, "On differentiating eigenvalues and eigenvectors", Econometric Theory 1, 1985.

    >>> import numpy as np
    >>> w, V = eigh(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> w.round(12).tolist(), np.abs(V).round(4).tolist()
    ([1.0, 3.0], [[0.7071, 0.7071], [0.7071, 0.7071]])
    """
    return _eigen("eigh", a)


def eigvalsh(a: Array) -> Array:
    r"""The eigenvalues of the symmetric part of square matrices, the smallest first: `w_dot_i = v_i^T a_dot v_i`.

    ValueError for derivatives at equal eigenvalues, as of `eigh`: which of them is which changes there.

    >>> import numpy as np
    >>> from minigrad import jacobian
    >>> jacobian(eigvalsh)(np.diag([1.0, 3.0])).round(12).tolist()
    [[[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]]
    """
    if a.__class__ is not Variable:
        check_factored("eigvalsh", a)
        return namespace(a).linalg.eigvalsh(_symmetric(a))
    return _eigen("eigvalsh", a).eigenvalues


def _symmetric(a: Array) -> Array:
    return 0.5 * (a + matrix_transpose(a))


def _eigen(name: str, a: Array) -> EighResult:
    check_factored(name, a)
    y = _eigh(_symmetric(a), name=name)
    return EighResult(y[..., -1, :], y[..., :-1, :])


def refuse_equal(name: str, what: str, values: Array) -> None:
    """ValueError for two values next to each other that rounding cannot tell apart, where they can be looked at."""
    seen = backend_of(values).at_hand(values)
    if seen is None or seen.shape[-1] < 2:
        return
    size = numpy.max(numpy.abs(seen), axis=-1, keepdims=True)
    equal = numpy.abs(numpy.diff(seen)) <= 10.0 * seen.shape[-1] * float(numpy.finfo(seen.dtype).eps) * size
    if equal.any():
        *matrix, k = (int(i) for i in numpy.argwhere(equal)[0])
        where = f" of matrix {matrix}" if matrix else ""
        value = float(seen[(*matrix, k)])
        raise ValueError(
            f"{name}: {what} {k} and {k + 1}{where} are equal ({value:.6g}): their vectors turn freely there, and "
            "there is no derivative; write a function of the whole matrix, such as linalg.trace or linalg.slogdet"
        )


def reciprocal_gaps(values: Array) -> Array:
    """`F_ij = 1/(values_j - values_i)`, zero on the diagonal."""
    plain = strip(values)
    identity = namespace(plain).eye(plain.shape[-1], dtype=plain.dtype, device=device_of(plain))
    return (1.0 - identity) / (expand_dims(values, -2) - expand_dims(values, -1) + identity)


def on_diagonal(values: Array) -> Array:
    """Diagonal matrices."""
    plain = strip(values)
    return expand_dims(values, -1) * namespace(plain).eye(plain.shape[-1], dtype=plain.dtype, device=device_of(plain))


def diagonal_of(matrix: Array) -> Array:
    """The diagonals of square matrices."""
    plain = strip(matrix)
    return sum(matrix * namespace(plain).eye(plain.shape[-1], dtype=plain.dtype, device=device_of(plain)), -1)


def _eigh_map(y: Array, a: Array, name: str) -> Linear:
    w, V = y[..., -1, :], y[..., :-1, :]
    refuse_equal(name, "eigenvalues", strip(w))
    Vt, F = matrix_transpose(V), reciprocal_gaps(w)

    def push(t: Array) -> Array:
        turned = matmul(matmul(Vt, t), V)
        return concat([matmul(V, F * turned), expand_dims(diagonal_of(turned), -2)], axis=-2)

    def pull(c: Array) -> Array:
        inner = F * matmul(Vt, c[..., :-1, :]) + on_diagonal(c[..., -1, :])
        return matmul(matmul(V, inner), Vt)

    return Linear(push, pull)


@primitive(_eigh_map)
def _eigh(a: Array, name: str) -> Array:
    """Of symmetric matrices: the eigenvectors, and below them a row with the eigenvalues."""
    xp = namespace(a)
    w, V = xp.linalg.eigh(a)
    return xp.concat([V, xp.expand_dims(w, axis=-2)], axis=-2)
