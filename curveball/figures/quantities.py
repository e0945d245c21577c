"""The numbers that a log has: what they are called on an axis, and which axis suits them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from curveball.training.run import Record, Run

AXES = {"step": "step", "epoch": "epoch", "seconds": "seconds of training"}
NAMES = {
    "loss": "training loss",
    "error": "training error, %",
    "train_loss": "training loss, mean of the epoch",
    "train_error": "training error, %",
    "validation_loss": "validation loss",
    "validation_error": "validation error, %",
    "rho": "momentum ρ",
    "beta": "step size β",
    "lam": "damping λ",
    "trust_ratio": "trust ratio",
    "predicted": "predicted change of the loss",
    "lr": "learning rate",
    **AXES,
}
OF_EPOCHS = ("train_loss", "train_error", "validation_loss", "validation_error", "pool_used", "pool_held")
SMOOTH = ("lr", "lam", *AXES)  # of steps, and not noisy
WIDE = 5.0  # numbers with this ratio or more get a logarithmic axis


def label(y: str) -> str:
    """What stands at the axis."""
    return NAMES.get(y, y.replace("_", " "))


def is_share(y: str) -> bool:
    """Whether it is shown in per cent."""
    return label(y).endswith("%")


def logged(runs: Iterable[Run]) -> list[str]:
    """The numbers that any of the runs has."""
    found = {key for run in runs for records in (run.steps, run.epochs) for record in records for key in record}
    return sorted(found)


def columns(run: Run, y: str, x: str) -> Run:
    """The run with two numbers in each record: `x`, in epochs fractional for steps, and `y`, in per cent for errors.

    ValueError where steps are asked for against epochs, and no epoch is done.
    """
    kind = "epochs" if y in OF_EPOCHS else "steps"
    records = [record for record in getattr(run, kind) if y in record and x in record]
    share = 100.0 if is_share(y) else 1.0
    if kind == "steps" and x == "epoch":
        per_epoch = _steps_per_epoch(run)
        pairs: list[Record] = [{x: record["step"] / per_epoch, y: share * record[y]} for record in records]
    else:
        pairs = [{x: record[x], y: share * record[y]} for record in records]
    steps, epochs = (pairs, []) if kind == "steps" else ([], pairs)
    return Run(run.name, None, steps, epochs, stopped=run.stopped)


def _steps_per_epoch(run: Run) -> float:
    done = next((record for record in run.epochs if record.get("step")), None)
    if done is None:
        raise ValueError(f"{run.name} has no epoch that is done: draw it against step or seconds")
    return float(done["step"] / done["epoch"])


def suit_axis(ax: Axes, y: str) -> None:
    """The scale of the axis of `y`: a loss on a logarithmic one, others where they differ much."""
    if is_share(y):
        error_axis(ax)
        return
    values = _values(ax)
    if values.size and values.min() > 0.0 and (y.endswith("loss") or values.max() > WIDE * values.min()):
        ax.set_yscale("log")


def error_axis(ax: Axes) -> None:
    """Logarithmic where errors differ by more than WIDE, with plain numbers at the ticks, and with room for 0."""
    values = _values(ax)
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


def _values(ax: Axes) -> np.ndarray:
    drawn: Sequence[np.ndarray] = [np.asarray(line.get_ydata(), float) for line in ax.lines]
    values = np.concatenate(drawn) if drawn else np.zeros(0)
    return values[np.isfinite(values)]
