"""Adam: steps scaled by running moments of the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import minigrad as mg
from curveball.solvers.base import Array, Info, Loss, Model, Tree, value_and_gradient
from curveball.solvers.checks import check_fraction, check_nonnegative, check_positive
from curveball.solvers.tree_math import per_run
from minigrad import fused


class AdamState(NamedTuple):
    """Running means of the gradient and of its square, trees like the params, and the number of steps taken."""

    m: Tree
    v: Tree
    steps: int


@dataclass(frozen=True)
class Adam:
    """Adam: `m <- b1 m + (1 - b1) J, v <- b2 v + (1 - b2) J^2, w <- w - lr m^ / (sqrt(v^) + eps)`.

    `m^ = m / (1 - b1^t)` and `v^ = v / (1 - b2^t)` correct the start from zero. Kingma and Ba, ICLR 2015, algorithm 1.
    `weight_decay` adds `weight_decay/2 |w|^2` to the objective (so it is in the moments). `info` has `loss` (without
    the weight decay), `outputs`, `aux`. ValueError for hyper-parameters out of range.

    >>> import numpy as np
    >>> solver, w = Adam(lr=0.1), np.array([1.0])
    >>> w, state, info = solver.step(w, solver.init(w), lambda w: w, lambda y: y @ y)
    >>> w.round(6).tolist(), float(info["loss"])
    ([0.9], 1.0)
    """

    lr: Any = 1e-3
    beta1: Any = 0.9
    beta2: Any = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_fraction("beta1", self.beta1)
        check_fraction("beta2", self.beta2)
        check_positive("eps", self.eps)
        check_nonnegative("weight_decay", self.weight_decay)

    def init(self, params: Tree) -> AdamState:
        zeros = mg.tree_map(mg.zeros_like, params)
        return AdamState(zeros, zeros, 0)

    def step(
        self, params: Tree, state: AdamState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, AdamState, Info]:
        value, J, outputs, aux = value_and_gradient(params, model, loss, has_aux, self.weight_decay)
        t = state.steps + 1
        b1, b2 = self.beta1, self.beta2
        c1, c2 = 1.0 - b1, 1.0 - b2
        m = mg.tree_map(lambda a, g: _mean(per_run(b1, a), a, per_run(c1, g), g), state.m, J)
        v = mg.tree_map(lambda a, g: _mean_of_squares(per_run(b2, a), a, per_run(c2, g), g), state.v, J)
        rate, scale = self.lr / (1.0 - b1**t), 1.0 / (1.0 - b2**t)
        params = mg.tree_map(
            lambda w, a, b: _moved(w, per_run(rate, a), a, per_run(scale, b), b, self.eps), params, m, v
        )
        return params, AdamState(m, v, t), {"loss": value, "outputs": outputs, "aux": aux}


@fused
def _mean(b: Any, m: Array, c: Any, g: Array) -> Array:
    return b * m + c * g


@fused
def _mean_of_squares(b: Any, v: Array, c: Any, g: Array) -> Array:
    return b * v + c * (g * g)


@fused
def _moved(w: Array, rate: Any, m: Array, scale: Any, v: Array, eps: float) -> Array:
    return w - rate * m / ((scale * v) ** 0.5 + eps)
