r"""The quadratic model on the plane of `z` and `d`, and its minimum: CurveBall's momentum and step size.

    m(rho z - beta d) = 1/2 (beta^2 d.G d - 2 rho beta z.G d + rho^2 z.G z) - beta g.d + rho g.z

with `G` the damped Gauss-Newton matrix `G_lam`. Its derivatives by `beta` and by `rho` vanish where

    [[d.G d, z.G d], [z.G d, z.G z]] [beta, -rho]^T = [g.d, g.z]^T

Derived and tested in tests/derivations/test_07_two_by_two_system.py.
"""

from __future__ import annotations

from typing import NamedTuple

from curveball.solvers.base import Number
from curveball.solvers.division import divide, one_for_zero
from minigrad import Array, namespace


class PlaneModel(NamedTuple):
    """The quadratic model on the plane of `z` and `d`: five numbers, or one of each per run."""

    dGd: Array  # d.G_lam d
    zGd: Array  # z.G_lam d
    zGz: Array  # z.G_lam z
    gd: Array  # g.d
    gz: Array  # g.z

    def change(self, rho: Array, beta: Array) -> Array:
        """`m(rho z - beta d)`."""
        dGd, zGd, zGz, gd, gz = self
        return 0.5 * (beta * beta * dGd - 2.0 * (rho * beta) * zGd + rho * rho * zGz) - beta * gd + rho * gz

    def minimum(self, rho: Number | None = None, beta: Number | None = None) -> tuple[Array, Array]:
        """The `rho, beta` with the smallest `m(rho z - beta d)`: both, or the one that is not given.

        0 for the one that is not given where the model does not curve along its direction.
        """
        dGd, zGd, zGz, gd, gz = self
        xp = namespace(dGd)
        if rho is None and beta is None:
            beta, minus_rho = solve_two_by_two(dGd, zGd, zGz, gd, gz)
            return -minus_rho, beta
        if beta is None:  # dm/dbeta = 0
            rho = xp.asarray(rho, dtype=dGd.dtype)
            return rho, divide(gd + rho * zGd, dGd, where=dGd > 0.0)
        beta = xp.asarray(beta, dtype=dGd.dtype)
        if rho is None:  # dm/drho = 0
            return divide(beta * zGd - gz, zGz, where=zGz > 0.0), beta
        return xp.asarray(rho, dtype=dGd.dtype), beta


def solve_two_by_two(a: Array, b: Array, c: Array, p: Array, q: Array) -> tuple[Array, Array]:
    r"""Solve `[[a, b], [b, c]] (x, y) = (p, q)`, a positive semi-definite system, by its pseudo-inverse.

    With the determinant above rounding, Cramer's rule on rows divided by their diagonal entries, so that directions of
    very different lengths neither overflow nor vanish. Otherwise the matrix is `t u u^T` with trace `t = a + c` and
    unit vector `u`, and its pseudo-inverse is the matrix divided by `t^2`: at `z = 0` (`b = c = q = 0`) that gives
    `x = p / a, y = 0`, and for parallel directions the shortest solution. All zero gives zero.

    Numbers, or arrays of one shape: one system each. Nothing is copied to the host.

    >>> import numpy as np
    >>> x, y = solve_two_by_two(*map(np.float64, (2.0, 0.0, 0.0, 6.0, 0.0)))
    >>> float(x), float(y)
    (3.0, 0.0)
    """
    xp = namespace(a)
    row_a, row_c = one_for_zero(a), one_for_zero(c)
    upper, lower, p_a, q_c = b / row_a, b / row_c, p / row_a, q / row_c  # [[1, upper], [lower, 1]] (x, y) = ...
    # The determinant is 1 - cos^2 of the angle between the two directions. Below a few roundings it is not known, nor
    # is a solution that would divide by it.
    determinant = 1.0 - upper * lower
    regular = (a != 0.0) & (c != 0.0) & (determinant > 32.0 * float(xp.finfo(a.dtype).eps))
    t = one_for_zero(a + c)
    x = divide(p_a - upper * q_c, determinant, where=regular, otherwise=(a / t * p + b / t * q) / t)
    y = divide(q_c - lower * p_a, determinant, where=regular, otherwise=(b / t * p + c / t * q) / t)
    return x, y
