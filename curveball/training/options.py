"""The options of a run, and everything that defines it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from curveball.solvers.base import Solver


@dataclass(frozen=True)
class TrainOptions:
    """How long to train, from which seed, and what to say on the way. ValueError for bad values.

    epochs:     passes over the training set, at least 1; a resumed run counts those that are done
    seed:       of the first params and of the order of the batches, zero or positive
    log_every:  steps between two records in the log, at least 1: on a GPU, only these wait for the device
    quiet:      no progress bar
    resume:     continue from the checkpoint in the run's folder

    >>> TrainOptions(epochs=3).seed
    0
    >>> TrainOptions(epochs=0)
    Traceback (most recent call last):
    ValueError: epochs and log_every must be at least 1; got 0 and 1
    """

    epochs: int = 20
    seed: int = 0
    log_every: int = 1
    quiet: bool = False
    resume: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.log_every < 1:
            raise ValueError(f"epochs and log_every must be at least 1; got {self.epochs} and {self.log_every}")
        if self.seed < 0:
            raise ValueError(f"seed must be zero or positive; got {self.seed}")


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

    @property
    def checkpoint(self) -> Path | None:
        """The file that keeps the last epoch."""
        return None if self.folder is None else self.folder / "checkpoint.safetensors"
