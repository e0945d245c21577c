"""Arrays from the host to a device, and numbers back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import minigrad as mg
from curveball.training.devices.registry import library_for
from curveball.training.protocol import Stored, TrainingData
from minigrad import Array, Namespace, Tree, backend_name, namespace

D = TypeVar("D")


def to_backend(dataset: D, xp: Namespace) -> D:
    """A data set (a dataclass, as `problems.Dataset` is) with its arrays on the device in use; bytes stay bytes."""
    if backend_name(xp) == "numpy":
        return dataset
    names = ("train_images", "train_labels", "validation_images", "validation_labels")
    device = library_for(xp).device_in_use()
    arrays = {name: getattr(dataset, name) for name in names}
    moved = {
        name: x.on(xp, device) if isinstance(x, Stored) else mg.from_numpy(x, xp, device) for name, x in arrays.items()
    }
    return replace(dataset, **moved)  # type: ignore[type-var]  # a dataclass


def images_of(data: TrainingData) -> Array:
    """The training images, or an array of the device that they are moved to: it says where training computes."""
    images = data.train_images
    return images.like if isinstance(images, Stored) else images


def to_device_of(like: Array, tree: Tree) -> Tree:
    """The arrays of a tree, moved from the host to where the array `like` is. ValueError where their dtype is not."""
    xp = namespace(like)
    if backend_name(xp) == "numpy":
        return tree
    device = library_for(xp).device_of(like)

    def move(x: Any) -> Any:
        if not hasattr(x, "shape"):
            return x
        try:
            return mg.from_numpy(x, xp, device)
        except TypeError as error:  # JAX with 32 bits, Apple's GPUs
            raise ValueError(f"the device has no {x.dtype.name}: use dtype float32 ({error})") from None

    return mg.tree_map(move, tree)


def to_host(numbers: list[float | Array]) -> list[float]:
    """Scalars from a device to the host, by one copy for all of them.

    >>> import numpy as np
    >>> to_host([np.float32(0.5), 2.0])
    [0.5, 2.0]
    """
    there = [x for x in numbers if hasattr(x, "shape")]
    if not there:
        return [float(x) for x in numbers]
    copied = iter(library_for(namespace(*there)).to_host(there))
    return [next(copied) if hasattr(x, "shape") else float(x) for x in numbers]
