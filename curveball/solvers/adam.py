"""Adam: steps scaled by running moments of the gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import minigrad as mg
from curveball.solvers.base import Info, Loss, Model, Number, Solver, value_and_gradient
from curveball.solvers.checks import check_fraction, check_nonnegative, check_per_run, check_positive
from curveball.solvers.registry import register
from curveball.solvers.tree_math import mapper, per_run, tree_axpby
from minigrad import Array, Tree, fused


class AdamState(NamedTuple):
    """Running means of the gradient and of its square, trees like the params, and the number of steps taken."""

    m: Tree
    v: Tree
    steps: int


@register("adam")
@dataclass(frozen=True)
class Adam(Solver):
    """Adam: `m <- b_1 m + (1 - b_1) g, v <- b_2 v + (1 - b_2) g^2, w <- w - lr m^ / (sqrt(v^) + eps)`.

    `m^ = m / (1 - b_1^t)` and `v^ = v / (1 - b_2^t)` correct the start from zero. Kingma and Ba, ICLR 2015,
    algorithm 1. ValueError for hyper-parameters out of range. They are, with their defaults:

    - `lr` = 0.001 (positive): learning rate.
    - `beta1` = 0.9 (in [0, 1)): decay `b_1` of the running mean of the gradient.
    - `beta2` = 0.999 (in [0, 1)): decay `b_2` of the running mean of its square.
    - `eps` = 1e-8 (positive): keeps the divisor above zero.
    - `weight_decay` = 0 (at least 0): adds `weight_decay/2 |w|^2` to the objective, so that it is in the moments;
      `info["loss"]` is without it.

    >>> import numpy as np
    >>> solver, w = Adam(lr=0.1), np.array([1.0])
    >>> w, state, info = solver.step(w, solver.init(w), lambda w: w, lambda y: y @ y)
    >>> w.round(6).tolist(), float(info["loss"])
    ([0.9], 1.0)
    """

    lr: Number = 1e-3
    beta1: Number = 0.9
    beta2: Number = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_fraction("beta1", self.beta1)
        check_fraction("beta2", self.beta2)
        check_positive("eps", self.eps)
        check_nonnegative("weight_decay", self.weight_decay)

    @property
    def compiles(self) -> bool:
        """Every step does the same; the count may be an array."""
        return True

    def init(self, params: Tree) -> AdamState:
        """Return the state before the first step: both moments zero."""
        return AdamState(mg.tree_map(mg.zeros_like, params), mg.tree_map(mg.zeros_like, params), 0)

    def step(
        self, params: Tree, state: AdamState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, AdamState, Info]:
        """Return the next params, the next state, and what was seen on the way."""
        value, g, outputs, aux = value_and_gradient(params, model, loss, has_aux, self.weight_decay)
        check_per_run(self, value)
        t = state.steps + 1
        b1, b2 = self.beta1, self.beta2
        c1, c2 = 1.0 - b1, 1.0 - b2
        g = mg.tree_packed(g)  # for both moments
        m = tree_axpby(b1, state.m, c1, g)
        v = mapper(b2, c2)(lambda a, b: _mean_of_squares(per_run(b2, a), a, per_run(c2, b), b), state.v, g)
        rate, scale = self.lr / _one_minus_power(b1, t, value), 1.0 / _one_minus_power(b2, t, value)
        params = mapper(rate, scale)(
            lambda w, a, b: _moved(w, per_run(rate, a), a, per_run(scale, b), b, float(self.eps)), params, m, v
        )
        return params, AdamState(m, v, t), Info(loss=value, outputs=outputs, aux=aux)


def _one_minus_power(b: Number, t: int | Array, like: Array) -> Number:
    """`1 - b^t`; where the count is an array, in the dtype of `like`: as exact in float32."""
    if not hasattr(t, "shape"):
        return 1.0 - b**t
    t = mg.astype(t, like.dtype)
    if hasattr(b, "shape"):
        return 1.0 - b**t
    return -mg.expm1(t * (math.log(b) if b else -math.inf))


@fused
def _mean_of_squares(b: Number, v: Array, c: Number, g: Array) -> Array:
    return b * v + c * (g * g)


@fused
def _moved(w: Array, rate: Number, m: Array, scale: Number, v: Array, eps: float) -> Array:
    return w - rate * m / ((scale * v) ** 0.5 + eps)
