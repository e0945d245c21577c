"""Two batches of least squares, a point and a step from it, for the studies of what the next batch says."""

import numpy as np

import minigrad as mg

_RNG = np.random.default_rng(0)
A, Y = _RNG.standard_normal((2, 12, 5)), _RNG.standard_normal((2, 12))
W, Z, LAM = _RNG.standard_normal(5), 0.1 * _RNG.standard_normal(5), 0.7


def batch(k):
    """Its model, with nothing besides outputs, and its loss."""
    return lambda w: (A[k] @ w, None), lambda y: 0.5 * mg.sum((y - Y[k]) ** 2)


def slope(k, w, along):
    return (A[k].T @ (A[k] @ w - Y[k])) @ along
