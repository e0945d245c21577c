"""The arguments that `scipy.optimize.minimize(..., method=curveball.minimize)` hands over, read."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from curveball.solvers.base import Loss, Solver
from curveball.solvers.newton_cg import NewtonCG
from curveball.solvers.result import Iterate
from minigrad import Array, Tree


def is_scipy(options: dict[str, Any]) -> bool:
    """Whether SciPy called: it calls `method(f, x0, args=..., jac=..., hess=..., hessp=..., ...)`."""
    return "hessp" in options


def read_scipy(
    model: Callable[..., Tree],
    solver: Solver | None,
    max_iter: int,
    callback: Callable[..., object] | None,
    options: dict[str, Any],
) -> tuple[Loss, Solver, int, Callable[[Iterate], object] | None]:
    """Read SciPy's arguments out of `options`, and leave there what is unknown; return loss, solver and the others."""
    if getattr(options.get("jac"), "__self__", None) is model:  # SciPy's wrapper of a function and its gradient
        raise ValueError("jac=True: give the function alone, without its gradient: minigrad differentiates it")
    bounds, constraints = options.pop("bounds", None), options.pop("constraints", ())
    if bounds is not None or constraints:
        raise ValueError('curveball.minimize knows no bounds or constraints: use a method that does, such as "SLSQP"')
    for unused in ("jac", "hess", "hessp"):  # minigrad differentiates
        options.pop(unused, None)
    loss = options.pop("outputs_loss", None)
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
    return loss, solver, options.pop("maxiter", max_iter), callback


def _given_x(callback: Callable[[Array], object]) -> Callable[[Iterate], object]:
    """SciPy's older callbacks take `xk` alone."""
    return lambda iterate: callback(iterate.x.copy())


def _identity(value: Array) -> Array:
    return value
