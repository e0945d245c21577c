"""Hashes of a data set, so that a run is not continued on other data."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

import minigrad as mg
from curveball.training.protocol import TrainingData

ARRAYS = ("train_images", "train_labels", "validation_images", "validation_labels")


def data_hashes(data: TrainingData) -> dict[str, str]:
    """BLAKE2b of the classes, images and labels, each by its name; what a data set does not have is left out.

    >>> from problems import load
    >>> list(data_hashes(load("digits")))
    ['classes', 'train_images', 'train_labels', 'validation_images', 'validation_labels']
    """
    found = {}
    data = getattr(data, "on_host", data)
    if hasattr(data, "classes"):
        found["classes"] = _hash(json.dumps(list(map(str, data.classes))).encode())
    for name in ARRAYS:
        if hasattr(data, name):
            array = np.ascontiguousarray(mg.to_numpy(getattr(data, name)))
            if array.dtype.kind == "i":  # labels: JAX keeps them in 32 bits
                array = array.astype(np.int64)
            found[name] = _hash(str((array.dtype.str, array.shape)).encode(), array.reshape(-1).view(np.uint8).data)
    return found


def _hash(*parts: Any) -> str:
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(part)
    return found.hexdigest()
