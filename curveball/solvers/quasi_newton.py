"""BFGS and L-BFGS, SciPy's: differentiated by minigrad, on host arrays, one run at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from curveball.solvers.base import Info, Loss, Model, NoState, Solver, split_aux, value_and_gradient
from curveball.solvers.checks import check_count
from minigrad import Ravel, Tree, tree_flatten


class BFGSState(NamedTuple):
    """What BFGS remembers from step to step."""

    inverse: np.ndarray | None  # the estimate of the inverse Hessian; None: the identity
    stuck: bool  # whether the line search found no better point


class BFGSInfo(Info):
    """What a step of BFGS tells."""

    stuck: bool  # whether no better point was found


def _flat_objective(
    params: Tree, model: Model, loss: Loss, has_aux: bool
) -> tuple[Callable[[np.ndarray], tuple[float, np.ndarray]], np.ndarray, Ravel]:
    """The objective as SciPy wants it: a float64 vector in, the value and the gradient out."""
    for leaf in tree_flatten(params)[0]:
        if not isinstance(leaf, np.ndarray | np.generic | float):
            raise TypeError("SciPy's solvers work on NumPy arrays: move the params over with minigrad.to_numpy")
    ravel = Ravel(params)

    def objective(vector: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient, _, _ = value_and_gradient(ravel.tree(vector), model, loss, has_aux)
        if value.ndim:
            raise ValueError("SciPy's solvers advance one run at a time: give a loss that is a scalar")
        return float(value), np.asarray(ravel.vector(gradient), np.float64)

    return objective, np.asarray(ravel.vector(params), np.float64), ravel


def _positive_definite(matrix: np.ndarray) -> np.ndarray | None:
    """The matrix, or None where it is not positive definite: SciPy takes no other."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return None
    return matrix


@dataclass(frozen=True)
class BFGS(Solver):
    """BFGS with SciPy's line search (strong Wolfe conditions); one step is one iteration.

    Each step is a call of `scipy.optimize.minimize(method="BFGS")` that starts from the last estimate of the inverse
    Hessian (`hess_inv0`). It evaluates the objective once more at its start, and guesses the first length again. Where
    the line search finds no better point (noise, or the limit of precision), or the estimate is no longer positive
    definite, the next step begins with the identity. Nocedal and Wright, algorithm 6.1. It has no hyper-parameters.
    TypeError for params that are not NumPy arrays; ValueError for several runs at once.

    >>> solver, w = BFGS(), np.array([3.0, -1.0])
    >>> state = solver.init(w)
    >>> for _ in range(8):
    ...     w, state, info = solver.step(w, state, lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> bool(np.all(np.abs(w) < 1e-6))
    True
    """

    def init(self, params: Tree) -> BFGSState:
        """Return the state before the first step: the identity."""
        return BFGSState(None, False)

    def step(
        self, params: Tree, state: BFGSState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, BFGSState, BFGSInfo]:
        """Return the next params, the next state, and what was seen on the way."""
        from scipy.optimize import minimize

        outputs, aux = split_aux(model(params), has_aux)
        objective, start, ravel = _flat_objective(params, model, loss, has_aux)
        options: dict[str, Any] = {"maxiter": 1, "gtol": 0.0}
        if state.inverse is not None:
            options["hess_inv0"] = state.inverse
        result = minimize(objective, start, jac=True, method="BFGS", options=options)
        stuck = bool(np.all(result.x == start))
        inverse = None if stuck else _positive_definite(0.5 * (result.hess_inv + result.hess_inv.T))
        info = BFGSInfo(loss=loss(outputs), outputs=outputs, aux=aux, stuck=stuck)
        return ravel.tree(result.x), BFGSState(inverse, stuck), info


@dataclass(frozen=True)
class LBFGS(Solver):
    """L-BFGS, SciPy's `L-BFGS-B`; one step is several of its iterations.

    SciPy's memory does not outlive a call, so that every step begins without. Liu and Nocedal, Mathematical Programming
    45, 1989. TypeError for params that are not NumPy arrays; ValueError for several runs at once, and for
    hyper-parameters out of range. They are, with their defaults:

    - `memory` = 10 (at least 1): pairs of steps and changes of the gradient that are kept.
    - `iterations` = 20 (at least 1): iterations per step; with few the memory never fills.

    >>> solver, w = LBFGS(), np.array([3.0, -1.0])
    >>> w, _, _ = solver.step(w, solver.init(w), lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> bool(np.all(np.abs(w) < 1e-6))
    True
    """

    memory: int = 10
    iterations: int = 20

    def __post_init__(self) -> None:
        check_count("memory", self.memory)
        check_count("iterations", self.iterations)

    def init(self, params: Tree) -> NoState:
        """Return the state: there is nothing to remember."""
        return NoState()

    def step(
        self, params: Tree, state: NoState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, NoState, Info]:
        """Return the next params, the state, and what was seen on the way."""
        from scipy.optimize import minimize

        outputs, aux = split_aux(model(params), has_aux)
        objective, start, ravel = _flat_objective(params, model, loss, has_aux)
        options = {"maxiter": self.iterations, "maxcor": self.memory, "gtol": 0.0, "ftol": 0.0}
        result = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        return ravel.tree(result.x), state, Info(loss=loss(outputs), outputs=outputs, aux=aux)
