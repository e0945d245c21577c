"""Newton's method without the matrix: its step by conjugate gradients, no further than pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import minigrad as mg
from curveball.solvers.base import Info, Loss, Model, Tree
from curveball.solvers.checks import check_nonnegative, check_positive
from curveball.solvers.conjugate_gradient import conjugate_gradient
from curveball.solvers.line_search import backtracking
from curveball.solvers.newton import GaussNewtonPoint, gradient_and_hessian
from curveball.solvers.tree_math import per_run, tree_add_scale, tree_vdot
from minigrad import namespace


class NewtonCGState(NamedTuple):
    """The last step, a tree like the params: where a warm start begins."""

    z: Tree


@dataclass(frozen=True)
class NewtonCG:
    """Inexact Newton: conjugate gradients on `(B + lam I) z = -J` until the residual is at most `eta |J|`.

    `curvature` is "hessian" (exact) or "ggn" (Gauss-Newton). The forcing sequence `eta = min(eta_max, sqrt(|J|))` makes
    the convergence superlinear (Dembo, Eisenstat and Steihaug, SIAM J. Numer. Anal. 19, 1982). At a direction of
    negative curvature the iteration ends with what it has, at the first with the gradient's own direction: always a
    descent direction (Nocedal and Wright, algorithm 7.1). With `warm_start` it begins at `decay` times the last step.
    `max_cg` limits its products (None: one per parameter). With `line_search` the step is halved until it decreases the
    objective enough (line_search.py). `info` has `loss`, `outputs`, `aux`, `cg_iterations`, `residual` (the norm of it)
    and `negative_curvature`. ValueError for hyper-parameters out of range.

    >>> import numpy as np
    >>> solver, w = NewtonCG(eta_max=1e-8), np.array([3.0, -1.0])
    >>> w, _, _ = solver.step(w, solver.init(w), lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> bool(np.all(np.abs(w) < 1e-12))
    True
    """

    lr: Any = 1.0
    lam: Any = 0.0
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
        if not 0.0 < self.eta_max < 1.0:
            raise ValueError(f"eta_max must be between 0 and 1; got {self.eta_max}")
        check_nonnegative("decay", self.decay)
        if self.max_cg is not None and self.max_cg < 1:
            raise ValueError(f"max_cg must be at least 1, or None; got {self.max_cg}")

    def init(self, params: Tree) -> NewtonCGState:
        return NewtonCGState(mg.tree_map(mg.zeros_like, params))

    def step(
        self, params: Tree, state: NewtonCGState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, NewtonCGState, Info]:
        if self.curvature == "ggn":
            point = GaussNewtonPoint.at(params, model, loss, has_aux)
            value, J, outputs, aux, product = point.value, point.gradient, point.outputs, point.aux, point.product
        else:
            J, product, (value, outputs, aux) = gradient_and_hessian(params, model, loss, has_aux)
        runs = value.ndim
        xp = namespace(value)
        norm = xp.sqrt(tree_vdot(J, J, runs))
        result = conjugate_gradient(
            lambda v: tree_add_scale(product(v), self.lam, v),
            mg.tree_map(lambda g: -1.0 * g, J),
            x0=mg.tree_map(lambda a: self.decay * a, state.z) if self.warm_start else None,
            tol=xp.minimum(xp.sqrt(norm), self.eta_max * xp.ones_like(norm)),
            max_iter=self.max_cg,
            runs=runs,
        )
        z = result.x
        if self.warm_start:  # the start may have been uphill: steepest descent instead
            uphill = tree_vdot(J, z, runs) >= 0.0
            z = mg.tree_map(lambda a, g: xp.where(per_run(uphill, a), -1.0 * g, a), z, J)
        length = backtracking(params, z, J, value, model, loss, has_aux, self.lr) if self.line_search else self.lr
        info = {
            "loss": value,
            "outputs": outputs,
            "aux": aux,
            "cg_iterations": result.iterations,
            "residual": result.residual_norm,
            "negative_curvature": result.negative_curvature,
        }
        return tree_add_scale(params, length, z), NewtonCGState(z), info
