r"""CurveBall: Newton's step, improved by one gradient step per iteration while the parameters already move.

Newton's step minimises the quadratic model of the objective `f` around `w`,

    m(z) = 1/2 z.G_lam z + z.g,        G_lam = G + lam I,        G = J^T H_L J,        g = J^T g_L

with gradient `g`, Gauss-Newton matrix `G` and damping `lam`; `J` is the Jacobian of the model, `g_L` and `H_L` are
gradient and Hessian of the loss by the outputs. The gradient of `m` is `d = G_lam z + g`, and gradient descent on `m`
is `z <- z - beta d`. CurveBall takes one such step per iteration, keeps `rho` of what was there, and moves at once:

    d  = J^T (H_L J z + g_L) + lam z                       one push-forward, one pull-back               (1)
    z <- rho z - beta d                                                                                  (2)
    w <- w + lr z                                                                                        (3)

`rho` and `beta` minimise `m(rho z - beta d)`:

    [[d.G_lam d, z.G_lam d], [z.G_lam d, z.G_lam z]] [beta, -rho]^T = [g.d, g.z]^T,   in short A x = b      (4)

With the outputs' tangents `z_y = J z`, known from (1), and `d_y = J d`, one more push-forward, these numbers are
`z.G_lam d = z_y.H_L d_y + lam z.d`, `g.d = g_L.d_y`, and so on. At the minimum `m = -1/2 (beta g.d - rho g.z)`. Every
few steps `lam` follows the trust ratio

    gamma = (f(w + z) - f(w)) / m(z)                                                                     (5)

of the change found to the change predicted, on the same batch. `rho="bounded"`, a step beyond the paper, keeps the
`rho` of (4) in [0, 1], with the `beta` that is best for it. With `H_L = 0` and `lam = 0` this is gradient descent
with momentum.

On mini-batches the solution of (4) is mostly noise. `average > 0`, a step beyond the paper, solves a system of running
sums instead (averaging.py), with the system `A_k x = b_k` of batch k divided by the decrease `-m_k*` that its own
solution promises:

    A <- average A + A_k / -m_k*,        b <- average b + b_k / -m_k*                                    (6)

On mini-batches the trust ratio says little about which `lam` is right. `adapt_lam="share"`, beyond the paper too, keeps
the share `s` of damping in the curvature along the step, of which progress and noise decide (damping_share.py):

    s = lam z.z / z.G_lam z,        lam <- lam ((1 - s) s* / (s (1 - s*)))^0.1                           (7)

Each formula is derived, and tested, in tests/derivations/: Newton's step and the descent on it (test_01_newton_step,
test_02_descent_on_the_step), (1) in test_06_two_sweep_product, (4) in test_07_two_by_two_system and
test_08_predicted_decrease, (5) in test_11_trust_ratio; momentum without curvature in test_03_heavy_ball; when the
iteration converges, and how fast, in test_09_convergence_region and test_10_convergence_rate; its cost in test_12_cost;
its likeness to Nesterov's method in test_04_look_ahead_gradient; the linear system alone in
test_13_solving_the_linear_system; damping and weight decay in test_14_damping and test_15_weight_decay; (6) in
test_16_averaging, (7) in test_20_damping_share.

J. F. Henriques, S. Ehrhardt, S. Albanie, A. Vedaldi, "Small Steps and Giant Leaps: Minimal Newton Solvers for Deep
Learning", ICCV 2019, arXiv 1805.08095. Their symbols, and ours, are in docs/notation.md.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import minigrad as mg
from curveball.solvers.averaging import averaged
from curveball.solvers.base import Info, Loss, Model, Number, Solver, loss_at
from curveball.solvers.checks import (
    check_count,
    check_finite,
    check_fraction,
    check_nonnegative,
    check_per_run,
    check_positive,
)
from curveball.solvers.damping_share import ShareState, followed, judged, point, seen, tree_where
from curveball.solvers.registry import register
from curveball.solvers.tree_math import number_like, tree_add_scale, tree_axpby, tree_vdot
from curveball.solvers.trust_ratio import adapted_lam, in_range, trust_ratio
from curveball.solvers.two_by_two import PlaneModel, Squares, damped, squared
from minigrad import Array, Tree


class CurveBallState(NamedTuple):
    """What CurveBall remembers from step to step."""

    z: Tree  # the estimate of Newton's step, a tree like the params
    lam: Array  # damping (a number before the first step)
    steps: int  # taken so far
    trust_ratio: Array  # the latest gamma; nan before the first
    system: PlaneModel = PlaneModel(0.0, 0.0, 0.0, 0.0, 0.0)  # the running sums of (6); zeros without `average`
    share: ShareState | None = None  # of `adapt_lam="share"`


class CurveBallInfo(Info):
    """What a step of CurveBall tells: numbers, or one of each per run."""

    rho: Array
    beta: Array
    lam: Array  # as used in this step
    trust_ratio: Array  # the latest gamma; nan before the first
    predicted: Array  # m(z), the change that this batch's quadratic model predicts


RULES = ("paper", "share")


@register("curveball")
@dataclass(frozen=True)
class CurveBall(Solver):
    """The CurveBall solver: automatic momentum, step size and damping, at the cost of 7 forward passes per step.

    ValueError for hyper-parameters out of range. They are, with their defaults:

    - `lr` = 1 (at least 0): how far the params move along `z`; 0 leaves them and solves the linear system alone.
    - `lam` = 1 (at least 0): the damping, at the start.
    - `rho` = None (any number): momentum, how much of `z` is kept; None: automatic, by (4). "bounded": automatic, in
      [0, 1], so that one batch unlike the others cannot ask for several times the last step.
    - `beta` = None (positive): step size along `-d`; None: automatic, by (4).
    - `adapt_lam` = "paper" (or true): `lam` follows the trust ratio, and stays in [1e-8, 1e8]. "share": it keeps a
      share of the curvature, from any start (7). False: it stays.
    - `lam_factor` = 0.999 (in (0, 1]): how much `lam` may change per step; this and the next two of "paper" alone.
    - `lam_every` = 5 (at least 1): steps from one trust ratio to the next; `lam` then changes by
      `lam_factor ** lam_every`.
    - `trust_low` = 0.5 (below `trust_high`): `lam` grows where the trust ratio is below it or not finite, or where
      an increase was predicted.
    - `trust_high` = 1.5: `lam` shrinks where the trust ratio is above it.
    - `weight_decay` = 0 (at least 0): adds `weight_decay/2 |w|^2` to the objective, in its gradient and in its
      curvature; `info["loss"]` is without it.
    - `average` = 0 (in [0, 1)): decay of the running sums (6); 0: the paper's rule, each batch by itself.
    - `average_share` = 0.5 (at most 1): the coefficients of the sums are used where they keep at least this share of
      the decrease that the batch's own coefficients promise.

    >>> import numpy as np
    >>> solver, w = CurveBall(lam=0.0, adapt_lam=False), np.array([3.0, -1.0])
    >>> state = solver.init(w)
    >>> for _ in range(3):
    ...     w, state, info = solver.step(w, state, lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> bool(np.all(np.abs(w) < 1e-12))
    True
    """

    lr: Number = 1.0
    lam: Number = 1.0
    rho: Number | str | None = None
    beta: Number | None = None
    adapt_lam: bool | str = "paper"
    lam_factor: float = 0.999
    lam_every: int = 5
    trust_low: float = 0.5
    trust_high: float = 1.5
    weight_decay: float = 0.0
    average: float = 0.0
    average_share: float = 0.5

    def __post_init__(self) -> None:
        check_nonnegative("lr", self.lr)
        check_nonnegative("lam", self.lam)
        check_nonnegative("weight_decay", self.weight_decay)
        check_fraction("average", self.average)
        check_finite("average_share", self.average_share)
        if self.average_share > 1.0:
            raise ValueError(f"average_share must be at most 1; got {self.average_share}")
        if self.rho is not None:
            check_finite("rho", self.rho, or_word="bounded")
        if self.beta is not None:
            check_positive("beta", self.beta)
        if self.adapt_lam not in (True, False, *RULES):
            raise ValueError(f"adapt_lam must be paper, share, true or false; got {self.adapt_lam!r}")
        check_positive("lam_factor", self.lam_factor)
        check_finite("trust_low", self.trust_low)
        check_finite("trust_high", self.trust_high)
        if self.lam_factor > 1.0:
            raise ValueError(f"lam_factor must be in (0, 1]; got {self.lam_factor}")
        check_count("lam_every", self.lam_every)
        if not self.trust_low < self.trust_high:
            raise ValueError(f"trust_low must be below trust_high; got {self.trust_low} and {self.trust_high}")

    @property
    def needs_outputs_loss(self) -> bool:
        """For the Gauss-Newton matrix."""
        return True

    @property
    def compiles(self) -> bool:
        """In two phases: a step measures the trust ratio or does not."""
        return True

    def phase(self, state: CurveBallState) -> bool:
        """Whether the next step measures: the trust ratio, or the loss at the average of the params."""
        if not self.adapt_lam or self.lam_every == 1:
            return bool(self.adapt_lam)
        try:  # the share is judged from the first step on
            return bool((state.steps + (self.adapt_lam != "share")) % self.lam_every == 0)
        except TypeError:  # a tracer of JAX
            raise TypeError(
                "CurveBall: inside a compiled program the count of steps is not known: decide outside whether the step "
                "measures the trust ratio, and give it as in step(..., phase=True), one program for each"
            ) from None

    def init(self, params: Tree) -> CurveBallState:
        """Return the state before the first step: `z = 0`."""
        z = mg.tree_map(mg.zeros_like, params)
        share = ShareState(average=z) if self.adapt_lam == "share" else None
        return CurveBallState(z, lam=1.0 * self.lam, steps=0, trust_ratio=math.nan, share=share)

    def step(
        self,
        params: Tree,
        state: CurveBallState,
        model: Model,
        loss: Loss,
        has_aux: bool = False,
        phase: Hashable = None,
    ) -> tuple[Tree, CurveBallState, CurveBallInfo]:
        """Return the next params, the next state, and what was seen on the way.

        `phase`: whether to measure the trust ratio, or the loss at the average params (None: where the count says so,
        which a compiled step cannot read: a TypeError there).
        """
        measured = self.phase(state) if phase is None else phase
        G = mg.GGNOperator(model, loss, params, has_aux)
        check_per_run(self, G.value)
        lam = number_like(state.lam, G.value)
        if self.adapt_lam:
            lam = in_range(lam)

        d, plane, squares = self._quadratic_model(G, params, state.z, lam)  # (1)
        share, minimum = state.share, self._minimum
        if share is not None:
            objective = self._objective(G.value, params)
            share, exploded = seen(share, objective, state.steps)
            minimum = partial(self._minimum_where, noisy=share.noisy)
        rho, beta = minimum(plane)  # (4)
        system = state.system
        if self.average:
            (rho, beta), system = averaged(
                system, plane, (rho, beta), minimum, float(self.average), float(self.average_share)
            )  # (6)
        predicted = plane.change(rho, beta)
        z = tree_axpby(rho, state.z, -beta, d)  # (2)
        new_params = tree_add_scale(params, self.lr, z)  # (3)

        new_lam, gamma = lam, state.trust_ratio
        if share is not None:
            if measured:
                there = point(share, new_params, state.steps, objective)
                other = self._objective(loss_at(there, model, loss, has_aux), there)
                share = judged(share, params, objective, other, state.steps, self.lam_every)  # (7)
            share, new_lam = followed(
                share, lam, squared(*squares, rho, beta), plane.curvature(rho, beta), state.steps, exploded
            )
            z = tree_where(exploded, mg.tree_map(mg.zeros_like, z), z)
            new_params = tree_where(exploded, share.average, new_params)
        elif measured:
            change = self._change(params, z, G.value, model, loss, has_aux)
            gamma = trust_ratio(change, predicted)  # (5)
            factor = self.lam_factor**self.lam_every
            new_lam = adapted_lam(lam, gamma, predicted, factor, self.trust_low, self.trust_high)
        info = CurveBallInfo(
            loss=G.value, outputs=G.outputs, aux=G.aux,
            rho=rho, beta=beta, lam=lam, trust_ratio=gamma, predicted=predicted,
        )  # fmt: skip
        return new_params, CurveBallState(z, new_lam, state.steps + 1, gamma, system, share), info

    def _quadratic_model(
        self, G: mg.GGNOperator, params: Tree, z: Tree, lam: Array
    ) -> tuple[Tree, PlaneModel, Squares]:
        """Its gradient `d` at `z`, the model on the plane of `z` and `d`, and lengths: two pushes and one pull.

        Weight decay `c` adds `c w` to `g`, and `c I` to `G_lam`.
        """
        runs, c = G.value.ndim, float(self.weight_decay)
        damping = lam + c if c else lam

        z_y = G.J(z)
        gz, H_L_z = G.slope_and_product(z_y)  # g_L.z_y, H_L z_y
        d = G.J.T(tree_add_scale(G.g_L, 1.0, H_L_z))
        if c:
            d = tree_add_scale(d, c, params)
        d = tree_add_scale(d, damping, z)  # (1)

        d_y = G.J(d)
        gd, H_L_d = G.slope_and_product(d_y)
        if c:
            gd = gd + c * tree_vdot(params, d, runs)
            gz = gz + c * tree_vdot(params, z, runs)
        dHd, zHd, zHz = tree_vdot(d_y, H_L_d, runs), tree_vdot(z_y, H_L_d, runs), tree_vdot(z_y, H_L_z, runs)
        dd, zd, zz = tree_vdot(d, d, runs), tree_vdot(z, d, runs), tree_vdot(z, z, runs)
        dGd, zGd, zGz = damped(dHd, zHd, zHz, damping, dd, zd, zz)
        return d, PlaneModel(dGd, zGd, zGz, gd, gz), (dd, zd, zz)

    def _minimum(self, plane: PlaneModel) -> tuple[Array, Array]:
        """`rho, beta`: those that are not fixed minimise the model on the plane."""
        if isinstance(self.rho, str):
            return plane.bounded_minimum(self.beta)
        return plane.minimum(self.rho, self.beta)

    def _minimum_where(self, plane: PlaneModel, noisy: Array) -> tuple[Array, Array]:
        """The same with an automatic `rho` in [0, 1] where batches differ."""
        return self._minimum(plane) if self.rho is not None else plane.bounded_minimum(self.beta, noisy)

    def _objective(self, value: Array, params: Tree) -> Array:
        """The loss with weight decay."""
        if not self.weight_decay:
            return value
        return value + 0.5 * float(self.weight_decay) * tree_vdot(params, params, value.ndim)

    def _change(self, params: Tree, z: Tree, value: Array, model: Model, loss: Loss, has_aux: bool) -> Array:
        """`f(w + z) - f(w)`, weight decay included."""
        moved = tree_add_scale(params, 1.0, z)
        change = loss_at(moved, model, loss, has_aux) - value
        if self.weight_decay:
            runs = value.ndim
            squares = tree_vdot(moved, moved, runs) - tree_vdot(params, params, runs)
            change = change + 0.5 * float(self.weight_decay) * squares
        return change
