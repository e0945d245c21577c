"""Many runs at once: iterations to a threshold, and grid searches.

Independent runs and grid points are a leading axis of one array program. Its matrices are small, so the linear algebra
runs in one thread: several would wait for each other longer than they compute.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

import minigrad as mg
from curveball.solvers.base import Solver
from curveball.solvers.quasi_newton import BFGS, LBFGS
from minigrad import Array, Tree

ONE_AT_A_TIME = (BFGS, LBFGS)  # SciPy's
START, NOISE = 0, 1  # streams of random numbers: the same for every solver
MEMORY = 2**28  # bytes that the runs which advance together may take
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
        """The loss of every run: it needs no mark."""
        ...


def iterations_to(
    problem: ManyRuns,
    solver: Solver,
    runs: int,
    max_iter: int,
    threshold: float = 1e-4,
    seed: int = 0,
    at_once: int | None = None,
) -> np.ndarray:
    """Return, for each run, the first iteration (counted from 1) whose loss is below the threshold; 0 if none is.

    The loss of an iteration is that of its own batch, before its step. A run whose loss is not finite has ended. All
    solvers see the same starts; solvers that advance all runs at once also see the same noise. At most `at_once` runs
    advance together, by default as many as fit into `MEMORY`; the counts do not depend on it. ValueError for `runs`,
    `max_iter` or `at_once` below 1.

    >>> from curveball import Newton
    >>> from problems.closed_form.quadratic import Quadratic
    >>> iterations_to(Quadratic((1.0, 5.0)), Newton(), runs=3, max_iter=10).tolist()
    [2, 2, 2]
    """
    if runs < 1 or max_iter < 1:
        raise ValueError(f"runs and max_iter must be at least 1; got {runs} and {max_iter}")
    if at_once is not None and at_once < 1:
        raise ValueError(f"at_once must be at least 1, or None; got {at_once}")
    params = problem.init(np.random.default_rng([seed, START]), (runs,))
    limits = problem, solver, max_iter, threshold
    firsts = []
    with threadpool_limits(1):
        if isinstance(solver, ONE_AT_A_TIME):
            for k in range(runs):
                draw = partial(problem.batch, np.random.default_rng([seed, NOISE, k]))
                firsts.append(_first_below(*limits, _taken(params, k, runs), (), draw))
            return np.array([int(first) for first in firsts])
        size = at_once or _fitting(params, runs)
        for start in range(0, runs, size):
            part = slice(start, min(start + size, runs))
            noise = np.random.default_rng([seed, NOISE])  # all draw all of it, so that each run gets its own
            draw = partial(_batch_of, problem, noise, part, runs)
            firsts.append(_first_below(*limits, _taken(params, part, runs), (part.stop - part.start,), draw))
    return np.concatenate(firsts)


def _fitting(params: Tree, runs: int) -> int:
    """How many runs fit into the memory: a solver may have some matrices for each, and the tape some arrays."""
    n = sum(leaf.size for leaf in mg.tree_flatten(params)[0]) // runs
    return max(1, MEMORY // (32 * n * n + 1024 * n))


def _batch_of(problem: ManyRuns, noise: np.random.Generator, part: slice, runs: int) -> Tree:
    return _taken(problem.batch(noise, (runs,)), part, runs)


def _taken(tree: Tree, part: slice | int, runs: int) -> Tree:
    """The part of the arrays that have a leading axis of runs."""
    return mg.tree_map(lambda leaf: leaf[part] if getattr(leaf, "shape", ())[:1] == (runs,) else leaf, tree)


def _first_below(
    problem: ManyRuns,
    solver: Solver,
    max_iter: int,
    threshold: float,
    params: Tree,
    runs: Runs,
    batch: Callable[[], Tree],
) -> np.ndarray:
    state = solver.init(params)
    first, lost = np.zeros(runs, int), np.zeros(runs, bool)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # some runs may diverge
        for k in range(1, max_iter + 1):
            params, state, loss = one_step(problem, solver, params, state, batch())
            lost |= ~np.isfinite(loss)
            first = np.where((first == 0) & ~lost & (loss < threshold), k, first)
            if np.all((first > 0) | lost):
                break
    return first


def one_step(
    problem: ManyRuns, solver: Solver, params: Tree, state: Tree, batch: Tree
) -> tuple[Tree, Tree, np.ndarray]:
    """Take a step on a batch; return the next params and state, and the loss before it."""
    loss = mg.independent_runs(lambda y: problem.loss(y, batch))
    params, state, info = solver.step(params, state, lambda w: problem.model(w, batch), loss)
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
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for k in range(max_iter):
            params, state, loss = one_step(problem, chosen, params, state, problem.batch(noise))
            if k >= max_iter - 10:
                last.append(loss)
        means = np.mean(last, axis=0)
    means = np.where(np.isfinite(means), means, np.inf)
    best = int(np.argmin(means))
    return {name: float(column[best]) for name, column in columns.items()}, means
