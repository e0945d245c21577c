"""A data set and a network make a problem: mini-batches of images, and the cross entropy of the outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import Array, namespace, nn
from problems.data.dataset import Dataset
from problems.data.own_data import NumberData
from problems.data.stored_images import Crops, StoredImages
from problems.vision.ahead import Ahead, Job
from problems.vision.augment import Moves, draw, draw_crops, move
from problems.vision.layers import Params
from problems.vision.networks import Network
from problems.vision.predictor import Facts, Predictor, predictor_of

WHOLE = slice(None)
READERS = 4  # threads that read images on disk


class Batch(NamedTuple):
    """Normalised images (batch, height, width, channels), integer labels (batch,), and what is random in the network.

    Dropout's masks belong to the batch: a solver that evaluates its model twice on one batch, as CurveBall does for its
    trust ratio, evaluates the same function.
    """

    images: Array
    labels: Array
    masks: Params | None = None


@dataclass(frozen=True)
class Classification:
    """Train a network on a data set. `model` returns `(outputs, stats)`: use it with `has_aux=True`.

    ValueError unless `batch_size` is from 1 to the number of training images, and for data without classes.

    >>> from problems import load, network
    >>> problem = Classification(load("digits"), network("mlp"), batch_size=32)
    >>> rng = np.random.default_rng(0)
    >>> params, batch = problem.init(rng), problem.batch(rng)
    >>> outputs, stats = problem.model(params, batch)
    >>> outputs.shape, problem.loss(outputs, batch).dtype
    ((32, 10), dtype('float32'))
    """

    data: Dataset
    network: Network
    batch_size: int = 64
    dtype: type[np.floating] = np.float32
    augment: bool = False  # random flips and shifts of the training images; of those on disk, flips and crops

    def __post_init__(self) -> None:
        self._check_answers()
        n = self.data.train_labels.shape[0]
        if not 1 <= self.batch_size <= n:
            raise ValueError(
                f"batch_size must be from 1 to {n}, the training images of {self.data.name}; got {self.batch_size}"
            )

    def _check_answers(self) -> None:
        if isinstance(self.data, NumberData):
            raise ValueError(f"{self.data.name} has numbers to predict, not classes: use Regression")

    @property
    def description(self) -> dict[str, Any]:
        """What distinguishes this problem from others, as values that JSON can hold: for logs and checkpoints."""
        return {
            "data": self.data.name,
            "classes": len(self.data.classes),
            "training_images": list(self.data.train_images.shape),
            "channel_means": list(self.data.mean),  # tell data sets of one name apart
            "augment": self.augment,
            "network": self.network.name,
            "layers": self.network.describe(),
            "initialisation": self.network.initialisation,
            "batch_size": self.batch_size,
            "dtype": np.dtype(self.dtype).name,
        }

    def init(self, rng: np.random.Generator) -> Params:
        """Draw the network's parameters."""
        return self.network.init(rng, self.data.train_images.shape[1:], self.dtype)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw one mini-batch without repeats."""
        index = rng.choice(self.data.train_labels.shape[0], self.batch_size, replace=False)
        if isinstance(self.data.train_images, StoredImages):
            read, finish = self._stored_batch(index, rng)
            return finish(read())
        return self._with_chance(self.take(index), rng)

    def batches(self, rng: np.random.Generator, part: slice = WHOLE) -> Iterator[Batch]:
        """One epoch: the training set in random order, in batches of equal size; the remainder is not used.

        With `part`, the same batches, of which each has these rows alone. Images on disk are read ahead, by threads:
        what is random is drawn in the order of the batches, from a generator of the epoch's own, so that neither the
        batches nor the state of `rng` depend on how far ahead they are.
        """
        order = rng.permutation(self.data.train_labels.shape[0])
        starts = range(0, self.steps_per_epoch * self.batch_size, self.batch_size)
        indices = (order[start : start + self.batch_size][part] for start in starts)
        if isinstance(self.data.train_images, StoredImages):
            own = np.random.default_rng(rng.integers(2**63))
            return Ahead((self._stored_batch(index, own, part) for index in indices), READERS)
        return (self._with_chance(self.take(index), rng, part) for index in indices)

    def _stored_batch(self, index: np.ndarray, rng: np.random.Generator, part: slice = WHOLE) -> Job[Batch]:
        """What is left to do for a batch after its draws: to read and crop the images, and then to move them."""
        images, crops = self.data.train_images, None
        if self.augment:
            crops = Crops(*(each[part] for each in draw_crops(rng, self.batch_size)))
        masks = self.network.masks(rng, images.shape[1:], self.batch_size)

        def finish(read: np.ndarray) -> Batch:
            return self._with_masks(self._batch(images.to_device(read), index), masks, part)

        return partial(images.read, index, crops), finish

    @property
    def steps_per_epoch(self) -> int:
        """The number of whole batches in the training set."""
        return self.data.train_labels.shape[0] // self.batch_size

    def take(self, index: Array) -> Batch:
        """The training images and labels at these indices."""
        images = self.data.train_images
        if isinstance(images, StoredImages):
            return self._batch(images.take(index), index)
        xp = namespace(images)
        index = xp.asarray(index, device=array_api_compat.device(images))
        return self._batch(xp.take(images, index, axis=0), index)

    def _batch(self, images: Array, index: Array) -> Batch:
        """Images, which are bytes on the device, with the labels at these indices."""
        labels = self.data.train_labels
        xp = namespace(labels)
        return Batch(
            self._inputs(images), xp.take(labels, xp.asarray(index, device=array_api_compat.device(labels)), axis=0)
        )

    def _inputs(self, images: Array) -> Array:
        """Bytes as the numbers that the network takes."""
        if self.network.inputs == "unit":
            return mg.astype(images, self.dtype) * (1.0 / self._white)
        return self.data.normalise(images, self.dtype)

    @cached_property
    def _white(self) -> float:
        """The largest value of the training images: 255 in photographs, 16 in digits."""
        if isinstance(self.data.train_images, StoredImages):
            return 255
        return float(mg.max(self.data.train_images)) or 1.0

    @property
    def facts(self) -> Facts | None:
        """What the inputs and the outputs mean: a checkpoint keeps it. None where the outputs are no answers."""
        data = self.data
        return Facts(
            data.classes, tuple(data.train_images.shape[1:]), data.mean, data.std, data.white,
            self._white if self.network.inputs == "unit" else data.white, data.features,
        )  # fmt: skip

    def predictor(self, params: Params, stats: Params | None) -> Predictor | None:
        """The network with these params, as a function of inputs that are stored as those of the data set are.

        None where the outputs are no answers.
        """
        return None if self.facts is None else predictor_of(self.network, params, stats, self.facts)

    def _with_chance(self, batch: Batch, rng: np.random.Generator, part: slice = WHOLE) -> Batch:
        """Augmented images, and masks: drawn on the host for the whole batch, moved to the device of the images."""
        if self.augment:
            moves = draw(rng, self.batch_size)
            batch = batch._replace(images=move(batch.images, Moves(*(each[part] for each in moves))))
        masks = self.network.masks(rng, self.data.train_images.shape[1:], self.batch_size)
        return self._with_masks(batch, masks, part)

    def _with_masks(self, batch: Batch, masks: Params, part: slice = WHOLE) -> Batch:
        """Rows of masks, moved to the device of the images."""
        if masks:
            xp, device = namespace(batch.images), array_api_compat.device(batch.images)
            batch = batch._replace(masks=mg.tree_map(lambda keep: xp.asarray(keep[part], device=device), masks))
        return batch

    def model(self, params: Params, batch: Batch, stats: Params | None = None) -> tuple[Array, Params]:
        """The network's outputs and the batch's statistics; with running `stats`, the network in evaluation."""
        return self.network(params, batch.images, stats, batch.masks)

    def loss(self, outputs: Array, batch: Batch) -> Array:
        """Cross entropy, mean over the batch."""
        return nn.cross_entropy(outputs, batch.labels)

    def errors(self, outputs: Array, batch: Batch) -> Array:
        """The share of the batch whose largest output is not its label."""
        wrong = mg.argmax(outputs, axis=-1) != batch.labels
        return mg.mean(mg.astype(wrong, self.dtype))

    def validate(self, params: Params, stats: Params, batch_size: int = 500) -> tuple[float, float]:
        """Mean loss and share of errors on the validation set, the network in evaluation."""
        labels = self.data.validation_labels
        loss = errors = 0.0
        for part, images in self._validation_images(batch_size):
            batch = Batch(self._inputs(images), labels[part, ...])
            outputs, _ = self.model(params, batch, stats)
            share = batch.labels.shape[0] / labels.shape[0]
            loss += share * float(self.loss(outputs, batch))
            errors += share * float(self.errors(outputs, batch))
        return loss, errors

    def _validation_images(self, batch_size: int) -> Iterator[tuple[slice, Array]]:
        """The validation images, batch by batch, as bytes."""
        images, count = self.data.validation_images, self.data.validation_labels.shape[0]
        parts = [slice(start, min(start + batch_size, count)) for start in range(0, count, batch_size)]
        if not isinstance(images, StoredImages):
            return ((part, images[part, ...]) for part in parts)

        def moved(part: slice, read: np.ndarray) -> tuple[slice, Array]:
            return part, images.to_device(read)

        return Ahead(
            ((partial(images.read, np.arange(part.start, part.stop)), partial(moved, part)) for part in parts), READERS
        )
