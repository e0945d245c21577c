"""Labelled images, kept as bytes, and how they become numbers of mean 0 and standard deviation 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import Array, namespace

Split = tuple[np.ndarray, np.ndarray]  # images (n, height, width, channels) uint8 and labels (n,) int64


@dataclass(frozen=True)
class Dataset:
    """Training and validation images (n, height, width, channels) as uint8, with integer labels (n,).

    `mean` and `std`, one per channel, are of the training images. `source` is the folder they were read from, if any.
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

    @classmethod
    def of(
        cls,
        name: str,
        classes: tuple[str, ...],
        train: tuple[Array, Array],
        validation: tuple[Array, Array],
        source: str = "",
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
        return cls(name, classes, *train, *validation, *_mean_and_std(train[0]), source)

    def normalise(self, images: Array, dtype: type[np.floating]) -> Array:
        """`(images - mean) / std` per channel, in `dtype`, on the backend of the images."""
        xp = namespace(images)
        x = mg.astype(images, dtype)
        width, device = x.shape[2], array_api_compat.device(x)
        shifts = [-m / s for m, s in zip(self.mean, self.std, strict=True)]
        scale = xp.asarray([1.0 / s for s in self.std] * width, dtype=x.dtype, device=device)
        shift = xp.asarray(shifts * width, dtype=x.dtype, device=device)
        rows = xp.reshape(x, (*x.shape[:2], -1))  # faster than broadcasting over the last, short axis
        return xp.reshape(rows * scale + shift, x.shape)


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
