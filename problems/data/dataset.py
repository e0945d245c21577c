"""Labelled images, kept as bytes, and how they become numbers of mean 0 and standard deviation 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from minigrad import Array
from problems.data.normalise import normalised

Split = tuple[np.ndarray, np.ndarray]  # images (n, height, width, channels) uint8 and labels (n,) int64


@dataclass(frozen=True)
class Dataset:
    """Training and validation images (n, height, width, channels) as uint8, with integer labels (n,).

    `mean` and `std`, one per channel, are of the training images. `source` is the folder they were read from, if any.
    `white` is the value of white in these images: 255 in pictures; `features` names the columns of a table.
    `Dataset.of` computes the statistics.

    >>> images, labels = np.arange(8, dtype=np.uint8).reshape(4, 1, 2, 1), np.array([0, 1, 0, 1])
    >>> data = Dataset.of("steps", ("even", "odd"), (images, labels), (images, labels))
    >>> data.mean, data.normalise(data.train_images, np.float32).dtype
    ((3.5,), dtype('float32'))
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
    white: float = 255
    features: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        classes: tuple[str, ...],
        train: tuple[Array, Array],
        validation: tuple[Array, Array],
        source: str = "",
        white: float = 255,
    ) -> Dataset:
        """Check the arrays and compute the statistics. ValueError names an array of the wrong type, shape or range."""
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
        return cls(name, classes, *train, *validation, *_mean_and_std(train[0]), source, white)

    def normalise(self, images: Array, dtype: type[np.floating]) -> Array:
        """`(images - mean) / std` per channel, in `dtype`, on the backend of the images."""
        return normalised(images, self.mean, self.std, dtype)


def _mean_and_std(images: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel (1 where it never changes).

    The sums are exact: 256 squares of bytes stay below 2^24, up to which float32 holds every whole number.
    """
    count, channels = images.shape[0] * images.shape[1] * images.shape[2], images.shape[3]
    total, squares = np.zeros((2, images.shape[1] * images.shape[2] * channels))
    at_once = max(1, min(256, 2**16 // total.size))  # little: it stays in cache
    for start in range(0, len(images), at_once):
        part = images[start : start + at_once].reshape(-1, total.size).astype(np.float32)
        total += part.sum(axis=0)
        squares += np.square(part, out=part).sum(axis=0)
    mean, std = [], []
    for s, q in zip(total.reshape(-1, channels).sum(axis=0), squares.reshape(-1, channels).sum(axis=0), strict=True):
        mean.append(float(s) / count)
        std.append(math.sqrt(count * int(q) - int(s) ** 2) / count or 1.0)
    return tuple(mean), tuple(std)
