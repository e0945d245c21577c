"""What every solver is: frozen hyper-parameters, and two functions without side effects.

    state = solver.init(params)
    params, state, info = solver.step(params, state, model, loss)

A loss under `minigrad.independent_runs`, of the shape `runs` instead of a scalar, and params with those axes in front,
make independent runs that advance together: inner products are taken per run, and hyper-parameters may be arrays of
that shape.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple, Protocol, TypedDict

import minigrad as mg
from minigrad import Array, Tree

Model = Callable[[Tree], Tree]  # params -> outputs, or params -> (outputs, aux) where has_aux=True
Loss = Callable[[Tree], Array]  # outputs -> one number, or under minigrad.independent_runs one per run
Number = float | Array  # a hyper-parameter: a number, or an array with one number per run


class Info(TypedDict):
    """What every step tells, as arrays on the device: a step never copies them to the host.

    Solvers add what they know: see the info of each.
    """

    loss: Array  # at the start of the step
    outputs: Tree  # of the model, at the start of the step
    aux: Tree  # what the model returned with its outputs; None without has_aux


class Solver(Protocol):
    """The interface of all solvers: a base class, or any class with these three.

    A solver may have a `weight_decay`: then its objective is `loss + weight_decay/2 |w|^2`, also for `minimize`.
    """

    @property
    def needs_outputs_loss(self) -> bool:
        """Whether it uses the Gauss-Newton matrix: then model and loss must be given apart, not one scalar function."""
        return False

    @property
    def compiles(self) -> bool:
        """Whether a step does the same operations in the same order whatever the numbers are, but for its phase.

        Then it can be one program. A Python int in the state must be a count, which each step raises by 1: in a program
        it is an array.
        """
        return False

    def phase(self, state: Tree) -> Hashable:
        """What the next step does, where that depends on the counts in the state; None for all steps alike.

        Steps of one phase do the same operations in the same order: a compiled step has a program for each phase. A
        solver that has phases takes `phase` in `step`; without it, the state decides.
        """
        return None

    def init(self, params: Tree) -> Tree:
        """Return the state before the first step: a tree of arrays and numbers."""
        ...

    def step(
        self, params: Tree, state: Tree, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, Tree, Mapping[str, Any]]:
        """Return the next params, the next state, and an `Info`. Nothing that is given is changed."""
        ...


class NoState(NamedTuple):
    """The state of a solver that remembers nothing."""


def split_aux(result: Tree, has_aux: bool) -> tuple[Tree, Tree]:
    """Return the outputs and aux of a model's result."""
    return result if has_aux else (result, None)


def loss_at(params: Tree, model: Model, loss: Loss, has_aux: bool = False) -> Array:
    """Return the loss alone; aux is dropped."""
    return loss(split_aux(model(params), has_aux)[0])


def value_and_gradient(
    params: Tree, model: Model, loss: Loss, has_aux: bool = False, weight_decay: float = 0.0
) -> tuple[Array, Tree, Tree, Tree]:
    """Return the loss, the gradient `g` of `loss + weight_decay/2 |w|^2`, the outputs and aux.

    TypeError for a loss that is neither one number nor, where it was asked for, one per run: `minigrad.check_runs`.
    """

    def objective(w: Tree) -> tuple[Array, tuple[Tree, Tree]]:
        outputs, aux = split_aux(model(w), has_aux)
        return loss(outputs), (outputs, aux)

    value, pull_back, (outputs, aux) = mg.vjp(objective, params, has_aux=True)
    mg.check_runs(value, params, loss)
    g = pull_back(mg.ones_like(value))
    if weight_decay:
        c = float(weight_decay)  # a number of NumPy's would make float64 of float32
        g = mg.tree_map(lambda g, w: g + c * w, g, params)
    return value, g, outputs, aux
