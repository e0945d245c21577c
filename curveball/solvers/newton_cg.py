"""Newton's method without the matrix: its step by conjugate gradients, only as accurate as it needs to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import minigrad as mg
from curveball.solvers.base import Info, Loss, Model, Number, Solver
from curveball.solvers.checks import check_count, check_flag, check_nonnegative, check_per_run, check_positive
from curveball.solvers.conjugate_gradient import conjugate_gradient
from curveball.solvers.line_search import backtracking
from curveball.solvers.newton import gradient_and_hessian
from curveball.solvers.registry import register
from curveball.solvers.tree_math import per_run, tree_add_scale, tree_vdot
from minigrad import Array, Tree, namespace


class NewtonCGState(NamedTuple):
    """The last step, a tree like the params: where a warm start begins."""

    z: Tree


class NewtonCGInfo(Info):
    """What a step of NewtonCG tells: numbers, or one of each per run."""

    cg_iterations: Array
    residual: Array  # the norm of the linear system's residual at the end
    negative_curvature: Array  # whether that ended the iteration


@register("newton-cg")
@dataclass(frozen=True)
class NewtonCG(Solver):
    """Inexact Newton: conjugate gradients on `(B + lam I) z = -g` until the residual is at most `tau |g|`.

    The forcing sequence `tau = min(eta_max, sqrt(|g|))` makes the convergence superlinear (Dembo, Eisenstat and
    Steihaug, SIAM J. Numer. Anal. 19, 1982). At a direction of negative curvature the iteration ends with what it has,
    at the first with `-g`: always a descent direction (Nocedal and Wright, algorithm 7.1).

    ValueError for hyper-parameters out of range. They are, with their defaults:

    - `lr` = 1 (positive): how far the params move along the step, before the line search.
    - `lam` = 0 (at least 0): damping.
    - `curvature` = "hessian": `B`, either "hessian" (exact) or "ggn" (Gauss-Newton).
    - `eta_max` = 0.5 (between 0 and 1): the largest `tau`.
    - `max_cg` = None (at least 1): limit of the products per step; None: one per parameter.
    - `warm_start` = False: whether to begin at `decay` times the last step, instead of at zero.
    - `decay` = 0.95 (at least 0): see `warm_start`.
    - `line_search` = True: halve the step until it decreases the objective enough (line_search.py).

    >>> import numpy as np
    >>> solver, w = NewtonCG(eta_max=1e-8), np.array([3.0, -1.0])
    >>> w, _, _ = solver.step(w, solver.init(w), lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> bool(np.all(np.abs(w) < 1e-12))
    True
    """

    lr: Number = 1.0
    lam: Number = 0.0
    curvature: str = "hessian"
    eta_max: float = 0.5
    max_cg: int | None = None
    warm_start: bool = False
    decay: float = 0.95
    line_search: bool = True

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_nonnegative("lam", self.lam)
        if self.curvature not in ("hessian", "ggn"):
            raise ValueError(f"curvature must be 'hessian' or 'ggn'; got {self.curvature!r}")
        check_positive("eta_max", self.eta_max)
        if not self.eta_max < 1.0:
            raise ValueError(f"eta_max must be between 0 and 1; got {self.eta_max}")
        check_nonnegative("decay", self.decay)
        check_count("max_cg", self.max_cg, or_none=True)
        check_flag("warm_start", self.warm_start)
        check_flag("line_search", self.line_search)

    @property
    def needs_outputs_loss(self) -> bool:
        """With the Gauss-Newton matrix."""
        return self.curvature == "ggn"

    def init(self, params: Tree) -> NewtonCGState:
        """Return the state before the first step: `z = 0`."""
        return NewtonCGState(mg.tree_map(mg.zeros_like, params))

    def step(
        self, params: Tree, state: NewtonCGState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, NewtonCGState, NewtonCGInfo]:
        """Return the next params, the next state, and what was seen on the way."""
        if self.curvature == "ggn":
            G = mg.GGNOperator(model, loss, params, has_aux)
            B: Callable[[Tree], Tree] = G
            g, seen = G.gradient, Info(loss=G.value, outputs=G.outputs, aux=G.aux)
        else:
            g, B, seen = gradient_and_hessian(params, model, loss, has_aux)
        value = seen["loss"]
        check_per_run(self, value)
        runs = value.ndim
        xp = namespace(value)
        norm = xp.sqrt(tree_vdot(g, g, runs))
        result = conjugate_gradient(
            lambda v: tree_add_scale(B(v), self.lam, v),
            mg.tree_map(lambda x: -1.0 * x, g),
            x0=mg.tree_map(lambda x: self.decay * x, state.z) if self.warm_start else None,
            tol=xp.minimum(xp.sqrt(norm), self.eta_max * xp.ones_like(norm)),
            max_iter=self.max_cg,
            runs=runs,
        )
        z = result.x
        if self.warm_start:  # the start may have been uphill: steepest descent instead
            uphill = tree_vdot(g, z, runs) >= 0.0
            z = mg.tree_map(lambda a, b: xp.where(per_run(uphill, a), -1.0 * b, a), z, g)
        alpha = backtracking(params, z, g, value, model, loss, has_aux, self.lr) if self.line_search else self.lr
        info = NewtonCGInfo(
            **seen,
            cg_iterations=result.iterations,
            residual=result.residual_norm,
            negative_curvature=result.negative_curvature,
        )
        return tree_add_scale(params, alpha, z), NewtonCGState(z), info
