"""Table 1: iterations to a loss of 1e-4 on problems with known minima, for every solver.

Protocol, after Henriques et al. (ICCV 2019) and the authors' code: `runs` repeats; the count is the first
iteration whose loss is below 1e-4; mean and standard deviation over the runs that converge, with their share; at most
5000 iterations (linear network: 1000). The first-order solvers take the point of their grid with the smallest mean loss
over the last ten iterations of one run. CurveBall: lambda 0.1 and lr 0.5 on Rosenbrock, lambda 1 and lr 1 on the linear
network, lambda fixed, rho and beta automatic. Two rows are ours: CurveBall at lr = 1, and with automatic lambda.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curveball.experiments.parallel import as_completed
from curveball.experiments.sealed import sealed
from curveball.experiments.sweep import ManyRuns, grid_search, iterations_to
from curveball.solvers.adam import Adam
from curveball.solvers.base import Solver
from curveball.solvers.curve_ball import CurveBall
from curveball.solvers.levenberg_marquardt import LevenbergMarquardt
from curveball.solvers.newton import Newton
from curveball.solvers.quasi_newton import BFGS
from curveball.solvers.sgd import SGD
from curveball.training.files import write_together
from curveball.training.provenance import provenance, settings_of
from problems.closed_form.linear_network import LinearNetwork
from problems.closed_form.rosenbrock import Rosenbrock

THRESHOLD = 1e-4
LEARNING_RATES = (1e-1, 5e-2, 1e-2, 5e-3, 1e-3, 5e-4, 1e-4, 5e-5)
GRIDS: dict[str, tuple[Callable[..., Solver], dict[str, Iterable[float]]]] = {
    "SGD with momentum": (SGD, {"lr": LEARNING_RATES, "momentum": (0.9, 0.95, 0.99)}),
    "Adam": (Adam, {"lr": LEARNING_RATES, "beta1": (0.9, 0.99), "beta2": (0.99, 0.999)}),
}


@dataclass(frozen=True)
class Column:
    """A problem, how long a run may take, and CurveBall's settings there."""

    name: str
    max_iter: int
    lr: float
    lam: float
    noise: tuple[float, float] | None = None
    linear: bool = False

    def problem(self, seed: int) -> ManyRuns:
        """The problem; the seed draws its data, where it has any."""
        return LinearNetwork(seed=seed) if self.linear else Rosenbrock(self.noise)


COLUMNS = (
    Column("Rosenbrock", 5000, lr=0.5, lam=0.1),
    Column("Rosenbrock, U[0, 1]", 5000, lr=0.5, lam=0.1, noise=(0.0, 1.0)),
    Column("Rosenbrock, U[0, 3]", 5000, lr=0.5, lam=0.1, noise=(0.0, 3.0)),
    Column("linear network", 1000, lr=1.0, lam=1.0, linear=True),
)

ROWS: dict[str, Callable[[Column], Solver] | None] = {  # None: found by grid search
    "CurveBall": lambda column: CurveBall(lr=column.lr, lam=column.lam, adapt_lam=False),
    "CurveBall, lr = 1": lambda column: CurveBall(lr=1.0, lam=column.lam, adapt_lam=False),
    "CurveBall, automatic lambda": lambda column: CurveBall(lr=1.0, lam=1.0),
    "SGD with momentum": None,
    "Adam": None,
    "Levenberg-Marquardt": lambda column: LevenbergMarquardt(),
    "BFGS": lambda column: BFGS(),
    "Newton, exact Hessian": lambda column: Newton(),
}


@dataclass(frozen=True)
class Cell:
    """One solver on one problem."""

    row: str
    column: str
    settings: dict[str, Any]
    counts: list[int]  # of each run; 0 where it did not converge
    seconds: float

    @property
    def share(self) -> float:
        """The share of runs that converged."""
        return float(np.mean(np.array(self.counts) > 0))

    @property
    def mean(self) -> float | None:
        """Over the runs that converged; None where none did."""
        return float(np.mean(self._reached)) if self._reached.size else None

    @property
    def std(self) -> float | None:
        """The standard deviation, of the same runs."""
        return float(np.std(self._reached)) if self._reached.size else None

    @property
    def _reached(self) -> np.ndarray:
        counts = np.array(self.counts)
        return counts[counts > 0]

    def __str__(self) -> str:
        if not self.share:
            return "none converged"
        text = f"{self.mean:.1f} ± {self.std:.1f}"
        return text if self.share == 1.0 else f"{text} ({100.0 * self.share:.0f}%)"


def run_cell(row: str, column: Column, runs: int, seed: int) -> Cell:
    """Count the iterations of one solver on one problem, its grid search included."""
    started = time.perf_counter()
    problem = column.problem(seed)
    solver = solver_of(row, column, problem, seed)
    counts = iterations_to(problem, solver, runs, column.max_iter, THRESHOLD, seed)
    return Cell(row, column.name, settings_of(solver), counts.tolist(), time.perf_counter() - started)


def solver_of(row: str, column: Column, problem: ManyRuns, seed: int) -> Solver:
    """The solver of a row; with a grid, the best of its points."""
    make = ROWS[row]
    if make is not None:
        return make(column)
    family, grid = GRIDS[row]
    return family(**grid_search(problem, family, grid, column.max_iter, seed)[0])


def table1(
    runs: int = 100,
    seed: int = 0,
    jobs: int | None = None,
    done: Sequence[Cell] = (),
    report: Callable[[Cell], object] = lambda cell: None,
) -> list[Cell]:
    """Return every cell of the table, row by row; `jobs` as in `parallel.parallel_map`. ValueError for no runs.

    done:    cells from before, of the same runs and seed: they are not computed again
    report:  called with each other cell as soon as it is there

    >>> run_cell("Newton, exact Hessian", COLUMNS[0], runs=2, seed=0).share
    1.0
    """
    if runs < 1:
        raise ValueError(f"runs must be at least 1; got {runs}")
    cells = {(cell.row, cell.column): cell for cell in done}
    order = sorted(ROWS, key=lambda row: row not in ("BFGS", *GRIDS))  # the slow ones first
    todo = [(row, column, runs, seed) for row in order for column in COLUMNS if (row, column.name) not in cells]
    for _, cell in as_completed(run_cell, todo, jobs):
        cells[cell.row, cell.column] = cell
        report(cell)
    return [cells[row, column.name] for row in ROWS for column in COLUMNS]


# ------------------------------------------------------------------------------------- what is printed and written


def markdown(cells: list[Cell]) -> str:
    """The table, problems in columns."""
    names = [column.name for column in COLUMNS]
    lines = ["| iterations to 1e-4 | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in dict.fromkeys(cell.row for cell in cells):
        found = {cell.column: str(cell) for cell in cells if cell.row == row}
        lines.append(f"| {row} | " + " | ".join(found.get(name, "") for name in names) + " |")
    return "\n".join(lines)


FILES = ("table1.md", "table1.json", "table1.csv")


def write(cells: list[Cell], folder: Path, runs: int, seed: int, seconds: float) -> None:
    """Write table1.md, table1.csv and table1.json."""
    about = {"runs": runs, "seed": seed, "threshold": THRESHOLD, "seconds": round(seconds, 1), **provenance()}
    text = (
        markdown(cells)
        + "\n\nMean ± standard deviation over the runs that converged, with their share where it is not all. "
        + f"`curveball table1 --runs {runs} --seed {seed}`: {seconds:.0f} s on {about['cores']} cores "
        + f"({about['processor']}), NumPy {about['versions'].get('numpy')}, Python {about['python']}.\n"
    )
    results = {**about, "cells": [{**asdict(c), "mean": c.mean, "std": c.std, "share": c.share} for c in cells]}
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["solver", "problem", "mean", "std", "share", "runs", "settings"])
    for c in cells:
        writer.writerow([c.row, c.column, c.mean, c.std, c.share, len(c.counts), json.dumps(c.settings)])
    write_together(
        folder,
        {
            "table1.md": lambda path: path.write_text(text, encoding="utf-8"),
            "table1.json": lambda path: path.write_text(json.dumps(sealed(results), indent=1) + "\n", encoding="utf-8"),
            "table1.csv": lambda path: path.write_text(rows.getvalue(), encoding="utf-8"),
        },
    )
