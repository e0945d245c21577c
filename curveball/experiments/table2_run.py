"""All runs of Table 2, one after the other: measure, tune, train; what is done is kept, and what is left is known."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from curveball.experiments import table2_cells
from curveball.experiments.table2_cells import CELLS, Cell, Task
from curveball.experiments.table2_columns import (
    COLUMNS,
    GRID,
    PAPER,
    ROWS,
    TUNING_SEED,
    Length,
    Setting,
    schedule_text,
    solver_text,
)
from curveball.experiments.table2_time import (
    MOST,
    SPARE,
    Rate,
    fair_share,
    longest,
    measure,
    shortest,
    whole_length,
)
from curveball.solvers.base import Solver
from curveball.solvers.registry import solver_from
from curveball.training.checkpoint import exists
from curveball.training.data_hash import data_hashes
from curveball.training.devices import device_info, images_of
from curveball.training.durations import spoken
from curveball.training.files import one_line, write_whole
from curveball.training.options import TrainOptions
from curveball.training.provenance import provenance
from curveball.training.run import Record, RunIsDone
from curveball.training.step import shared_programs
from curveball.training.train import CHECKPOINT, train

SHORT = 120.0  # seconds: the tuning's runs that take less have no checkpoint
PLAN = "plan.json"  # how long each column is, and what was measured


@dataclass(frozen=True)
class Plan:
    """What is to be run. ValueError for bad values.

    epochs:   of each run; None: as many as in the paper
    minutes:  all ends in them; None: however long it takes
    dropout:  also what stands in brackets
    """

    setting: Setting
    columns: tuple[str, ...] = PAPER
    rows: tuple[str, ...] = tuple(ROWS)
    epochs: int | None = None
    minutes: float | None = None
    seeds: int = 1
    seed: int = 0
    dropout: bool = True

    def __post_init__(self) -> None:
        for kind, given, known in (("column", self.columns, COLUMNS), ("solver", self.rows, ROWS)):
            if unknown := [name for name in given if name not in known]:
                raise ValueError(f"unknown {kind} {unknown[0]!r}: there are {', '.join(known)}")
            if not given or len(set(given)) < len(given):
                raise ValueError(f"each {kind} is given once, and one at least; got {','.join(given)!r}")
        if self.epochs is not None and self.minutes is not None:
            raise ValueError("--minutes picks the epochs: give --epochs or --minutes, not both")
        if self.minutes is not None and not 0.0 < self.minutes < 1e6:
            raise ValueError(f"--minutes must be positive; got {self.minutes:g}")
        if self.seeds < 1:
            raise ValueError(f"--seeds must be at least 1; got {self.seeds}")
        TrainOptions(1 if self.epochs is None else self.epochs, self.seed)

    def tuning(self, column: str, length: Length) -> list[Task]:
        """One run for each learning rate."""
        return [
            Task(column, row, solver_text(column, row, lr), self.seed + TUNING_SEED, length, tuning=True)
            for row in self.rows
            for lr in GRID.get(row, ())
        ]

    def tasks(self, column: str, length: Length, solvers: dict[str, str]) -> list[Task]:
        """The runs, given the solvers' texts by row: seed after seed, those with dropout last."""
        return [
            Task(column, row, solvers[row], seed, length, schedule_text(column, row, length.epochs), dropout)
            for dropout in (False, True)[: 1 + (self.dropout and COLUMNS[column].dropout is not None)]
            for seed in range(self.seed, self.seed + self.seeds)
            for row in self.rows
        ]

    def all_tasks(self, column: str, length: Length) -> list[Task]:
        """The same and the tuning, with any learning rate: to count them."""
        any_rate = {row: solver_text(column, row, GRID[row][0] if row in GRID else None) for row in self.rows}
        return [*self.tuning(column, length), *self.tasks(column, length, any_rate)]


def chosen(tuned: list[Cell]) -> str:
    """The solver with the best learning rate: the rule is in table2_columns.py."""

    def quality(cell: Cell) -> tuple[float, float, float]:
        rate = float(cell.task.solver.partition("lr=")[2].partition(",")[0])
        if cell.stopped or not cell.epochs:
            return float("inf"), float("inf"), rate
        return cell.best("train_error"), cell.best("train_loss"), rate

    return min(tuned, key=quality).task.solver


@dataclass
class Experiment:
    """The runs in a folder, which is ours."""

    plan: Plan
    folder: Path
    say: Callable[[str], object] = print
    cells: dict[str, Cell] = field(default_factory=dict)
    lengths: dict[str, Length] = field(default_factory=dict)
    rates: dict[tuple[str, str], Rate] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # why a column has no data
    _ratio: dict[tuple[str, str], float] = field(default_factory=dict)  # seconds taken for one that was expected
    _solvers: dict[str, Solver] = field(default_factory=dict)  # one for all seeds: it is compiled once
    _started: float = 0.0

    def __post_init__(self) -> None:
        self._started = time.monotonic()

    def go_on(self) -> None:
        """Read what is done, and how long the columns are. ValueError where there is nothing, or it is damaged."""
        self.cells = table2_cells.load(self.folder)
        if not self.cells and not (self.folder / PLAN).exists():
            raise ValueError(f"there is no run of Table 2 in {self.folder}: give its folder, or start without --resume")
        facts, self.lengths, rates = read_plan(self.folder)
        if facts == self._machine():
            self.rates = rates
        if self.plan.epochs is not None:
            self.lengths = {name: replace(each, epochs=self.plan.epochs) for name, each in self.lengths.items()}

    def prepare(self) -> None:
        """Load the data and measure a few steps of each. ValueError where no column has its data."""
        for column in self.plan.columns:
            try:
                data = self.plan.setting.dataset(column)
            except ValueError as error:
                self.missing[column] = one_line(error)
                self.say(f"{column} is left out: {self.missing[column]}")
                continue
            self.say(f"{column}: {len(data.train_labels):,} images of {data.name}, from {data.source}")
        there = [column for column in self.plan.columns if column not in self.missing]
        if not there:
            raise ValueError(f"no column has its data: {'; '.join(dict.fromkeys(self.missing.values()))}")
        pairs = len(there) * len(self.plan.rows)
        most = MOST if self.plan.minutes is None else min(MOST, 60.0 * self.plan.minutes / (4 * pairs))
        for column in there:
            for row in self.plan.rows:
                if (column, row) not in self.rates:
                    self.rates[column, row] = measure(self.plan.setting, column, row, self.folder, most)
            if column not in self.lengths and self.plan.minutes is None:
                self.lengths[column] = self._whole(column, self.plan.epochs)
        self._write_plan()

    def run(self) -> None:
        """Tune and train, column after column."""
        left = [column for column in self.plan.columns if column not in self.missing]
        while left:
            column = left[0]
            if column not in self.lengths:
                self.lengths[column] = self._within_minutes(column, left)
                self._write_plan()
            length = self.lengths[column]
            self.say(
                f"{column}: {length.epochs} epoch{'s' * (length.epochs > 1)} of {length.images:,} images in batches of "
                f"{length.batch_size}; about {spoken(self.left())} left in all"
            )
            with shared_programs():
                self._column(column, length)
            del left[0]

    def left(self) -> float:
        """How many seconds the runs that are not done will take, by what has been measured."""
        columns = [column for column in self.plan.columns if column not in self.missing]
        known = [column for column in columns if column in self.lengths]
        total = sum(self._rest(task) for column in known for task in self.plan.all_tasks(column, self.lengths[column]))
        return total if len(known) == len(columns) else max(total, self._time())

    def _rest(self, task: Task) -> float:
        key = task.column, task.row
        if key not in self.rates:
            return 0.0
        cell = self._done(task)
        share = 0.0 if cell is None else 1.0 if cell.stopped else min(1.0, len(cell.epochs) / task.epochs)
        return (1.0 - share) * self.rates[key].seconds(task) * self._ratio.get(key, 1.0)

    def _done(self, task: Task) -> Cell | None:
        """What there is of a run, with any learning rate."""
        exact = self.cells.get(task.name)
        if exact is not None or task.tuning:
            return exact
        same = task.column, task.row, task.seed, task.dropout, False
        return next(
            (
                cell
                for cell in self.cells.values()
                if (cell.task.column, cell.task.row, cell.task.seed, cell.task.dropout, cell.task.tuning) == same
            ),
            None,
        )

    def _whole(self, column: str, epochs: int | None = None) -> Length:
        data = self.plan.setting.dataset(column)
        return whole_length(column, len(data.train_labels), len(data.validation_labels), epochs)

    def _within_minutes(self, column: str, columns: list[str]) -> Length:
        """As long as the column's share of the time allows, which it has together with the `columns` to come."""
        seconds = SPARE * self._time()
        least = {name: self._cost(name, shortest(self._whole(name))) for name in columns if name not in self.lengths}
        share = fair_share(seconds, least, column)
        length = longest(self._whole(column), partial(self._cost, column), share)
        if sum(least.values()) > seconds:
            self.say(f"{column}: there is less time than the shortest runs take, about {spoken(least[column])}")
        return length

    def _cost(self, column: str, length: Length) -> float:
        """Seconds of all runs of a column."""
        return sum(self.rates[column, task.row].seconds(task) for task in self.plan.all_tasks(column, length))

    def _time(self) -> float:
        """Seconds up to the end of the minutes."""
        return max(0.0, 60.0 * (self.plan.minutes or 0.0) - (time.monotonic() - self._started))

    def _column(self, column: str, length: Length) -> None:
        tuned = self._runs(self.plan.tuning(column, length))
        solvers = {
            row: chosen([cell for cell in tuned if cell.task.row == row]) if row in GRID else solver_text(column, row)
            for row in self.plan.rows
        }
        self._runs(self.plan.tasks(column, length, solvers))

    def _runs(self, tasks: list[Task]) -> list[Cell]:
        """Runs of one column; those that share a network share its problem, and with it what is compiled."""
        problems: dict[bool, Any] = {}
        for task in tasks:
            cell = self.cells.get(task.name)
            if cell is not None:
                _check_same(cell, task, self.folder)
                if cell.stopped is not None or len(cell.epochs) >= task.epochs:
                    continue
            if task.dropout not in problems:
                problems[task.dropout] = self.plan.setting.problem(
                    task.column, task.length, dropout=task.dropout, tuning=task.tuning
                )
            self._run(task, problems[task.dropout])
        return [self.cells[task.name] for task in tasks]

    def _run(self, task: Task, problem: Any) -> None:
        """Train, or go on. What it is is written first, so that the folder can be read at any moment."""
        place = self.folder / CELLS / task.name
        resume = exists(place / CHECKPOINT)
        earlier = table2_cells.epochs_in(place / "log.jsonl") if resume and (place / "log.jsonl").exists() else []
        about = {**problem.description, **data_hashes(problem.data)}
        cell = Cell(task, about, {**device_info(images_of(problem.data)), **provenance()}, earlier)
        table2_cells.save(self.folder, cell)
        options = TrainOptions(
            task.epochs, task.seed, log_every=10, quiet=True, resume=resume,
            compile=self.plan.setting.compile, schedule=task.schedule,
        )  # fmt: skip
        self.cells[task.name] = cell
        expected = self.rates[task.column, task.row].seconds(task) * (1.0 - len(earlier) / task.epochs)
        kept = None if task.tuning and expected < SHORT and not resume else place
        before = time.monotonic()

        def report(record: Record) -> None:
            if record["kind"] == "epoch" and task.epochs > 1:
                cell.epochs[record["epoch"] - 1 :] = [record]
                errors = f"{100.0 * record['train_error']:.2f}% / {100.0 * record['validation_error']:.2f}%"
                self.say(
                    f"{task}: epoch {record['epoch']} of {task.epochs}, {errors}; about {spoken(self.left())} left"
                )

        solver = self._solvers.setdefault(task.solver, solver_from(task.solver))
        try:
            run = train(problem, solver, options, name=ROWS[task.row], folder=kept, callback=report)
        except RunIsDone as done:
            run = done.run
        cell = replace(cell, epochs=run.epochs, stopped=run.stopped)
        if not run.stopped and not task.tuning and expected > 0.0:
            self._ratio[task.column, task.row] = (time.monotonic() - before) / expected
        self.cells[task.name] = cell
        table2_cells.save(self.folder, cell)
        if task.tuning:  # it is never continued
            for path in place.glob("checkpoint*"):
                path.unlink()
        self.say(f"{cell}; about {spoken(self.left())} left")

    def _machine(self) -> dict[str, Any]:
        """What the measured times are of."""
        facts = provenance()
        setting = self.plan.setting
        where = {"backend": setting.backend, "device": setting.device, "compile": setting.compile}
        return {"processor": facts["processor"], "cores": facts["cores"], **where}

    def _write_plan(self) -> None:
        content = {
            "machine": self._machine(),
            "lengths": {column: asdict(length) for column, length in self.lengths.items()},
            "rates": {f"{column}/{row}": asdict(rate) for (column, row), rate in self.rates.items()},
        }
        text = json.dumps(content, indent=1) + "\n"
        try:
            write_whole(self.folder / PLAN, lambda path: path.write_text(text, "utf-8"))
        except OSError as error:
            raise ValueError(f"{self.folder} cannot be written ({one_line(error.strerror or error)})") from None


def read_plan(folder: Path) -> tuple[dict[str, Any], dict[str, Length], dict[tuple[str, str], Rate]]:
    """The machine, the lengths of the columns and the measured times; nothing where there is none. ValueError."""
    path = folder / PLAN
    if not path.exists():
        return {}, {}, {}
    try:
        content = json.loads(path.read_text("utf-8"))
        lengths = {column: Length(**length) for column, length in content["lengths"].items()}
        rates = {}
        for name, rate in content["rates"].items():
            column, _, row = name.partition("/")
            rates[column, row] = Rate(**rate)
        return dict(content["machine"]), lengths, rates
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read ({one_line(error)}): remove it, and it is measured again") from None


def _check_same(cell: Cell, task: Task, folder: Path) -> None:
    """ValueError where a run in the folder is of other images or batches."""
    for key in ("images", "validation", "batch_size", "tuning"):
        was, now = getattr(cell.task.length, key), getattr(task.length, key)
        if was != now:
            raise ValueError(
                f"{folder / CELLS / task.name} is of {key}={was}, this run is of {key}={now}: give another --out"
            )
