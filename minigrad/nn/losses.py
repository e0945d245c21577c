"""Losses: means over the batch. Outputs are (..., batch, classes or features); the result has the shape (...)."""

from __future__ import annotations

from minigrad.backends import backend_of, device_of, namespace
from minigrad.ops.axes import check_arrays
from minigrad.ops.broadcasting import sum
from minigrad.ops.dtypes import astype, int64
from minigrad.ops.elementwise import exp, square
from minigrad.ops.piecewise import where
from minigrad.ops.reductions import logsumexp, mean
from minigrad.variable import Array, strip


def log_softmax(x: Array, axis: int = -1) -> Array:
    """`x - log(sum(exp(x)))` along an axis, written so that nothing overflows."""
    return x - logsumexp(x, axis, keepdims=True)


def softmax(x: Array, axis: int = -1) -> Array:
    """`exp(x) / sum(exp(x))` along an axis, written so that nothing overflows."""
    return exp(log_softmax(x, axis))


def cross_entropy(outputs: Array, labels: Array) -> Array:
    """Mean over the batch of `-log softmax(outputs)[label]`; with probabilities `q` for labels, `-sum_k q_k log p_k`.

    `outputs` (..., batch, classes) are scores before the softmax; `labels` are integers (..., batch), or
    probabilities of the shape of `outputs`. The result has shape (...): a scalar for one batch. ValueError where
    shapes do not match, and for a label that is no class, where labels are on the host: on NumPy, PyTorch and JAX. A
    GPU would have to wait for this check, and a program of JAX cannot look: there, check the labels once, where the
    data are loaded. One that is no class adds `logsumexp` of the scores to the sum.

    >>> import numpy as np
    >>> float(cross_entropy(np.zeros((2, 4)), np.array([0, 3])))
    1.3862943611198906
    """
    if not hasattr(labels, "shape"):
        raise TypeError(f"cross_entropy: labels must be an array; got {type(labels).__name__}")
    check_arrays("cross_entropy", outputs)
    if outputs.ndim < 2:
        raise ValueError(f"cross_entropy: outputs must be (..., batch, classes); got shape {outputs.shape}")
    if labels.shape == outputs.shape:
        return mean(sum(labels, -1) * logsumexp(outputs, -1) - sum(labels * outputs, -1), -1)
    if labels.shape != outputs.shape[:-1]:
        raise ValueError(
            f"cross_entropy: labels of shape {labels.shape} do not fit outputs of shape {outputs.shape}: "
            "give one integer per sample, or one probability per sample and class"
        )
    labels = strip(labels)
    xp = namespace(labels)
    if not xp.isdtype(labels.dtype, "integral"):
        raise TypeError(f"cross_entropy: labels of dtype {labels.dtype} must be integers, or probabilities per class")
    seen = backend_of(labels).at_hand(labels)
    if seen is not None and seen.size:
        low, high, classes = seen.min(), seen.max(), outputs.shape[-1]
        if low < 0 or high >= classes:
            raise ValueError(
                f"cross_entropy: label {low if low < 0 else high} is no class: outputs of shape {tuple(outputs.shape)} "
                f"have {classes} classes, so labels must be in 0..{classes - 1}"
            )
    if "uint" in str(labels.dtype):  # PyTorch compares few of them with others
        labels = astype(labels, int64)
    hit = xp.expand_dims(labels, axis=-1) == xp.arange(outputs.shape[-1], device=device_of(labels))
    picked = sum(where(hit, outputs, 0.0), -1)
    return mean(logsumexp(outputs, -1) - picked, -1)


def squared_error(outputs: Array, targets: Array) -> Array:
    """Mean over the batch of `sum_k (y_k - t_k)^2`: outputs and targets (..., batch, features), result (...).

    >>> import numpy as np
    >>> float(squared_error(np.ones((2, 3)), np.zeros((2, 3))))
    3.0
    """
    check_arrays("squared_error", outputs, targets)
    if outputs.ndim < 2 or outputs.shape != targets.shape:
        raise ValueError(
            f"squared_error: outputs {outputs.shape} and targets {targets.shape} must both be (..., batch, features)"
        )
    return mean(sum(square(outputs - targets), -1), -1)
