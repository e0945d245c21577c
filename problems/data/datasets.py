"""Labelled images, kept as the bytes they came as, and the data sets known by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import namespace
from problems.data import cifar, sources
from problems.data.errors import DataError
from problems.data.idx import FASHION_CLASSES, read_mnist
from problems.data.image_folder import read_image_folder
from problems.data.locate import obtain

Array = Any


@dataclass(frozen=True)
class Dataset:
    """Training and validation images (n, height, width, channels) as uint8, with integer labels (n,).

    `mean` and `std`, one per channel, are of the training images: `normalise` takes bytes to numbers of mean 0 and
    standard deviation 1. `source` says where they were read, for those that come from files.
    """

    name: str
    classes: tuple[str, ...]
    train_images: Array
    train_labels: Array
    validation_images: Array
    validation_labels: Array
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        classes: tuple[str, ...],
        train: tuple[Array, Array],
        validation: tuple[Array, Array],
        source: str = "",
    ) -> Dataset:
        """Check the arrays and take the statistics. ValueError names what does not fit."""
        for split, (images, labels) in (("training", train), ("validation", validation)):
            if images.ndim != 4 or images.dtype != np.uint8:
                raise ValueError(
                    f"{name}: {split} images must be uint8 of shape (n, height, width, channels); "
                    f"got {images.dtype} of shape {images.shape}"
                )
            if labels.shape != images.shape[:1]:
                raise ValueError(f"{name}: {len(images)} {split} images, but labels of shape {labels.shape}")
            if labels.dtype.kind not in "iu":
                raise ValueError(f"{name}: {split} labels must be integers; got {labels.dtype}")
            if not len(labels):
                raise ValueError(f"{name}: there are no {split} images")
            low, high = labels.min(), labels.max()
            if not 0 <= low <= high < len(classes):
                raise ValueError(f"{name}: {split} labels run from {low} to {high}; there are {len(classes)} classes")
        return cls(name, classes, *train, *validation, *_mean_and_std(train[0]), source)

    def normalise(self, images: Array, dtype: Any) -> Array:
        """`(images - mean) / std` per channel, in `dtype`, on the backend of the images."""
        xp = namespace(images)
        x = mg.astype(images, dtype)
        width, device = x.shape[2], array_api_compat.device(x)
        shifts = [-m / s for m, s in zip(self.mean, self.std, strict=True)]
        scale = xp.asarray([1.0 / s for s in self.std] * width, dtype=x.dtype, device=device)
        shift = xp.asarray(shifts * width, dtype=x.dtype, device=device)
        rows = xp.reshape(x, (*x.shape[:2], -1))  # whole rows of pixels are three times faster than pixel by pixel
        return xp.reshape(rows * scale + shift, x.shape)


def _mean_and_std(images: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel (1 where it never changes).

    The sums are of whole numbers and exact: 256 squares of bytes stay below 2^24, which float32 holds.
    """
    count, channels = images.shape[0] * images.shape[1] * images.shape[2], images.shape[3]
    total, squares = np.zeros((2, images.shape[1] * images.shape[2] * channels))
    for start in range(0, len(images), 256):
        part = images[start : start + 256].reshape(-1, total.size).astype(np.float32)
        total += part.sum(axis=0)
        squares += np.square(part, out=part).sum(axis=0)
    mean, std = [], []
    for s, q in zip(total.reshape(-1, channels).sum(axis=0), squares.reshape(-1, channels).sum(axis=0), strict=True):
        mean.append(float(s) / count)
        std.append(math.sqrt(count * int(q) - int(s) ** 2) / count or 1.0)
    return tuple(mean), tuple(std)


def digits(folder: Path | None = None) -> Dataset:
    """Handwritten digits, 1,797 images of 8 x 8 with values 0..16: 1,437 to train, 360 to validate, by a fixed shuffle.

    From scikit-learn, which bundles the test part of E. Alpaydin and C. Kaynak's "Optical Recognition of Handwritten
    Digits" (UCI Machine Learning Repository, 1998).
    """
    from sklearn.datasets import load_digits

    if folder is not None:
        raise DataError("digits comes with scikit-learn and takes no folder")
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    images = bunch.images[order, :, :, None].astype(np.uint8)
    labels = bunch.target[order].astype(np.int64)
    n = 1437
    return Dataset.of("digits", tuple("0123456789"), (images[:n], labels[:n]), (images[n:], labels[n:]))


def fashion_mnist(folder: Path | None = None) -> Dataset:
    """Clothes, 60,000 + 10,000 grey images of 28 x 28 (Xiao, Rasul and Vollgraf, arXiv 1708.07747)."""
    where = obtain(sources.FASHION_MNIST, folder, may_add=False)
    return Dataset.of("fashion-mnist", FASHION_CLASSES, *read_mnist(where), source=str(where))


def cifar10(folder: Path | None = None) -> Dataset:
    """Photographs, 50,000 + 10,000 of 32 x 32 in colour, ten classes (Krizhevsky, 2009)."""
    where = obtain(sources.CIFAR10, folder)
    return Dataset.of("cifar10", cifar.CIFAR10.classes, *cifar.read_cifar(where, cifar.CIFAR10), source=str(where))


def cifar100(folder: Path | None = None) -> Dataset:
    """Photographs, 50,000 + 10,000 of 32 x 32 in colour, a hundred classes: the fine labels (Krizhevsky, 2009)."""
    where = obtain(sources.CIFAR100, folder)
    return Dataset.of("cifar100", cifar.CIFAR100.classes, *cifar.read_cifar(where, cifar.CIFAR100), source=str(where))


def image_folder(folder: Path | None = None) -> Dataset:
    """Images of one's own, a folder per class: `train/CLASS/*` and `validation/CLASS/*`, or `CLASS/*`."""
    if folder is None:
        raise DataError("the data set 'folder' is a folder of images, one subfolder per class: say which folder")
    classes, train, validation = read_image_folder(folder)
    return Dataset.of(folder.resolve().name, classes, train, validation, source=str(folder))


DATASETS: dict[str, Callable[..., Dataset]] = {
    "digits": digits,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "folder": image_folder,
}


def load(name: str, folder: str | Path | None = None) -> Dataset:
    """Load a data set by name. DataError, a ValueError, says what is wrong and what to do.

    Files are looked for in the folder given, in `MINIGRAD_DATA_DIR` or the user's cache folder, where Debian puts them,
    and only then downloaded.

    >>> load("digits").train_images.shape
    (1437, 8, 8, 1)
    """
    if name not in DATASETS:
        raise DataError(f"unknown data set {name!r}: there are {', '.join(sorted(DATASETS))}")
    return DATASETS[name](None if folder is None else Path(folder).expanduser())
