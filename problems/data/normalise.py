"""Numbers of mean 0 and standard deviation 1 per channel, from images as they are stored."""

from __future__ import annotations

from collections.abc import Sequence

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import Array, namespace


def normalised(images: Array, mean: Sequence[float], std: Sequence[float], dtype: type[np.floating]) -> Array:
    """`(images - mean) / std` per channel, in `dtype`, where the images are: (n, height, width, channels).

    Bytes become `dtype` first. Floats are normalised in their own dtype: float32 would lose what small differences of
    large numbers have, as in years.

    >>> normalised(np.array([[[[2000.0]]], [[[2001.0]]]]), [2000.5], [0.5], np.float32).ravel().tolist()
    [-1.0, 1.0]
    """
    xp = namespace(images)
    is_float = mg.isdtype(images.dtype, "real floating")
    x = images if is_float else mg.astype(images, dtype)
    width, device = x.shape[2], array_api_compat.device(x)
    if is_float:
        centre = xp.asarray(list(mean), dtype=x.dtype, device=device)
        scale = xp.asarray([1.0 / s for s in std], dtype=x.dtype, device=device)
        return mg.astype((x - centre) * scale, dtype)
    shifts = [-m / s for m, s in zip(mean, std, strict=True)]
    scale = xp.asarray([1.0 / s for s in std] * width, dtype=x.dtype, device=device)
    shift = xp.asarray(shifts * width, dtype=x.dtype, device=device)
    rows = xp.reshape(x, (*x.shape[:2], -1))  # faster than broadcasting over the last, short axis
    return xp.reshape(rows * scale + shift, x.shape)
