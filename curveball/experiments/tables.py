"""Tables of runs: how each solver ended, and Table 2 of the paper."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from curveball.figures.seeds import by_solver
from curveball.training.protocol import Batch, TrainingProblem
from curveball.training.run import Run


class Column(NamedTuple):
    """A heading, the number of a run that stands below it, and its format (with a final % where it is in per cent)."""

    heading: str
    value: Callable[[Run], float | None]
    format: str


ENDED = (
    Column("train loss", lambda run: run.epochs[-1]["train_loss"], ".4f"),
    Column("train error", lambda run: 100.0 * run.epochs[-1]["train_error"], ".2f%"),
    Column("validation loss", lambda run: run.epochs[-1]["validation_loss"], ".4f"),
    Column("validation error", lambda run: 100.0 * run.epochs[-1]["validation_error"], ".2f%"),
    Column("seconds", lambda run: run.epochs[-1]["seconds"], ".1f"),
    Column("rho", lambda run: run.steps[-1].get("rho"), ".3f"),
    Column("beta", lambda run: run.steps[-1].get("beta"), ".3g"),
    Column("lambda", lambda run: run.steps[-1].get("lam"), ".3g"),
)
TABLE2 = (
    Column("training error", lambda run: 100.0 * run.epochs[-1]["train_error"], ".2f%"),
    Column("best training error", lambda run: 100.0 * min(epoch["train_error"] for epoch in run.epochs), ".2f%"),
    Column("validation error", lambda run: 100.0 * run.epochs[-1]["validation_error"], ".2f%"),
    Column("best validation error", lambda run: 100.0 * min(epoch["validation_error"] for epoch in run.epochs), ".2f%"),
)


def table(runs: Iterable[Run], columns: Sequence[Column] = ENDED) -> str:
    """The last epoch of each solver's runs (and its last rho, beta, lambda) as a Markdown table.

    With several seeds each cell is their mean ± sample standard deviation. Runs that were stopped do not count: the
    solver's name then says how many do.
    """
    rows = [["solver", *(column.heading for column in columns)]]
    for name, own in by_solver(runs).items():
        whole = [run for run in own if not run.stopped and run.epochs]
        if not whole:
            rows.append([name, f"stopped: {own[0].stopped}", *[""] * (len(columns) - 1)])
            continue
        share = f" ({len(whole)} of {len(own)} runs)" if len(whole) < len(own) else ""
        cells = [_cell(*_mean_and_std(whole, column.value), column.format) for column in columns]
        rows.append([name + share, *cells])
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
    return "\n".join(lines)


def table2(runs: Iterable[Run], problem: TrainingProblem[Batch], epochs: int) -> str:
    """Training and validation error after the last epoch and at their best: a network's columns of Table 2.

    The training error of an epoch is the mean over its batches, each before its step. The best validation error is
    picked by looking at the validation set: it is a little lower than new images would give.
    """
    length = f"{epochs} epoch{'s' * (epochs > 1)}"
    heading = f"Table 2, {title(problem)}, {length}: the error of the last epoch, and of the best"
    return f"{heading}\n\n{table(runs, TABLE2)}\n"


def table2_csv(runs: Iterable[Run], problem: TrainingProblem[Batch]) -> str:
    """Table 2 with a row per solver, in per cent; no numbers where every run was stopped."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [column for heading, _, _ in TABLE2 for column in (heading, f"{heading}, std")]
    writer.writerow(["data", "network", "solver", "runs", "finished", "epochs", *columns])
    described = [_legible(problem.data.name), problem.description["network"]]
    for name, own in by_solver(runs).items():
        whole = [run for run in own if not run.stopped and run.epochs]
        found = [x for _, value, _ in TABLE2 for x in _mean_and_std(whole, value)]
        numbers = [None if x is None else round(x, 4) for x in found]
        epochs = len(whole[0].epochs) if whole else None
        writer.writerow([*described, name, len(own), len(whole), epochs, *numbers])
    return text.getvalue()


def title(problem: TrainingProblem[Batch]) -> str:
    """What was trained: network, data, batch size."""
    described = problem.description
    return f"{described['network']} on {_legible(problem.data.name)}, batches of {described['batch_size']}"


def _legible(name: str) -> str:
    """The name of a folder, also where the locale does not know its letters and they came as single bytes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _mean_and_std(runs: list[Run], value: Callable[[Run], float | None]) -> tuple[float | None, float | None]:
    """Over the runs: no mean where none has the value, no standard deviation of a single run."""
    values = [x for run in runs if (x := value(run)) is not None]
    mean = float(np.mean(values)) if values else None
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else None


def _cell(mean: float | None, std: float | None, how: str) -> str:
    if mean is None:
        return "-"
    number = how.rstrip("%")
    text = format(mean, number) if std is None else f"{mean:{number}} ± {std:{number}}"
    return text + ("%" if how.endswith("%") else "")
