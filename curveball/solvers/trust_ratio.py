r"""Damping that follows the trust ratio: how much of the change that the quadratic model predicts really happens.

    gamma = (f(w + z) - f(w)) / m(z)

Derived and tested in tests/derivations/test_11_trust_ratio.py.
"""

from __future__ import annotations

from curveball.solvers.division import divide
from minigrad import Array, Namespace, fused, namespace

LAM_RANGE = (1e-8, 1e8)


@fused
def in_range(xp: Namespace, lam: Array) -> Array:
    """`lam` itself, or the bound of `LAM_RANGE` that it passes."""
    low, high = LAM_RANGE
    return xp.where(lam < low, low, xp.where(lam > high, high, lam))


def trust_ratio(change: Array, predicted: Array) -> Array:
    """`change / predicted`, 1 where nothing is predicted.

    >>> import numpy as np
    >>> float(trust_ratio(np.float64(-1.0), np.float64(-2.0)))
    0.5
    """
    return divide(change, predicted, otherwise=1.0)


def adapted_lam(lam: Array, gamma: Array, predicted: Array, factor: float, low: float, high: float) -> Array:
    """`lam / factor` where the model is not to be trusted, `lam * factor` where it is, in [1e-8, 1e8].

    The trust ratio `gamma` is compared with `low` and `high`, with `factor` at most 1. Whatever the ratio, the
    model is not trusted where the loss is not finite after the step, or where the step is predicted to increase it.

    >>> import numpy as np
    >>> lam, predicted = np.float64(1.0), np.float64(-1.0)
    >>> [float(adapted_lam(lam, np.float64(gamma), predicted, 0.5, 0.5, 1.5)) for gamma in (0.1, 1.0, 2.0, np.nan)]
    [2.0, 1.0, 0.5, 2.0]
    """
    xp = namespace(gamma)
    lam = lam * xp.ones_like(gamma)
    up = ~(gamma >= low) | ~xp.isfinite(gamma) | (predicted > 0.0)
    lam = xp.where(up, lam / factor, xp.where(gamma > high, lam * factor, lam))
    return in_range(lam)
