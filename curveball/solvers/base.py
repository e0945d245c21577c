"""What every solver is: frozen hyper-parameters, and two functions without side effects.

    state = solver.init(params)
    params, state, info = solver.step(params, state, model, loss)

`model: params -> outputs` (or `(outputs, aux)` with `has_aux=True`), `loss: outputs -> scalar`. `info` is a dict with
`loss`, `outputs`, `aux` and what the solver knows, as arrays on the device: a step never copies them to the host.

A loss with the shape of `runs` instead of a scalar, and params with those axes in front, make independent runs that
advance together: inner products are taken per run, and hyper-parameters may be arrays of that shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import minigrad as mg

Array = Any
Tree = Any  # arrays in nested dicts, lists and tuples
Model = Callable[[Tree], Any]
Loss = Callable[[Any], Array]
Info = dict[str, Any]


class Solver(Protocol):
    """The interface of all solvers."""

    def init(self, params: Tree) -> Any:
        """Return the state before the first step."""
        ...

    def step(self, params: Tree, state: Any, model: Model, loss: Loss, has_aux: bool = False) -> tuple[Tree, Any, Info]:
        """Return the next params and state, and what was seen on the way."""
        ...


def split_aux(result: Any, has_aux: bool) -> tuple[Any, Any]:
    """Return the outputs and aux of a model's result."""
    return result if has_aux else (result, None)


def value_and_slope(loss: Loss, outputs: Tree) -> tuple[Array, Tree]:
    """Return the loss and its derivative `J_L` by the outputs, for one run or for several at once."""
    value, pull_back = mg.vjp(loss, outputs)
    return value, pull_back(mg.ones_like(value))


def value_and_gradient(
    params: Tree, model: Model, loss: Loss, has_aux: bool = False, weight_decay: float = 0.0
) -> tuple[Array, Tree, Tree, Any]:
    """Return the loss, the gradient of `loss + weight_decay/2 |w|^2`, the outputs and aux."""

    def objective(w: Tree) -> tuple[Array, tuple[Tree, Any]]:
        outputs, aux = split_aux(model(w), has_aux)
        return loss(outputs), (outputs, aux)

    value, pull_back, (outputs, aux) = mg.vjp(objective, params, has_aux=True)
    gradient = pull_back(mg.ones_like(value))
    if weight_decay:
        gradient = mg.tree_map(lambda g, w: g + weight_decay * w, gradient, params)
    return value, gradient, outputs, aux
