r"""The quadratic model on the plane of `z` and `d`, and its minimum: CurveBall's momentum and step size.

    m(rho z - beta d) = 1/2 (beta^2 d.G_lam d - 2 rho beta z.G_lam d + rho^2 z.G_lam z) - beta g.d + rho g.z

Its derivatives by `beta` and by `rho` vanish where

    [[d.G_lam d, z.G_lam d], [z.G_lam d, z.G_lam z]] [beta, -rho]^T = [g.d, g.z]^T,        in short A x = b

Derived and tested in tests/derivations/test_07_two_by_two_system.py.
"""

from __future__ import annotations

from typing import NamedTuple

from curveball.solvers.base import Number
from curveball.solvers.division import divide, one_for_zero
from curveball.solvers.tree_math import number_like
from minigrad import Array, Namespace, fused, namespace

Squares = tuple[Array, Array, Array]  # d.d, z.d, z.z


class PlaneModel(NamedTuple):
    """The quadratic model on the plane of `z` and `d`: five numbers, or one of each per run."""

    dGd: Array  # d.G_lam d
    zGd: Array  # z.G_lam d
    zGz: Array  # z.G_lam z
    gd: Array  # g.d
    gz: Array  # g.z

    def change(self, rho: Array, beta: Array) -> Array:
        """`m(rho z - beta d)`."""
        return _change(*self, rho, beta)

    def curvature(self, rho: Array, beta: Array) -> Array:
        """`(rho z - beta d).G_lam (rho z - beta d)`."""
        return squared(self.dGd, self.zGd, self.zGz, rho, beta)

    def minimum(self, rho: Number | None = None, beta: Number | None = None) -> tuple[Array, Array]:
        """The `rho, beta` with the smallest `m(rho z - beta d)`: both, or the one that is not given.

        0 for the one that is not given where the model does not curve along its direction.
        """
        dGd, zGd, zGz, gd, gz = self
        if rho is None and beta is None:
            return _coefficients(dGd, zGd, zGz, gd, gz)
        if beta is None:  # dm/dbeta = 0
            rho = number_like(rho, dGd)
            return rho, divide(gd + rho * zGd, dGd, where=dGd > 0.0)
        beta = number_like(beta, dGd)
        if rho is None:  # dm/drho = 0
            return divide(beta * zGd - gz, zGz, where=zGz > 0.0), beta
        return number_like(rho, dGd), beta

    def bounded_minimum(self, beta: Number | None = None, where: Number = 1.0) -> tuple[Array, Array]:
        """The same with `rho` in [0, 1], where `where` is 1; where it is 0, `rho` is free.

        As `m` is convex, its minimum at the best `beta` of each `rho` is at the bound that the free `rho` passes.

        >>> import numpy as np
        >>> plane = PlaneModel(*map(np.float64, (1.0, 0.0, 1.0, 2.0, -3.0)))
        >>> [float(number) for number in (*plane.minimum(), *plane.bounded_minimum())]
        [3.0, 2.0, 1.0, 2.0]
        """
        rho, found = self.minimum(beta=beta)
        bounded = _bounded(rho, number_like(where, rho))
        if beta is not None:
            return bounded, found
        return bounded, namespace(rho).where(bounded == rho, found, self.minimum(bounded)[1])


def solve_two_by_two(A_11: Array, A_12: Array, A_22: Array, b_1: Array, b_2: Array) -> tuple[Array, Array]:
    r"""Solve `[[A_11, A_12], [A_12, A_22]] (x_1, x_2) = (b_1, b_2)`, positive semi-definite, by its pseudo-inverse.

    With the determinant above rounding, Cramer's rule on rows divided by their diagonal entries, so that directions of
    very different lengths neither overflow nor vanish. Otherwise `A` has rank one, and its pseudo-inverse is `A`
    divided by the square of its trace: at `z = 0` (`A_12 = A_22 = b_2 = 0`) that gives `x = (b_1 / A_11, 0)`, and for
    parallel directions the shortest solution. All zero gives zero.

    Numbers, or arrays of one shape: one system each. Nothing is copied to the host.

    >>> import numpy as np
    >>> x_1, x_2 = solve_two_by_two(*map(np.float64, (2.0, 0.0, 0.0, 6.0, 0.0)))
    >>> float(x_1), float(x_2)
    (3.0, 0.0)
    """
    return _solution(A_11, A_12, A_22, b_1, b_2)


def _solve(xp: Namespace, A_11: Array, A_12: Array, A_22: Array, b_1: Array, b_2: Array) -> tuple[Array, Array]:
    row_1, row_2 = one_for_zero(A_11, xp), one_for_zero(A_22, xp)
    # The rows so divided: [[1, upper], [lower, 1]] (x_1, x_2) = (first, second).
    upper, lower, first, second = A_12 / row_1, A_12 / row_2, b_1 / row_1, b_2 / row_2
    # The determinant is 1 - cos^2 of the angle between the two directions. Below a few roundings it is not known, nor
    # is a solution that would divide by it.
    determinant = 1.0 - upper * lower
    regular = (A_11 != 0.0) & (A_22 != 0.0) & (determinant > 32.0 * float(xp.finfo(A_11.dtype).eps))
    trace = one_for_zero(A_11 + A_22, xp)
    shortest_1 = (A_11 / trace * b_1 + A_12 / trace * b_2) / trace
    shortest_2 = (A_12 / trace * b_1 + A_22 / trace * b_2) / trace
    x_1 = divide(first - upper * second, determinant, where=regular, otherwise=shortest_1, xp=xp)
    x_2 = divide(second - lower * first, determinant, where=regular, otherwise=shortest_2, xp=xp)
    return x_1, x_2


_solution = fused(_solve)


@fused
def _coefficients(xp: Namespace, dGd: Array, zGd: Array, zGz: Array, gd: Array, gz: Array) -> tuple[Array, Array]:
    """`rho, beta`."""
    beta, minus_rho = _solve(xp, dGd, zGd, zGz, gd, gz)
    return -minus_rho, beta


@fused
def _bounded(xp: Namespace, rho: Array, where: Array) -> Array:
    """`rho` in [0, 1] where `where`; 0 where it is no number."""
    return xp.where((where > 0.5) & (rho > 1.0), 1.0, xp.where((where > 0.5) & ~(rho >= 0.0), 0.0, rho))


@fused
def _change(dGd: Array, zGd: Array, zGz: Array, gd: Array, gz: Array, rho: Array, beta: Array) -> Array:
    return 0.5 * (beta * beta * dGd - 2.0 * (rho * beta) * zGd + rho * rho * zGz) - beta * gd + rho * gz


@fused
def squared(dd: Array, zd: Array, zz: Array, rho: Array, beta: Array) -> Array:
    """The square of `rho z - beta d`, from the products of `d` and `z`."""
    return beta * beta * dd - 2.0 * (rho * beta) * zd + rho * rho * zz


@fused
def damped(
    dHd: Array, zHd: Array, zHz: Array, damping: Array, dd: Array, zd: Array, zz: Array
) -> tuple[Array, Array, Array]:
    """`x.G_lam y = x_y.H_L y_y + lam x.y` for the pairs of `d` and `z`."""
    return dHd + damping * dd, zHd + damping * zd, zHz + damping * zz
