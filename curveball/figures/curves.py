"""Runs as curves: a panel for each pair of numbers, a colour and a line style for each solver."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from curveball.figures.end_labels import label_ends
from curveball.figures.quantities import AXES, OF_EPOCHS, columns, is_noisy, label, mean_curve
from curveball.figures.scales import suit_axis
from curveball.figures.seeds import by_solver
from curveball.figures.solver_names import readable
from curveball.figures.style import in_style, look, new_figure, save
from curveball.training.run import Run
from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

Panel = tuple[str, str]  # y, and what it is drawn against
LEAST_TO_MARK = 10  # with fewer points, each has a dot


def draw_losses(runs: Sequence[Run], path: Path, title: str) -> None:
    """Training loss against step and against seconds of training: each batch faint, the running mean on top."""
    save(panels(runs, [("loss", "step"), ("loss", "seconds")], title), path)


def draw_errors(runs: Sequence[Run], path: Path, title: str, against: str = "epoch") -> None:
    """Training and validation error, side by side, against "epoch" (figure 2) or "seconds" (figure 3).

    With several seeds each is a thin line, and their mean a thick one. The training error of an epoch is the mean over
    its batches, each before its step. Errors in per cent, on a logarithmic axis where they differ much.
    """
    save(panels(runs, [("train_error", against), ("validation_error", against)], title), path)


@in_style
def panels(
    runs: Sequence[Run], shown: Sequence[Panel], title: str, window: int | None = None, figure: Figure | None = None
) -> Figure:
    """A figure with a panel for each pair (y, x); runs of the same name are seeds.

    window:  steps of the running mean of what differs from batch to batch
    figure:  draws into an empty one of these
    """
    count = len(shown)
    across = min(3, count) if count != 4 else 2
    figure, axes = new_figure(across, -(-count // across), figure=figure)
    for ax in axes[count:]:
        ax.remove()
    axes = axes[:count]
    for ax, (y, x) in zip(axes, shown, strict=True):
        for k, (name, own) in enumerate(by_solver(runs).items()):
            draw(ax, own, y, x, k, readable(name), window)
        frame(ax, y, x)
    figure.suptitle(title)
    label_ends(list(axes))
    return figure


def frame(ax: Axes, y: str, x: str) -> None:
    """Name the axes, and choose their scales by what is drawn."""
    ax.set(xlabel=AXES.get(x, x), ylabel=label(y))
    if x == "epoch" and y in OF_EPOCHS:
        ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    suit_axis(ax, y)


def draw(ax: Axes, seeds: Sequence[Run], y: str, x: str, k: int, name: str, window: int | None = None) -> None:
    """Draw the runs of the k-th solver: the mean of its seeds, and each of them thin.

    What differs from batch to batch is faint, and its running mean over `window` steps, by default half an epoch, on
    top.
    """
    at, value = mean_curve(seeds, y, x, window)
    if not len(at):
        return
    found = [run for run in (columns(run, y, x) for run in seeds) if run.steps or run.epochs]
    for run in found if is_noisy(y) or len(found) > 1 else ():
        thin(ax, numbers(run, x), numbers(run, y), k, 0.2 / len(found) if is_noisy(y) else 0.3)
    thick(ax, at, value, k, name, "o" if y in OF_EPOCHS and len(at) < LEAST_TO_MARK else None)


def numbers(run: Run, key: str) -> np.ndarray:
    """A column of its records, of those that it has."""
    return np.array([record[key] for record in run.steps or run.epochs])


def thin(ax: Axes, x: np.ndarray, y: np.ndarray, k: int, alpha: float = 0.3) -> None:
    """One run of several, or every batch."""
    ax.plot(x, y, color=look(k)["color"], alpha=alpha, linewidth=0.7)


def thick(ax: Axes, x: np.ndarray, y: np.ndarray, k: int, name: str, marker: str | None = None) -> None:
    """A line with a name."""
    ax.plot(x, y, label=name, linewidth=1.8, marker=marker, markersize=4.5 if len(x) == 1 else 3.5, **look(k))
