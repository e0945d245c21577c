r"""CurveBall: Newton's step, improved by one gradient step per iteration while the parameters already move.

Newton's step minimises the quadratic model `m(z) = 1/2 z.H^ z + z.J` of the objective around `w`, with gradient `J`
and damped Gauss-Newton matrix `H^ = J_phi H_L J_phi^T + lam I`. Gradient descent on it is `z <- z - beta (H^ z + J)`.
CurveBall takes one such step per iteration, forgets by `rho`, and moves at once:

    Dz = J_phi (H_L (J_phi^T z) + J_L) + lam z                     one push-forward, one pull-back       (1)
    z  <- rho z - beta Dz                                                                                (2)
    w  <- w + lr z                                                                                       (3)

`rho` and `beta` minimise `m(rho z - beta Dz)`:

    [[Dz.H^Dz, z.H^Dz], [z.H^Dz, z.H^z]] [beta, -rho]^T = [J.Dz, J.z]^T,    m = -1/2 (beta J.Dz - rho J.z)   (4)

where, with one more push-forward, `a.G b = (J_phi^T a).H_L(J_phi^T b)` and `J.a = J_L.(J_phi^T a)`. Every few steps
`lam` follows the trust ratio

    gamma = (f(w + z) - f(w)) / m                                                                        (5)

of the decrease found to the decrease predicted, on the same batch. With `H = 0` this is momentum gradient descent.

On mini-batches the two numbers of (4) are mostly noise. `average = d > 0`, a step beyond the paper, solves the system
of running sums instead, each batch's divided by the decrease `-m*` that its own solution promises, so that batches of
any scale weigh alike:

    A <- d A + A(batch) / -m*,        b <- d b + b(batch) / -m*                                          (6)

Its solution is taken where, on this batch's model, it keeps at least `average_share` of that decrease. Where it does
not, the directions are others than those that were averaged: the batch's own is taken, and the sums start anew with it.

Each formula is derived, and tested, in tests/derivations/: Newton's step and the descent on it (test_01_newton_step,
test_02_descent_on_the_step), (1) in test_06_two_sweep_product, (4) in test_07_two_by_two_system and
test_08_predicted_decrease, (5) in test_11_trust_ratio; momentum as `H = 0` in test_03_heavy_ball; when the iteration
converges, and how fast, in test_09_convergence_region and test_10_convergence_rate; its cost in test_12_cost; its
likeness to Nesterov's method in test_04_look_ahead_gradient; the linear system alone in
test_13_solving_the_linear_system; damping and weight decay in test_14_damping and test_15_weight_decay; (6) in
test_16_averaging.

J. F. Henriques, S. Ehrhardt, S. Albanie, A. Vedaldi, "Small Steps and Giant Leaps: Minimal Newton Solvers for Deep
Learning", ICCV 2019, arXiv 1805.08095.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import minigrad as mg
from curveball.solvers.base import Array, Info, Loss, Model, Tree, split_aux, value_and_slope
from curveball.solvers.checks import check_finite, check_fraction, check_nonnegative, check_positive
from curveball.solvers.tree_math import difference, tree_add_scale, tree_vdot
from curveball.solvers.two_by_two import solve_two_by_two
from minigrad import namespace

LAM_RANGE = (1e-8, 1e8)


class CurveBallState(NamedTuple):
    """What CurveBall remembers from step to step."""

    z: Tree  # the estimate of Newton's step, a tree like the params
    lam: Array  # damping (a number before the first step)
    steps: int  # taken so far
    trust_ratio: Array  # the latest gamma; nan before the first
    system: tuple[Array, ...] = (0.0,) * 5  # running sums of (6): the 2x2 system's numbers; zeros without `average`


@dataclass(frozen=True)
class CurveBall:
    """The CurveBall solver: second-order steps at 7 multiplications per forward one, with nothing to tune.

    `lr` scales the move (0 leaves the params and solves the linear system alone); `lam` is the damping at the start;
    `rho` (momentum) and `beta` (step size) are automatic where None. With `adapt_lam`, every `lam_every` steps `lam` is
    divided by `lam_factor ** lam_every` if the trust ratio is below `trust_low` or not finite (or, with coefficients
    that do not minimise this batch's model, an increase was predicted), multiplied by it above `trust_high`, and kept
    in [1e-8, 1e8]. `weight_decay` adds `weight_decay/2 |w|^2` to the objective, in its gradient
    and in its curvature; `info["loss"]` is without it. `average` is the decay of the running 2x2 system, 0 for the
    paper's rule, and `average_share` (at most 1) what its solution must keep of the decrease that the batch's own
    promises; `predicted` is of the batch's own model either way.

    `info` has `loss`, `outputs`, `aux`, `rho`, `beta`, `lam` (as used in this step), `trust_ratio` (the latest, nan
    before the first) and `predicted`, the change `m` that the quadratic model predicts for `z`. ValueError for
    hyper-parameters out of range.

    >>> import numpy as np
    >>> solver, w = CurveBall(lam=0.0, adapt_lam=False), np.array([3.0, -1.0])
    >>> state = solver.init(w)
    >>> for _ in range(3):
    ...     w, state, info = solver.step(w, state, lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> bool(np.all(np.abs(w) < 1e-12))
    True
    """

    lr: Any = 1.0
    lam: Any = 1.0
    rho: Any = None
    beta: Any = None
    adapt_lam: bool = True
    lam_factor: float = 0.999
    lam_every: int = 5
    trust_low: float = 0.5
    trust_high: float = 1.5
    weight_decay: float = 0.0
    average: float = 0.0
    average_share: float = 0.5
    curvature = "ggn"  # not a field: what `minimize` has to know

    def __post_init__(self) -> None:
        check_nonnegative("lr", self.lr)
        check_nonnegative("lam", self.lam)
        check_nonnegative("weight_decay", self.weight_decay)
        check_fraction("average", self.average)
        check_finite("average_share", self.average_share)
        if self.average_share > 1.0:
            raise ValueError(f"average_share must be at most 1; got {self.average_share}")
        if self.rho is not None:
            check_finite("rho", self.rho)
        if self.beta is not None:
            check_positive("beta", self.beta)
        if self.adapt_lam not in (True, False):
            raise ValueError(f"adapt_lam must be true or false; got {self.adapt_lam!r}")
        check_positive("lam_factor", self.lam_factor)
        check_finite("trust_low", self.trust_low)
        check_finite("trust_high", self.trust_high)
        if self.lam_factor > 1.0:
            raise ValueError(f"lam_factor must be in (0, 1]; got {self.lam_factor}")
        if not (isinstance(self.lam_every, int) and self.lam_every >= 1):
            raise ValueError(f"lam_every must be a whole number of at least 1; got {self.lam_every!r}")
        if not self.trust_low < self.trust_high:
            raise ValueError(f"trust_low must be below trust_high; got {self.trust_low} and {self.trust_high}")

    def init(self, params: Tree) -> CurveBallState:
        z = mg.tree_map(mg.zeros_like, params)
        return CurveBallState(z, lam=self.lam, steps=0, trust_ratio=math.nan)

    def step(
        self, params: Tree, state: CurveBallState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, CurveBallState, Info]:
        z = state.z
        outputs, J, *aux = mg.linearize(model, params, has_aux=has_aux)  # J is J_phi^T, J.T is J_phi
        (value, J_L), L = mg.linearize(lambda y: value_and_slope(loss, y), outputs)  # L pushes to (J_L.t, H_L t)
        runs = value.ndim
        lam = namespace(value).asarray(state.lam, dtype=value.dtype)
        if self.adapt_lam:
            lam = mg.clip(lam, *LAM_RANGE)
        damping = lam + self.weight_decay

        Jz = J(z)
        slope_z, HJz = L(Jz)
        Dz = J.T(tree_add_scale(J_L, 1.0, HJz))
        if self.weight_decay:
            Dz = tree_add_scale(Dz, self.weight_decay, params)
        Dz = tree_add_scale(Dz, damping, z)  # (1)

        JDz = J(Dz)
        slope_D, HJDz = L(JDz)
        DHD = tree_vdot(JDz, HJDz, runs) + damping * tree_vdot(Dz, Dz, runs)
        zHD = tree_vdot(Jz, HJDz, runs) + damping * tree_vdot(z, Dz, runs)
        zHz = tree_vdot(Jz, HJz, runs) + damping * tree_vdot(z, z, runs)
        if self.weight_decay:
            slope_D = slope_D + self.weight_decay * tree_vdot(params, Dz, runs)
            slope_z = slope_z + self.weight_decay * tree_vdot(params, z, runs)

        system, now = state.system, (DHD, zHD, zHz, slope_D, slope_z)
        rho, beta = self._coefficients(*now)  # (4)
        predicted = _change(rho, beta, *now)
        if self.average:
            rho, beta, predicted, system = self._averaged(rho, beta, predicted, system, now)  # (6)
        z = difference(rho, z, beta, Dz)  # (2)
        new_params = tree_add_scale(params, self.lr, z)  # (3)

        steps = state.steps + 1
        new_lam, trust_ratio = lam, state.trust_ratio
        if self.adapt_lam and steps % self.lam_every == 0:
            trust_ratio = self._trust_ratio(params, z, value, predicted, model, loss, has_aux)  # (5)
            new_lam = self._adapted(lam, trust_ratio, predicted)
        info = {
            "loss": value,
            "outputs": outputs,
            "aux": aux[0] if has_aux else None,
            "rho": rho,
            "beta": beta,
            "lam": lam,
            "trust_ratio": trust_ratio,
            "predicted": predicted,
        }
        return new_params, CurveBallState(z, new_lam, steps, trust_ratio, system), info

    def _coefficients(self, DHD: Array, zHD: Array, zHz: Array, JD: Array, Jz: Array) -> tuple[Array, Array]:
        """The `rho, beta` that minimise `m(rho z - beta Dz)`: both, or the one that is not fixed."""
        xp = namespace(DHD)
        if self.rho is not None and self.beta is not None:
            return xp.asarray(self.rho, dtype=DHD.dtype), xp.asarray(self.beta, dtype=DHD.dtype)
        if self.rho is not None:  # m'(beta) = 0
            rho = xp.asarray(self.rho, dtype=DHD.dtype)
            return rho, _quotient(xp, JD + rho * zHD, DHD)
        if self.beta is not None:  # m'(rho) = 0
            beta = xp.asarray(self.beta, dtype=DHD.dtype)
            return _quotient(xp, beta * zHD - Jz, zHz), beta
        beta, minus_rho = solve_two_by_two(DHD, zHD, zHz, JD, Jz)
        return -minus_rho, beta

    def _averaged(
        self, rho: Array, beta: Array, predicted: Array, sums: tuple[Array, ...], now: tuple[Array, ...]
    ) -> tuple[Array, Array, Array, tuple[Array, ...]]:
        """(6): the coefficients to take, the change they predict, and the running sums."""
        xp = namespace(predicted)
        # Where a fixed rho or beta makes it climb, a batch promises nothing, and adds nothing.
        scale = xp.where(predicted < 0.0, -predicted, math.inf * xp.ones_like(predicted))
        own = tuple(number / scale for number in now)
        sums = tuple(self.average * old + new for old, new in zip(sums, own, strict=True))
        mean_rho, mean_beta = self._coefficients(*sums)
        mean_predicted = _change(mean_rho, mean_beta, *now)
        kept = mean_predicted <= predicted + (1.0 - self.average_share) * abs(predicted)
        return (
            xp.where(kept, mean_rho, rho),
            xp.where(kept, mean_beta, beta),
            xp.where(kept, mean_predicted, predicted),
            tuple(xp.where(kept, both, alone) for both, alone in zip(sums, own, strict=True)),
        )

    def _trust_ratio(
        self, params: Tree, z: Tree, value: Array, predicted: Array, model: Model, loss: Loss, has_aux: bool
    ) -> Array:
        """(5), of the whole objective; 1 where no change is predicted."""
        xp = namespace(value)
        moved = tree_add_scale(params, 1.0, z)
        change = loss(split_aux(model(moved), has_aux)[0]) - value  # aux of this second evaluation is not used
        if self.weight_decay:
            runs = value.ndim
            change = change + 0.5 * self.weight_decay * (
                tree_vdot(moved, moved, runs) - tree_vdot(params, params, runs)
            )
        nothing = predicted == 0.0
        one = xp.ones_like(predicted)
        return xp.where(nothing, one, change / xp.where(nothing, one, predicted))

    def _adapted(self, lam: Array, trust_ratio: Array, predicted: Array) -> Array:
        xp = namespace(trust_ratio)
        factor = self.lam_factor**self.lam_every
        lam = lam * xp.ones_like(trust_ratio)
        # A step to nowhere counts as a bad one, and so does one predicted to climb, whatever the ratio.
        up = ~(trust_ratio >= self.trust_low) | ~xp.isfinite(trust_ratio) | (predicted > 0.0)
        lam = xp.where(up, lam / factor, xp.where(trust_ratio > self.trust_high, lam * factor, lam))
        return mg.clip(lam, *LAM_RANGE)


def _change(rho: Array, beta: Array, DHD: Array, zHD: Array, zHz: Array, JD: Array, Jz: Array) -> Array:
    """`m(rho z - beta Dz)`."""
    return 0.5 * (beta * beta * DHD - 2.0 * (rho * beta) * zHD + rho * rho * zHz) - beta * JD + rho * Jz


def _quotient(xp: Any, a: Array, b: Array) -> Array:
    """`a / b`, 0 where `b` is 0."""
    return xp.where(b > 0.0, a / xp.where(b > 0.0, b, xp.ones_like(b)), xp.zeros_like(b))
