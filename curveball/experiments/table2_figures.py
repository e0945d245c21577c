"""Figures 2 and 3 of the paper: training and validation error of each network, against epochs and seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from curveball.experiments.figures import AXES, ERRORS, LEAST_TO_MARK, error_axis, look, mean_of
from curveball.experiments.table2_cells import Cell
from curveball.experiments.table2_columns import ROWS
from curveball.training.run import Run
from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure


def draw(cells: Sequence[Cell], path: Path, against: str) -> None:
    """Errors against "epoch" (figure 2) or "seconds" (figure 3), a column of panels for each network, without dropout.

    Seeds are thin lines, their mean a thick one.
    """
    shown = [cell for cell in cells if cell.epochs and not cell.task.tuning and not cell.task.dropout]
    columns = list(dict.fromkeys(cell.task.column for cell in shown))
    figure = Figure(figsize=(1.0 + 3.6 * max(1, len(columns)), 6.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_2d(figure.subplots(2, max(1, len(columns)), squeeze=False))
    for panels, column in zip(axes.T, columns, strict=False):
        for k, row in enumerate(ROWS):
            own = [
                Run(ROWS[row], None, epochs=cell.epochs, stopped=cell.stopped)
                for cell in shown
                if (cell.task.column, cell.task.row) == (column, row)
            ]
            if own:
                for ax, key in zip(panels, ERRORS, strict=True):
                    _draw_row(ax, own, against, key, k)
        panels[0].set_title(column)
    for ax in axes.flat:
        ax.grid(alpha=0.25)
        if against == "epoch":
            ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlim(left=0.0)
        error_axis(ax)
    for ax, label in zip(axes[:, 0], ERRORS.values(), strict=True):
        ax.set_ylabel(label)
    for ax in axes[-1]:
        ax.set_xlabel(AXES[against])
    found = {label: line for ax in axes.flat for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    if found:
        names = [name for name in ROWS.values() if name in found]
        figure.legend([found[name] for name in names], names, loc="outside lower center", ncols=4, fontsize=9)
    figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_row(ax: Axes, runs: list[Run], against: str, key: str, k: int) -> None:
    """One solver in one panel."""
    for run in runs if len(runs) > 1 else ():
        x, y = (np.array([record[column] for record in run.epochs]) for column in (against, key))
        ax.plot(x, 100.0 * y, color=look(k)["color"], alpha=0.3, linewidth=0.7)
    x, y = mean_of(runs, "epochs", against, key)
    if len(runs) > 1 and max(len(run.epochs) for run in runs) > len(x):  # seeds that went on alone
        x, y = (
            np.array([record[column] for record in max(runs, key=lambda run: len(run.epochs)).epochs])
            for column in (against, key)
        )
    marker = "osD^"[k % 4] if len(x) < LEAST_TO_MARK else None
    ax.plot(
        x,
        100.0 * y,
        label=runs[0].name,
        linewidth=1.8,
        marker=marker,
        markersize=4.5 if len(x) == 1 else 3.5,
        **look(k),
    )
