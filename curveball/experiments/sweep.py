"""Many runs at once: iterations to a threshold, grid searches, and the cells of a table in parallel.

Independent runs and grid points are a leading axis of one array program. The cells of an experiment go through
`joblib.Parallel`: under `joblib.parallel_config("dask")` or `"ray"` a cluster computes them, without a change here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np

import minigrad as mg
from curveball.solvers.base import Solver
from curveball.solvers.quasi_newton import BFGS, LBFGS
from minigrad import Array, Tree

ONE_AT_A_TIME = (BFGS, LBFGS)  # SciPy's
START, NOISE = 0, 1  # streams of random numbers: the same for every solver
Runs = tuple[int, ...]  # the shape of independent runs; () for one


class ManyRuns(Protocol):
    """What counting iterations needs of a problem: arrays with a leading axis of runs, a loss for each.

    The closed-form problems have it.
    """

    def init(self, rng: np.random.Generator, /, runs: Runs = ()) -> Tree:
        """Draw the first params of every run."""
        ...

    def batch(self, rng: np.random.Generator, /, runs: Runs = ()) -> Tree:
        """Draw the noise of one step of every run; None where there is none."""
        ...

    def model(self, params: Tree, batch: Tree, /) -> Tree:
        """The outputs of every run."""
        ...

    def loss(self, outputs: Tree, batch: Tree, /) -> Array:
        """The loss of every run."""
        ...


def iterations_to(
    problem: ManyRuns, solver: Solver, runs: int, max_iter: int, threshold: float = 1e-4, seed: int = 0
) -> np.ndarray:
    """Return, for each run, the first iteration (counted from 1) whose loss is below the threshold; 0 if none is.

    The loss of an iteration is that of its own batch, before its step. All solvers see the same starts. Solvers that
    advance all runs at once also see the same noise. ValueError for `runs` or `max_iter` below 1.

    >>> from curveball import Newton
    >>> from problems.closed_form.quadratic import Quadratic
    >>> iterations_to(Quadratic((1.0, 5.0)), Newton(), runs=3, max_iter=10).tolist()
    [2, 2, 2]
    """
    if runs < 1 or max_iter < 1:
        raise ValueError(f"runs and max_iter must be at least 1; got {runs} and {max_iter}")
    params = problem.init(np.random.default_rng([seed, START]), (runs,))
    if isinstance(solver, ONE_AT_A_TIME):
        firsts = []
        for k in range(runs):
            noise = np.random.default_rng([seed, NOISE, k])
            single = mg.tree_map(lambda leaf, k=k: leaf[k], params)
            firsts.append(_first_below(problem, solver, single, (), noise, max_iter, threshold))
        return np.array([int(first) for first in firsts])
    noise = np.random.default_rng([seed, NOISE])
    return _first_below(problem, solver, params, (runs,), noise, max_iter, threshold)


def _first_below(
    problem: ManyRuns,
    solver: Solver,
    params: Tree,
    runs: Runs,
    noise: np.random.Generator,
    max_iter: int,
    threshold: float,
) -> np.ndarray:
    state = solver.init(params)
    first = np.zeros(runs, int)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # some runs may diverge
        for k in range(1, max_iter + 1):
            params, state, loss = one_step(problem, solver, params, state, problem.batch(noise, runs))
            first = np.where((first == 0) & (loss < threshold), k, first)
            if first.all() or not np.any(np.isfinite(loss)):
                break
    return first


def one_step(
    problem: ManyRuns, solver: Solver, params: Tree, state: Tree, batch: Tree
) -> tuple[Tree, Tree, np.ndarray]:
    """Take a step on a batch; return the next params and state, and the loss before it."""
    params, state, info = solver.step(
        params, state, lambda w: problem.model(w, batch), lambda y: problem.loss(y, batch)
    )
    return params, state, np.asarray(info["loss"])


def grid_search(
    problem: ManyRuns, solver: Callable[..., Solver], grid: dict[str, Iterable[float]], max_iter: int, seed: int = 0
) -> tuple[dict[str, float], np.ndarray]:
    """Return the point of a grid whose mean loss over the last ten iterations is smallest, on one run, and all means.

    All points advance together from one start, with the same noise; one that stops being finite counts as infinite.
    ValueError for `max_iter` below 1.

    >>> from curveball import SGD
    >>> from problems.closed_form.quadratic import Quadratic
    >>> grid_search(Quadratic((1.0, 1.0)), SGD, {"lr": (2.5, 1.0, 1e-3), "momentum": (0.0,)}, max_iter=20)[0]
    {'lr': 1.0, 'momentum': 0.0}
    """
    if max_iter < 1:
        raise ValueError(f"max_iter must be at least 1; got {max_iter}")
    points = list(itertools.product(*grid.values()))
    columns = {name: np.array(column) for name, column in zip(grid, zip(*points, strict=True), strict=True)}
    start = problem.init(np.random.default_rng([seed, START]))
    params = mg.tree_map(lambda leaf: np.broadcast_to(leaf, (len(points), *leaf.shape)).copy(), start)
    noise = np.random.default_rng([seed, NOISE])
    chosen = solver(**columns)
    state = chosen.init(params)
    last = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for k in range(max_iter):
            params, state, loss = one_step(problem, chosen, params, state, problem.batch(noise))
            if k >= max_iter - 10:
                last.append(loss)
        means = np.mean(last, axis=0)
    means = np.where(np.isfinite(means), means, np.inf)
    best = int(np.argmin(means))
    return {name: float(column[best]) for name, column in columns.items()}, means


def parallel_map(function: Callable[..., Any], cells: list[tuple[Any, ...]], jobs: int | None = None) -> list[Any]:
    """Call a function on each cell's arguments, in parallel; the results in order.

    `jobs` at once (processes on this machine, unless `joblib.parallel_config` says otherwise), -1 for one per core;
    None for the number that `joblib.parallel_config` says, one if nothing. An error in a cell is raised here.

    >>> parallel_map(pow, [(2, 3), (3, 2)])
    [8, 9]
    """
    from joblib import Parallel, delayed

    return Parallel(n_jobs=jobs)(delayed(function)(*cell) for cell in cells)
