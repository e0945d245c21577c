r"""Rules for a step of CurveBall with fewer multiplications: what studies/cheaper_step.py compares.

A step needs `d = G_lam z + g` and the five numbers of the 2x2 system on the plane of `z` and `d`. The slopes follow
from the curvature, as `g = d - G_lam z`::

    g.d = d.d - z.G_lam d,        g.z = z.d - z.G_lam z                            (1)

So three numbers are left, z.Gz, z.Gd and d.Gd, which take the two pushes J z and J d. A rule saves

- J z for the direction: `ahead` takes `d = grad f(w + z) + lam z`, the same on a quadratic
  (tests/derivations/test_04_look_ahead_gradient.py); with `far=0`, `grad f(w + rho z) + lam z`, Nesterov's;
- rows: both pushes on the first rows of the batch, and where d is not `ahead`, `J^T H_L J z` too;
- pushes: `every` so many steps; between, the three numbers follow from what has no scale, remembered from steps that
  measured: the curvatures along z and d and the cosine between them

    kappa_z = z.Gz / z.z,    kappa_d = d.Gd / d.d,    c = z.Gd / sqrt(z.Gz d.Gd)   (2)

  or from the running sums of curveball/solvers/averaging.py, whose solution stays (`held`).

With `adapt`, lambda follows the share of damping, as `adapt_lam="share"` does (damping_share.py). What that rule knows
of the params, these rules know of the point where they evaluate; where rho and beta are held, lambda is.

Coefficients: rho in [0, 1], beta the best for it. Forward, pull-back and J z alone take `5F - 2F_1` multiplications,
with F and F_1 as in tests/derivations/test_12_cost.py: at least 1.5 of SGD's `3F - F_1`, so that no rule that
multiplies by G on the whole batch in every step is cheap enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import minigrad as mg
from curveball.solvers.averaging import averaged
from curveball.solvers.base import loss_at, value_and_gradient
from curveball.solvers.damping_share import ShareState, followed, judged, point, seen, tree_where
from curveball.solvers.tree_math import number_like, tree_add_scale, tree_axpby, tree_vdot
from curveball.solvers.trust_ratio import in_range
from curveball.solvers.two_by_two import PlaneModel, squared
from minigrad import Array, Tree, namespace

WARM = 3  # first steps that always measure


class Work(NamedTuple):
    """The objective of a batch, and of a share of its rows: model and loss of each."""

    model: Callable[[Tree], Any]
    loss: Callable[[Tree], Array]
    part_model: Callable[[Tree], Any]
    part_loss: Callable[[Tree], Array]


class State(NamedTuple):
    z: Tree
    steps: int
    memory: Any  # kappa_z, kappa_d, c
    held: Any  # rho, beta
    sums: PlaneModel
    lam: Array
    share: ShareState | None = None  # with `adapt`


@dataclass(frozen=True)
class Rule:
    """One way to a step; the default is CurveBall's own, with rho in [0, 1]."""

    lam: float = 1.0
    clip: bool = True
    ahead: bool = False
    rows: float = 1.0
    every: int = 1
    between: str = "cosine"  # or "held": the last rho and beta; or "skip": held, and d without G z
    decay: float = 0.0  # of the running means of what is remembered
    largest: bool = False  # the larger of the running mean and the last
    average: float = 0.0  # of the sums of systems, as in CurveBall, always trusted
    power: float = 0.0  # the curvatures follow |d| to this power
    far: bool = True  # whether the gradient ahead is at w + z, or at w + rho z
    share: float = -1000.0  # as `average_share` in CurveBall; -1000: the sums are always trusted
    add: bool = True  # whether recalled systems are added to the sums
    adapt: bool = False  # whether lam is a start, and follows the share of damping

    def init(self, params: Tree) -> State:
        zero, z = PlaneModel(0.0, 0.0, 0.0, 0.0, 0.0), mg.tree_map(mg.zeros_like, params)
        return State(z, 0, None, None, zero, self.lam, ShareState(average=z) if self.adapt else None)

    @property
    def judges(self) -> int:
        """Steps from one comparison of the params with their average to the next: in steps that measure."""
        return 5 if self.every == 1 else 2 * self.every

    def step(self, w: Tree, state: State, work: Work) -> tuple[Tree, State, dict[str, Array]]:
        """One step: params, state, and the loss where it was evaluated."""
        z, measures = state.z, state.steps < WARM or state.steps % self.every == 0
        reach = 1.0 if self.far or state.held is None else state.held[0]
        here = tree_add_scale(w, reach, z) if self.ahead else w
        if self.rows < 1.0:
            value, gradient, _, _ = value_and_gradient(here, work.model, work.loss, True)
            G = mg.GGNOperator(work.part_model, work.part_loss, here, True) if self._curves(measures) else None
        elif self._curves(measures) or not self.ahead:
            G = mg.GGNOperator(work.model, work.loss, here, True)
            value, gradient = G.value, None
        else:
            value, gradient, _, _ = value_and_gradient(here, work.model, work.loss, True)
            G = None
        lam = number_like(state.lam, value)

        z_y = None
        if self.ahead or (self.between == "skip" and not measures):
            d = G.gradient if gradient is None else gradient
        else:
            z_y = G.J(z)
            _, H_L_z = G.slope_and_product(z_y)
            if gradient is None:
                d = G.J.T(tree_add_scale(G.g_L, 1.0, H_L_z))
            else:
                d = tree_add_scale(gradient, 1.0, G.J.T(H_L_z))
        d = tree_add_scale(d, lam, z)
        dd, zd, zz = tree_vdot(d, d), tree_vdot(z, d), tree_vdot(z, z)

        memory, held, sums, plane = state.memory, state.held, state.sums, None
        if measures or self.between == "cosine":
            if measures:
                z_y = G.J(z) if z_y is None else z_y
                d_y = G.J(d)
                _, H_L_d = G.slope_and_product(d_y)
                numbers = tree_vdot(z_y, G.slope_and_product(z_y)[1]), tree_vdot(z_y, H_L_d), tree_vdot(d_y, H_L_d)
                memory = self._remember(memory, numbers, zz, dd, state.steps)
            else:
                known = None if z_y is None else tree_vdot(z_y, H_L_z)
                numbers = self._recalled(memory, known, zz, dd)
            zHz, zHd, dHd = numbers
            zGz, zGd, dGd = zHz + lam * zz, zHd + lam * zd, dHd + lam * dd
            plane = PlaneModel(dGd, zGd, zGz, dd - reach * zHd - lam * zd, zd - reach * zHz - lam * zz)  # (1)
            held = self._minimum(plane)
            if self.average:
                held, new = averaged(sums, plane, held, self._minimum, self.average, self.share)
                sums = new if measures or self.add else sums
        rho, beta = held
        z = tree_axpby(rho, z, -beta, d)
        new, new_lam, share = tree_add_scale(w, 1.0, z), lam, state.share
        if share is not None:
            share, exploded = seen(share, value, state.steps)
            if state.steps % self.judges == 0:
                ahead = tree_add_scale(new, 1.0 if self.far else rho, z) if self.ahead else new
                other = loss_at(point(share, ahead, state.steps, value), work.model, work.loss, True)
                share = judged(share, here, value, other, state.steps, self.judges)
            if plane is not None:
                squares, curvature = squared(dd, zd, zz, rho, beta), plane.curvature(rho, beta)
                share, new_lam = followed(share, lam, squares, curvature, state.steps, exploded)
            else:
                new_lam = in_range(namespace(lam).where(exploded, 2.0 * lam, lam))
            z = tree_where(exploded, mg.tree_map(mg.zeros_like, z), z)
            new = tree_where(exploded, share.average, new)
        info = {"value": value, "rho": rho, "beta": beta, "lam": lam}
        return new, State(z, state.steps + 1, memory, held, sums, new_lam, share), info

    def loss(self, w: Tree, work: Work, seen: Array) -> Array:
        """The loss at w: seen by the step, or evaluated for the study alone."""
        return loss_at(w, work.model, work.loss, True) if self.ahead else seen

    def _curves(self, measures: bool) -> bool:
        return measures or not (self.ahead or self.between == "skip")

    def _minimum(self, plane: PlaneModel) -> tuple[Array, Array]:
        rho, beta = plane.minimum()
        if not self.clip:
            return rho, beta
        xp = namespace(rho)
        inside = xp.clip(rho, 0.0, 1.0)
        return inside, xp.where(inside == rho, beta, plane.minimum(inside)[1])

    def _remember(self, old: Any, numbers: Any, zz: Array, dd: Array, steps: int) -> Any:
        zHz, zHd, dHd = numbers
        if steps == 0:
            return None
        follow = dd ** (self.power / 2)
        new = zHz / zz / follow, dHd / dd / follow, zHd / (zHz * dHd + 1e-30) ** 0.5
        if old is None or not (self.decay or self.largest):
            return new
        xp = namespace(zHz)
        mean = [self.decay * a + (1.0 - self.decay) * b for a, b in zip(old, new, strict=True)]
        if self.largest:
            mean[:2] = (xp.maximum(a, b) for a, b in zip(mean[:2], new[:2], strict=True))
        return tuple(mean)

    def _recalled(self, memory: Any, zHz: Array | None, zz: Array, dd: Array) -> Any:
        kappa_z, kappa_d, cosine = memory
        follow = dd ** (self.power / 2)
        kappa_z, kappa_d = kappa_z * follow, kappa_d * follow
        zHz, dHd = kappa_z * zz if zHz is None else zHz, kappa_d * dd
        return zHz, cosine * (zHz * dHd) ** 0.5, dHd


def rule_of(name: str) -> Rule:
    """The rule of a name such as `ahead,every=3,decay=0.5`: fields of Rule, `ahead` for `ahead=True`.

    >>> rule_of("ahead,every=3").every
    3
    """
    chosen: dict[str, Any] = {}
    for item in filter(None, name.split(",")):
        key, _, text = item.partition("=")
        if key == "full":
            continue
        if key == "paper":
            chosen["clip"] = False
            continue
        kind = type(getattr(Rule, key))
        chosen[key] = text != "0" if kind is bool else kind(text)
    return replace(Rule(), **chosen)
