"""Nonlinear least squares: the parameters at which residuals are smallest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from curveball.fitting.box import Bounds, Box
from curveball.fitting.evaluation import Evaluation, Residuals
from curveball.fitting.parameters import Parameters
from curveball.fitting.result import LeastSquaresResult
from curveball.fitting.robust import Rho, Weighing
from curveball.fitting.search import Limits, Search
from minigrad import Tree

MESSAGES = {
    -1: "stopped by the callback",
    0: "the {max_nfev} evaluations allowed are used up",
    1: "the residuals are orthogonal to all that the parameters can change",
    2: "no step changes the cost by more than {ftol:g} of it",
    3: "no step is longer than {xtol:g} of the parameters",
}


def least_squares(
    residuals: Residuals,
    p0: Tree,
    *,
    bounds: Bounds = None,
    loss: str | Rho = "linear",
    f_scale: float = 1.0,
    x_scale: Tree = "jac",
    jac: Callable[[Tree], np.ndarray] | None = None,
    ftol: float = 1e-10,
    xtol: float = 1e-10,
    gtol: float = 1e-10,
    max_nfev: int | None = None,
    absolute_sigma: bool = False,
    callback: Callable[[Tree, float], object] | None = None,
) -> LeastSquaresResult:
    """Minimise `1/2 sum_i r_i(p)^2` over the parameters, from `p0`.

    `residuals(p)` gets a tree like `p0` (a number, an array, a dict of them) and returns an array or a tree of arrays,
    made of minigrad's operations, which are differentiated exactly: `J` once per step, and the second derivative along
    the step (search.py has the method). Results are float64.

    - `bounds`: `(lower, upper)`, each a number or like `p0`; SciPy's `Bounds`; or a dict `{"rate": (0.0, None)}`.
    - `loss`: "linear", "soft_l1", "huber", "cauchy", "arctan", as SciPy names them, or a function
      `z -> rho, rho', rho''`; with `f_scale`, the residual at which outliers begin.
    - `x_scale`: "jac" scales parameters by the columns of J, which makes steps independent of units; or typical sizes
      of the parameters, like `p0`.
    - `jac`: a function from params to the matrix (m, n), if minigrad is not to differentiate. The parameters are in the
      order of `names`. Steps are then not accelerated.
    - it stops when a step promises and gives a smaller share of the cost than `ftol`, or is shorter than `xtol` of the
      parameters in their scales: Gauss-Newton steps then follow as long as they make the gradient smaller. Or when the
      cosine between the residuals and the range of J is below `gtol`; after `max_nfev` evaluations (None: 200 for each
      parameter and one more); when `callback(params, cost)` returns True.
    - `absolute_sigma`: residuals are in units of their standard deviations, which are not to be estimated.

    ValueError, with a name, for a start that is not finite or outside its bounds, and for residuals that are not finite
    there.
    Moré, The Levenberg-Marquardt Algorithm, 1978; Transtrum and Sethna, arXiv:1201.5885, 2012.

    >>> import minigrad as mg
    >>> result = least_squares(lambda p: mg.stack([10.0 * (p[1] - p[0] ** 2), 1.0 - p[0]]), np.array([-1.2, 1.0]))
    >>> result.params.round(9).tolist(), result.success
    ([1.0, 1.0], True)
    """
    return minimise(
        residuals, Parameters(p0), bounds, loss, f_scale, absolute_sigma, x_scale=x_scale, jac=jac,
        ftol=ftol, xtol=xtol, gtol=gtol, max_nfev=max_nfev, callback=callback,
    )  # fmt: skip


def minimise(
    residuals: Residuals,
    parameters: Parameters,
    bounds: Bounds,
    loss: str | Rho,
    f_scale: float,
    absolute_sigma: bool,
    *,
    x_scale: Tree = "jac",
    jac: Callable[[Tree], np.ndarray] | None = None,
    ftol: float = 1e-10,
    xtol: float = 1e-10,
    gtol: float = 1e-10,
    max_nfev: int | None = None,
    callback: Callable[[Tree, float], object] | None = None,
    row_of: str = "residual",
) -> LeastSquaresResult:
    """`least_squares` of parameters that have been read; what is not finite at the start is called `row_of`."""
    for name, value in (("ftol", ftol), ("xtol", xtol), ("gtol", gtol)):
        if not 0.0 <= value < 1.0:
            raise ValueError(f"{name} must be in [0, 1); got {value!r}")
    limits = Limits(ftol, xtol, gtol, 200 * (parameters.start.size + 1) if max_nfev is None else max_nfev)
    if limits.max_nfev < 1:
        raise ValueError(f"max_nfev must be at least 1; got {max_nfev}")
    box, weighing = Box.of(bounds, parameters), Weighing.of(loss, f_scale)
    scale = None if isinstance(x_scale, str) and x_scale == "jac" else _scale(parameters, x_scale)
    evaluation = Evaluation(residuals, parameters, jac)
    with np.errstate(all="ignore"):  # a trial may leave the domain of the function: it is then shortened
        start = evaluation.at(parameters.start)
        if not np.isfinite(start.r).all():
            row = int(np.flatnonzero(~np.isfinite(start.r))[0])
            raise ValueError(f"{row_of}[{row}] is {start.r[row]} at p0: start where all are finite")
        told = None if callback is None else lambda p, cost: callback(parameters.tree(p), cost)
        search = Search(evaluation, start, weighing, box, limits, scale, jac is None, told)
        if not np.isfinite(search.J).all():
            row = int(np.flatnonzero(~np.isfinite(search.J).all(axis=1))[0])
            raise ValueError(f"the derivative of {row_of}[{row}] is not finite at p0: start elsewhere")
        status = search.run()
        if status > 0 and search.lost:  # once more, with a short first step
            again = Search(evaluation, start, weighing, box, limits, scale, jac is None, told, radius=1e-3)
            status_again = again.run()
            if again.size < search.size:
                search, status = again, status_again
    point = search.point
    return LeastSquaresResult(
        params=parameters.tree(point.p),
        cost=0.5 * search.size * search.size,
        residuals=point.r,
        jacobian=search.J,
        names=parameters.names,
        success=status > 0,
        status=status,
        message=MESSAGES[status].format(ftol=ftol, xtol=xtol, max_nfev=limits.max_nfev),
        nit=search.iterations,
        nfev=evaluation.residuals,
        njev=evaluation.jacobians,
        nhev=evaluation.second,
        active_mask=search.held,
        _parameters=parameters,
        _weighing=weighing,
        absolute_sigma=absolute_sigma,
    )


def _scale(parameters: Parameters, x_scale: Tree) -> np.ndarray:
    scale = parameters.vector(x_scale, "x_scale")
    if not (np.isfinite(scale).all() and (scale > 0.0).all()):
        raise ValueError(f"x_scale must be 'jac' or positive numbers; got {x_scale!r:.80}")
    return scale
