"""Labelled images, kept as the bytes they came as, and the data sets known by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = Any


@dataclass(frozen=True)
class Dataset:
    """Training and validation images (n, height, width, channels) as uint8, with integer labels (n,).

    `mean` and `std`, one per channel, are of the training images: `normalise` takes bytes to numbers of mean 0 and
    standard deviation 1.
    """

    name: str
    classes: tuple[str, ...]
    train_images: Array
    train_labels: Array
    validation_images: Array
    validation_labels: Array
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(
        cls, name: str, classes: tuple[str, ...], train: tuple[Array, Array], validation: tuple[Array, Array]
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
            if len(labels) and not 0 <= labels.min() <= labels.max() < len(classes):
                raise ValueError(
                    f"{name}: {split} labels run from {labels.min()} to {labels.max()}; there are {len(classes)} classes"
                )
        images = train[0]
        mean = images.mean(axis=(0, 1, 2), dtype=np.float64)
        std = images.std(axis=(0, 1, 2), dtype=np.float64)
        return cls(name, classes, *train, *validation, tuple(map(float, mean)), tuple(float(s) or 1.0 for s in std))

    def normalise(self, images: Array, dtype: Any) -> Array:
        """`(images - mean) / std` per channel, in `dtype`, on the backend of the images."""
        import minigrad as mg

        scale = mg.asarray([1.0 / s for s in self.std], dtype=dtype)
        shift = mg.asarray([-m / s for m, s in zip(self.mean, self.std, strict=True)], dtype=dtype)
        return mg.astype(images, dtype) * scale + shift


def digits() -> Dataset:
    """Handwritten digits, 1,797 images of 8 x 8 with values 0..16: 1,437 to train, 360 to validate, by a fixed shuffle.

    From scikit-learn, which bundles the test part of E. Alpaydin and C. Kaynak's "Optical Recognition of Handwritten
    Digits" (UCI Machine Learning Repository, 1998).
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    images = bunch.images[order, :, :, None].astype(np.uint8)
    labels = bunch.target[order].astype(np.int64)
    n = 1437
    return Dataset.of("digits", tuple("0123456789"), (images[:n], labels[:n]), (images[n:], labels[n:]))


DATASETS: dict[str, Callable[..., Dataset]] = {"digits": digits}


def load(name: str, folder: str | Path | None = None) -> Dataset:
    """Load a data set by name. ValueError lists the names there are.

    >>> load("digits").train_images.shape
    (1437, 8, 8, 1)
    """
    if name not in DATASETS:
        raise ValueError(f"unknown data set {name!r}: there are {', '.join(sorted(DATASETS))}")
    if folder is not None and name == "digits":
        raise ValueError("digits comes with scikit-learn and takes no folder")
    return DATASETS[name]()
