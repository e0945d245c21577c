r"""Where does curvature pay? Each problem with each solver for equal seconds.

Protocol. A run is S seconds of a problem's (`Entry.seconds`, or --seconds) by one solver from one seed.

- Seconds are those that the processor spends on this process, with one BLAS thread, and not those on the wall: on a
  machine with other work they are nearly the same as on a quiet one, and the wall's are not. Each run also says how
  many seconds passed on the wall. What counts is drawing the batches and the steps; measuring does not count. One step
  is taken before the clock starts, and dropped, so that nothing is measured that happens once in a process.
- A step that ends after S seconds does not count. The loss and the error are measured on fixed data at the start, at
  `MARKS` times that are evenly spaced on a logarithmic scale from S/1000, and after the last step that counts: the
  result of a run is that last measurement, whatever came before.
- CurveBall and the other second-order solvers are run as they are. None of their numbers is tuned to a problem;
  on autoencoders conjugate gradients end after 20 products and see larger batches, which was set once, by hand.
- SGD with momentum and Adam are tuned on each problem: every setting of `GRID` runs for S/4 from the first seed, the
  `FINALISTS` of them with the lowest loss run for S from every seed, and the one with the lowest median counts. So they
  are tuned in hindsight, on the runs that count, which favours them. A run that diverges has the loss inf; of equal
  ones the lower rate is taken. The table says what the tuning took beyond the runs of the one that counts, and where
  that is at an end of the grid.
- A run has diverged when a loss is not finite, or above 1e6 times the first. It stands still when between two marks
  at least 50 steps have changed no parameter: it then ends early, with its last measurement for the rest.

What wins. The result of a solver on a problem is the median over the seeds of its loss above the minimum, of which
anything below `FLOOR` is rounding and counts as `FLOOR`. The lowest wins, together with those within 5% of it.

What counts as success, written before the runs:

- second order pays on a problem if the best second-order solver ends below the better of tuned SGD and tuned Adam;
  "by orders of magnitude" from a hundredth on. Expected: by orders of magnitude on the ill-conditioned problems of
  condition 1e4 and more and on the physics-informed ones, and by some factor on autoencoders;
- a physics-informed network is solved with a relative L2 error below 1e-6;
- CurveBall pays on a problem if it ends, untuned, below both tuned SGD and tuned Adam.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from curveball.experiments.pays_problems import (
    BY_CG,
    ENTRIES,
    FIRST_ORDER,
    GRID,
    NAMES,
    Measured,
    batches,
    description,
    has_aux,
    measure,
    model_on,
    solver_of,
)
from curveball.solvers.base import Solver
from curveball.training.files import one_line
from curveball.training.provenance import provenance, settings_of
from minigrad import Tree, tree_flatten

MARKS = 25
FIRST_MARK = 1e-3  # of the seconds of a run
STEPS_STILL = 50
DIVERGED = 1e6
TUNING_SHARE = 0.25
FINALISTS = 3
FLOOR = 1e-17

Clock = Callable[[], float]


@dataclass(frozen=True)
class Task:
    """One run."""

    problem: str
    row: str
    solver: str
    seconds: float
    seed: int

    def __str__(self) -> str:
        return f"{self.problem}, {self.solver}, {self.seconds:g} s, seed {self.seed}"


@dataclass(frozen=True)
class Point:
    """A measurement: seconds and steps so far, the loss above the minimum, and the error."""

    seconds: float
    steps: int
    loss: float
    error: float

    @property
    def is_finite(self) -> bool:
        """Whether both numbers are."""
        return math.isfinite(self.loss) and math.isfinite(self.error)


@dataclass(frozen=True)
class Cell:
    """What a run gave, and where it came from."""

    task: Task
    points: list[Point]  # the first at 0 seconds, the last after the last step
    stopped: str | None  # why it diverged
    seconds: float  # of steps
    wall: float  # of the whole run, measuring included
    described: dict[str, Any]  # the problem
    settings: dict[str, Any]  # of the solver, those of its defaults too
    provenance: dict[str, Any]

    @property
    def loss(self) -> float:
        """The last loss above the minimum, at least FLOOR; inf where the run diverged."""
        return math.inf if self.stopped else max(FLOOR, self.points[-1].loss)

    @property
    def error(self) -> float:
        """The last error; inf where the run diverged."""
        return math.inf if self.stopped else self.points[-1].error

    @property
    def steps(self) -> int:
        """Those that count."""
        return self.points[-1].steps

    def __str__(self) -> str:
        end = "diverged" if self.stopped else f"loss {self.loss:.3g}, error {self.error:.3g}"
        return f"{self.task}: {end}, {self.steps} steps"


def run_cell(task: Task, folder: Path | None = None) -> Cell:
    """Run a solver on a problem.

    >>> cell = run_cell(Task("regression-1e2", "levenberg-marquardt", "levenberg-marquardt", 0.5, seed=0))
    >>> cell.error < 1e-6, cell.points[0].steps
    (True, 0)
    """
    began = time.perf_counter()
    problem, solver = _made(task.problem, folder, task.row in BY_CG), solver_of(task.solver)
    with threadpool_limits(1), np.errstate(all="ignore"):  # runs may diverge
        points, stopped = follow(problem, solver, task.seconds, task.seed)
    described = description(problem, problem.init(np.random.default_rng(0)))
    wall = time.perf_counter() - began
    return Cell(task, points, stopped, points[-1].seconds, wall, described, settings_of(solver), provenance())


@lru_cache(2)
def _made(name: str, folder: Path | None, large: bool) -> Measured:
    return ENTRIES[name].make(folder, large)


def follow(
    problem: Measured, solver: Solver, seconds: float, seed: int, clock: Clock = time.process_time
) -> tuple[list[Point], str | None]:
    """Take steps for so many seconds; return the measurements, and why the run diverged, if it did."""
    params = problem.init(np.random.default_rng([seed, 0]))
    stream, state = batches(problem, np.random.default_rng([seed, 1])), solver.init(params)
    batch = next(stream)
    points = [Point(0.0, 0, *measure(problem, params, batch))]
    try:
        _step(problem, solver, params, state, batch)  # dropped
    except (ValueError, ArithmeticError) as error:
        return points, one_line(error)
    marks = iter(np.geomspace(FIRST_MARK * seconds, seconds, MARKS).tolist())
    mark, spent, steps = next(marks), 0.0, 0
    last, limit = (params, 0), math.inf  # the params and the steps at the last mark
    while True:
        before = clock()
        try:
            new_params, state, loss = _step(problem, solver, params, state, batch)
            batch = next(stream)
        except (ValueError, ArithmeticError) as error:  # a singular matrix
            return points, one_line(error)
        spent += clock() - before
        if not loss <= limit or math.isinf(loss):
            return points, f"the loss is {loss:.3g} at step {steps + 1}"
        if not steps:
            limit = DIVERGED * max(1.0, abs(loss))
        if spent > seconds:
            break
        params, steps = new_params, steps + 1
        if spent >= mark:
            points.append(Point(spent, steps, *measure(problem, params, batch)))
            if not points[-1].is_finite:
                break
            if steps - last[1] >= STEPS_STILL and _same(params, last[0]):
                break
            last = params, steps
            while spent >= mark:
                mark = next(marks, math.inf)
    if steps > points[-1].steps:
        points.append(Point(min(spent, seconds), steps, *measure(problem, params, batch)))
    if not points[-1].is_finite:
        return points[:-1], f"the loss is {points[-1].loss:.3g} after {steps} steps"
    return points, None


def _step(problem: Measured, solver: Solver, params: Tree, state: Tree, batch: Tree) -> tuple[Tree, Tree, float]:
    """The next params and state, and the loss of the batch before the step."""
    params, state, info = solver.step(
        params, state, model_on(problem, batch), lambda y: problem.loss(y, batch), has_aux=has_aux(problem)
    )
    return params, state, float(info["loss"])


def _same(a: Tree, b: Tree) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(tree_flatten(a)[0], tree_flatten(b)[0], strict=True))


# ------------------------------------------------------------------------------------- all runs


@dataclass(frozen=True)
class Plan:
    """Which problems, solvers and seeds, and how long; None: each problem's own seconds. ValueError for bad values."""

    problems: tuple[str, ...] = tuple(ENTRIES)
    rows: tuple[str, ...] = tuple(NAMES)
    seconds: float | None = None
    seeds: int = 1
    seed: int = 0
    folder: Path | None = None  # of the data

    def __post_init__(self) -> None:
        for kind, given, known in (("problem", self.problems, ENTRIES), ("solver", self.rows, NAMES)):
            if unknown := [name for name in given if name not in known]:
                raise ValueError(f"unknown {kind} {unknown[0]!r}: there are {', '.join(known)}")
            if not given or len(set(given)) < len(given):
                raise ValueError(f"each {kind} is given once, and one at least; got {','.join(given)!r}")
        if self.seconds is not None and not 0.0 < self.seconds < 1e6:
            raise ValueError(f"--seconds must be positive and below a million; got {self.seconds:g}")
        if self.seeds < 1:
            raise ValueError(f"--seeds must be at least 1; got {self.seeds}")
        if self.seed < 0:
            raise ValueError(f"--seed must be zero or positive; got {self.seed}")
        if not any(self.rows_of(name) for name in self.problems):
            raise ValueError(f"none of the solvers {','.join(self.rows)} is for any of {','.join(self.problems)}")

    def check_data(self) -> None:
        """Make each problem once. ValueError where one has no data."""
        for name in self.problems:
            _made(name, self.folder, False)

    def rows_of(self, problem: str) -> tuple[str, ...]:
        """The solvers that are run on a problem."""
        return tuple(row for row in ENTRIES[problem].rows if row in self.rows)

    def length(self, problem: str) -> float:
        """The seconds of its runs."""
        return ENTRIES[problem].seconds if self.seconds is None else self.seconds

    def tuning(self, problem: str) -> list[Task]:
        """A short run for each setting."""
        seconds = TUNING_SHARE * self.length(problem)
        return [
            Task(problem, row, text, seconds, self.seed)
            for row in self.rows_of(problem) if row in FIRST_ORDER
            for text in GRID[row]
        ]  # fmt: skip

    def tasks(self, problem: str, short: Iterable[Cell]) -> list[Task]:
        """The whole runs, seed after seed: of the finalists, and of the solvers that are not tuned."""
        cells = sorted(short, key=quality)
        texts = {
            row: [cell.task.solver for cell in cells if cell.task.row == row][:FINALISTS]
            if row in FIRST_ORDER else [ENTRIES[problem].text(row)]
            for row in self.rows_of(problem)
        }  # fmt: skip
        return [
            Task(problem, row, text, self.length(problem), seed)
            for seed in range(self.seed, self.seed + self.seeds)
            for row in self.rows_of(problem)
            for text in texts[row]
        ]

    def has(self, task: Task) -> bool:
        """Whether a run is one of these, or may be."""
        if task.problem not in self.problems or task.row not in self.rows_of(task.problem):
            return False
        whole = task.seconds == self.length(task.problem) and task.seed in range(self.seed, self.seed + self.seeds)
        return whole or task in self.tuning(task.problem)

    def counts(self, problem: str) -> tuple[int, float]:
        """How many runs a problem has, and the most seconds that they take."""
        tuning, length = self.tuning(problem), self.length(problem)
        each = sum(min(FINALISTS, len(GRID[row])) if row in FIRST_ORDER else 1 for row in self.rows_of(problem))
        return len(tuning) + self.seeds * each, sum(task.seconds for task in tuning) + self.seeds * each * length


def quality(cell: Cell) -> tuple[float, float]:
    """Lower is better: the loss, then the learning rate."""
    return cell.loss, float(cell.task.solver.partition("lr=")[2].partition(",")[0] or 0.0)


def chosen(cells: Sequence[Cell]) -> list[Cell]:
    """Of the whole runs of one problem, those of the settings that count: for each row the lowest median loss."""
    found: list[Cell] = []
    for row in dict.fromkeys(cell.task.row for cell in cells):
        by_text: dict[str, list[Cell]] = {}
        for cell in cells:
            if cell.task.row == row:
                by_text.setdefault(cell.task.solver, []).append(cell)
        ranked = sorted((median(cell.loss for cell in own), quality(own[0])[1], text) for text, own in by_text.items())
        found += by_text[ranked[0][-1]]
    return found


def run_plan(
    plan: Plan, done: Mapping[Task, Cell] | None = None, report: Callable[[Cell], object] = lambda cell: None
) -> tuple[list[Cell], list[Cell]]:
    """Tune and run, problem after problem, one run at a time: the cells of the tuning, and those that count.

    done:    cells from before: they are not run again
    report:  called with each other cell as soon as it is there
    """
    cells = dict(done or {})

    def compute(tasks: list[Task]) -> list[Cell]:
        for task in tasks:
            if task not in cells:
                cells[task] = run_cell(task, plan.folder)
                report(cells[task])
        return [cells[task] for task in tasks]

    tuned: list[Cell] = []
    found: list[Cell] = []
    for problem in plan.problems:
        short = compute(plan.tuning(problem))
        whole = compute(plan.tasks(problem, short))
        counting = chosen(whole)
        tuned += [*short, *(cell for cell in whole if cell not in counting)]
        found += counting
    return tuned, found
