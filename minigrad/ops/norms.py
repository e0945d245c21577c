"""Norms of vectors and of matrices, of `minigrad.linalg`."""

from __future__ import annotations

from minigrad.ops import reductions
from minigrad.ops.axes import Axis, check_arrays
from minigrad.ops.broadcasting import sum
from minigrad.ops.elementwise import pow, sqrt, square
from minigrad.ops.piecewise import abs
from minigrad.ops.shaping import expand_dims
from minigrad.ops.singular_vectors import svdvals
from minigrad.variable import Array


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


def matrix_norm(x: Array, keepdims: bool = False, ord: float | str = "fro") -> Array:
    r"""A norm of matrices, over the last two axes: of the singular values `s`, or of the entries.

    `ord` is "fro" (the root of the sum of squares), "nuc" (`sum s`), 2 or -2 (the largest or smallest `s`), 1 or -1
    (the largest or smallest sum of the sizes in a column), inf or -inf (the same in a row).

    ValueError for another `ord`; "nuc", 2 and -2 are differentiable where `svdvals` is, "fro" where x is not 0.
    Golub and Van Loan, section 2.3.

    >>> import numpy as np
    >>> x = np.array([[3.0, 0.0], [0.0, -4.0]])
    >>> [float(matrix_norm(x, ord=ord)) for ord in ("fro", "nuc", 2, 1)]
    [5.0, 7.0, 4.0, 4.0]
    """
    check_arrays("matrix_norm", x)
    if x.ndim < 2:
        raise ValueError(f"matrix_norm needs matrices; got shape {x.shape}: take vector_norm(x)")
    if ord == "fro":
        return vector_norm(x, (-2, -1), keepdims)
    if ord in ("nuc", 2, -2):
        s = svdvals(x)
        y = sum(s, -1) if ord == "nuc" else (reductions.max if ord == 2 else reductions.min)(s, -1)
    elif ord in (1, -1, float("inf"), float("-inf")):
        sums = sum(abs(x), -2 if ord in (1, -1) else -1)
        y = (reductions.max if float(ord) > 0 else reductions.min)(sums, -1)
    else:
        raise ValueError(f"matrix_norm: ord must be 'fro', 'nuc', 1, 2, inf or one of -1, -2, -inf; got {ord!r}")
    return expand_dims(y, (-2, -1)) if keepdims else y
