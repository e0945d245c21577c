r"""Levenberg-Marquardt: Gauss-Newton steps, damped until they keep what they promise.

A step solves `(G + lam D) z = -J`. With the quadratic model's change `m = 1/2 z.G z + z.J`, the gain ratio

    gain = (f(w + z) - f(w)) / m

accepts it where positive, and sets the damping (Nielsen, IMM-REP-1999-05; Madsen, Nielsen and Tingleff, Methods for
Non-Linear Least Squares Problems, 2004, section 3.2):

    gain > 0:   w <- w + z,   lam <- lam max(1/3, 1 - (2 gain - 1)^3),   nu <- 2
    otherwise:  w stays,      lam <- lam nu,                             nu <- 2 nu

Derived in tests/derivations/: test_08_predicted_decrease, test_11_trust_ratio, test_14_damping.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import minigrad as mg
from curveball.solvers.base import Array, Info, Loss, Model, Tree, split_aux
from curveball.solvers.checks import check_positive
from curveball.solvers.conjugate_gradient import conjugate_gradient
from curveball.solvers.dense import Ravel, dense_matrix, identity_like, solve
from curveball.solvers.newton import GaussNewtonPoint
from curveball.solvers.tree_math import per_run, tree_add_scale, tree_vdot
from minigrad import namespace

LAM_RANGE = (1e-30, 1e30)  # at the limit of precision every step is rejected: the product of both fits into float32
NU_MAX = 1e6


class LMState(NamedTuple):
    """Damping (None before the first step, which sets it), its factor on rejection, and the largest diagonal seen."""

    lam: Array | None
    nu: Array | float
    diagonal: Array | None


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Levenberg-Marquardt with the gain-ratio damping of Nielsen, for least squares and other convex losses.

    The damping starts at `tau` times the largest diagonal entry of `G` (`scaling="identity"`, `D = I`), or at `tau`
    (`scaling="marquardt"`, `D` the largest diagonal of `G` so far, which makes the steps independent of the parameters'
    units; Moré, 1978). Where `G` is zero it starts at `tau`. `linear="dense"` builds `G`, one product per parameter,
    and keeps the damping above a rounding per parameter of that entry; "cg" solves without it, to `cg_tol` (with
    `scaling="identity"` only, and a start of `tau |G J| / |J|`). `info` has `loss` (at the start of the step),
    `outputs`, `aux`, `lam`, `gain` and `accepted`. ValueError for hyper-parameters out of range.

    >>> import numpy as np
    >>> solver, w = LevenbergMarquardt(), np.array([3.0, -1.0])
    >>> state = solver.init(w)
    >>> for _ in range(6):
    ...     w, state, info = solver.step(w, state, lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> bool(np.all(np.abs(w) < 1e-6))
    True
    """

    tau: float = 1e-3
    scaling: str = "identity"
    linear: str = "dense"
    cg_tol: float = 1e-6
    max_cg: int | None = None
    curvature = "ggn"  # not a field: what `minimize` has to know

    def __post_init__(self) -> None:
        check_positive("tau", self.tau)
        check_positive("cg_tol", self.cg_tol)
        for name, choices in (("scaling", ("identity", "marquardt")), ("linear", ("dense", "cg"))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}")
        if self.max_cg is not None and self.max_cg < 1:
            raise ValueError(f"max_cg must be at least 1, or None; got {self.max_cg}")
        if self.linear == "cg" and self.scaling == "marquardt":
            raise ValueError("scaling='marquardt' needs the diagonal of the matrix: use linear='dense' with it")

    def init(self, params: Tree) -> LMState:
        return LMState(None, 2.0, None)

    def step(
        self, params: Tree, state: LMState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, LMState, Info]:
        point = GaussNewtonPoint.at(params, model, loss, has_aux)
        value = point.value
        runs = value.ndim
        xp = namespace(value)
        z, lam, diagonal = (self._dense if self.linear == "dense" else self._matrix_free)(params, point, state)

        Jz = point.J(z)
        slope, HJz = point.L(Jz)
        predicted = 0.5 * tree_vdot(Jz, HJz, runs) + slope
        moved = tree_add_scale(params, 1.0, z)
        change = loss(split_aux(model(moved), has_aux)[0]) - value
        gain = change / _one_for_zero(predicted)
        accepted = (gain > 0.0) & (predicted < 0.0)  # not where the change is not a number

        shrink = xp.maximum(1.0 - (2.0 * mg.clip(gain, 0.0, 1.0) - 1.0) ** 3, xp.ones_like(gain) / 3.0)
        nu = state.nu * xp.ones_like(gain)
        new_lam = mg.clip(xp.where(accepted, lam * shrink, lam * nu), *LAM_RANGE)
        new_nu = xp.where(accepted, 2.0 * xp.ones_like(nu), mg.clip(2.0 * nu, None, NU_MAX))
        params = mg.tree_map(lambda a, b: xp.where(per_run(accepted, a), b, a), params, moved)
        info = {
            "loss": value,
            "outputs": point.outputs,
            "aux": point.aux,
            "lam": lam,
            "gain": gain,
            "accepted": accepted,
        }
        return params, LMState(new_lam, new_nu, diagonal), info

    def _dense(self, params: Tree, point: GaussNewtonPoint, state: LMState) -> tuple[Tree, Array, Array]:
        ravel = Ravel(params, point.value.ndim)
        gradient = ravel.vector(point.gradient)
        G = dense_matrix(point.product, ravel, gradient)
        xp = namespace(G)
        identity = identity_like(G)
        diagonal = xp.sum(G * identity, axis=-1)
        if state.diagonal is not None and self.scaling == "marquardt":
            diagonal = xp.maximum(diagonal, state.diagonal)
        if self.scaling == "marquardt":
            largest, D = xp.ones_like(point.value), _one_for_zero(diagonal)[..., None] * identity
        else:
            largest, D = xp.max(diagonal, axis=-1), identity
        rounding = diagonal.shape[-1] * float(xp.finfo(G.dtype).eps)  # with less damping G may be singular
        lam = self.tau * _one_for_zero(largest) if state.lam is None else xp.maximum(state.lam, rounding * largest)
        return ravel.tree(-solve(G + lam[..., None, None] * D, gradient)), lam, diagonal

    def _matrix_free(self, params: Tree, point: GaussNewtonPoint, state: LMState) -> tuple[Tree, Array, None]:
        runs, J = point.value.ndim, point.gradient
        xp = namespace(point.value)
        lam = state.lam
        if lam is None:
            GJ = point.product(J)
            lam = self.tau * _one_for_zero(xp.sqrt(tree_vdot(GJ, GJ, runs) / _one_for_zero(tree_vdot(J, J, runs))))
        result = conjugate_gradient(
            lambda v: tree_add_scale(point.product(v), lam, v),
            mg.tree_map(lambda g: -1.0 * g, J),
            tol=self.cg_tol,
            max_iter=self.max_cg,
            runs=runs,
        )
        return result.x, lam, None


def _one_for_zero(x: Array) -> Array:
    xp = namespace(x)
    return xp.where(x == 0.0, xp.ones_like(x), x)
