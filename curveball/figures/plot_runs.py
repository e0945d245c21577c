"""Any runs against each other, from their logs or as training returned them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from curveball.figures.logs import LoggedRun, read_runs
from curveball.figures.quantities import AXES, OF_EPOCHS, columns, logged
from curveball.figures.run_labels import labelled, title
from curveball.figures.surroundings import in_notebook
from curveball.training.run import Run
from minigrad.extras import from_extra

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT = ("loss", "validation_error")


def plot_runs(
    runs: Sequence[str | Path | Run] | str | Path,
    y: str | Sequence[str] | None = None,
    x: str = "epoch",
    window: int | None = None,
) -> Figure:
    """Draw runs against each other; return the Matplotlib figure, which a notebook shows as the last line of a cell.

    runs:    folders of runs or of comparisons, logs, or what `train` returned. Those that differ in their seed alone
             are thin lines, and their mean a thick one
    y:       what is drawn, a panel for each: any number that was logged, by default the training loss of the batches
             and the validation error
    x:       "epoch", "step" or "seconds" (of training)
    window:  the steps of the running mean of what differs from batch to batch, by default half an epoch

    ValueError for what is no run, and for numbers that none of them has.

    >>> from curveball.training.run import Run
    >>> run = Run("SGD", None, epochs=[{"epoch": 1, "seconds": 2.0, "validation_error": 0.1}])
    >>> figure = plot_runs([run], "validation_error", x="seconds")
    >>> figure.axes[0].get_ylabel()
    'validation error, %'
    """
    found, heading = gather([runs] if isinstance(runs, str | Path) else runs)
    shown = choose(found, [y] if isinstance(y, str) else y, x)
    with from_extra("figures"):
        from matplotlib import pyplot

    from curveball.figures.curves import panels

    figure = panels(found, [(each, x) for each in shown], heading, window, pyplot.figure())
    if in_notebook():
        pyplot.close(figure)  # a cell shows what is its last line: not twice
    return figure


def gather(runs: Iterable[str | Path | Run]) -> tuple[list[Run], str]:
    """The runs, with names to read, and what all of them share. ValueError where there is none."""
    found: list[LoggedRun] = []
    for run in runs:
        if isinstance(run, Run):
            found.append(LoggedRun(_copy(run), {"name": run.name, "seed": len(found)}, run.name))
        else:
            found += [replace(each, origin=str(run)) for each in read_runs(run)]
    if not found:
        raise ValueError("there is no run to draw: give at least one")
    return labelled(found), title(found)


def choose(runs: Sequence[Run], y: Sequence[str] | None, x: str) -> list[str]:
    """The numbers to draw. ValueError for those that no run has."""
    if x not in AXES:
        raise ValueError(f"runs are drawn against {', '.join(AXES)}; got {x!r}")
    known = logged(runs)
    if y is None:
        loss = "loss" if any(run.steps for run in runs) else "train_loss"
        y = [key for key in (loss, DEFAULT[1]) if key in known]
    if missing := [key for key in y if key not in known or key in ("step", "epoch")]:
        raise ValueError(
            f"none of the runs has {missing[0]!r}: they have {', '.join(k for k in known if k not in AXES)}"
        )
    if not y:
        raise ValueError("the runs have no step and no epoch yet")
    for run in runs:
        for key in y:
            if key not in OF_EPOCHS and run.steps:
                columns(run, key, x)  # refuses steps against epochs before the first is done
    return list(y)


def _copy(run: Run) -> Run:
    return Run(run.name, None, run.steps, run.epochs, stopped=run.stopped)
