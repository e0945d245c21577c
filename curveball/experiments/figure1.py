"""Figure 1: the path of every solver of Table 1 down Rosenbrock's valley, and the linear system inside CurveBall.

Settings are those of Table 1 (curveball/experiments/table1.py): CurveBall at lambda 0.1 and lr 0.5, and at lr = 1; SGD
and Adam at the best point of their grids.

The linear system is derived in tests/derivations/test_13_solving_the_linear_system.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from curveball.experiments.figures import COLOURS, STYLES, new_figure
from curveball.experiments.sweep import NOISE, START, ManyRuns, one_step
from curveball.experiments.table1 import COLUMNS, ROWS, THRESHOLD, Column, solver_of
from curveball.solvers.base import Solver
from curveball.solvers.conjugate_gradient import conjugate_gradient
from curveball.solvers.curve_ball import CurveBall
from curveball.training.files import write_together
from curveball.training.provenance import provenance, settings_of
from minigrad import Array
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.rosenbrock import Rosenbrock

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = tuple(ROWS)  # every solver of Table 1
MAX_ITER = 1000
DONE = 1e-10  # a trajectory ends below this loss


@dataclass(frozen=True)
class Trajectory:
    """The iterates of one solver, the first its start, and the noise-free loss at each."""

    name: str
    settings: dict[str, Any]
    path: np.ndarray  # (iterations + 1, 2)
    losses: np.ndarray  # (iterations + 1,)


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


# ------------------------------------------------------------------------------------- drawing


def _look(k: int) -> dict[str, Any]:
    colours = (*COLOURS, "#8c8c8c")
    return {"color": colours[k % len(colours)], "linewidth": 1.6 if k < 3 else 1.2}


def _window(found: list[Trajectory]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The part of the plane to show: the start, the minimum and the valley between, not every overshoot."""
    u, v = found[0].path[0]
    return (min(-0.8, u - 0.3), max(1.4, u + 0.3)), (min(-0.8, v - 0.3), max(1.6, v + 0.3))


def _contours(ax: Axes, found: list[Trajectory]) -> None:
    (u0, u1), (v0, v1) = _window(found)
    u, v = np.meshgrid(np.linspace(u0, u1, 300), np.linspace(v0, v1, 300))
    value = 100.0 * (v - u * u) ** 2 + (1.0 - u) ** 2
    ax.contourf(u, v, np.log10(value + 1e-4), levels=24, cmap="Greys", alpha=0.45)
    ax.plot(1.0, 1.0, marker="*", color="black", markersize=11, zorder=5)
    ax.set(xlim=(u0, u1), ylim=(v0, v1), xlabel="u", ylabel="v")


def draw(found: list[Trajectory], noise: tuple[float, float] | None, path: Path) -> None:
    """Trajectories over the contours of the noise-free function, and the loss against the iteration."""
    figure, (left, right) = new_figure(2, width=5.6, height=4.8)
    _contours(left, found)
    for k, t in enumerate(found):
        left.plot(*t.path.T, marker=".", markersize=3, label=t.name, zorder=4 - 0.1 * k, **_look(k))
        right.plot(np.arange(1, len(t.losses) + 1), t.losses, label=t.name, **_look(k))
    right.axhline(THRESHOLD, color="black", linewidth=0.6, linestyle=":")
    right.set(xscale="log", yscale="log", xlabel="iteration", ylabel="loss (noise-free)", ylim=(DONE / 10.0, None))
    right.grid(alpha=0.25)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    figure.suptitle("Rosenbrock's function" + ("" if noise is None else f", noise U[{noise[0]:g}, {noise[1]:g}]"))
    figure.savefig(path, dpi=130)


def animate(found: list[Trajectory], noise: tuple[float, float] | None, path: Path) -> None:
    """The trajectories as they grow: one iteration more in each frame, later a tenth of the iterations so far."""
    from matplotlib.animation import FuncAnimation, PillowWriter

    figure, (ax,) = new_figure(1, width=6.4, height=5.2)
    _contours(ax, found)
    lines = [ax.plot([], [], marker=".", markersize=3, label=t.name, **_look(k))[0] for k, t in enumerate(found)]
    ax.legend(fontsize=8, loc="upper left")
    ax.set_title("iteration 0")
    figure.canvas.draw()
    figure.set_layout_engine("none")  # laid out once, not at every frame
    longest = max(len(t.path) for t in found)
    frames = [0]
    while frames[-1] < longest - 1:
        frames.append(min(longest - 1, max(frames[-1] + 1, round(1.1 * frames[-1]))))
    frames += [frames[-1]] * 15

    def show(iteration: int) -> list[Any]:
        for line, t in zip(lines, found, strict=True):
            line.set_data(*t.path[: iteration + 1].T)
        ax.set_title(f"iteration {iteration}")
        return lines

    FuncAnimation(figure, show, frames=frames, interval=120).save(path, writer=PillowWriter(fps=8), dpi=80)


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


def draw_linear_system(distances: dict[str, np.ndarray], path: Path) -> None:
    """Distances against iteration."""
    figure, (ax,) = new_figure(1, width=6.0, height=4.6)
    labels = {
        "fixed": "CurveBall's z to Newton's step, w fixed",
        "cg": "conjugate gradients to Newton's step",
        "moving": "CurveBall's w to the minimum, w moving",
    }
    for k, (name, label) in enumerate(labels.items()):
        values = np.maximum(distances[name], 1e-16)
        ax.plot(np.arange(len(values)), values, label=label, color=COLOURS[k], linestyle=STYLES[k])
    ax.set(xscale="symlog", yscale="log", xlabel="iteration", ylabel="relative distance")
    ax.set_title("A quadratic with eigenvalues 1, 3, 10, 30, 100; lambda = 0.1")
    ax.grid(alpha=0.25)
    figure.legend(loc="outside lower center", fontsize=9)
    figure.savefig(path, dpi=130)


def figure1(
    folder: Path, noise: tuple[float, float] | None = None, seed: int = 0, start: Sequence[float] | None = None
) -> list[Trajectory]:
    """Write figure1.png, figure1.gif, figure1.json and linear_system.png; return the trajectories."""
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
            "figure1.png": lambda path: draw(found, noise, path),
            "figure1.gif": lambda path: animate(found, noise, path),
            "linear_system.png": lambda path: draw_linear_system(linear_system(seed), path),
            "figure1.json": lambda path: path.write_text(json.dumps(facts, indent=1) + "\n", "utf-8"),
        },
    )
    return found
