"""The numbers that a log has: what they are called on an axis, and the columns of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from curveball.figures.seeds import mean_of, running_mean
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
WIDE, VERY_WIDE = 5.0, 30.0  # errors, and other numbers, with this ratio or more get a logarithmic axis
SMOOTH = ("lr", "lam", *AXES)  # of steps, and not noisy


def label(y: str) -> str:
    """What stands at the axis."""
    return NAMES.get(y, y.replace("_", " "))


def is_share(y: str) -> bool:
    """Whether it is shown in per cent."""
    return label(y).endswith("%")


def is_logarithmic(y: str, values: np.ndarray) -> bool:
    """Whether a logarithmic axis suits them: positive numbers, of a loss, or others that differ much."""
    if not values.size or values.min() <= 0.0:
        return False
    return y.endswith("loss") or bool(values.max() >= (WIDE if is_share(y) else VERY_WIDE) * values.min())


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


def mean_curve(seeds: Sequence[Run], y: str, x: str, window: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Two numbers of the runs of one solver, their mean over the seeds; none where no run has them.

    What differs from batch to batch is the running mean over `window` steps, by default half an epoch.
    """
    kind = "epochs" if y in OF_EPOCHS else "steps"
    found = [run for run in (columns(run, y, x) for run in seeds) if run.steps or run.epochs]
    if not found:
        return np.zeros(0), np.zeros(0)
    at, value = mean_of(found, kind, x, y)
    if is_noisy(y):
        half_an_epoch = len(value) // (2 * max(1, len(seeds[0].epochs)))
        value = running_mean(value, max(1, half_an_epoch if window is None else window))
    return at, value


def is_noisy(y: str) -> bool:
    """Whether it differs from batch to batch."""
    return y not in (*OF_EPOCHS, *SMOOTH)


def _steps_per_epoch(run: Run) -> float:
    done = next((record for record in run.epochs if record.get("step")), None)
    if done is None:
        raise ValueError(f"{run.name} has no epoch that is done: draw it against step or seconds")
    return float(done["step"] / done["epoch"])
