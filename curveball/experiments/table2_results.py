"""What there is of Table 2, and what is known of the runs that there are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from curveball.experiments.table2_cells import Cell, Task
from curveball.experiments.table2_columns import BATCH, COLUMNS, PAPER, TUNING_SEED, Length
from curveball.experiments.table2_plan import Planned
from curveball.experiments.table2_time import Rate, Rates, by_multiplications, whole_length


@dataclass(frozen=True)
class Results:
    """Cells, and what is known about those that there are not.

    lengths:         of columns
    rates, place:    what was measured, and where: all times of runs that were not made are of that place, or else of
                     that of the last run
    missing:         why a column has no data
    data:            of the columns of small images that were not run, where no other was
    """

    cells: Sequence[Cell]
    lengths: Mapping[str, Length] = field(default_factory=dict)
    rates: Rates = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    data: str = "cifar10"
    place: str = ""

    def __post_init__(self) -> None:
        if not self.place:
            object.__setattr__(self, "place", next((cell.place for cell in reversed(self.cells) if cell.epochs), ""))

    @classmethod
    def put_together(cls, cells: Sequence[Cell], plans: Sequence[Planned], data: str) -> Results:
        """Of several folders: of what was measured or planned in more than one of them, the first counts."""
        places = [list(plan.measured)[-1] for plan in plans if plan.measured]
        place = next(iter([*places, *(cell.place for cell in cells if cell.epochs)]), "")
        rates: dict[tuple[str, str], Rate] = {}
        lengths: dict[str, Length] = {}
        for plan in reversed(plans):
            rates |= plan.measured.get(place, {})
            lengths |= plan.lengths
        return cls(cells, lengths, rates, data=data, place=place)

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

        As the runs took in the same place in batches of the same size, or else by what was measured.
        """
        total = 0.0
        for row in rows:
            own = [cell for cell in self.of(column, row) if cell.epochs and cell.place == self.place]
            own = [cell for cell in own if cell.task.length.batch_size == length.batch_size]
            rate = self._rate(own[0]) if own else by_multiplications(column, row, self._known_rates)
            if rate is None:
                return None
            total += rate.seconds(Task(column, row, "", 0, length))
        return total

    @property
    def _known_rates(self) -> Rates:
        """Those of the runs in batches of the usual size, or else those that were measured on a few steps."""
        runs = [cell for cell in self.without_dropout if cell.epochs and cell.place == self.place]
        whole = [cell for cell in runs if cell.task.length.batch_size == min(BATCH, cell.task.length.whole)]
        used = whole or ([] if self.rates else runs)
        return {**self.rates, **{(cell.task.column, cell.task.row): self._rate(cell) for cell in used}}

    def _rate(self, cell: Cell) -> Rate:
        """Seconds of training for an image; validation as measured, or a third of it."""
        task = cell.task
        image = cell.epoch_seconds * task.epochs / (task.steps * task.length.batch_size)
        known = self.rates.get((task.column, task.row))
        return Rate(0.0, 0.0, image, known.validation if known else image / 3.0)


def rate_in(task: Task) -> float:
    """The learning rate of a solver; 0 where none is said."""
    return float(task.solver.partition("lr=")[2].partition(",")[0] or 0.0)
