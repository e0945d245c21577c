"""Run a solver until the gradient is small, with SciPy's result; also as a method of SciPy's own `minimize`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import minigrad as mg
from curveball.solvers.base import Loss, Model, Solver, value_and_gradient
from curveball.solvers.curve_ball import CurveBall
from curveball.solvers.iteration_report import IterationReport
from curveball.solvers.result import Iterate, Result
from curveball.solvers.scipy_method import is_scipy, read_scipy
from minigrad import Array, Tree, tree_flatten

MESSAGES = {
    0: "no entry of the gradient is larger than {tol:g}",
    1: "the {max_iter} iterations allowed are used up",
    2: "the loss is {bad} at iteration {nit}; {last}",
    3: "stopped by the callback",
}


def minimize(
    model: Callable[..., Tree],
    loss: Loss,
    params: Tree = None,
    solver: Solver | None = None,
    max_iter: int = 1000,
    tol: float | None = 1e-6,
    callback: Callable[[Iterate], object] | None = None,
    *,
    args: Any = (),
    state: Tree = None,
    starts: Sequence[Tree] | None = None,
    verbose: int = 0,
    progress: bool = False,
    **scipy: Any,
) -> Result:
    """Minimise `loss(model(params, *args))` from `params`; return a `scipy.optimize.OptimizeResult`.

    Stops when no entry of the objective's gradient is larger than `tol` (None: never; the gradient costs one more
    evaluation per iteration), after `max_iter` iterations, when `callback(intermediate_result)` raises StopIteration or
    returns True, or when the loss stops being finite: then the result holds the last params with a finite loss.

    The result has `x` (a tree like `params`), `fun` (the loss there), `jac` (the gradient there, None without `tol`),
    `nit`, `success`, `status` (0 converged, 1 iterations used up, 2 not finite, 3 stopped by the callback), `message`,
    `losses` (one per iteration, before its step) and `state`, the solver's at `x`. The default solver is
    `CurveBall(lam=1e-3)`. To go on, give both back: `minimize(model, loss, result.x, solver, state=result.state)` makes
    the steps that one longer run would have made.

    With `starts`, trees like params, in place of `params`, it runs from each and returns the result with the lowest
    loss; `runs` are the results of all, and `start` the number of the best. A callback that stops ends all runs.

    `verbose=1` prints how it ended, `verbose=2` also a line per iteration; `progress=True` shows a bar on a terminal.

    ValueError for `max_iter` below 1, no starts, a state of other shapes, or where SciPy asks for bounds or
    constraints; TypeError for a loss that is not one number, another solver's state, an unknown option, or no params.

    As `scipy.optimize.minimize(f, x0, method=curveball.minimize, options={"solver": ..., "tol": ...})` it minimises a
    scalar function, differentiated by minigrad whatever `jac` and `hess` say; the default solver is then `NewtonCG()`.
    Solvers that need the Gauss-Newton matrix take the outputs' loss too: `options={"outputs_loss": loss}` with `f` the
    model.

    >>> import numpy as np
    >>> result = minimize(lambda w: w - 3.0, lambda y: y @ y, np.zeros(2))
    >>> result.success, result.x.round(5).tolist()
    (True, [3.0, 3.0])
    >>> two_valleys = lambda w, shift: mg.concat([w**2 - 1.0, 0.3 * (w - shift)])
    >>> best = minimize(two_valleys, lambda y: y @ y, starts=[np.ones(1), -np.ones(1)], args=(-1.0,))
    >>> best.start, [run.x.round(3).tolist() for run in best.runs]
    (1, [[0.953], [-1.0]])
    >>> import scipy.optimize
    >>> scipy.optimize.minimize(lambda w: (w - 3.0) @ (w - 3.0), np.zeros(2), method=minimize).x.round(5).tolist()
    [3.0, 3.0]
    """
    if params is None and is_scipy(scipy):
        params = loss
        loss, solver, max_iter, callback = read_scipy(model, solver, max_iter, callback, scipy)
    if scipy:
        raise TypeError(f"minimize has no option {sorted(scipy)[0]!r}")
    if isinstance(solver, type) or not (solver is None or hasattr(solver, "step")):
        raise TypeError(
            f"solver must be a solver such as CurveBall() or NewtonCG(), made with its options; got {solver!r}"
        )
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1; got {max_iter}")
    _check_starts(params, starts, state)
    problem = _given(model, args), _one_number(loss), CurveBall(lam=1e-3) if solver is None else solver
    limits = max_iter, tol, callback
    if starts is None:
        return _iterate(*problem, params, state, *limits, IterationReport(verbose, progress, max_iter))
    runs: list[Any] = []
    for k, start in enumerate(starts):
        report = IterationReport(verbose, progress, max_iter, f"start {k}")
        runs.append(_iterate(*problem, start, None, *limits, report))
        if runs[-1].status == 3:
            break
    k = min(range(len(runs)), key=lambda k: runs[k].fun if math.isfinite(runs[k].fun) else math.inf)
    best = type(runs[k])(runs[k])
    best.update(runs=runs, start=k)
    return best


def _check_starts(params: Tree, starts: Sequence[Tree] | None, state: Tree) -> None:
    if starts is None:
        if params is None:
            raise TypeError("minimize needs params to start from: minimize(model, loss, params)")
        return
    if params is not None or state is not None:
        given = "state" if params is None else "params"
        raise TypeError(f"minimize: starts take the place of {given}: give one of the two")
    if not len(starts):
        raise ValueError("minimize: starts is empty: give one tree of params or more")


def _given(model: Callable[..., Tree], args: Any) -> Model:
    """The model as a function of the params alone; one that is not in a tuple is one argument, as in SciPy."""
    args = args if isinstance(args, tuple) else (args,)
    return (lambda w: model(w, *args)) if args else model


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


def _first_state(solver: Solver, params: Tree, state: Tree) -> Tree:
    """The state to start from: the one given, if it can be of this solver and these params."""
    first = solver.init(params)
    if state is None:
        return first
    if type(state) is not type(first):
        raise TypeError(
            f"minimize: state is {type(state).__name__}, and {type(solver).__name__} has {type(first).__name__}: give "
            "result.state of a run with the same solver"
        )
    (given, structure), (like, wanted) = tree_flatten(state), tree_flatten(first)
    if structure == wanted:
        for x, y in zip(given, like, strict=True):
            # A number may stand for what a solver has not seen yet.
            if getattr(y, "shape", ()) and getattr(x, "shape", ()) != y.shape:
                raise ValueError(
                    f"minimize: state holds an array of shape {getattr(x, 'shape', ())} where these params need "
                    f"{y.shape}: give result.x and result.state of one run"
                )
    return state


def _iterate(
    model: Model,
    loss: Loss,
    solver: Solver,
    params: Tree,
    state: Tree,
    max_iter: int,
    tol: float | None,
    callback: Callable[[Iterate], object] | None,
    report: IterationReport,
) -> Result:
    from scipy.optimize import OptimizeResult

    weight_decay = getattr(solver, "weight_decay", 0.0)
    state = _first_state(solver, params, state)
    losses: list[float] = []
    before, gradient, largest, status, bad = (params, state), None, None, 1, math.nan
    try:
        for _ in range(max_iter + 1):
            if tol is not None:
                value, gradient, _, _ = value_and_gradient(params, model, loss, weight_decay=weight_decay)
            else:
                value = loss(model(params))
            fun = float(value)
            if not math.isfinite(fun):
                status, bad = 2, fun
                (params, state), fun, gradient = before, losses[-1] if losses else math.nan, None
                break
            if tol is not None and (largest := _largest(gradient)) <= tol:
                status = 0
                break
            if len(losses) == max_iter:
                break
            losses.append(fun)
            report.iteration(len(losses), fun, largest)
            before = params, state
            params, state, info = solver.step(params, state, model, loss)
            if callback is not None:
                iterate = OptimizeResult(x=before[0], fun=fun, nit=len(losses), info=info, state=state)
                if _says_stop(callback, iterate):
                    status, (params, state) = 3, before
                    break
    finally:
        report.close()
    last = f"the last finite loss was {losses[-1]:.6g}" if losses else "give params at which it is finite"
    message = MESSAGES[status].format(tol=tol, max_iter=max_iter, bad=bad, nit=len(losses), last=last)
    report.end(len(losses), fun, message)
    return OptimizeResult(
        x=params, fun=fun, jac=gradient, nit=len(losses), success=status == 0, status=status, message=message,
        losses=losses, state=state,
    )  # fmt: skip


def _says_stop(callback: Callable[[Iterate], object], iterate: Iterate) -> bool:
    """By StopIteration, as in SciPy's `minimize`, or by True, as in its `trust-constr` and `differential_evolution`."""
    try:
        answer = callback(iterate)
    except StopIteration:
        return True
    return isinstance(answer, bool | np.bool_) and bool(answer)


def _largest(tree: Tree) -> float:
    return max((float(mg.max(mg.abs(x))) for x in tree_flatten(tree)[0]), default=0.0)
