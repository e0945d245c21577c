r"""Conjugate gradients on pytrees, for one system or for many independent ones at once.

Minimises `m(x) = 1/2 x.A x - b.x` over growing Krylov spaces. From `x`, with residual `r = b - A x` and direction `p`:

    alpha = r.r / p.A p,   x <- x + alpha p,   r' = r - alpha A p,   p <- r' + (r'.r' / r.r) p

Nocedal and Wright, Numerical Optimization (2006), algorithm 5.2; the exit on negative curvature is that of algorithm
7.1 (line search Newton-CG).

Compared with gradient descent on the same system in tests/derivations/test_02_descent_on_the_step.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import array_api_compat

import minigrad as mg
from curveball.solvers.base import Number
from curveball.solvers.checks import check_nonnegative
from curveball.solvers.division import divide
from curveball.solvers.tree_math import tree_add_scale, tree_vdot
from minigrad import Array, Tree, namespace, tree_flatten


class CGResult(NamedTuple):
    """The solution, and for each run how it ended."""

    x: Tree
    residual_norm: Array  # |b - A x|, by the recurrence
    iterations: Array  # products with A, without that of x0
    negative_curvature: Array  # whether a direction with p.A p <= 0 was met; x is what had been found before it


def conjugate_gradient(
    A: Callable[[Tree], Tree],
    b: Tree,
    x0: Tree | None = None,
    tol: Number = 1e-5,
    max_iter: int | None = None,
    runs: int = 0,
) -> CGResult:
    """Solve `A x = b` for a symmetric `A` known by its products, to `|b - A x| <= tol |b|`.

    `A` maps trees like `b` to trees like `b`. It starts from `x0`, or from zero. It stops at the tolerance, after
    `max_iter` products (None: the number of unknowns), or at a direction without positive curvature. Where that is the
    first direction from zero, which is `b`, the result is `b`. With `runs`, the first axes of every array are
    independent systems, each with its own coefficients; those that are done wait unchanged for the others. `tol` may be
    an array with one number per run. ValueError for a `tol` or `max_iter` below zero.

    It looks at the residual only where the arrays are on the host: elsewhere all `max_iter` iterations run.

    >>> import numpy as np
    >>> A = np.array([[4.0, 1.0], [1.0, 3.0]])
    >>> conjugate_gradient(lambda v: A @ v, np.array([1.0, 2.0]), tol=1e-10).x.round(6).tolist()
    [0.090909, 0.636364]
    """
    leaves = tree_flatten(b)[0]
    xp = namespace(*leaves)
    on_host = array_api_compat.is_numpy_array(leaves[0])
    if not hasattr(tol, "shape"):
        check_nonnegative("tol", tol)
    if max_iter is None:
        max_iter = sum(prod(leaf.shape[runs:]) for leaf in leaves)
    check_nonnegative("max_iter", max_iter)
    if x0 is None:
        x, r = mg.tree_map(mg.zeros_like, b), b
    else:
        x, r = x0, tree_add_scale(b, -1.0, A(x0))
    p = r
    rr = tree_vdot(r, r, runs)
    target = tol * tol * tree_vdot(b, b, runs)
    active = rr > target
    negative = xp.zeros_like(active)
    iterations = mg.astype(negative, mg.int64)
    for k in range(max_iter):
        if on_host and not active.any():
            break
        Ap = A(p)
        pAp = tree_vdot(p, Ap, runs)
        iterations = iterations + mg.astype(active, mg.int64)
        uphill = active & ~(pAp > 0.0)
        negative, active = negative | uphill, active & ~uphill
        alpha = divide(rr, pAp, where=active)
        if k == 0 and x0 is None:
            alpha = xp.where(uphill, xp.ones_like(rr), alpha)  # x = p = b: steepest descent is still descent
        x = tree_add_scale(x, alpha, p)
        r = tree_add_scale(r, -1.0 * alpha, Ap)
        new_rr = tree_vdot(r, r, runs)
        p = tree_add_scale(r, divide(new_rr, rr, where=active), p)
        rr = new_rr
        active = active & (rr > target)
    return CGResult(x, xp.sqrt(rr), iterations, negative)
