"""All runs of Table 2, one after the other: measure, tune, train; what is done is kept, and what is left is known."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from curveball.experiments import table2_cells
from curveball.experiments.table2_cells import CELLS, Cell, Task
from curveball.experiments.table2_columns import COLUMNS, GRID, ROWS, Length, solver_text
from curveball.experiments.table2_place import place_of
from curveball.experiments.table2_plan import PLAN, Plan, Planned, read_plan, write_plan
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
from curveball.training.durations import spoken
from curveball.training.files import one_line
from curveball.training.options import TrainOptions
from curveball.training.run import Record, RunIsDone
from curveball.training.step import shared_programs
from curveball.training.train import CHECKPOINT, train

SHORT = 120.0  # seconds: the tuning's runs that take less have no checkpoint


def chosen(tuned: list[Cell]) -> str:
    """The solver with the best learning rate: the rule is in table2_columns.py."""

    def quality(cell: Cell) -> tuple[float, float, float]:
        rate = float(cell.task.solver.partition("lr=")[2].partition(",")[0])
        if cell.stopped or not cell.epochs:
            return float("inf"), float("inf"), rate
        return cell.best("train_error"), cell.best("train_loss"), rate

    return min(tuned, key=quality).task.solver


def _is_done(cell: Cell | None, task: Task) -> bool:
    """Whether a run is as long as a task asks for, or diverged."""
    return cell is not None and (cell.stopped is not None or len(cell.epochs) >= task.epochs)


@dataclass
class Experiment:
    """The runs in a folder, which is ours."""

    plan: Plan
    folder: Path
    say: Callable[[str], object] = print
    cells: dict[str, Cell] = field(default_factory=dict)
    lengths: dict[str, Length] = field(default_factory=dict)
    measured: dict[str, dict[tuple[str, str], Rate]] = field(default_factory=dict)  # for each place
    place: str = ""  # where it computes now
    missing: dict[str, str] = field(default_factory=dict)  # why a column has no data
    minutes: dict[str, float] = field(default_factory=dict)  # in which a column was to end, with the others
    _abouts: dict[tuple[str, bool, bool], dict[str, Any]] = field(default_factory=dict)  # see _about
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
        planned = read_plan(self.folder)
        self.lengths, self.measured, self.minutes = planned.lengths, planned.measured, planned.minutes

    def load(self) -> None:
        """Load the data; nothing is written. A column whose data are not in their usual place is left out.

        ValueError for a folder that was given and cannot be used, and where no column has its data.
        """
        for column in self.plan.columns:
            try:
                data = self.plan.setting.dataset(column)
            except ValueError as error:
                if self.plan.setting.given_folder(column) is not None:
                    raise
                option = "--imagenet-folder" if COLUMNS[column].data == "imagenet" else "--data-folder"
                self.missing[column] = f"{one_line(error)} ({option})"
                self.say(f"{column} is left out: {self.missing[column]}")
                continue
            self.say(f"{column}: {len(data.train_labels):,} images of {data.name}, from {data.source}")
        if not self._there:
            raise ValueError(f"no column has its data: {'; '.join(dict.fromkeys(self.missing.values()))}")

    def prepare(self) -> None:
        """Measure a few steps of each. ValueError where what is kept is of other data, images or batches."""
        there = self._there
        self.place = place_of(self.plan.setting.facts(there[0]))
        self.measured[self.place] = self.measured.pop(self.place, {})  # the last one
        for column in there:
            if column not in self.lengths and self.plan.minutes is None:
                self.lengths[column] = self._whole(column, self.plan.epochs)
            if column in self.lengths:
                if self.plan.epochs is not None:
                    self.lengths[column] = replace(self.lengths[column], epochs=self.plan.epochs)
                self._check_kept(column)
        pairs = len(there) * len(self.plan.rows)
        most = MOST if self.plan.minutes is None else min(MOST, 60.0 * self.plan.minutes / (4 * pairs))
        self._write_plan()
        for column, row in self._to_measure:
            self.rates[column, row] = measure(self.plan.setting, column, row, self.folder, most)
            self._write_plan()

    def run(self) -> None:
        """Tune and train, column after column."""
        left = self._there
        while left:
            column = left[0]
            if column not in self.lengths:
                self.lengths[column] = self._within_minutes(column, left)
                self.minutes[column] = self.plan.minutes or 0.0
                self._check_kept(column)
                self._write_plan()
            length = self.lengths[column]
            self.say(
                f"{column}: {length.epochs} epoch{'s' * (length.epochs > 1)} of {length.images:,} images in batches of "
                f"{length.batch_size}; about {spoken(self.left())} left in all"
            )
            with shared_programs():
                self._column(column, length)
            del left[0]

    @property
    def _there(self) -> list[str]:
        """The columns that have their data."""
        return [column for column in self.plan.columns if column not in self.missing]

    @property
    def rates(self) -> dict[tuple[str, str], Rate]:
        """What was measured here, by column and row."""
        return self.measured.get(self.place, {})

    @property
    def ready(self) -> bool:
        """Whether all is measured that is needed to say how long the rest takes."""
        return bool(self.place) and not self._to_measure

    @property
    def _to_measure(self) -> list[tuple[str, str]]:
        """The columns and rows with runs to do, of which nothing is measured here."""
        pairs = itertools.product(self._there, self.plan.rows)
        return [pair for pair in pairs if pair not in self.rates and not self._is_whole(*pair)]

    def _is_whole(self, column: str, row: str) -> bool:
        """Whether all runs of a row of a column are done."""
        if column not in self.lengths:
            return False
        tasks = (task for task in self.plan.all_tasks(column, self.lengths[column]) if task.row == row)
        return all(_is_done(self._done(task), task) for task in tasks)

    def left(self) -> float:
        """How many seconds the runs that are not done will take, by what has been measured."""
        columns = self._there
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
        for cell in self.cells.values():
            task = cell.task
            if not task.tuning and task.column == column and task.solver != solvers.get(task.row, task.solver):
                raise ValueError(
                    f"{table2_cells.path_of(self.folder, cell)} is of {task.solver}, and {solvers[task.row]} is what "
                    "the tuning gives: give another --out"
                )
        self._runs(self.plan.tasks(column, length, solvers))

    def _check_kept(self, column: str) -> None:
        """ValueError where a run of a column is of other data, images or batches, or was planned to be short."""
        length = self.lengths[column]
        for cell in self.cells.values():
            if cell.task.column == column:
                about = partial(self._about, replace(cell.task, length=length))
                table2_cells.check_goes_on(cell, length, about, self.folder)
        if Planned(self.lengths, {}, self.minutes).check_kept(self.plan, column, self._whole(column)):
            self.say(f"{column}: as long as it was planned before; --epochs makes it longer")
        if self.plan.epochs is not None:
            self.minutes.pop(column, None)

    def _about(self, task: Task) -> dict[str, Any]:
        """The problem of a run, and hashes of its data: the same for all runs of a network."""
        key = task.column, task.dropout, task.tuning
        if key not in self._abouts:
            self._abouts[key] = self.plan.setting.about(
                task.column, task.length, dropout=task.dropout, tuning=task.tuning
            )
        return self._abouts[key]

    def _runs(self, tasks: list[Task]) -> list[Cell]:
        """Runs of one column; those that share a network share its problem, and with it what is compiled."""
        problems: dict[bool, Any] = {}
        for task in tasks:
            if _is_done(self.cells.get(task.name), task):
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
        facts, known = self.plan.setting.facts(task.column), self.cells.get(task.name)
        if resume and known:
            same = place_of(known.provenance) == place_of(facts)
            before = known.provenance.get("before") if same else known.place
            facts |= {"before": before} if before else {}
        cell = Cell(task, self._about(task), facts, earlier)
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

    def _write_plan(self) -> None:
        write_plan(self.folder, Planned(self.lengths, self.measured, self.minutes))
