"""How far to go along a descent direction."""

from __future__ import annotations

import array_api_compat

from curveball.solvers.base import Loss, Model, Number, loss_at
from curveball.solvers.tree_math import tree_add_scale, tree_vdot
from minigrad import Array, Tree, namespace

HALVINGS = 30
ARMIJO = 1e-4  # the part of the slope that a step must keep
ROUNDINGS = 10.0


def backtracking(
    params: Tree, z: Tree, g: Tree, value: Array, model: Model, loss: Loss, has_aux: bool, start: Number = 1.0
) -> Array:
    """The first `alpha` of `start, start/2, start/4, ...` with `f(w + alpha z) <= f(w) + 1e-4 alpha g.z`, for each run.

    `value` is `f(w)`, and `g` the gradient there. The test allows for ten roundings of `f(w)`: without that, no step
    would pass it close to a minimum that is not zero. There are at most 30 halvings. Runs that have found their alpha
    keep it while others go on. Where arrays are not on the host, all 30 are always tried. Armijo, Pacific J. Math. 16,
    1966; Nocedal and Wright, algorithm 3.1.

    >>> import numpy as np
    >>> w = np.array([2.0])
    >>> float(backtracking(w, -8.0 * w, 2.0 * w, w @ w, lambda w: w, lambda y: y @ y, False))
    0.125
    """
    xp = namespace(value)
    slope = tree_vdot(g, z, value.ndim)
    rounding = ROUNDINGS * float(xp.finfo(value.dtype).eps) * xp.abs(value)
    alpha = start * xp.ones_like(value)
    for _ in range(HALVINGS):
        moved = loss_at(tree_add_scale(params, alpha, z), model, loss, has_aux)
        enough = (moved <= value + ARMIJO * alpha * slope + rounding) & xp.isfinite(moved)
        if array_api_compat.is_numpy_array(value) and enough.all():
            break
        alpha = xp.where(enough, alpha, 0.5 * alpha)
    return alpha
