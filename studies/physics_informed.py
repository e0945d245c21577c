"""Physics-informed networks by Levenberg-Marquardt: how the error falls, and the figure of docs/physics_informed.md.

    OMP_NUM_THREADS=1 python studies/physics_informed.py                        # the figure; a minute or two
    python studies/physics_informed.py --problem heat --solver adam:lr=0.003 --seconds 10 --seed 0

The second form follows one problem with one solver for so many seconds of the processor, and prints seconds, steps,
loss and error. `curveball pays` compares solvers by the same measurements, and tunes those that have to be.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from curveball import LevenbergMarquardt
from curveball.figures.style import in_style, look, new_figure, save
from curveball.solvers.base import Solver
from curveball.solvers.registry import solver_from
from minigrad import Tree
from problems.physics_informed import get, names
from problems.physics_informed.collocation import Collocation
from problems.physics_informed.jet import coordinates

FIGURE = Path(__file__).parent / "results" / "physics_informed.png"
MARKS = 25


class Point(NamedTuple):
    """What was measured: seconds of the processor and steps so far, the loss, and the error."""

    seconds: float
    steps: int
    loss: float
    error: float


def follow(problem: Collocation, solver: Solver, seconds: float, seed: int = 0) -> list[Point]:
    """Take steps for so long; measure at the start and at times evenly spaced on a logarithmic scale."""
    params, model = problem.init(np.random.default_rng([seed, 0])), problem.at()
    state, spent, steps = solver.init(params), 0.0, 0
    marks = np.geomspace(1e-2 * seconds, seconds, MARKS).tolist()
    points = [measured(problem, params, 0.0, 0)]
    while marks and np.isfinite(points[-1].loss):
        before = time.process_time()
        params, state, _ = solver.step(params, state, model, problem.loss)
        spent, steps = spent + time.process_time() - before, steps + 1
        if spent >= marks[0]:
            points.append(measured(problem, params, spent, steps))
            marks = [mark for mark in marks if mark > spent]
    return points


def measured(problem: Collocation, params: Tree, seconds: float, steps: int) -> Point:
    """The loss and the error of params."""
    return Point(seconds, steps, float(problem.loss(problem.model(params))), problem.error(params))


@in_style
def draw(path: Path) -> None:
    """The inverse problem step by step, and Burgers' equation by a network and exactly."""
    figure, (left, right) = new_figure(2)
    solver = LevenbergMarquardt(geodesic=True)

    rod = get("heat-inverse")
    params, state, errors, found = rod.init(np.random.default_rng(0)), None, [], []
    for _ in range(250):
        errors.append(rod.error(params))
        found.append(abs(rod.found(params) / rod.diffusivity - 1.0))
        params, state, _ = solver.step(params, state or solver.init(params), rod.at(), rod.loss)
    left.semilogy(errors, label="of u or a, the larger", **look(0))
    left.semilogy(found, label="of the coefficient a", **look(1))
    left.set(xlabel="step of Levenberg-Marquardt", ylabel="relative error", title="how well does the rod conduct?")
    left.legend()

    wave = get("burgers-sharp")
    params, state = wave.init(np.random.default_rng([0, 0])), None
    steps = 0
    while wave.error(params) > 1e-6 and steps < 1000:
        for _ in range(20):
            params, state, _ = solver.step(params, state or solver.init(params), wave.at(), wave.loss)
        steps += 20
    x = np.sinh(4.0 * np.linspace(0.0, 1.0, 200)) / np.sinh(4.0)
    for k, t in enumerate((0.0, 0.25, 0.5, 1.0)):
        points = np.stack([x, np.full_like(x, t)], axis=1)
        right.plot(x, wave.values(params, points), label=f"t = {t:g}", **look(k))
        exact = wave.solution(coordinates(points[::10], 0, 0)).value
        right.plot(x[::10], exact, ".", color=look(k)["color"], zorder=5.0)
    right.set(xlabel="x", ylabel="u", title=f"Burgers' equation, error {wave.error(params):.0e} after {steps} steps")
    right.legend(loc="upper center", ncols=2)
    save(figure, path)


def main() -> None:
    """Follow one problem, or draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--problem", choices=names())
    parser.add_argument("--solver", default="levenberg-marquardt:geodesic=true")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.problem is None:
        draw(FIGURE)
        return
    for point in follow(get(options.problem), solver_from(options.solver), options.seconds, options.seed):
        print(f"{point.seconds:8.3f} s {point.steps:6d} steps   loss {point.loss:.2e}   error {point.error:.2e}")


if __name__ == "__main__":
    main()
