"""A data set and a network make a problem: mini-batches of images, and the cross entropy of the outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import Array, namespace, nn
from problems.data.dataset import Dataset
from problems.vision.augment import Moves, draw, move
from problems.vision.layers import Params
from problems.vision.networks import Network

WHOLE = slice(None)


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

    ValueError unless `batch_size` is from 1 to the number of training images.

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
    augment: bool = False  # random flips and shifts of the training images

    def __post_init__(self) -> None:
        n = self.data.train_labels.shape[0]
        if not 1 <= self.batch_size <= n:
            raise ValueError(
                f"batch_size must be from 1 to {n}, the training images of {self.data.name}; got {self.batch_size}"
            )

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
        return self._with_chance(self.take(index), rng)

    def batches(self, rng: np.random.Generator, part: slice = WHOLE) -> Iterator[Batch]:
        """One epoch: the training set in random order, in batches of equal size; the remainder is not used.

        With `part`, the same batches, of which each has these rows alone.
        """
        order = rng.permutation(self.data.train_labels.shape[0])
        for start in range(0, self.steps_per_epoch * self.batch_size, self.batch_size):
            yield self._with_chance(self.take(order[start : start + self.batch_size][part]), rng, part)

    @property
    def steps_per_epoch(self) -> int:
        """The number of whole batches in the training set."""
        return self.data.train_labels.shape[0] // self.batch_size

    def take(self, index: Array) -> Batch:
        """The training images and labels at these indices."""
        images, labels = self.data.train_images, self.data.train_labels
        xp = namespace(images)
        index = xp.asarray(index, device=array_api_compat.device(images))
        return Batch(self._inputs(xp.take(images, index, axis=0)), xp.take(labels, index, axis=0))

    def _inputs(self, images: Array) -> Array:
        """Bytes as the numbers that the network takes."""
        if self.network.inputs == "unit":
            return mg.astype(images, self.dtype) * (1.0 / self._white)
        return self.data.normalise(images, self.dtype)

    @cached_property
    def _white(self) -> int:
        """The largest value of the training images: 255 in photographs, 16 in digits."""
        return int(mg.max(self.data.train_images))

    def _with_chance(self, batch: Batch, rng: np.random.Generator, part: slice = WHOLE) -> Batch:
        """Augmented images, and masks: drawn on the host for the whole batch, moved to the device of the images."""
        if self.augment:
            moves = draw(rng, self.batch_size)
            batch = batch._replace(images=move(batch.images, Moves(*(each[part] for each in moves))))
        masks = self.network.masks(rng, self.data.train_images.shape[1:], self.batch_size)
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
        images, labels = self.data.validation_images, self.data.validation_labels
        loss = errors = 0.0
        for start in range(0, labels.shape[0], batch_size):
            part = slice(start, start + batch_size)
            batch = Batch(self._inputs(images[part]), labels[part])
            outputs, _ = self.model(params, batch, stats)
            share = batch.labels.shape[0] / labels.shape[0]
            loss += share * float(self.loss(outputs, batch))
            errors += share * float(self.errors(outputs, batch))
        return loss, errors
