"""Figures, drawn to files: no window, no display needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#0b6e99", "#d1603d", "#5b8c3a", "#7d4f9e", "#b8860b", "#444444")  # told apart in print and by most eyes
STYLES = ("-", "--", "-.", ":", (0, (3, 1, 1, 1)), (0, (5, 1)))


def new_figure(columns: int, width: float = 4.8, height: float = 3.6) -> tuple[Figure, Any]:
    """A figure with one row of axes."""
    figure = Figure(figsize=(width * columns, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, np.atleast_1d(figure.subplots(1, columns))


def running_mean(values: Any, window: int) -> np.ndarray:
    """Mean over the last `window` values, fewer at the start.

    >>> running_mean([1.0, 3.0, 5.0], 2).tolist()
    [1.0, 2.0, 4.0]
    """
    sums = np.cumsum(np.concatenate([[0.0], values]))
    stops = np.arange(1, len(sums))
    starts = np.maximum(0, stops - window)
    return (sums[stops] - sums[starts]) / (stops - starts)


def draw_losses(runs: list[Any], path: Path, title: str) -> None:
    """Training loss against step and against seconds of training: each batch faint, the running mean on top."""
    figure, axes = new_figure(2)
    for k, run in enumerate(runs):
        if not run.steps:
            continue
        loss = np.array([record["loss"] for record in run.steps])
        window = max(1, len(loss) // (2 * max(1, len(run.epochs))))
        look = {"color": COLOURS[k % len(COLOURS)], "linestyle": STYLES[k % len(STYLES)]}
        for ax, key in zip(axes, ("step", "seconds"), strict=True):
            x = [record[key] for record in run.steps]
            ax.plot(x, loss, color=look["color"], alpha=0.15, linewidth=0.6)
            ax.plot(x, running_mean(loss, window), label=run.name, linewidth=1.8, **look)
    for ax, label in zip(axes, ("step", "seconds of training"), strict=True):
        ax.set(xlabel=label, ylabel="training loss", yscale="log")
        ax.grid(alpha=0.25)
        if ax.lines:
            ax.legend()
    figure.suptitle(title)
    figure.savefig(path, dpi=130)
