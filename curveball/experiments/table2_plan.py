"""What is to be run for Table 2, and the file that keeps how long it was planned to be."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import problems
from curveball.experiments.table2_cells import Task
from curveball.experiments.table2_columns import (
    CLASSES,
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
from curveball.experiments.table2_time import Rate
from curveball.training.files import one_line, write_whole
from curveball.training.options import TrainOptions
from problems.data.imagenet import SIZES

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
        if self.epochs is not None and self.epochs < 1:
            raise ValueError(f"--epochs must be at least 1; got {self.epochs}")
        if self.minutes is not None and not 0.0 < self.minutes < 1e6:
            raise ValueError(f"--minutes must be positive, and less than a million; got {self.minutes:g}")
        if self.seeds < 1:
            raise ValueError(f"--seeds must be at least 1; got {self.seeds}")
        TrainOptions(seed=self.seed)
        self._check_size()

    def _check_size(self) -> None:
        """ValueError where the photographs would be too small for their networks, or too large."""
        size = self.setting.image_size
        if not SIZES[0] <= size <= SIZES[1]:
            raise ValueError(f"--image-size must be from {SIZES[0]} to {SIZES[1]} pixels; got {size}")
        for known in (COLUMNS[column] for column in self.columns):
            if known.data == "imagenet":
                shape = size, size, 3
                problems.network(known.network, CLASSES["imagenet"], shape=shape).multiplications(shape)

    def tuning(self, column: str, length: Length) -> list[Task]:
        """One run for each learning rate."""
        return [
            Task(column, row, solver_text(column, row, lr), TUNING_SEED, length, tuning=True)
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


@dataclass
class Planned:
    """What was planned and measured in a folder.

    lengths:   of the columns
    measured:  seconds by column and row, for each place, as `place_of` names it, the last one last
    minutes:   of the columns that had to end within a time
    """

    lengths: dict[str, Length] = field(default_factory=dict)
    measured: dict[str, dict[tuple[str, str], Rate]] = field(default_factory=dict)
    minutes: dict[str, float] = field(default_factory=dict)

    def check_kept(self, plan: Plan, column: str, whole: Length) -> bool:
        """Whether --minutes change nothing, as the column is planned already.

        ValueError where it has a part of the images, or small batches, for the sake of other minutes.
        """
        length, minutes = self.lengths[column], self.minutes.get(column)
        other = plan.minutes is not None and minutes != plan.minutes
        if all(getattr(length, key) == getattr(whole, key) for key in ("images", "validation", "batch_size")):
            return other
        if plan.epochs is not None or (other and minutes is not None):
            given = "--minutes" if minutes is None else f"--minutes {minutes:g}"
            raise ValueError(
                f"{column} was planned with {given}: {length.images:,} of {whole.images:,} images in batches of "
                f"{length.batch_size}; give another --out"
            )
        return other


def write_plan(folder: Path, planned: Planned) -> None:
    """Keep it. ValueError where that cannot be."""
    content = {
        "lengths": {column: asdict(length) for column, length in planned.lengths.items()},
        "measured": {
            place: {f"{column}/{row}": asdict(rate) for (column, row), rate in rates.items()}
            for place, rates in planned.measured.items()
        },
        "minutes": planned.minutes,
    }
    text = json.dumps(content, indent=1) + "\n"
    try:
        write_whole(folder / PLAN, lambda path: path.write_text(text, "utf-8"))
    except OSError as error:
        raise ValueError(f"{folder} cannot be written ({one_line(error.strerror or error)})") from None


def read_plan(folder: Path) -> Planned:
    """What was planned and measured; nothing where there is no such file. ValueError."""
    path = folder / PLAN
    if not path.exists():
        return Planned()
    try:
        content = json.loads(path.read_text("utf-8"))
        lengths = {column: Length(**length) for column, length in content["lengths"].items()}
        measured: dict[str, dict[tuple[str, str], Rate]] = {}
        for place, rates in content.get("measured", {}).items():
            named = {tuple(name.split("/", 1)): Rate(**rate) for name, rate in rates.items()}
            measured[place] = {(column, row): rate for (column, row), rate in named.items()}
        minutes = {column: float(each) for column, each in content.get("minutes", {}).items()}
        return Planned(lengths, measured, minutes)
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ValueError(f"{path} cannot be read ({one_line(error)}): remove it, and it is measured again") from None
