"""The options of a run, and everything that defines it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from curveball.solvers.base import Solver
from curveball.training.schedule import Schedule, check_scheduled, is_constant, schedule_from

UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class TrainOptions:
    """How long to train, from which seed, and what to say on the way. ValueError for bad values.

    epochs:          passes over the training set, at least 1; a resumed run counts those that are done
    seed:            of the first params and of the order of the batches, zero or positive
    log_every:       steps between two records in the log, at least 1: on a GPU, only these wait for the device
    quiet:           no progress bar
    resume:          continue from the checkpoint in the run's folder
    save_every:      a checkpoint is written after each epoch, and within it as often as this says: steps as in 500,
                     or time as in "30s", "10min", "2h"; None: after each epoch only
    diverged_above:  a loss above this many times the first one (or above this number, where the first is below 1) ends
                     the run, as one does that is not finite; inf: only the latter
    schedule:        how the solver's learning rate changes, as in "cosine" or "step:epochs=30/60": see schedule.py
    compile:         a step is one program, where the array library has a compiler (jax, and torch on a GPU)

    >>> TrainOptions(epochs=3).seed
    0
    >>> TrainOptions(epochs=0)
    Traceback (most recent call last):
    ValueError: epochs must be at least 1; got 0
    """

    epochs: int = 20
    seed: int = 0
    log_every: int = 1
    quiet: bool = False
    resume: bool = False
    save_every: int | str | None = "10min"
    diverged_above: float = 1e6
    compile: bool = False
    schedule: str = "constant"

    def __post_init__(self) -> None:
        for name in ("epochs", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.seed < 0:
            raise ValueError(f"seed must be zero or positive; got {self.seed}")
        if not self.diverged_above > 1:
            raise ValueError(f"diverged_above must be more than 1; got {self.diverged_above}")
        _ = self.save_interval, self.learning_rate_schedule

    @property
    def save_interval(self) -> tuple[float, float]:
        """The steps and the seconds between two checkpoints within an epoch; inf for never.

        >>> TrainOptions(save_every="2min").save_interval, TrainOptions(save_every=500).save_interval
        ((inf, 120.0), (500.0, inf))
        """
        if self.save_every is None:
            return math.inf, math.inf
        found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(s|min|h)?", str(self.save_every))
        number = float(found[1]) if found else 0.0
        if not found or not number or (not found[2] and not number.is_integer()):
            raise ValueError(
                f"save_every must be steps as in 500, or time as in 30s, 10min, 2h; got {str(self.save_every)!r}"
            )
        return (math.inf, number * UNITS[found[2]]) if found[2] else (number, math.inf)

    @property
    def learning_rate_schedule(self) -> Schedule:
        """The schedule, as a function."""
        return schedule_from(self.schedule, self.epochs)


@dataclass(frozen=True)
class RunSpec:
    """One run: what it is called, its solver, its options, and the folder for its files. ValueError for bad values.

    name:     in the log, the tables and the figures
    solver:   any solver, a dataclass of hyper-parameters
    options:  how long, and so on
    folder:   where the log and the checkpoint are; None keeps nothing
    """

    name: str
    solver: Solver
    options: TrainOptions = field(default_factory=TrainOptions)
    folder: Path | None = None

    def __post_init__(self) -> None:
        if self.options.resume and self.folder is None:
            raise ValueError("resume needs the folder of the run to continue")
        if not is_constant(self.options.learning_rate_schedule):
            check_scheduled(self.solver)

    @property
    def checkpoint(self) -> Path | None:
        """The file that keeps the run."""
        return None if self.folder is None else self.folder / "checkpoint.safetensors"
