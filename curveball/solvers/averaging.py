r"""Coefficients from running sums of the 2x2 systems: on mini-batches those of one batch are mostly noise.

A step beyond the paper. The system `A_k x = b_k` of batch k is divided by the decrease `-m_k*` that its own solution
promises, so that batches of any scale weigh alike:

    A <- average A + A_k / -m_k*,        b <- average b + b_k / -m_k*

Derived and tested in tests/derivations/test_16_averaging.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from curveball.solvers.two_by_two import PlaneModel
from minigrad import Array, namespace

Coefficients = tuple[Array, Array]  # rho, beta


def averaged(
    sums: PlaneModel,
    plane: PlaneModel,
    own: Coefficients,
    minimum: Callable[[PlaneModel], Coefficients],
    average: float,
    share: float,
) -> tuple[Coefficients, PlaneModel]:
    """Return the coefficients to take, and the running sums.

    `plane` is this batch's model, `own` the coefficients that `minimum(plane)` gave. Those of the sums are taken where,
    on this batch's model, they keep at least `share` of the decrease of `own`. Where they do not, the directions differ
    too much from those that were averaged: `own` is taken, and the sums start again with this batch.
    """
    xp = namespace(plane.dGd)
    rho, beta = own
    predicted = plane.change(rho, beta)
    # A batch that predicts no decrease, because rho or beta is fixed, adds nothing to the sums.
    scale = xp.where(predicted < 0.0, -predicted, math.inf * xp.ones_like(predicted))
    scaled = PlaneModel(*(number / scale for number in plane))
    sums = PlaneModel(*(average * old + new for old, new in zip(sums, scaled, strict=True)))
    mean_rho, mean_beta = minimum(sums)
    kept = plane.change(mean_rho, mean_beta) <= predicted + (1.0 - share) * abs(predicted)
    return (
        (xp.where(kept, mean_rho, rho), xp.where(kept, mean_beta, beta)),
        PlaneModel(*(xp.where(kept, both, alone) for both, alone in zip(sums, scaled, strict=True))),
    )
