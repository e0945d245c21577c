r"""Deep autoencoders: a narrow code in the middle of a network that gives back its own input.

Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks" (Science 313, 2006): an encoder of
logistic units, 1000-500-250 and a code of 30 linear units for images of 784 pixels, and its mirror image as decoder.
They train MNIST with the cross entropy of pixels that are Bernoulli variables, and report the squared error:

    loss  = 1/B sum_n sum_p [softplus(s_np) - x_np s_np]           s: the outputs, x: the pixels, values in 0..1
    error = 1/B sum_n sum_p (sigmoid(s_np) - x_np)^2

The loss is convex in `s` with the diagonal Hessian `p (1 - p) / B`, `p = sigmoid(s)`: the Gauss-Newton matrix is never
indefinite. Grey pixels make its minimum their entropy, not 0 (`entropy`).

They needed pre-training. Martens, "Deep Learning via Hessian-free Optimization" (ICML 2010), trains the same networks
from random weights by truncated Gauss-Newton steps; his sparse initialisation has 15 weights N(0, 1) into each unit,
the others 0, and biases 0. Sutskever et al., "On the importance of initialization and momentum in deep learning" (ICML
2013), do it with it and SGD of momentum 0.99 and more. On MNIST, which is not among the data sets here, the published
test error is 3.0 by pre-training (13.9 by PCA with 30 components), and about 2.8 by Martens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.data.dataset import Dataset
from problems.data.registry import load
from problems.registry import Registry
from problems.vision.classification import Batch, Classification
from problems.vision.layers import Dense, Elementwise, Layer, Params, Shape
from problems.vision.networks import Network
from problems.vision.principal_components import pca_error

INCOMING = 15  # weights into each unit that are not 0 at the start
MEASURED = 2000  # images, at most, on which the loss and the error are measured
PUBLISHED = (1000, 500, 250, 30)
SMALL = (32, 16, 6)


@dataclass(frozen=True)
class SparseDense(Dense):
    """A dense layer with Martens's sparse initialisation: 15 weights N(0, 1) into each unit, biases 0."""

    def init(self, rng: np.random.Generator, shape: Shape, scale: str) -> Params:
        """Draw the parameters; `scale` is not used."""
        fan_in = int(np.prod(shape))
        chosen = np.argsort(rng.random((fan_in, self.units)), axis=0) < INCOMING
        return {"w": rng.standard_normal((fan_in, self.units)) * chosen, "b": np.zeros(self.units)}


def autoencoder_network(encoder: tuple[int, ...], pixels: int) -> Network:
    """The network: logistic units, a linear code, and the mirror image; its outputs are the logits of the pixels.

    ValueError for no layer or an empty one.

    >>> autoencoder_network((32, 6), 64).describe()
    'dense 32, sigmoid, dense 6, dense 32, sigmoid, dense 64'
    """
    if not encoder or min(encoder) < 1 or pixels < 1:
        raise ValueError(f"an encoder is one or more layers of at least 1 unit; got {encoder} for {pixels} pixels")
    *hidden, code = encoder
    layers: list[Layer] = []
    for units in hidden:
        layers += [SparseDense(units), Elementwise(mg.sigmoid)]
    layers.append(SparseDense(code))
    for units in reversed(hidden):
        layers += [SparseDense(units), Elementwise(mg.sigmoid)]
    name = "autoencoder-" + "-".join(map(str, encoder))
    return Network(name, (*layers, SparseDense(pixels)), initialisation="sparse", inputs="unit")


@dataclass(frozen=True)
class Autoencoder(Classification):
    """A data set of images and an autoencoder: mini-batches, training and validation as those of a `Classification`.

    `model` returns `(outputs, {})`: use it with `has_aux=True`. `Autoencoder.of` makes the network.

    >>> problem = autoencoder("digits-small")
    >>> rng = np.random.default_rng(0)
    >>> params, batch = problem.init(rng), problem.batch(rng)
    >>> outputs, _ = problem.model(params, batch)
    >>> outputs.shape, problem.loss(outputs, batch).dtype
    ((64, 64), dtype('float32'))
    """

    @classmethod
    def of(cls, data: Dataset, encoder: tuple[int, ...], batch_size: int = 200, **options: Any) -> Autoencoder:
        """The autoencoder with these layers up to the code, for the images of a data set."""
        return cls(data, autoencoder_network(encoder, int(np.prod(data.train_images.shape[1:]))), batch_size, **options)

    def _check_answers(self) -> None:
        """None are asked for."""

    @property
    def facts(self) -> None:
        """Its outputs are images, not answers."""
        return None

    def loss(self, outputs: Array, batch: Batch) -> Array:
        """The cross entropy of the pixels, in nats: summed over them, mean over the batch."""
        x = mg.reshape(batch.images, outputs.shape)
        return mg.sum(mg.softplus(outputs) - x * outputs) * (1.0 / outputs.shape[0])

    def errors(self, outputs: Array, batch: Batch) -> Array:
        """The squared error as published: summed over the pixels, mean over the batch."""
        misfit = mg.sigmoid(outputs) - mg.reshape(batch.images, outputs.shape)
        return mg.sum(misfit * misfit) * (1.0 / outputs.shape[0])

    @cached_property
    def _training_part(self) -> Batch:
        return self.take(np.arange(min(MEASURED, self.data.train_labels.shape[0])))

    @cached_property
    def _validation_part(self) -> Batch:
        labels = self.data.validation_labels[:MEASURED]
        return Batch(self._inputs(self.data.validation_images[:MEASURED, ...]), labels)

    def training_loss(self, params: Params) -> float:
        """The loss on the first `MEASURED` training images: the same for all solvers."""
        return float(self.loss(self.model(params, self._training_part)[0], self._training_part))

    def error(self, params: Params) -> float:
        """The squared error, as published, on the first `MEASURED` validation images."""
        return float(self.errors(self.model(params, self._validation_part)[0], self._validation_part))

    def training_error(self, params: Params) -> float:
        """The squared error on the training images of `training_loss`."""
        return float(self.errors(self.model(params, self._training_part)[0], self._training_part))

    @cached_property
    def entropy(self) -> float:
        """The least loss that any network can have on the images of `training_loss`: the entropy of their pixels."""
        x = mg.to_numpy(self._training_part.images).astype(float)
        inside = np.clip(x, 1e-300, None), np.clip(1.0 - x, 1e-300, None)
        return float(-np.sum(x * np.log(inside[0]) + (1.0 - x) * np.log(inside[1])) / x.shape[0])

    @cached_property
    def pca_error(self) -> float:
        """The error that principal components have with a code of the same size, fitted to all training images.

        It is of the same images as `error`: a reference that takes no training.

        >>> round(autoencoder("digits-small").pca_error, 2)
        1.98
        """
        code = min(layer.units for layer in self.network.layers if isinstance(layer, Dense))
        count = self.data.train_labels.shape[0]
        parts = (np.arange(start, min(start + MEASURED, count)) for start in range(0, count, MEASURED))
        return pca_error((_flat(self.take(part)) for part in parts), _flat(self._validation_part), code)


def _flat(batch: Batch) -> np.ndarray:
    images = mg.to_numpy(batch.images)
    return images.reshape(images.shape[0], -1)


AUTOENCODERS: Registry[Callable[..., Autoencoder]] = Registry("autoencoder")
AUTOENCODERS.add("digits-small", lambda folder, size: Autoencoder.of(load("digits"), SMALL, size or 64))
AUTOENCODERS.add("digits", lambda folder, size: Autoencoder.of(load("digits"), PUBLISHED, size or 200))
AUTOENCODERS.add(
    "fashion-mnist", lambda folder, size: Autoencoder.of(load("fashion-mnist", folder), PUBLISHED, size or 200)
)


def autoencoder(name: str, folder: str | Path | None = None, batch_size: int | None = None) -> Autoencoder:
    """An autoencoder by name: `digits-small` (64-32-16-6), `digits`, `fashion-mnist`. ValueError lists the names.

    The last two have the published layers, 1000-500-250-30, on images of 64 and 784 pixels. `folder` is where the data
    are, as in `load`; `batch_size` is 64 for the small one and else 200 where it is not given.
    """
    return AUTOENCODERS.find(name)(folder, batch_size)
