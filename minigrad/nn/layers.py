"""Dense layers, batch normalisation, dropout."""

from __future__ import annotations

from math import prod

from minigrad.linearization import stop_gradient
from minigrad.ops.axes import check_arrays
from minigrad.ops.dtypes import astype
from minigrad.ops.elementwise import sqrt, square
from minigrad.ops.products import matmul
from minigrad.ops.reductions import mean
from minigrad.trees import Tree, tree_map
from minigrad.variable import Array

Stats = dict[str, Array]


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


def batch_norm(
    x: Array,
    gain: Array,
    bias: Array,
    stats: Stats | None = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-4,
) -> tuple[Array, Stats]:
    """Normalise over all axes but the last: `y = gain (x - m) / sqrt(v + eps) + bias`; returns `y, stats`.

    In training `m` and `v` are the batch's mean and (biased) variance, differentiated like all else, and the running
    `stats` come back updated by `momentum`, with the unbiased variance: pass them out as aux. In evaluation `m` and `v`
    are `stats["mean"]` and `stats["var"]`, which come back unchanged. Ioffe and Szegedy, ICML 2015, algorithm 1.

    >>> import numpy as np
    >>> y, stats = batch_norm(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), eps=0.0)
    >>> y.ravel().tolist()
    [-1.0, 1.0]
    """
    check_arrays("batch_norm", x, gain, bias)
    if not training:
        if stats is None:
            raise ValueError("batch_norm: evaluation needs the stats that training returned")
        return gain * ((x - stats["mean"]) / sqrt(stats["var"] + eps)) + bias, stats
    axes = tuple(range(x.ndim - 1))
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError(f"batch_norm: training needs two values or more per channel; got shape {x.shape}")
    m = mean(x, axes)
    centred = x - m
    v = mean(square(centred), axes)
    y = centred * (gain / sqrt(v + eps)) + bias
    seen = {"mean": stop_gradient(m), "var": stop_gradient(v) * (n / (n - 1))}
    return y, running_average(stats, seen, momentum)


def running_average(old: Tree | None, new: Tree, momentum: float) -> Tree:
    """Move an average towards the latest value: `(1 - momentum) old + momentum new`, leaf by leaf of two trees.

    With `old=None`, where there is no average yet, `new` itself. TypeError where the trees differ in structure.
    Batch normalisation's running statistics are such averages.

    >>> running_average({"mean": 1.0}, {"mean": 3.0}, momentum=0.5)
    {'mean': 2.0}
    >>> running_average(None, {"mean": 3.0}, momentum=0.5)
    {'mean': 3.0}
    """
    if old is None:
        return new
    return tree_map(lambda a, b: (1.0 - momentum) * a + momentum * b, old, new)


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
    return x * (astype(keep, x.dtype) * (1.0 / (1.0 - rate)))
