r"""Levenberg-Marquardt: Gauss-Newton steps, damped until they decrease the objective as much as predicted.

A step solves `(G + lam D) z = -g`. With the undamped quadratic model `m_0(z) = 1/2 z.G z + z.g`, the gain ratio

    gain = (f(w + z) - f(w)) / m_0(z)

accepts it where positive, and sets the damping (Nielsen, IMM-REP-1999-05; Madsen, Nielsen and Tingleff, Methods for
Non-Linear Least Squares Problems, 2004, section 3.2):

    gain > 0:   w <- w + z,   lam <- lam max(1/3, 1 - (2 gain - 1)^3),   nu <- 2
    otherwise:  w stays,      lam <- lam nu,                             nu <- 2 nu

With `geodesic=True` the step bends along the curve on which the outputs change as the linear model says (Transtrum and
Sethna, arXiv:1201.5885, 2012). With the second derivative of the outputs along `z`, which is exact here,

    y'' = d^2/dt^2 y(w + t z) at t = 0,       a = -1/2 (G + lam D)^-1 J^T H_L y'',       w <- w + z + a

and it is rejected where `2 |a| > 3/4 |z|` in the norm of `D`: the linear model does not hold so far out.

Derived in tests/derivations/: test_08_predicted_decrease, test_11_trust_ratio, test_14_damping,
test_19_geodesic_acceleration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import minigrad as mg
from curveball.solvers.base import Info, Loss, Model, Solver, loss_at, split_aux
from curveball.solvers.checks import check_count, check_positive
from curveball.solvers.conjugate_gradient import conjugate_gradient
from curveball.solvers.dense import dense_matrix, identity_like, solve
from curveball.solvers.division import one_for_zero
from curveball.solvers.registry import register
from curveball.solvers.tree_math import per_run, tree_add_scale, tree_vdot
from minigrad import Array, Tree, namespace

LAM_RANGE = (1e-30, 1e30)  # at the limit of precision every step is rejected: the product of both fits into float32
NU_MAX = 1e6
BEND = 0.75  # the largest 2 |a| / |z| of a step that is taken


class LMState(NamedTuple):
    """What Levenberg-Marquardt remembers from step to step."""

    lam: Array  # damping; the first step sets it
    nu: Array  # what lam is multiplied with where a step is rejected
    diagonal: Array  # the largest diagonal of G so far, with scaling="marquardt"
    steps: int  # taken so far


class LMInfo(Info):
    """What a step of Levenberg-Marquardt tells: numbers, or one of each per run."""

    lam: Array  # as used in this step
    gain: Array
    accepted: Array  # where not, the params stay


class _System(NamedTuple):
    """The damped system of a step."""

    solve: Callable[[Tree], Tree]  # of a tree u: (G + lam D)^-1 u
    square: Callable[[Tree], Array]  # of a tree v: v.D v, for each run
    lam: Array
    diagonal: Array  # to remember


@register("levenberg-marquardt")
@dataclass(frozen=True)
class LevenbergMarquardt(Solver):
    """Levenberg-Marquardt with the gain-ratio damping of Nielsen, for least squares and other convex losses.

    ValueError for hyper-parameters out of range. They are, with their defaults:

    - `tau` = 1e-3 (positive): the damping at the start, relative to the size of `G`: to its largest diagonal entry, or
      with `linear="cg"` to `|G g| / |g|`; `tau` itself where `G` is zero.
    - `scaling` = "identity": `D = I`; "marquardt": `D` is the largest diagonal of `G` so far, which makes the steps
      independent of the parameters' units (Moré, 1978), and the damping starts at `tau`.
    - `linear` = "dense": builds `G`, one product per parameter, and keeps the damping above a rounding per parameter of
      its largest diagonal entry; "cg": solves by conjugate gradients, without the matrix, with `scaling="identity"`.
    - `cg_tol` = 1e-6 (positive): residual of "cg", relative to `|g|`.
    - `max_cg` = None (at least 1): limit of the products of "cg"; None: one per parameter.
    - `geodesic` = False: whether the step bends. It costs a second solution of the system and two more evaluations of
      the model's derivative, and follows narrow curved valleys in far fewer steps.

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
    geodesic: bool = False

    def __post_init__(self) -> None:
        check_positive("tau", self.tau)
        check_positive("cg_tol", self.cg_tol)
        for name, choices in (("scaling", ("identity", "marquardt")), ("linear", ("dense", "cg"))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}; got {getattr(self, name)!r}")
        check_count("max_cg", self.max_cg, or_none=True)
        if self.linear == "cg" and self.scaling == "marquardt":
            raise ValueError("scaling='marquardt' needs the diagonal of the matrix: use linear='dense' with it")

    @property
    def needs_outputs_loss(self) -> bool:
        """For the Gauss-Newton matrix."""
        return True

    def init(self, params: Tree) -> LMState:
        """Return the state before the first step."""
        return LMState(lam=0.0, nu=2.0, diagonal=0.0, steps=0)

    def step(
        self, params: Tree, state: LMState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, LMState, LMInfo]:
        """Return the next params, the next state, and what was seen on the way."""
        G = mg.GGNOperator(model, loss, params, has_aux)
        value = G.value
        xp = namespace(value)
        system = (self._dense if self.linear == "dense" else self._matrix_free)(params, G, state)
        lam, z = system.lam, system.solve(mg.tree_map(lambda x: -1.0 * x, G.gradient))

        z_y = G.J(z)
        gz, H_L_z = G.slope_and_product(z_y)
        predicted = 0.5 * tree_vdot(z_y, H_L_z, value.ndim) + gz
        straight, step = True, z
        if self.geodesic:
            y_second = _second_derivative(model, params, z, has_aux)
            a = system.solve(mg.tree_map(lambda x: -0.5 * x, G.J.pull(G.slope_and_product(y_second)[1])))
            straight = 4.0 * system.square(a) <= BEND**2 * system.square(z)
            step = tree_add_scale(z, 1.0, a)
        moved = tree_add_scale(params, 1.0, step)
        change = loss_at(moved, model, loss, has_aux) - value
        gain = change / one_for_zero(predicted)
        accepted = (gain > 0.0) & (predicted < 0.0) & straight  # not where the change is not a number

        shrink = xp.maximum(1.0 - (2.0 * mg.clip(gain, 0.0, 1.0) - 1.0) ** 3, xp.ones_like(gain) / 3.0)
        nu = state.nu * xp.ones_like(gain)
        new_lam = mg.clip(xp.where(accepted, lam * shrink, lam * nu), *LAM_RANGE)
        new_nu = xp.where(accepted, 2.0 * xp.ones_like(nu), mg.clip(2.0 * nu, None, NU_MAX))
        params = mg.tree_map(lambda a, b: xp.where(per_run(accepted, a), b, a), params, moved)
        info = LMInfo(loss=value, outputs=G.outputs, aux=G.aux, lam=lam, gain=gain, accepted=accepted)
        return params, LMState(new_lam, new_nu, system.diagonal, state.steps + 1), info

    def _dense(self, params: Tree, G: mg.GGNOperator, state: LMState) -> _System:
        """With the matrix."""
        ravel = mg.Ravel(params, G.value.ndim)
        g = ravel.vector(G.gradient)
        matrix = dense_matrix(G, ravel, g)
        xp = namespace(matrix)
        identity = identity_like(matrix)
        diagonal = xp.sum(matrix * identity, axis=-1)
        if self.scaling == "marquardt":
            diagonal = xp.maximum(diagonal, state.diagonal) if state.steps else diagonal
            largest, D = xp.ones_like(G.value), one_for_zero(diagonal)[..., None] * identity
        else:
            largest, D = xp.max(diagonal, axis=-1), identity
        rounding = diagonal.shape[-1] * float(xp.finfo(matrix.dtype).eps)  # with less damping it may be singular
        lam = float(self.tau) * one_for_zero(largest) if state.steps == 0 else xp.maximum(state.lam, rounding * largest)
        damped = matrix + lam[..., None, None] * D

        def square(v: Tree) -> Array:
            x = ravel.vector(v)
            return xp.sum(x * x * xp.sum(D, axis=-1), axis=-1)

        return _System(lambda u: ravel.tree(solve(damped, ravel.vector(u))), square, lam, diagonal)

    def _matrix_free(self, params: Tree, G: mg.GGNOperator, state: LMState) -> _System:
        """By conjugate gradients."""
        runs, g = G.value.ndim, G.gradient
        xp = namespace(G.value)
        lam = state.lam
        if state.steps == 0:
            Gg = G(g)
            lam = float(self.tau) * one_for_zero(xp.sqrt(tree_vdot(Gg, Gg, runs) / one_for_zero(tree_vdot(g, g, runs))))

        def solve_by_cg(u: Tree) -> Tree:
            return conjugate_gradient(
                lambda v: tree_add_scale(G(v), lam, v), u, tol=self.cg_tol, max_iter=self.max_cg, runs=runs
            ).x

        return _System(solve_by_cg, lambda v: tree_vdot(v, v, runs), lam, state.diagonal)


def _second_derivative(model: Model, params: Tree, z: Tree, has_aux: bool) -> Tree:
    """`d^2/dt^2 model(params + t z)` at t = 0: a push of a push."""

    def slope(w: Tree) -> Tree:
        return mg.jvp(lambda p: split_aux(model(p), has_aux)[0], (w,), (z,))[1]

    return mg.jvp(slope, (params,), (z,))[1]
