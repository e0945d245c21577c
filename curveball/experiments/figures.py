"""Figures, drawn to files: no window, no display needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from curveball.experiments.tables import by_solver
from curveball.training.run import Run
from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FixedLocator, NullLocator

# For readers with any colour vision: M. Okabe and K. Ito, "Color Universal Design", 2008.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
STYLES = ("-", "--", "-.", ":", (0, (3, 1, 1, 1)), (0, (5, 1)), (0, (1, 1)))
ERRORS = {"train_error": "training error, %", "validation_error": "validation error, %"}
AXES = {"step": "step", "epoch": "epoch", "seconds": "seconds of training"}
LEAST_TO_MARK = 10  # with fewer epochs, each has a dot
WIDE = 5.0  # errors with this ratio or more get a logarithmic axis


def new_figure(columns: int, width: float = 4.8, height: float = 3.6) -> tuple[Figure, np.ndarray]:
    """A figure with one row of axes."""
    figure = Figure(figsize=(width * columns, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, np.atleast_1d(figure.subplots(1, columns))


def look(k: int) -> dict[str, Any]:
    """Colour and line style of the k-th solver: either alone tells solvers apart. Dashed lines are drawn on top."""
    return {"zorder": 3.0 + 0.1 * k, "color": COLOURS[k % len(COLOURS)], "linestyle": STYLES[k % len(STYLES)]}


def running_mean(values: ArrayLike, window: int) -> np.ndarray:
    """Mean over the last `window` values, fewer at the start.

    >>> running_mean([1.0, 3.0, 5.0], 2).tolist()
    [1.0, 2.0, 4.0]
    """
    sums = np.cumsum(np.concatenate([[0.0], values]))
    stops = np.arange(1, len(sums))
    starts = np.maximum(0, stops - window)
    return (sums[stops] - sums[starts]) / (stops - starts)


def mean_of(runs: Sequence[Run], records: str, *keys: str) -> list[np.ndarray]:
    """Columns of the runs' records: their mean over the runs, as long as the shortest.

    Runs that were stopped count only if all were stopped, so that one seed that diverges does not shorten the rest.
    """
    whole = [run for run in runs if run.stopped is None] or runs
    length = min(len(getattr(run, records)) for run in whole)
    return [
        np.mean([[record[key] for record in getattr(run, records)[:length]] for run in whole], axis=0) for key in keys
    ]


def draw_losses(runs: Sequence[Run], path: Path, title: str) -> None:
    """Training loss against step and against seconds of training: each batch faint, the running mean on top."""
    figure, axes = new_figure(2)
    for k, (name, own) in enumerate(by_solver(runs).items()):
        own = [run for run in own if run.steps]
        if not own:
            continue
        (loss,) = mean_of(own, "steps", "loss")
        window = max(1, len(loss) // (2 * max(1, len(own[0].epochs))))
        for ax, key in zip(axes, ("step", "seconds"), strict=True):
            for run in own:
                columns = ([record[column] for record in run.steps] for column in (key, "loss"))
                ax.plot(*columns, color=look(k)["color"], alpha=0.2 / len(own), linewidth=0.6)
            (x,) = mean_of(own, "steps", key)
            ax.plot(x, running_mean(loss, window), label=name, linewidth=1.8, **look(k))
    for ax, key in zip(axes, ("step", "seconds"), strict=True):
        ax.set(xlabel=AXES[key], ylabel="training loss", yscale="log")
    _finish(figure, axes, title, path)


def draw_errors(runs: Sequence[Run], path: Path, title: str, against: str = "epoch") -> None:
    """Training and validation error, side by side, against "epoch" (figure 2) or "seconds" (figure 3).

    With several seeds each is a thin line, and their mean a thick one. The training error of an epoch is the mean over
    its batches, each before its step. Errors in per cent, on a logarithmic axis where they differ much.
    """
    figure, axes = new_figure(2)
    for k, (name, own) in enumerate(by_solver(runs).items()):
        own = [run for run in own if run.epochs]
        if not own:
            continue
        for ax, key in zip(axes, ERRORS, strict=True):
            for run in own if len(own) > 1 else ():
                x, y = (np.array([record[column] for record in run.epochs]) for column in (against, key))
                ax.plot(x, 100.0 * y, color=look(k)["color"], alpha=0.3, linewidth=0.7)
            x, y = mean_of(own, "epochs", against, key)
            marker = "o" if len(x) < LEAST_TO_MARK else None
            ax.plot(x, 100.0 * y, label=name, linewidth=1.8, marker=marker, markersize=3.5, **look(k))
    for ax, label in zip(axes, ERRORS.values(), strict=True):
        ax.set(xlabel=AXES[against], ylabel=label)
        if against == "epoch":
            ax.xaxis.get_major_locator().set_params(integer=True)
        error_axis(ax)
    _finish(figure, axes, title, path)


def error_axis(ax: Axes) -> None:
    """Logarithmic where errors differ by more than WIDE, with plain numbers at the ticks, and with room for 0."""
    values = np.concatenate([line.get_ydata() for line in ax.lines]) if ax.lines else np.zeros(0)
    positive = values[values > 0.0]
    if not positive.size or positive.max() < WIDE * positive.min():
        return
    least, most = positive.min(), positive.max()
    if values.min() > 0.0:
        ax.set_yscale("log")
    else:
        ax.set_yscale("symlog", linthresh=least, linscale=0.4)
        ax.set_ylim(bottom=0.0)
    rounds = [digit * 10.0**power for power in range(-4, 3) for digit in (1, 2, 5)]
    ticks = [tick for tick in rounds if least <= tick <= most]
    ax.yaxis.set_major_locator(FixedLocator(ticks if values.min() > 0.0 else [0.0, *ticks]))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(NullLocator())


def _finish(figure: Figure, axes: np.ndarray, title: str, path: Path) -> None:
    for ax in axes:
        ax.grid(alpha=0.25)
    if axes[0].lines:
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), fontsize=9)
    figure.suptitle(title)
    figure.savefig(path, dpi=130)
