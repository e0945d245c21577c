"""The 2x2 system that gives CurveBall its momentum and its step size, also where it is singular."""

from __future__ import annotations

from typing import Any

import array_api_compat

Array = Any


def solve_two_by_two(a: Array, b: Array, c: Array, p: Array, q: Array) -> tuple[Array, Array]:
    r"""Solve `[[a, b], [b, c]] (x, y) = (p, q)`, a positive semi-definite system, by its pseudo-inverse.

    With determinant `a c - b^2` above rounding, Cramer's rule. Otherwise the matrix is `t u u^T` with trace `t = a + c`
    and unit vector `u`, its pseudo-inverse itself divided by `t^2`: at `z = 0` (`b = c = q = 0`) that gives
    `x = p / a, y = 0`, and for parallel directions the shortest solution. All zero gives zero.

    Numbers, or arrays of one shape: one system each. Nothing is copied to the host.

    >>> import numpy as np
    >>> x, y = solve_two_by_two(*map(np.float64, (2.0, 0.0, 0.0, 6.0, 0.0)))
    >>> float(x), float(y)
    (3.0, 0.0)
    """
    xp = array_api_compat.array_namespace(a)
    # Scaled to a unit diagonal the determinant is 1 - cos^2 of the angle between the two directions: below a few
    # roundings it is not known, nor is a solution that would divide by it.
    determinant = a * c - b * b
    regular = determinant > 32.0 * float(xp.finfo(a.dtype).eps) * a * c
    safe = xp.where(regular, determinant, xp.ones_like(a))
    trace = a + c
    squared = xp.where(trace > 0.0, trace * trace, xp.ones_like(a))
    x = xp.where(regular, (c * p - b * q) / safe, (a * p + b * q) / squared)
    y = xp.where(regular, (a * q - b * p) / safe, (b * p + c * q) / squared)
    return x, y
