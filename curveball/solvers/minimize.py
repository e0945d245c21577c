"""Run a solver until the gradient is small, with SciPy's result; also as a method of SciPy's own `minimize`."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import minigrad as mg
from curveball.solvers.base import Loss, Model, Solver, value_and_gradient
from curveball.solvers.curve_ball import CurveBall
from curveball.solvers.newton_cg import NewtonCG
from curveball.solvers.result import Iterate, Result
from minigrad import Array, Tree, tree_flatten

MESSAGES = {
    0: "no entry of the gradient is larger than {tol:g}",
    1: "the {max_iter} iterations allowed are used up",
    2: "the loss is {bad} at iteration {nit}; the last finite loss was {last:.6g}",
    3: "stopped by the callback",
}


def minimize(
    model: Model,
    loss: Loss,
    params: Tree = None,
    solver: Solver | None = None,
    max_iter: int = 1000,
    tol: float | None = 1e-6,
    callback: Callable[[Iterate], object] | None = None,
    **scipy: Any,
) -> Result:
    """Minimise `loss(model(params))` from `params`; return a `scipy.optimize.OptimizeResult`.

    Stops when no entry of the objective's gradient is larger than `tol` (None: never; the gradient costs one more
    evaluation per iteration), after `max_iter` iterations, when `callback(intermediate_result)` raises StopIteration,
    or when the loss stops being finite: then the result holds the last params with a finite loss.

    The result has `x` (a tree like `params`), `fun` (the loss there), `jac` (the gradient there, None without `tol`),
    `nit`, `success`, `status` (0 converged, 1 iterations used up, 2 not finite, 3 stopped by the callback), `message`,
    `losses` (one per iteration, before its step) and `state`. The default solver is `CurveBall(lam=1e-3)`.
    ValueError for `max_iter` below 1, or where SciPy asks for bounds or constraints; TypeError for a loss that is not
    one number, an unknown option, or no params.

    As `scipy.optimize.minimize(f, x0, method=curveball.minimize, options={"solver": ..., "tol": ...})` it minimises a
    scalar function, differentiated by minigrad whatever `jac` and `hess` say; the default solver is then `NewtonCG()`.
    Solvers that need the Gauss-Newton matrix take the outputs' loss too: `options={"outputs_loss": loss}` with `f` the
    model.

    >>> import numpy as np
    >>> result = minimize(lambda w: w - 3.0, lambda y: y @ y, np.zeros(2))
    >>> result.success, result.x.round(5).tolist()
    (True, [3.0, 3.0])
    >>> import scipy.optimize
    >>> scipy.optimize.minimize(lambda w: (w - 3.0) @ (w - 3.0), np.zeros(2), method=minimize).x.round(5).tolist()
    [3.0, 3.0]
    """
    if params is None:
        if "args" not in scipy:  # SciPy calls method(f, x0, args=..., ...)
            raise TypeError("minimize needs params to start from: minimize(model, loss, params)")
        model, loss, params, solver, max_iter, callback = _from_scipy(model, loss, solver, max_iter, callback, scipy)
    if scipy:
        raise TypeError(f"minimize has no option {sorted(scipy)[0]!r}")
    if isinstance(solver, type) or not (solver is None or hasattr(solver, "step")):
        raise TypeError(
            f"solver must be a solver such as CurveBall() or NewtonCG(), made with its options; got {solver!r}"
        )
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1; got {max_iter}")
    return _iterate(
        model, _one_number(loss), params, CurveBall(lam=1e-3) if solver is None else solver, max_iter, tol, callback
    )


def _one_number(loss: Loss) -> Loss:
    @functools.wraps(loss)
    def checked(outputs: Tree) -> Array:
        value = loss(outputs)
        if getattr(value, "shape", ()) != ():
            raise TypeError(
                f"minimize needs a loss that is one number; its shape is {value.shape}: take the sum or the mean"
            )
        return value

    return checked


def _from_scipy(
    model: Callable[..., Tree],
    x0: Array,
    solver: Solver | None,
    max_iter: int,
    callback: Callable[..., object] | None,
    scipy: dict[str, Any],
) -> tuple[Model, Loss, Array, Solver, int, Callable[[Iterate], object] | None]:
    """Read SciPy's arguments out of `scipy`, and leave there what is unknown."""
    args = scipy.pop("args")
    if getattr(scipy.get("jac"), "__self__", None) is model:  # SciPy's wrapper of a function and its gradient
        raise ValueError("jac=True: give the function alone, without its gradient: minigrad differentiates it")
    bounds, constraints = scipy.pop("bounds", None), scipy.pop("constraints", ())
    if bounds is not None or constraints:
        raise ValueError('curveball.minimize knows no bounds or constraints: use a method that does, such as "SLSQP"')
    for unused in ("jac", "hess", "hessp"):  # minigrad differentiates
        scipy.pop(unused, None)
    loss = scipy.pop("outputs_loss", None)
    solver = solver if solver is not None else NewtonCG()
    if loss is None:
        if getattr(solver, "needs_outputs_loss", False):  # a solver that does not say so takes any scalar function
            raise ValueError(
                f"{type(solver).__name__} uses the Gauss-Newton matrix, which a scalar function alone does not have: "
                'give the model for the function and options={"outputs_loss": loss}, or a solver such as NewtonCG()'
            )
        loss = _identity
    if callback is not None and list(inspect.signature(callback).parameters) != ["intermediate_result"]:
        callback = _given_x(callback)
    return (lambda w: model(w, *args)), loss, x0, solver, scipy.pop("maxiter", max_iter), callback


def _given_x(callback: Callable[[Array], object]) -> Callable[[Iterate], object]:
    """SciPy's older callbacks take `xk` alone."""
    return lambda iterate: callback(iterate.x.copy())


def _identity(value: Array) -> Array:
    return value


def _iterate(
    model: Model,
    loss: Loss,
    params: Tree,
    solver: Solver,
    max_iter: int,
    tol: float | None,
    callback: Callable[[Iterate], object] | None,
) -> Result:
    from scipy.optimize import OptimizeResult

    weight_decay = getattr(solver, "weight_decay", 0.0)
    state = solver.init(params)
    losses: list[float] = []
    before, gradient, status, bad = params, None, 1, math.nan
    for _ in range(max_iter + 1):
        if tol is not None:
            value, gradient, _, _ = value_and_gradient(params, model, loss, weight_decay=weight_decay)
        else:
            value = loss(model(params))
        fun = float(value)
        if not math.isfinite(fun):
            status, bad = 2, fun
            params, fun, gradient = before, losses[-1] if losses else math.nan, None
            break
        if tol is not None and _largest(gradient) <= tol:
            status = 0
            break
        if len(losses) == max_iter:
            break
        losses.append(fun)
        before = params
        params, state, info = solver.step(params, state, model, loss)
        if callback is not None:
            try:
                callback(OptimizeResult(x=before, fun=fun, nit=len(losses), info=info, state=state))
            except StopIteration:
                status, params = 3, before
                break
    message = MESSAGES[status].format(
        tol=tol, max_iter=max_iter, bad=bad, nit=len(losses), last=losses[-1] if losses else math.nan
    )
    return OptimizeResult(
        x=params, fun=fun, jac=gradient, nit=len(losses), success=status == 0, status=status, message=message,
        losses=losses, state=state,
    )  # fmt: skip


def _largest(tree: Tree) -> float:
    return max((float(mg.max(mg.abs(x))) for x in tree_flatten(tree)[0]), default=0.0)
