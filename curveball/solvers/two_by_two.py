"""The 2x2 system that gives CurveBall its momentum and its step size, also where it is singular.

Derived and tested in tests/derivations/test_07_two_by_two_system.py.
"""

from __future__ import annotations

from typing import Any

from minigrad import namespace

Array = Any


def solve_two_by_two(a: Array, b: Array, c: Array, p: Array, q: Array) -> tuple[Array, Array]:
    r"""Solve `[[a, b], [b, c]] (x, y) = (p, q)`, a positive semi-definite system, by its pseudo-inverse.

    With the determinant above rounding, Cramer's rule on rows divided by their diagonal entries, so that directions of
    very different lengths neither overflow nor vanish. Otherwise the matrix is `t u u^T` with trace `t = a + c` and
    unit vector `u`, its pseudo-inverse itself divided by `t^2`: at `z = 0` (`b = c = q = 0`) that gives
    `x = p / a, y = 0`, and for parallel directions the shortest solution. All zero gives zero.

    Numbers, or arrays of one shape: one system each. Nothing is copied to the host.

    >>> import numpy as np
    >>> x, y = solve_two_by_two(*map(np.float64, (2.0, 0.0, 0.0, 6.0, 0.0)))
    >>> float(x), float(y)
    (3.0, 0.0)
    """
    xp = namespace(a)
    one = xp.ones_like(a)
    safe_a, safe_c = xp.where(a == 0.0, one, a), xp.where(c == 0.0, one, c)
    upper, lower, p_a, q_c = b / safe_a, b / safe_c, p / safe_a, q / safe_c  # [[1, upper], [lower, 1]] (x, y) = ...
    # The determinant is 1 - cos^2 of the angle between the two directions: below a few roundings it is not known, nor
    # is a solution that would divide by it.
    determinant = 1.0 - upper * lower
    regular = (a != 0.0) & (c != 0.0) & (determinant > 32.0 * float(xp.finfo(a.dtype).eps))
    safe = xp.where(regular, determinant, one)
    trace = a + c
    t = xp.where(trace == 0.0, one, trace)
    x = xp.where(regular, (p_a - upper * q_c) / safe, (a / t * p + b / t * q) / t)
    y = xp.where(regular, (q_c - lower * p_a) / safe, (b / t * p + c / t * q) / t)
    return x, y
