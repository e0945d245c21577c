"""What came of random networks: a table of the solvers, one of the networks, all numbers, and a picture."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curveball.experiments.random_networks import ROWS, Cell
from curveball.figures.end_labels import label_ends
from curveball.figures.scales import few_ticks, plain_ticks
from curveball.figures.solver_names import readable
from curveball.figures.style import MARKERS, in_style, look, new_figure, save
from curveball.training.files import write_together

FILES = ("random.md", "random.csv", "random.json", "random.png")
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Summary:
    """One solver on all networks: its errors in training and validation, and how often it was best or diverged."""

    solver: str
    networks: int
    quartiles: tuple[float, ...]
    best: int
    validation: float
    best_validation: int
    diverged: int
    seconds: float | None  # of a network's training, the median; None where all diverged


def summaries(cells: Sequence[Cell]) -> dict[str, Summary]:
    """Of each row. A run that diverged has an error of 1, and is never best; equal ones are best together."""
    found = {}
    for row in dict.fromkeys(cell.task.row for cell in cells):
        own = [cell for cell in cells if cell.task.row == row]
        quartiles = tuple(float(q) for q in np.quantile([cell.error for cell in own], QUARTILES))
        validation = float(np.median([cell.validation_error for cell in own]))
        best, best_validation = (times_best(cells, row, kind) for kind in ("error", "validation_error"))
        diverged = sum(cell.stopped is not None for cell in own)
        whole = [cell.usual_seconds for cell in own if not cell.stopped]
        seconds = float(np.median(whole)) if whole else None
        found[row] = Summary(
            own[0].task.solver, len(own), quartiles, best, validation, best_validation, diverged, seconds
        )
    return found


def times_best(cells: Sequence[Cell], row: str, kind: str) -> int:
    """On how many networks it has the lowest error."""
    by_network = errors_by_network(cells, kind)
    lowest = {network: min(errors.values()) for network, errors in by_network.items()}
    own = (cell for cell in cells if cell.task.row == row and not cell.stopped)
    return sum(getattr(cell, kind) == lowest[cell.task.network] for cell in own)


def errors_by_network(cells: Sequence[Cell], kind: str = "error") -> dict[int, dict[str, float]]:
    """Training errors, or "validation_error", by network and row."""
    found: dict[int, dict[str, float]] = {}
    for cell in cells:
        found.setdefault(cell.task.network, {})[cell.task.row] = getattr(cell, kind)
    return found


def markdown(tuned: Sequence[Cell], cells: Sequence[Cell]) -> str:
    """The solvers, how they were tuned, and the networks."""
    lines = [
        "| solver | training error: median | quartiles | best on | validation error: median | best on "
        "| diverged | seconds: median |",
        "|---" * 8 + "|",
    ]
    for summary in summaries(cells).values():
        low, median, high = (f"{100.0 * q:.2f}%" for q in summary.quartiles)
        share, share_validation = (
            f"{100.0 * best / summary.networks:.0f}% ({best} of {summary.networks})"
            for best in (summary.best, summary.best_validation)
        )
        seconds = "" if summary.seconds is None else f"{summary.seconds:.3g}"
        lines.append(
            f"| {summary.solver} | {median} | {low} to {high} | {share} | {100.0 * summary.validation:.2f}% "
            f"| {share_validation} | {summary.diverged} | {seconds} |"
        )
    return "\n".join([*lines, "", *_tuning(tuned, cells), "", *_networks(cells)])


def _tuning(tuned: Sequence[Cell], cells: Sequence[Cell]) -> list[str]:
    """A line for each solver that was tuned: the error of each learning rate, and whether the best is at an end."""
    lines = []
    chosen = {cell.task.solver for cell in cells}
    for row in dict.fromkeys(cell.task.row for cell in tuned):
        own = [cell for cell in tuned if cell.task.row == row]
        each = ", ".join(
            f"{cell.task.solver.partition('lr=')[2]}: " + ("diverged" if cell.stopped else f"{100 * cell.error:.2f}%")
            for cell in own
        )
        at = next((k for k, cell in enumerate(own) if cell.task.solver in chosen), None)
        ends = "; the best is at an end of the grid" if at in (0, len(own) - 1) and len(own) > 1 else ""
        seconds = sum(cell.seconds for cell in own)
        lines.append(
            f"- {row}, lr tuned on random:{own[0].task.network}, one epoch each: {each}{ends}; {seconds:.2g} s"
        )
    return lines


def _networks(cells: Sequence[Cell]) -> list[str]:
    rows = list(dict.fromkeys(cell.task.row for cell in cells))
    errors, one = errors_by_network(cells), {cell.task.network: cell for cell in cells}
    stopped = {(cell.task.network, cell.task.row) for cell in cells if cell.stopped}
    lines = [f"| network | multiplications | parameters | {' | '.join(rows)} | layers |"]
    lines.append("|---" * (4 + len(rows)) + "|")
    for network, cell in one.items():
        found = ["diverged" if (network, row) in stopped else f"{100.0 * errors[network][row]:.2f}%" for row in rows]
        sizes = f"{cell.multiplications:,} | {cell.parameters:,}"
        lines.append(f"| random:{network} | {sizes} | {' | '.join(found)} | {cell.layers} |")
    return lines


def table_csv(tuned: Sequence[Cell], cells: Sequence[Cell]) -> str:
    """A row for each training, those of the tuning first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    last = ("train_loss", "train_error", "validation_loss", "validation_error")
    writer.writerow(
        ["network", "layers", "multiplications", "parameters", "solver", "tuning", "epochs", "seed", *last, "diverged",
         "seconds"]
    )  # fmt: skip
    for cell in (*tuned, *cells):
        task = cell.task
        numbers = ["" if cell.stopped else cell.epochs[-1][key] for key in last]
        writer.writerow(
            [f"random:{task.network}", cell.layers, cell.multiplications, cell.parameters, task.solver,
             int(cell in tuned), task.epochs, task.seed, *numbers, int(cell.stopped is not None),
             round(cell.seconds, 2)]
        )  # fmt: skip
    return text.getvalue()


@in_style
def draw(cells: Sequence[Cell], path: Path, title: str) -> None:
    """Left: the share of networks with at most a training error. Right: the others' errors against the first one's."""
    figure, (shares, pairs) = new_figure(2)
    rows, errors = list(summaries(cells)), errors_by_network(cells)
    names = {row: readable(row) for row in rows}
    for k, row in enumerate(rows):
        values = np.sort([100.0 * by_row[row] for by_row in errors.values()])
        share = np.arange(1, len(values) + 1) / len(values)
        shares.step(values, 100.0 * share, where="post", label=names[row], linewidth=1.8, **look(k))
        if k:
            x, y = ([100.0 * by_row[key] for by_row in errors.values()] for key in (rows[0], row))
            pairs.scatter(
                x, y, s=14, color=look(k)["color"], marker=MARKERS[k % len(MARKERS)], label=names[row], alpha=0.8
            )
    everything = [100.0 * error for by_row in errors.values() for error in by_row.values()]
    smallest = min((error for error in everything if error > 0.0), default=1.0)
    zeros = min(everything) == 0.0  # near zero a symmetric logarithmic axis is linear
    ends = [0.0 if zeros else smallest / 1.2, max(1.2 * max(everything), 2.0 * smallest)]
    scale: dict[str, Any] = {"value": "symlog", "linthresh": smallest} if zeros else {"value": "log"}
    shares.set_xscale(**scale)
    pairs.set_xscale(**scale)
    pairs.set_yscale(**scale)
    ticks = few_ticks(ends[0] or smallest, ends[1])
    for axis in (shares.xaxis, pairs.xaxis, pairs.yaxis):
        plain_ticks(axis, [0.0, *ticks] if zeros else ticks)
    pairs.plot(ends, ends, color="0.5", linewidth=0.8, zorder=0.5)
    shares.set(xlabel="training error, %", ylabel="networks with at most this error, %", ylim=(0.0, 102.0))
    pairs.set(xlabel=f"training error of {names[rows[0]]}, %", ylabel="training error of the others, %")
    pairs.set(xlim=ends, ylim=ends)
    if len(rows) > 1:
        pairs.legend(fontsize=9)
    figure.suptitle(title)
    label_ends([shares])
    save(figure, path)


def write(
    tuned: Sequence[Cell], cells: Sequence[Cell], folder: Path, about: Mapping[str, Any], figure_format: str = "png"
) -> None:
    """Write `FILES`, figures in this format; `about` is what all cells share, and where the numbers came from."""
    heading = f"{about['networks']} random networks on {about['data']}, batches of {about['batch_size']}, "
    heading += f"{about['epochs']} epoch{'s' * (about['epochs'] > 1)}"
    note = (
        "Training error of the last epoch: the mean over its batches, each before its step; a run that diverged counts "
        "as 100%. Seconds are of training a network, its epochs times the lower quartile of their lengths, so that "
        f"pauses do not count. `{about['command']}`: with them {about['seconds']:.0f} s of training on "
        f"{about['cores']} cores ({about['processor']}), NumPy {about['versions'].get('numpy')}, Python "
        f"{about['python']}."
    )
    text = f"# {heading}\n\n{markdown(tuned, cells)}\n\n{note}\n"
    results = {
        **about,
        "grids": {row: list(rates) for row, rates in ROWS.items()},
        "summaries": {row: asdict(summary) for row, summary in summaries(cells).items()},
        "tuning": [asdict(cell) for cell in tuned],
        "cells": [asdict(cell) for cell in cells],
    }
    write_together(
        folder,
        {
            "random.md": lambda path: path.write_text(text, "utf-8"),
            "random.csv": lambda path: path.write_text(table_csv(tuned, cells), "utf-8"),
            "random.json": lambda path: path.write_text(json.dumps(results, indent=1) + "\n", "utf-8"),
            f"random.{figure_format}": lambda path: draw(cells, path, heading),
        },
    )
