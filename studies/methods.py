"""All methods on four closed-form problems: iterations, sweeps through the derivative, seconds.

    OMP_NUM_THREADS=1 python studies/methods.py            # runs all and writes results/methods.json, .md and .png
    python studies/methods.py --show                       # only writes the table and the figure of what there is

Protocol, written before the runs.

- A run ends when the loss is within 1e-8 of the way from its start to the minimum, `f - f* <= 1e-8 (f_0 - f*)`, or
  after 20,000 steps, or after 100 if the loss is above its start. Ten starts; the table has medians, and how many
  runs arrived where it is not all.
- Learning rates, momenta and CurveBall's fixed lambda, where a row says "tuned": all points of the grid begin at three
  other starts, and step together; the first point that has arrived from all three is taken. If none arrives, it is the
  one with the lowest mean loss at the end. Everything else has the defaults of the package.
- Counted, by an operation in front of the model that is the identity and sees what passes: evaluations of the model,
  pushes `J v` and pulls `J^T u`. A gradient is an evaluation and a pull, a product with curvature a push and a pull;
  so is one with the exact Hessian, which sweeps through the evaluation and through its pull. Work is in evaluations,
  of which a push or a pull costs two, as in tests/derivations/test_12_cost.py.
- Seconds of the processor, in the steps alone, one thread. These problems are so small that they are Python's.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from curveball import BFGS, SGD, CurveBall, GaussNewton, LevenbergMarquardt, Newton, NewtonCG
from curveball.experiments.sweep import one_step
from curveball.figures.style import COLOURS, in_style, new_figure, save
from curveball.solvers.base import Solver
from curveball.training.files import write_whole
from curveball.training.provenance import provenance, settings_of
from minigrad import Array, Tree, one_blas_thread
from problems.closed_form.linear_network import LinearNetwork
from problems.closed_form.quadratic import Quadratic
from problems.closed_form.regression import LogisticRegression
from problems.closed_form.rosenbrock import Rosenbrock
from problems.protocol import ClosedForm

RESULTS = Path(__file__).parent / "results"
PROBLEMS: dict[str, ClosedForm] = {
    "quadratic": Quadratic(tuple(np.geomspace(1.0, 1000.0, 20).tolist())),
    "Rosenbrock": Rosenbrock(),
    "linear network": LinearNetwork(),
    "logistic regression": LogisticRegression(features=20, ridge=1e-3),
}
RATES = tuple(float(f"{x:.3g}") for x in 10.0 ** np.arange(-4.0, 2.01, 0.125))
MOMENTA = (0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99)
LAMBDAS = tuple(10.0**k for k in range(-8, 3))
Grid = dict[str, tuple[float, ...]]
METHODS: dict[str, tuple[Callable[..., Solver], Grid]] = {
    "gradient descent, tuned": (partial(SGD, momentum=0.0), {"lr": RATES}),
    "heavy ball, tuned": (SGD, {"lr": RATES, "momentum": MOMENTA}),
    "Nesterov, tuned": (partial(SGD, nesterov=True), {"lr": RATES, "momentum": MOMENTA}),
    "conjugate gradients": (partial(NewtonCG, curvature="ggn", eta_max=1e-6), {}),
    "Newton, inexact": (NewtonCG, {}),
    "Newton": (Newton, {}),
    "BFGS": (BFGS, {}),
    "Gauss-Newton": (partial(GaussNewton, lam=1e-6), {}),
    "Levenberg-Marquardt": (LevenbergMarquardt, {}),
    "CurveBall": (CurveBall, {}),
    "CurveBall, tuned lambda": (partial(CurveBall, adapt_lam=False), {"lam": LAMBDAS}),
}
LOOKS = {  # by family: first order, exact or estimated Hessian, Gauss-Newton, CurveBall
    "gradient descent, tuned": (COLOURS[1], ":"),
    "heavy ball, tuned": (COLOURS[1], "--"),
    "Nesterov, tuned": (COLOURS[1], "-"),
    "conjugate gradients": (COLOURS[0], ":"),
    "Newton, inexact": (COLOURS[0], "--"),
    "Newton": (COLOURS[0], "-"),
    "BFGS": (COLOURS[3], "-"),
    "Gauss-Newton": (COLOURS[2], "--"),
    "Levenberg-Marquardt": (COLOURS[2], "-"),
    "CurveBall": (COLOURS[6], "-"),
    "CurveBall, tuned lambda": (COLOURS[6], "--"),
}
TOLERANCE, MAX_ITER, STARTS, TUNING = 1e-8, 20_000, 10, 3
LOST = 100  # steps after which a run that is above its start has failed


@dataclass
class Sweeps:
    """How often a model was evaluated, and its derivative pushed and pulled through."""

    evaluations: int = 0
    pushes: int = 0
    pulls: int = 0

    @property
    def work(self) -> int:
        """In evaluations."""
        return self.evaluations + 2 * (self.pushes + self.pulls)

    def counted(self, model: Callable[[Tree], Tree]) -> Callable[[Tree], Tree]:
        """The same model; what passes its first array of params is counted."""

        def pushed(t: Array) -> Array:
            self.pushes += 1
            return t

        def through_the_pull(t: Array) -> Array:
            self.pulls += 1
            return t

        @mg.primitive(lambda y, c: mg.Linear(through_the_pull, through_the_pull))
        def pulled(c: Array) -> Array:
            self.pulls += 1
            return 1.0 * c

        @mg.primitive(lambda y, x: mg.Linear(pushed, pulled))
        def evaluated(x: Array) -> Array:
            self.evaluations += 1
            return 1.0 * x

        def counting(params: Tree) -> Tree:
            leaves, structure = mg.tree_flatten(params)
            return model(mg.tree_unflatten(structure, [evaluated(leaves[0]), *leaves[1:]]))

        return counting


def follow(problem: ClosedForm, solver: Solver, seed: int, max_iter: int = MAX_ITER) -> dict[str, Any]:
    """A run: whether it arrived, what it took, and its curve: iteration, work so far and gap at some iterations."""
    rng, sweeps, seconds = np.random.default_rng([seed, 0]), Sweeps(), 0.0
    w, batch = problem.init(rng), problem.batch(rng)  # the same batch for all steps: there is no noise
    model, loss = partial(problem.model, batch=batch), partial(problem.loss, batch=batch)
    counted, state = sweeps.counted(model), solver.init(w)
    first = float(loss(model(w))) - problem.minimum
    curve, gap, k = [(0, 0, 1.0)], 1.0, 0
    while gap > TOLERANCE and k < max_iter:
        started = time.process_time()
        w, state, _ = solver.step(w, state, counted, loss)
        seconds += time.process_time() - started
        k, gap = k + 1, (float(loss(model(w))) - problem.minimum) / first
        if not np.isfinite(gap) or (k >= LOST and gap > 1.0):
            break
        if gap <= TOLERANCE or k >= 1.05 * curve[-1][0]:
            curve.append((k, sweeps.work, float(f"{gap:.3g}")))
    return {
        "seed": seed, "arrived": gap <= TOLERANCE, "iterations": k, "evaluations": sweeps.evaluations,
        "pushes": sweeps.pushes, "pulls": sweeps.pulls, "work": sweeps.work, "seconds": seconds, "curve": curve,
    }  # fmt: skip


def tuned(problem: ClosedForm, make: Callable[..., Solver], grid: Grid, max_iter: int = MAX_ITER) -> dict[str, float]:
    """The point of a grid that is the first to arrive from all the starts for tuning, or the lowest at the end."""
    points = list(itertools.product(*grid.values()))
    columns = {name: np.repeat(column, TUNING) for name, column in zip(grid, zip(*points, strict=True), strict=True)}
    starts = problem.init(np.random.default_rng([STARTS, 0]), (TUNING,))
    params = mg.tree_map(lambda x: np.concatenate([x] * len(points)), starts)
    solver, rng = make(**columns), np.random.default_rng(0)
    state, first = solver.init(params), None
    arrived = np.zeros(len(points) * TUNING, bool)
    with np.errstate(all="ignore"):
        for _ in range(max_iter):
            params, state, loss = one_step(problem, solver, params, state, problem.batch(rng))
            first = loss - problem.minimum if first is None else first
            gaps = (loss - problem.minimum) / first
            arrived |= gaps <= TOLERANCE
            whole = arrived.reshape(-1, TUNING).all(axis=1)
            if whole.any():
                break
        means = np.where(np.isfinite(gaps), gaps, np.inf).reshape(-1, TUNING).mean(axis=1)
    best = int(np.argmin(np.where(whole, means, np.inf) if whole.any() else means))
    return dict(zip(grid, map(float, points[best]), strict=True))


def run_all(starts: int = STARTS, max_iter: int = MAX_ITER) -> dict[str, Any]:
    """All methods on all problems, one after the other."""
    rows = []
    with one_blas_thread():
        for name, problem in PROBLEMS.items():
            for method, (make, grid) in METHODS.items():
                chosen = tuned(problem, make, grid, max_iter) if grid else {}
                solver = make(**chosen)
                with np.errstate(all="ignore"):
                    runs = [follow(problem, solver, seed, max_iter) for seed in range(starts)]
                rows.append({
                    "problem": name, "method": method, "tuned": chosen,
                    "solver": type(solver).__name__, "settings": settings_of(solver), "runs": runs,
                })  # fmt: skip
                for run in runs[1:]:
                    del run["curve"]  # only the first is drawn
                print(name, method, chosen, *(run["iterations"] for run in runs), flush=True)
    return {"tolerance": TOLERANCE, "max_iter": max_iter, **provenance(), "rows": rows}


def median(row: dict[str, Any], key: str) -> float | None:
    """Over the runs that arrived; None where none did."""
    values = [run[key] for run in row["runs"] if run["arrived"]]
    return statistics.median(values) if values else None


def table(found: dict[str, Any]) -> str:
    """A table for each problem."""
    parts = []
    for problem in dict.fromkeys(row["problem"] for row in found["rows"]):
        lines = [
            f"| {problem} | iterations | evaluations | pushes | pulls | work | milliseconds | tuned |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in found["rows"]:
            if row["problem"] == problem:
                arrived = sum(run["arrived"] for run in row["runs"])
                counts = [median(row, key) for key in ("iterations", "evaluations", "pushes", "pulls", "work")]
                cells = ["" if count is None else f"{count:,.0f}" for count in counts]
                cells[0] = cells[0] or "none arrived"
                if 0 < arrived < len(row["runs"]):
                    cells[0] += f" ({arrived} of {len(row['runs'])})"
                seconds = median(row, "seconds")
                cells.append("" if seconds is None else f"{1e3 * seconds:.{0 if seconds > 0.0995 else 1}f}")
                cells.append(", ".join(f"{key} {value:g}" for key, value in row["tuned"].items()))
                lines.append(f"| {row['method']} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def summary(found: dict[str, Any]) -> str:
    """A row for each method: iterations, and work in brackets, on each problem."""
    lines = []
    for method in METHODS:
        cells = []
        for row in (row for row in found["rows"] if row["method"] == method):
            iterations, work = median(row, "iterations"), median(row, "work")
            arrived = sum(run["arrived"] for run in row["runs"])
            share = "" if arrived == len(row["runs"]) else f", {arrived} of {len(row['runs'])}"
            cells.append("none arrived" if iterations is None else f"{iterations:,.0f} ({work:,.0f}){share}")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


@in_style
def draw(found: dict[str, Any], path: Path) -> None:
    """The gap against iterations above, against work below; a column for each problem; the first start."""
    figure, axes = new_figure(len(PROBLEMS), 2, width=3.25)
    axes = axes.reshape(2, -1)
    for column, problem in enumerate(PROBLEMS):
        for row in found["rows"]:
            if row["problem"] != problem:
                continue
            colour, style = LOOKS[row["method"]]
            iterations, work, gaps = np.array(row["runs"][0]["curve"]).T
            shown = gaps <= 30.0  # what diverges leaves the picture
            for ax, x in zip(axes[:, column], (iterations, work), strict=True):
                x, y = np.maximum(x, 0.7)[shown], np.maximum(gaps, TOLERANCE)[shown]
                ax.step(x, y, where="post", color=colour, linestyle=style, label=row["method"])
                if row["runs"][0]["arrived"]:
                    ax.plot(x[-1], TOLERANCE, "o", color=colour, markersize=5.0, clip_on=False)
        axes[0, column].set(title=problem, xlabel="iterations")
        axes[1, column].set(xlabel="work, in evaluations of the model")
        for ax in axes[:, column]:
            ax.set(xscale="log", yscale="log", ylim=(TOLERANCE, 10.0))
            ax.tick_params(labelleft=column == 0)
    for ax in axes[:, 0]:
        ax.set(ylabel="share of the first gap that is left")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6)
    save(figure, path)


def write(found: dict[str, Any]) -> None:
    """All runs, the table and the figure."""
    machine = f"{found['processor']}, one thread, NumPy {found['versions']['numpy']}, Python {found['python']}"
    text = (
        "# All methods, one page of problems\n\nMedians of the runs that arrived, by the protocol in "
        f"[methods.py](../methods.py); [the page](../../docs/methods.md) explains it. {machine}.\n\n{table(found)}\n"
    )
    rows = ",\n".join("  " + json.dumps(row) for row in found["rows"])
    head = json.dumps({key: value for key, value in found.items() if key != "rows"}, indent=1).removesuffix("\n}")
    write_whole(RESULTS / "methods.json", lambda path: path.write_text(f'{head},\n "rows": [\n{rows}\n ]\n}}\n'))
    write_whole(RESULTS / "methods.md", lambda path: path.write_text(text, "utf-8"))
    draw(found, RESULTS / "methods.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--show", action="store_true", help="only write the table and the figure of what there is")
    options = parser.parse_args()
    found = json.loads((RESULTS / "methods.json").read_text("utf-8")) if options.show else run_all()
    write(found)
    print(table(found))


if __name__ == "__main__":
    main()
