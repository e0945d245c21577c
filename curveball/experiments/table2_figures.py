"""Figures 2 and 3 of the paper: training and validation error of each network, against epochs and seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

from curveball.experiments.table2_cells import Cell
from curveball.experiments.table2_columns import ROWS
from curveball.figures.curves import LEAST_TO_MARK, frame, numbers, thick, thin
from curveball.figures.end_labels import label_ends
from curveball.figures.quantities import columns
from curveball.figures.seeds import mean_of
from curveball.figures.style import MARKERS, in_style, new_figure, save
from curveball.training.run import Record, Run
from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.axes import Axes

ERRORS = ("train_error", "validation_error")


@in_style
def draw(cells: Sequence[Cell], path: Path, against: str) -> None:
    """Errors against "epoch" (figure 2) or "seconds" (figure 3), a column of panels for each network.

    Seeds are thin lines, their mean a thick one. Seconds are epochs times the lower quartile of the run's epochs: what
    else the machine did meanwhile does not count. They are those of one machine for each network, named where there are
    several: of the one with the most epochs.
    """
    shown = [cell for cell in cells if cell.epochs]
    places = _places(shown) if against == "seconds" else {}
    several = len({cell.place for cell in shown}) > 1
    shown = [cell for cell in shown if cell.place == places.get(cell.task.column, cell.place)]
    networks = list(dict.fromkeys(cell.task.column for cell in shown))
    figure, axes = new_figure(max(1, len(networks)), rows=2, width=4.4, height=3.1)
    for panels, network in zip(axes.reshape(2, -1).T, networks, strict=False):
        for ax, key in zip(panels, ERRORS, strict=True):
            for k, row in enumerate(ROWS):
                name = ROWS[row].replace(", ", ",\n")
                own = [
                    columns(Run(name, None, epochs=_even(cell), stopped=cell.stopped), key, against)
                    for cell in shown
                    if (cell.task.column, cell.task.row) == (network, row)
                ]
                if own:
                    _draw_row(ax, own, key, against, k)
            frame(ax, key, against)
            ax.set_xlim(left=0.0)
        panels[0].set_title(network)
        if several and places:
            panels[0].set_title(f"{network}\n{fill(places[network], 44)}", size="small")
    label_ends(list(axes))
    save(figure, path)


def _places(cells: Sequence[Cell]) -> dict[str, str]:
    """For each network the machine with the most of its epochs."""
    counts: dict[str, Counter[str]] = {}
    for cell in cells:
        counts.setdefault(cell.task.column, Counter())[cell.place] += len(cell.epochs)
    return {network: count.most_common(1)[0][0] for network, count in counts.items()}


def _even(cell: Cell) -> list[Record]:
    """The epochs, each as long as their lower quartile."""
    return [{**epoch, "seconds": k * cell.epoch_seconds} for k, epoch in enumerate(cell.epochs, 1)]


def _draw_row(ax: Axes, runs: list[Run], y: str, x: str, k: int) -> None:
    """One solver in one panel."""
    for run in runs if len(runs) > 1 else ():
        thin(ax, numbers(run, x), numbers(run, y), k)
    at, value = mean_of(runs, "epochs", x, y)
    longest = max(runs, key=lambda run: len(run.epochs))
    if len(longest.epochs) > len(at):  # seeds that went on alone
        at, value = numbers(longest, x), numbers(longest, y)
    thick(ax, at, value, k, runs[0].name, MARKERS[k % 4] if len(at) < LEAST_TO_MARK else None)
