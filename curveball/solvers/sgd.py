"""Gradient descent with momentum: the heavy ball, and Nesterov's method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import minigrad as mg
from curveball.solvers.base import Info, Loss, Model, Number, Solver, value_and_gradient
from curveball.solvers.checks import check_flag, check_fraction, check_nonnegative, check_per_run, check_positive
from curveball.solvers.registry import register
from curveball.solvers.tree_math import tree_add_scale, tree_axpby
from minigrad import Tree


class SGDState(NamedTuple):
    """The velocity, a tree like the params."""

    z: Tree


@register("sgd")
@dataclass(frozen=True)
class SGD(Solver):
    """Momentum SGD: `z <- momentum z - lr g, w <- w + z`. Polyak, USSR Comp. Math. 4(5), 1964.

    It is CurveBall without curvature (tests/derivations/test_03_heavy_ball.py). ValueError for hyper-parameters out of
    range. They are, with their defaults:

    - `lr` = 0.01 (positive): learning rate.
    - `momentum` = 0.9 (in [0, 1)): how much of the velocity `z` is kept.
    - `weight_decay` = 0 (at least 0): adds `weight_decay/2 |w|^2` to the objective; `info["loss"]` is without it.
    - `nesterov` = False: whether the params are the point to which the momentum is about to lead, where Nesterov's
      method takes its gradient: `w <- w + momentum z - lr g` with the new `z`, as in PyTorch. Sutskever et al., ICML
      2013 (tests/derivations/test_04_look_ahead_gradient.py).

    >>> import numpy as np
    >>> solver, w = SGD(lr=0.1, momentum=0.5), np.array([1.0])
    >>> w, state, info = solver.step(w, solver.init(w), lambda w: w, lambda y: y @ y)
    >>> w.tolist(), float(info["loss"])
    ([0.8], 1.0)
    """

    lr: Number = 0.01
    momentum: Number = 0.9
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_fraction("momentum", self.momentum)
        check_nonnegative("weight_decay", self.weight_decay)
        check_flag("nesterov", self.nesterov)

    @property
    def compiles(self) -> bool:
        """Every step does the same."""
        return True

    def init(self, params: Tree) -> SGDState:
        """Return the state before the first step: `z = 0`."""
        return SGDState(mg.tree_map(mg.zeros_like, params))

    def step(
        self, params: Tree, state: SGDState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, SGDState, Info]:
        """Return the next params, the next state, and what was seen on the way."""
        value, g, outputs, aux = value_and_gradient(params, model, loss, has_aux, self.weight_decay)
        check_per_run(self, value)
        z = tree_axpby(self.momentum, state.z, -self.lr, g)
        move = tree_axpby(self.momentum, z, -self.lr, g) if self.nesterov else z
        return tree_add_scale(params, 1.0, move), SGDState(z), Info(loss=value, outputs=outputs, aux=aux)
