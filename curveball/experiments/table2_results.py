"""What there is of Table 2, and what is known of the runs that there are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curveball.experiments.table2_cells import Cell, Task
from curveball.experiments.table2_columns import COLUMNS, PAPER, TUNING_SEED, Length
from curveball.experiments.table2_plan import Planned
from curveball.experiments.table2_time import Rate, Rates, by_multiplications, whole_length


@dataclass(frozen=True)
class Results:
    """Cells, and what is known about those that there are not.

    lengths:         of columns
    rates, machine:  what was measured, and where: all times of runs that were not made are of that machine
    missing:         why a column has no data
    data:            of the columns of small images that were not run, where no other was
    """

    cells: Sequence[Cell]
    lengths: Mapping[str, Length] = field(default_factory=dict)
    rates: Rates = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    data: str = "cifar10"
    machine: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def put_together(cls, cells: Sequence[Cell], plans: Sequence[Planned], data: str) -> Results:
        """Of several folders. The rates are those of the first one that has any, and of others on its machine."""
        machine = next((plan.machine for plan in plans if plan.rates), {})
        rates = {key: rate for plan in plans if plan.machine == machine for key, rate in plan.rates.items()}
        lengths = {column: length for plan in plans for column, length in plan.lengths.items()}
        return cls(cells, lengths, rates, data=data, machine=machine)

    @property
    def columns(self) -> list[str]:
        """Those of the paper, and others that were run."""
        run = {cell.task.column for cell in self.cells}
        return [column for column in COLUMNS if column in PAPER or column in run]

    def of(self, column: str, row: str | None = None, *, dropout: bool = False) -> list[Cell]:
        """The runs of a column, or of one of its rows, by seed, without the tuning.

        Of a run that was made anew to be longer, as those with a schedule are, the one with the most epochs.
        """
        longest: dict[tuple[str, int], Cell] = {}
        for cell in sorted(self.cells, key=lambda cell: (len(cell.epochs), cell.task.epochs)):
            task = cell.task
            if (task.column, task.dropout, task.tuning) == (column, dropout, False) and row in (None, task.row):
                longest[task.row, task.seed] = cell
        return sorted(longest.values(), key=lambda cell: cell.task.seed)

    @property
    def without_dropout(self) -> list[Cell]:
        """The runs of all columns, without dropout and without the tuning."""
        return [cell for column in self.columns for cell in self.of(column)]

    def tuned(self, column: str, row: str) -> list[Cell]:
        """The runs of the tuning, the largest rate first. One of another seed counts for nothing."""
        own = [c for c in self.cells if c.task.tuning and (c.task.column, c.task.row) == (column, row)]
        return sorted((cell for cell in own if cell.task.seed == TUNING_SEED), key=lambda cell: -rate_in(cell.task))

    def all_of(self, column: str) -> list[Cell]:
        """The runs of a column, without the tuning; those with dropout last."""
        return self.of(column) + self.of(column, dropout=True)

    def epochs(self, column: str) -> tuple[int, int]:
        """The epochs of a column's shortest and longest run, of those that did not diverge; None done is (0, 0)."""
        done = [len(cell.epochs) for cell in self.all_of(column) if cell.stopped is None and cell.epochs]
        return min(done, default=0), max(done, default=0)

    def data_of(self, column: str) -> str:
        """The name of a column's data: as in its runs, or in those of other columns of small images."""
        own = self.all_of(column)
        if own:
            return str(own[0].about.get("data", ""))
        if COLUMNS[column].data == "imagenet":
            return "photographs"
        others = (cell.about.get("data") for cell in self.cells if COLUMNS[cell.task.column].data == "cifar")
        return str(next((data for data in others if data), self.data))

    def length(self, column: str) -> Length:
        """How long the runs of a column are, or would be."""
        own = self.of(column) or self.of(column, dropout=True)
        if own:
            return max((cell.task.length for cell in own), key=lambda length: length.epochs)
        return self.lengths.get(column) or whole_length(column)

    def seconds(self, column: str, rows: Iterable[str], length: Length) -> float | None:
        """How long one run of each of these rows takes; None where nothing was measured.

        As the runs took on the same machine in batches of the same size, or else by what was measured.
        """
        total = 0.0
        for row in rows:
            own = [cell for cell in self.of(column, row) if cell.epochs and self._here(cell)]
            own = [cell for cell in own if cell.task.length.batch_size == length.batch_size]
            rate = self._rate(own[0]) if own else by_multiplications(column, row, self._known_rates)
            if rate is None:
                return None
            total += rate.seconds(Task(column, row, "", 0, length))
        return total

    @property
    def _known_rates(self) -> Rates:
        """Those that were measured, or else those of the runs."""
        return self.rates or {
            (cell.task.column, cell.task.row): self._rate(cell)
            for cell in self.cells
            if cell.epochs and not (cell.task.tuning or cell.task.dropout) and self._here(cell)
        }

    @property
    def place(self) -> str:
        """What the times are of: so many cores, or a GPU; this machine, where nothing was run."""
        here = [cell.provenance for cell in self.cells if cell.provenance and self._here(cell)]
        if not here:
            return "this machine"
        device = str(here[-1].get("device", "cpu"))
        return f"{here[-1].get('cores')} cores" if "cpu" in device.lower() else device

    def _here(self, cell: Cell) -> bool:
        """Whether a run was made on the machine that the times are of: the one given, or that of the last run."""
        keys = ("processor", "cores", "backend")
        known = self.machine or next((each.provenance for each in reversed(self.cells) if each.provenance), {})
        return all(known.get(key) == cell.provenance.get(key) for key in keys)

    def _rate(self, cell: Cell) -> Rate:
        """Seconds of training for an image; validation as measured, or a third of it."""
        task = cell.task
        image = cell.epoch_seconds * task.epochs / (task.steps * task.length.batch_size)
        known = self.rates.get((task.column, task.row))
        return Rate(0.0, 0.0, image, known.validation if known else image / 3.0)


def rate_in(task: Task) -> float:
    """The learning rate of a solver; 0 where none is said."""
    return float(task.solver.partition("lr=")[2].partition(",")[0] or 0.0)
