"""What training needs of a problem. `problems.Classification` has it, and so can a class of your own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from minigrad import Array, Namespace, Tree

Batch = TypeVar("Batch")


@runtime_checkable
class Stored(Protocol):
    """Images on disk in place of an array: too many for the memory."""

    @property
    def like(self) -> Array:
        """An array of the library, on the device, that batches are moved to."""
        ...

    @property
    def digest(self) -> str:
        """A hash of all images."""
        ...

    def on(self, xp: Namespace, device: Any = None) -> Stored:
        """The same, with batches of another array library, on one of its devices."""
        ...


class TrainingData(Protocol):
    """The data of a problem: what they are called, and where they are."""

    @property
    def name(self) -> str:
        """What the data set is called."""
        ...

    @property
    def source(self) -> str:
        """The file or folder they were read from; empty where there is none."""
        ...

    @property
    def train_images(self) -> Array:
        """The training inputs: training computes with their array library, on their device. Or `Stored` ones."""
        ...


class TrainingProblem(Protocol[Batch]):
    """A network, a loss, and data in mini-batches.

    A batch may be any object: training passes it on to `model`, `loss` and `errors`.
    """

    @property
    def data(self) -> TrainingData:
        """The data, for their name and their device."""
        ...

    @property
    def description(self) -> dict[str, Any]:
        """What distinguishes this problem from others, as values that JSON can hold: logged, and compared when a run is
        resumed. `compare` reads `data`, `network` (their names) and `batch_size`; the other keys are free.
        """
        ...

    @property
    def steps_per_epoch(self) -> int:
        """How many mini-batches `batches` gives."""
        ...

    def init(self, rng: np.random.Generator) -> Tree:
        """Draw the first params, on the host."""
        ...

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """The mini-batches of one epoch, all randomness drawn from `rng`."""
        ...

    def model(self, params: Tree, batch: Batch) -> tuple[Tree, Tree]:
        """Return the outputs, and the statistics of batch normalisation (`{}` without it)."""
        ...

    def loss(self, outputs: Tree, batch: Batch) -> Array:
        """The mean loss of the batch."""
        ...

    def errors(self, outputs: Tree, batch: Batch) -> Array:
        """The share of wrong answers in the batch."""
        ...

    def validate(self, params: Tree, stats: Tree) -> tuple[float, float]:
        """Loss and share of errors on the validation set, with the running statistics."""
        ...


@runtime_checkable
class Answers(Protocol):
    """A problem whose outputs are answers: a run of it has a `predictor`, and so has its checkpoint."""

    @property
    def facts(self) -> Facts | None:
        """What inputs and outputs mean; None where the outputs are no answers."""
        ...

    def predictor(self, params: Tree, stats: Tree) -> Callable[[Array], Any] | None:
        """The trained network as a function of inputs."""
        ...


class Facts(Protocol):
    """What inputs and outputs of a network mean."""

    def to_json(self) -> dict[str, Any]:
        """The same as values that JSON can hold."""
        ...


def skip(batches: Iterator[Batch], count: int) -> None:
    """Leave out the next batches, without the work that they are where the iterator has a `skip(count)` of its own."""
    if hasattr(batches, "skip"):
        batches.skip(count)
        return
    for _ in range(count):
        next(batches, None)
