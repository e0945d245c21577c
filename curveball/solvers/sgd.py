"""Gradient descent with momentum (the heavy ball)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import minigrad as mg
from curveball.solvers.base import Info, Loss, Model, Tree, value_and_gradient
from curveball.solvers.checks import check_fraction, check_nonnegative, check_positive
from curveball.solvers.tree_math import difference, tree_add_scale


class SGDState(NamedTuple):
    """The velocity, a tree like the params."""

    z: Tree


@dataclass(frozen=True)
class SGD:
    """Momentum SGD: `z <- momentum z - lr J, w <- w + z`. Polyak, USSR Comp. Math. 4(5), 1964.

    CurveBall with `H = 0` (tests/derivations/test_03_heavy_ball.py). `weight_decay` adds `weight_decay/2 |w|^2` to the
    objective. `info` has `loss` (without the weight decay), `outputs`, `aux`. ValueError for hyper-parameters out of
    range.

    >>> import numpy as np
    >>> solver, w = SGD(lr=0.1, momentum=0.5), np.array([1.0])
    >>> w, state, info = solver.step(w, solver.init(w), lambda w: w, lambda y: y @ y)
    >>> w.tolist(), float(info["loss"])
    ([0.8], 1.0)
    """

    lr: Any = 0.01
    momentum: Any = 0.9
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_fraction("momentum", self.momentum)
        check_nonnegative("weight_decay", self.weight_decay)

    def init(self, params: Tree) -> SGDState:
        return SGDState(mg.tree_map(mg.zeros_like, params))

    def step(
        self, params: Tree, state: SGDState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, SGDState, Info]:
        value, J, outputs, aux = value_and_gradient(params, model, loss, has_aux, self.weight_decay)
        z = difference(self.momentum, state.z, self.lr, J)
        return tree_add_scale(params, 1.0, z), SGDState(z), {"loss": value, "outputs": outputs, "aux": aux}
