"""What training leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from minigrad import Array, Tree

Record = dict[str, Any]  # of a step or an epoch: numbers by name


@dataclass
class PartOfEpoch:
    """Where a run is within an epoch: what is needed to go on there, besides params, state and stats."""

    generator: Mapping[str, Any]  # its state at the epoch's start: the batches done are drawn again, and dropped
    batches: int = 0  # done
    loss: float = 0.0  # summed over them
    error: float = 0.0
    last_loss: float | None = None  # of the last batch


@dataclass
class Run:
    """What training left: a record per logged step and per epoch, and the last params.

    Steps have `step`, `epoch`, `loss`, `error`, `seconds` (of training alone) and what the solver reports, where finite
    (JSON has no nan, and there is no trust ratio before the first); epochs have `epoch`, `step`, the means `train_loss`
    and `train_error`, `validation_loss`, `validation_error`, `seconds`, and on CuPy the bytes of its memory pool.

    `predictor(inputs)` gives labels with probabilities, or numbers, where the problem has answers to give.

    A resumed run reads its steps from the log. Where that is lost, it has the last one, and those that follow.
    """

    name: str
    params: Tree
    steps: list[Record] = field(default_factory=list)
    epochs: list[Record] = field(default_factory=list)
    stats: Tree = None  # batch normalisation's running averages
    state: Tree = None  # the solver's
    stopped: str | None = None  # why the run ended early: the loss diverged, or the callback ended it
    seconds: float = 0.0  # of training so far, validation not counted
    first_loss: float | None = None  # divergence is measured against it
    part: PartOfEpoch | None = None  # of the epoch that has begun, if one has
    predictor: Callable[[Array], Any] | None = field(default=None, repr=False)  # answers for inputs, if the problem can


class RunIsDone(ValueError):
    """There is nothing to continue: `run` has all its epochs."""

    def __init__(self, message: str, run: Run):
        super().__init__(message)
        self.run = run
