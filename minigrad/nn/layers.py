"""Dense layers and dropout."""

from __future__ import annotations

from minigrad.ops.axes import check_arrays
from minigrad.ops.dtypes import astype
from minigrad.ops.products import matmul
from minigrad.variable import Array


def dense(x: Array, w: Array, b: Array | None = None) -> Array:
    """Affine layer `y = x w + b`: `x` is (..., in), `w` (in, out), `b` (out,).

    >>> import numpy as np
    >>> dense(np.ones((5, 3)), np.ones((3, 2)), np.zeros(2)).shape
    (5, 2)
    """
    y = matmul(x, w)
    if b is None:
        return y
    check_arrays("dense", b)
    if b.shape[-1:] != y.shape[-1:]:
        raise ValueError(f"dense: the bias has shape {b.shape}; with w of shape {w.shape} it needs {y.shape[-1:]}")
    return y + b


def dropout(x: Array, keep: Array, rate: float) -> Array:
    """`x * keep / (1 - rate)`: zero where the mask `keep` is 0 or False, scaled so that the mean stays.

    The mask is an argument, drawn by the caller, so that every evaluation of one step uses the same one.
    Srivastava et al., JMLR 15, 2014.

    >>> import numpy as np
    >>> dropout(np.ones(4), np.array([True, False, True, True]), 0.25)
    array([1.33333333, 0.        , 1.33333333, 1.33333333])
    """
    if not 0.0 <= rate < 1.0:
        raise ValueError(f"dropout: rate must be in [0, 1); got {rate}")
    check_arrays("dropout", x, keep)
    if keep.shape != x.shape:
        raise ValueError(f"dropout: the mask has shape {keep.shape}, x has {x.shape}: draw one value for each entry")
    return x * (astype(keep, x.dtype) * (1.0 / (1.0 - float(rate))))
