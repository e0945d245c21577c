"""Run a solver until the gradient is small: the loop, with SciPy's result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import minigrad as mg
from curveball.solver import Loss, Model, Solver, Tree, value_and_gradient
from minigrad.trees import flatten


def minimize(
    model: Model,
    loss: Loss,
    params: Tree,
    solver: Solver | None = None,
    max_iter: int = 1000,
    tol: float | None = 1e-6,
    callback: Callable[[Any], Any] | None = None,
) -> Any:
    """Minimise `loss(model(params))` from `params`; return a `scipy.optimize.OptimizeResult`.

    Stops when no entry of the objective's gradient is larger than `tol` (None: never; the gradient costs one more
    evaluation per iteration), after `max_iter` iterations, when `callback(intermediate_result)` raises StopIteration,
    or when the loss stops being finite: then the result holds the last params whose loss was.

    The result has `x` (a tree like `params`), `fun` (the loss there), `jac` (the gradient there, None without `tol`),
    `nit`, `success`, `status` (0 converged, 1 iterations used up, 2 not finite, 3 stopped by the callback), `message`,
    `losses` (one per iteration, before its step) and `state`. The default solver is `CurveBall(lam=1e-3)`.

    >>> import numpy as np
    >>> result = minimize(lambda w: w - 3.0, lambda y: y @ y, np.zeros(2))
    >>> result.success, result.x.round(5).tolist()
    (True, [3.0, 3.0])
    """
    from scipy.optimize import OptimizeResult

    if solver is None:
        from curveball.curve_ball import CurveBall

        solver = CurveBall(lam=1e-3)
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1; got {max_iter}")
    weight_decay = getattr(solver, "weight_decay", 0.0)
    state = solver.init(params)
    losses: list[float] = []
    best, gradient = params, None
    status, message = 1, f"the {max_iter} iterations allowed are used up"
    for _ in range(max_iter):
        if tol is not None:
            _, gradient, _, _ = value_and_gradient(params, model, loss, weight_decay=weight_decay)
            if _largest(gradient) <= tol:
                status, message = 0, f"no entry of the gradient is larger than {tol:g}"
                break
        new_params, new_state, info = solver.step(params, state, model, loss)
        value = float(info["loss"])
        if not math.isfinite(value):
            last = losses[-1] if losses else math.nan
            status, message = 2, f"the loss is {value} at iteration {len(losses)}; the last finite loss was {last:.6g}"
            params = best
            break
        losses.append(value)
        best, params, state = params, new_params, new_state
        if callback is not None:
            try:
                callback(OptimizeResult(x=best, fun=value, nit=len(losses), info=info, state=state))
            except StopIteration:
                status, message = 3, "stopped by the callback"
                break
    fun = float(loss(model(params)))
    if status != 2 and not math.isfinite(fun):
        status, message = 2, f"the loss is {fun} at iteration {len(losses)}; the last finite loss was {losses[-1]:.6g}"
        params, fun = best, losses[-1]
    return OptimizeResult(
        x=params, fun=fun, jac=gradient, nit=len(losses), success=status == 0, status=status, message=message,
        losses=losses, state=state,
    )  # fmt: skip


def _largest(tree: Tree) -> float:
    return max((float(mg.max(mg.abs(x))) for x in flatten(tree)[0]), default=0.0)
