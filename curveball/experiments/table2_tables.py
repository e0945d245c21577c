"""Table 2 as text, read off the cells: errors, times, the tuning, and what was not run, with how long it would take."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from curveball.experiments.table2_cells import Cell
from curveball.experiments.table2_columns import COLUMNS, GRID, ROWS, solver_text
from curveball.experiments.table2_figures import draw
from curveball.experiments.table2_not_run import not_run, spread
from curveball.experiments.table2_place import cores_of
from curveball.experiments.table2_results import Results, rate_in
from curveball.training.durations import spoken
from curveball.training.files import write_together

PICTURES = ("figure2.png", "figure2.svg", "figure3.png", "figure3.svg")
FILES = ("table2.md", "table2.csv", "table2.json", *PICTURES)
ERRORS = ("train_error", "validation_error")
RULE = (
    "Lowest training / lowest validation error of all epochs, in per cent; in brackets with dropout of 0.3. The "
    "training error of an epoch is the mean over its batches, each before its step. The best validation error is "
    "picked by looking at the validation set. Numbers of several seeds are mean ± standard deviation over the seeds "
    "with the most epochs. CurveBall is not tuned. The learning rates of SGD and Adam are: each "
    "rate of a grid trains the network without dropout for a short epoch, from a fixed seed of its own; the lowest "
    "training error wins, of equal ones the lowest training loss."
)


def markdown(results: Results) -> str:
    """Everything."""
    columns = results.columns
    lines = [_line(["", *columns]), "|" + "---|" * (len(columns) + 1)]
    lines += [_line([name, *(_entry(results, column, row) for column in columns)]) for row, name in ROWS.items()]
    lines += ["", RULE, "", *_within(results), *_lengths(results), "", *_times(results)]
    for kind in (not_run(results), _tuning(results), _where(results)):
        lines += ["", *kind] if kind else []
    return "\n".join(lines) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _entry(results: Results, column: str, row: str) -> str:
    """A cell of the table."""
    plain = _errors(results, column, row, dropout=False)
    if COLUMNS[column].dropout is None:
        return plain
    brackets = _errors(results, column, row, dropout=True)
    none = not results.of(column, row) and not results.of(column, row, dropout=True)
    return plain if none else f"{plain} ({brackets})"


def _errors(results: Results, column: str, row: str, *, dropout: bool) -> str:
    """Errors, their mean and deviation over the seeds that went furthest; or why there are none."""
    own = results.of(column, row, dropout=dropout)
    good = [cell for cell in own if cell.stopped is None and cell.epochs]
    if not good:
        if any(cell.stopped for cell in own):
            return "diverged"
        seconds = results.seconds(column, [row], results.length(column))
        return "not run" if seconds is None else f"not run: about {spoken(seconds)}"
    longest = max(len(cell.epochs) for cell in good)
    whole = [cell for cell in good if len(cell.epochs) == longest]
    text = " / ".join(_mean([100.0 * cell.best(key) for cell in whole]) for key in ERRORS)
    diverged = sum(cell.stopped is not None for cell in own)
    if longest < max(whole[0].task.epochs, results.length(column).epochs):
        text += f" after {longest} of {max(whole[0].task.epochs, results.length(column).epochs)} epochs"
    if len(whole) < len(good):
        text += f", {len(whole)} of {len(good)} seeds"
    return text + (f", {diverged} of {len(own)} runs diverged" if diverged else "")


def _mean(values: Sequence[float]) -> str:
    """As 12.34, or 12.34 ± 0.56."""
    mean = f"{np.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.2f}"


def _within(results: Results) -> list[str]:
    """Columns where some seeds are shorter: the best of the epochs that all have."""
    lines = []
    for column, dropout in itertools.product(results.columns, (False, True)):
        own = [cell for cell in results.of(column, dropout=dropout) if cell.stopped is None and cell.epochs]
        counts = {len(cell.epochs) for cell in own}
        by_row = {row: [cell for cell in own if cell.task.row == row] for row in ROWS}
        if len(counts) > 1 and max(map(len, by_row.values())) > 1:
            each = []
            for row, cells in by_row.items():
                errors = " / ".join(
                    _mean([100.0 * cell.best(key, min(counts)) for cell in cells]) for key in ERRORS if cells
                )
                each += [f"{ROWS[row]} {errors} ({len(cells)} seed{'s' * (len(cells) > 1)})"] if cells else []
            within = f"{min(counts)} epochs" if min(counts) > 1 else "epoch"
            what = f"{column}{' with dropout' * dropout}"
            lines += [f"{what}, within the first {within} of all seeds: {'; '.join(each)}.", ""]
    return lines


def _lengths(results: Results) -> list[str]:
    """What each column was trained on, and for how long."""
    lines = [_line(["column", "network", "data", "images", "epochs", "batches of", "seeds"]), "|" + "---|" * 7]
    for column in results.columns:
        known, length = COLUMNS[column], results.length(column)
        own, (fewest, most) = results.all_of(column), results.epochs(column)
        images = f"{length.images:,}" + ("" if length.images == length.whole else f" of {length.whole:,}")
        epochs = spread(fewest, most) + ("" if fewest == most == known.epochs else f" (whole: {known.epochs})")
        network = known.network + (f" ({known.dropout})" if known.dropout else "")
        if not own:
            images = epochs = "not run"
        lines.append(
            _line([column, network, _label(results, column), images, epochs, str(length.batch_size), _seeds(own)])
        )
    notes = [f"{column}: {COLUMNS[column].note}." for column in results.columns if COLUMNS[column].note]
    return [*lines, *(["", *notes] if notes else [])]


def _label(results: Results, column: str) -> str:
    """The data of a column, by the name in its runs."""
    name = results.data_of(column)
    return name if results.all_of(column) else {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}.get(name, name)


def _seeds(cells: Sequence[Cell]) -> str:
    """All seeds, and how many of them a row has, where not each row has all."""
    rows: dict[tuple[str, bool], set[int]] = {}
    for cell in cells:
        rows.setdefault((cell.task.row, cell.task.dropout), set()).add(cell.task.seed)
    every = sorted(set().union(*rows.values()))
    counts = [len(seeds) for seeds in rows.values()]
    text = ", ".join(map(str, every)) or "none"
    return text if min(counts, default=0) == len(every) else f"{spread(min(counts), max(counts))} of {text}"


def _times(results: Results) -> list[str]:
    """Of a step, by the epochs' lower quartile in each run, where there was one; a line for each machine."""
    columns = [column for column in results.columns if any(cell.epochs for cell in results.of(column))]
    if not columns:
        return []
    lines = [_line(["milliseconds of a step", *columns]), "|" + "---|" * (len(columns) + 1)]
    places = dict.fromkeys(cell.place for column in columns for cell in results.of(column) if cell.epochs)
    for place, (row, name) in itertools.product(places, ROWS.items()):
        found = []
        for column in columns:
            own = [cell for cell in results.of(column, row) if cell.epochs and cell.place == place]
            steps = [cell.epoch_seconds * cell.task.epochs / cell.task.steps for cell in own]
            mean = 1000.0 * float(np.mean(steps)) if own else 0.0
            found.append("" if not own else f"{mean:.3g}" if mean < 999.5 else f"{mean:,.0f}")
        if len(places) == 1 or any(found):
            lines.append(_line([name if len(places) == 1 else f"{name}; {place}", *found]))
    return lines


def _tuning(results: Results) -> list[str]:
    """A line for each solver and network: the error of each rate, which was taken, and what that took."""
    lines = []
    for column in results.columns:
        for row in GRID:
            own = results.tuned(column, row)
            if not own:
                continue
            each = ", ".join(
                f"{rate_in(cell.task):g}: "
                + (_percent(cell) if cell.epochs else "diverged" if cell.stopped else "not done")
                for cell in own
            )
            taken = {rate_in(cell.task) for cell in results.of(column, row)}
            ends = {rate_in(own[0].task), rate_in(own[-1].task)} if len(own) > 1 else set()
            which = f"; taken {', '.join(f'{lr:g}' for lr in sorted(taken))}" if taken else ""
            which += ", at an end of the grid" if taken & ends else ""
            steps, seconds = sum(cell.task.steps for cell in own), sum(cell.seconds for cell in own)
            lines.append(
                f"- {column}, {ROWS[row]}: {each}{which}; {steps:,} steps, {spoken(seconds)}, seed {own[0].task.seed}"
            )
    return ["Training error of each learning rate in the tuning:", "", *lines] if lines else []


def _percent(cell: Cell) -> str:
    return "diverged" if cell.stopped else f"{100.0 * cell.best('train_error'):.1f}%"


def _where(results: Results) -> list[str]:
    """The machines, with the columns that ran there."""
    places: dict[str, list[str]] = {}
    for cell in results.cells:
        facts = cell.provenance
        versions = facts.get("versions", {})
        backend = str(facts.get("backend", "numpy"))
        where = (
            f"{facts.get('date')}, {facts.get('processor')}, {cores_of(facts)}, {facts.get('device', 'cpu')}, "
            f"{backend} {versions.get(backend.partition('.')[0], '')}".rstrip()
            + f", Python {facts.get('python')}: `{facts.get('command')}`"
        )
        if cell.task.column not in places.setdefault(where, []):
            places[where].append(cell.task.column)
    return [f"- {', '.join(columns)}: {where}" for where, columns in places.items()]


def table_csv(results: Results) -> str:
    """A row for each run, those of the tuning too."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["column", "network", "dropout", "row", "solver", "schedule", "tuning", "seed", "epochs", "epochs_done",
         "images", "of", "batch_size", *(f"best_{key}" for key in ERRORS), *(f"last_{key}" for key in ERRORS),
         "diverged", "seconds"]
    )  # fmt: skip
    for cell in results.cells:
        task, done = cell.task, bool(cell.epochs)
        best = [cell.best(key) if done else "" for key in ERRORS]
        last = [cell.epochs[-1][key] if done else "" for key in ERRORS]
        writer.writerow(
            [task.column, cell.about.get("network", ""), int(task.dropout), task.row, task.solver, task.schedule,
             int(task.tuning), task.seed, task.epochs, len(cell.epochs),
             task.length.tuning if task.tuning else task.length.images, task.length.whole, task.length.batch_size,
             *best, *last, int(cell.stopped is not None), round(cell.seconds, 2)]
        )  # fmt: skip
    return text.getvalue()


def table_json(results: Results) -> str:
    """All cells with where they came from, and how long a run of each that was not made would take."""
    estimates = {
        f"{column}/{row}": results.seconds(column, [row], results.length(column))
        for column in results.columns
        for row in ROWS
        if not results.of(column, row)
    }
    untuned = {column: {row: solver_text(column, row) for row in ROWS if row not in GRID} for column in results.columns}
    content = {
        "rule": RULE,
        "columns": {column: {**asdict(COLUMNS[column]), "untuned": untuned[column]} for column in results.columns},
        "rows": ROWS,
        "grid": GRID,
        "missing": dict(results.missing),
        "seconds_of_runs_not_made": estimates,
        "place_of_these_seconds": results.place,
        "cells": [asdict(cell) for cell in results.cells],
    }
    return json.dumps(content, indent=1) + "\n"


def write(results: Results, folder: Path) -> None:
    """Write `FILES`."""
    heading = "# Table 2\n\n"
    pictures = {
        name: partial(draw, results.without_dropout, against="epoch" if name.startswith("figure2") else "seconds")
        for name in PICTURES
    }
    write_together(
        folder,
        {
            "table2.md": lambda path: path.write_text(heading + markdown(results), "utf-8"),
            "table2.csv": lambda path: path.write_text(table_csv(results), "utf-8"),
            "table2.json": lambda path: path.write_text(table_json(results), "utf-8"),
            **pictures,
        },
    )
