"""A data set and a network make a problem: mini-batches in, cross entropy out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.backend import namespace
from problems.augment import draw, move
from problems.datasets import Dataset
from problems.networks import Network

Array = Any
Params = dict[str, Any]


class Batch(NamedTuple):
    """Normalised images (batch, height, width, channels) and integer labels (batch,)."""

    images: Array
    labels: Array


@dataclass(frozen=True)
class Classification:
    """Train a network on a data set. `model` returns `(outputs, stats)`: use it with `has_aux=True`.

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
    dtype: Any = np.float32
    augment: bool = False  # random flips and shifts of the training images

    def __post_init__(self) -> None:
        n = self.data.train_labels.shape[0]
        if not 1 <= self.batch_size <= n:
            raise ValueError(
                f"batch_size must be from 1 to {n}, the training images of {self.data.name}; got {self.batch_size}"
            )

    def init(self, rng: np.random.Generator) -> Params:
        """Draw the network's parameters."""
        return self.network.init(rng, self.data.train_images.shape[1:], self.dtype)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Draw one mini-batch without repeats."""
        index = rng.choice(self.data.train_labels.shape[0], self.batch_size, replace=False)
        return self._augmented(self.take(index), rng)

    def batches(self, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch: the training set in random order, in batches of equal size; what is left over is not used."""
        order = rng.permutation(self.data.train_labels.shape[0])
        for start in range(0, self.steps_per_epoch * self.batch_size, self.batch_size):
            yield self._augmented(self.take(order[start : start + self.batch_size]), rng)

    @property
    def steps_per_epoch(self) -> int:
        return self.data.train_labels.shape[0] // self.batch_size

    def take(self, index: Array) -> Batch:
        """The training images and labels at these places."""
        images, labels = self.data.train_images, self.data.train_labels
        xp = namespace(images)
        index = xp.asarray(index, device=array_api_compat.device(images))
        return Batch(self.data.normalise(xp.take(images, index, axis=0), self.dtype), xp.take(labels, index, axis=0))

    def _augmented(self, batch: Batch, rng: np.random.Generator) -> Batch:
        if not self.augment:
            return batch
        return batch._replace(images=move(batch.images, draw(rng, self.batch_size)))

    def model(self, params: Params, batch: Batch, stats: Params | None = None) -> tuple[Array, Params]:
        """The network's outputs and the batch's statistics; with running `stats`, the network in evaluation."""
        return self.network(params, batch.images, stats)

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
            batch = Batch(self.data.normalise(images[part], self.dtype), labels[part])
            outputs, _ = self.model(params, batch, stats)
            share = batch.labels.shape[0] / labels.shape[0]
            loss += share * float(self.loss(outputs, batch))
            errors += share * float(self.errors(outputs, batch))
        return loss, errors
