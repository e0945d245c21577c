"""What is missing up to the paper's Table 2, how long it would take, and what to type for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from curveball.experiments.table2_cells import Cell
from curveball.experiments.table2_columns import COLUMNS, ROWS, SHAPES
from curveball.experiments.table2_place import on_a_gpu, options_for
from curveball.experiments.table2_results import Results
from curveball.experiments.table2_time import whole_length
from curveball.training.durations import spoken

LONG = 7200.0  # seconds: above, a GPU is advised


@dataclass(frozen=True)
class Part:
    """Runs that one command makes: some rows of a column, each from the same seeds, one after the other."""

    rows: tuple[str, ...]
    dropout: bool  # also with it
    seeds: range = range(1)

    @property
    def runs(self) -> int:
        """How many."""
        return len(self.rows) * len(self.seeds) * (1 + self.dropout)


def not_run(results: Results) -> list[str]:
    """A line for each column that was not run whole, after a heading; nothing where all were."""
    lines = []
    for column in results.columns:
        known, length, (fewest, most) = COLUMNS[column], results.length(column), results.epochs(column)
        own = results.all_of(column)
        what = f"{known.epochs} epochs of {length.whole:,} images: "
        if column in results.missing and not own:
            lines.append(f"- {column} was not run: {results.missing[column]}")
        elif not own:
            every = [Part(tuple(ROWS), known.dropout is not None)]
            lines.append(f"- {column} was not run. {what}{how(results, column, every)}")
        elif not all(is_whole(cell) for cell in own):
            was = f"{spread(fewest, most)} epoch{'s' * (most != 1)} of {length.images:,} images"
            parts = short(column, own)
            count = sum(part.runs for part in parts)
            runs = f"{count} run{'s' * (count > 1)} of {what}"
            lines.append(f"- {column} was run for {was}. {runs}{how(results, column, parts)}")
    return ["What was not run:", "", *lines] if lines else []


def is_whole(cell: Cell) -> bool:
    """Whether a run is as long as the paper's, or diverged."""
    length, epochs = cell.task.length, COLUMNS[cell.task.column].epochs
    return cell.stopped is not None or (length.images >= length.whole and len(cell.epochs) >= epochs)


def short(column: str, cells: Sequence[Cell]) -> list[Part]:
    """What is missing up to a column with all rows from each of its seeds."""
    networks = (False, True) if COLUMNS[column].dropout else (False,)
    whole = {(cell.task.seed, cell.task.row, cell.task.dropout) for cell in cells if is_whole(cell)}
    parts: list[Part] = []
    for seed in sorted({cell.task.seed for cell in cells}):
        missing = [(row, dropout) for row in ROWS for dropout in networks if (seed, row, dropout) not in whole]
        part = Part(tuple(dict.fromkeys(row for row, _ in missing)), any(dropout for _, dropout in missing))
        before = parts[-1] if parts else part
        if missing and parts and before == replace(part, seeds=before.seeds) and seed == before.seeds.stop:
            parts[-1] = replace(part, seeds=range(before.seeds.start, seed + 1))
        elif missing:
            parts.append(replace(part, seeds=range(seed, seed + 1)))
    return parts


def how(results: Results, column: str, parts: Sequence[Part]) -> str:
    """How long runs take, and what to type for them: on a GPU, where they take long and were not timed on one."""
    whole = whole_length(column, results.length(column).whole)
    seconds = 0.0
    for part in parts:
        each = results.seconds(column, part.rows, whole)
        if each is None:
            return _typed(results, column, parts, "")
        seconds += each * len(part.seeds) * (1 + part.dropout)
    time = f"about {spoken(seconds)} on {results.place}"
    if seconds > LONG and not on_a_gpu(results.place):
        return f"{time}. On a GPU, in less time: {_typed(results, column, parts, ' --backend torch --compile')}"
    return f"{time}; {_typed(results, column, parts, options_for(results.place))}"


def spread(low: int, high: int) -> str:
    """Two numbers as a range, or one where they are equal.

    >>> spread(10, 40), spread(40, 40)
    ('10 to 40', '40')
    """
    return f"{low}" if low == high else f"{low} to {high}"


def _typed(results: Results, column: str, parts: Sequence[Part], place: str) -> str:
    """The commands, in words."""
    return " and ".join(f"`{command(results, column, part)}{place}`" for part in parts)


def command(results: Results, column: str, part: Part) -> str:
    """What makes some runs of a column, with the options that its data need; the paper's epochs are the default."""
    text = f"curveball table2 --columns {column}" + _data(results, column)
    if part.rows != tuple(ROWS):
        text += f" --solvers {','.join(part.rows)}"
    if COLUMNS[column].dropout and not part.dropout:
        text += " --no-dropout"
    if part.seeds.start:
        text += f" --seed {part.seeds.start}"
    if len(part.seeds) > 1:
        text += f" --seeds {len(part.seeds)}"
    return text + f" --epochs {COLUMNS[column].epochs}" * bool(results.all_of(column))


def _data(results: Results, column: str) -> str:
    """The options that say where a column's data are, and which."""
    if COLUMNS[column].data != "imagenet":
        return " --data cifar100" * (results.data_of(column) == "cifar100")
    shapes = [cell.about.get("training_images") for cell in results.all_of(column)]
    size = shapes[0][1] if shapes and shapes[0] else SHAPES["imagenet"][0]
    return " --imagenet-folder DIR" + (f" --image-size {size}" if size != SHAPES["imagenet"][0] else "")
