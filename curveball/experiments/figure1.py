"""Figure 1: the path of every solver of Table 1 down Rosenbrock's valley, and the linear system inside CurveBall.

Settings are those of Table 1 (curveball/experiments/table1.py): CurveBall at lambda 0.1 and lr 0.5, and at lr = 1; SGD
and Adam at the best point of their grids.

The linear system is derived in tests/derivations/test_13_solving_the_linear_system.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from curveball.experiments.figure1_pictures import Trajectory, animate, draw, draw_linear_system
from curveball.experiments.sweep import NOISE, START, ManyRuns, one_step
from curveball.experiments.table1 import COLUMNS, ROWS, Column, solver_of
from curveball.solvers.base import Solver
from curveball.solvers.conjugate_gradient import conjugate_gradient
from curveball.solvers.curve_ball import CurveBall
from curveball.training.files import write_together
from curveball.training.provenance import provenance, settings_of
from minigrad import Array
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.rosenbrock import Rosenbrock

SHOWN = tuple(ROWS)  # every solver of Table 1
MAX_ITER = 1000
DONE = 1e-10  # a trajectory ends below this loss


def trajectories(
    noise: tuple[float, float] | None = None, seed: int = 0, start: Sequence[float] | None = None
) -> list[Trajectory]:
    """Follow every solver from one start, with the same noise.

    `start` is drawn by `seed` where None. ValueError for a start that is not two finite numbers.

    >>> found = trajectories(start=(0.5, 0.25))
    >>> found[0].name, found[0].path[0].tolist(), float(found[0].losses[0])
    ('CurveBall', [0.5, 0.25], 0.25)
    """
    problem, plain = Rosenbrock(noise), Rosenbrock()
    params = problem.init(np.random.default_rng([seed, START])) if start is None else np.asarray(start, np.float64)
    if params.shape != (2,) or not np.isfinite(params).all():
        raise ValueError(f"the start must be two finite numbers, as in -0.25,-0.25; got {np.ravel(params).tolist()}")
    column = Column("figure 1", 5000, lr=COLUMNS[0].lr, lam=COLUMNS[0].lam, noise=noise)
    found = []
    for name in SHOWN:
        solver = solver_of(name, column, problem, seed)
        found.append(_follow(name, solver, problem, plain, params, np.random.default_rng([seed, NOISE])))
    return found


def _follow(
    name: str, solver: Solver, problem: ManyRuns, plain: Rosenbrock, params: Array, rng: np.random.Generator
) -> Trajectory:
    state = solver.init(params)
    path, losses = [params], [float(plain.loss(plain.model(params)))]
    with np.errstate(over="ignore", invalid="ignore"):
        while len(path) <= MAX_ITER and losses[-1] > DONE:
            batch = problem.batch(rng)
            params, state, _ = one_step(problem, solver, params, state, batch)
            loss = float(plain.loss(plain.model(params)))
            if not np.isfinite(loss):
                break
            path.append(params)
            losses.append(loss)
    return Trajectory(name, settings_of(solver), np.array(path), np.array(losses))


def linear_system(seed: int = 0, iterations: int = 1000) -> dict[str, np.ndarray]:
    """Distances to Newton's step on a fixed quadratic, with `w` fixed and moving, divided by the first distance.

    `fixed`: `|z - z*| / |z*|` for CurveBall's `z` with lr = 0, `z* = -(H + lam I)^-1 g`; `cg`: the same for conjugate
    gradients; `moving`: `|w - w*| / |w_0 - w*|` for CurveBall with lr = 1.
    """
    problem = Quadratic((1.0, 3.0, 10.0, 30.0, 100.0), seed)
    w = problem.init(np.random.default_rng([seed, START]))
    lam = 0.1
    matrix, gradient = problem.hessian + lam * np.eye(5), problem.hessian @ (w - problem.solution)
    newton = -np.linalg.solve(matrix, gradient)
    distances: dict[str, list[float]] = {"fixed": [1.0], "moving": [1.0], "cg": [1.0]}
    for name, lr in (("fixed", 0.0), ("moving", 1.0)):
        solver = CurveBall(lr=lr, lam=lam, adapt_lam=False)
        params, state = w, solver.init(w)
        for _ in range(iterations):
            params, state, _ = solver.step(params, state, problem.model, problem.loss)
            here, target, begin = (state.z, newton, 0.0) if lr == 0.0 else (params, problem.solution, w)
            distances[name].append(float(np.linalg.norm(here - target) / np.linalg.norm(begin - target)))
    for k in range(1, 6):
        x = conjugate_gradient(lambda v: matrix @ v, -gradient, tol=0.0, max_iter=k).x
        distances["cg"].append(float(np.linalg.norm(x - newton) / np.linalg.norm(newton)))
    return {name: np.array(values) for name, values in distances.items()}


def figure1(
    folder: Path,
    noise: tuple[float, float] | None = None,
    seed: int = 0,
    start: Sequence[float] | None = None,
    figure_format: str = "png",
) -> list[Trajectory]:
    """Write figure1.png, figure1.gif, figure1.json and linear_system.png; return the trajectories.

    `figure_format`: png, svg or pdf, of the figures that do not move.
    """
    found = trajectories(noise, seed, start)
    facts = {
        "noise": noise,
        "seed": seed,
        **provenance(),
        "trajectories": [
            {"solver": t.name, "settings": t.settings, "path": t.path.tolist(), "losses": t.losses.tolist()}
            for t in found
        ],
    }
    write_together(
        folder,
        {
            f"figure1.{figure_format}": lambda path: draw(found, noise, path),
            "figure1.gif": lambda path: animate(found, noise, path),
            f"linear_system.{figure_format}": lambda path: draw_linear_system(linear_system(seed), path),
            "figure1.json": lambda path: path.write_text(json.dumps(facts, indent=1) + "\n", "utf-8"),
        },
    )
    return found
