"""Random flips and shifts, of a whole mini-batch at once; random crops of images on disk.

Shifts: each image is mirrored left to right with probability 1/2, then shifted by up to `SHIFT` pixels either way
along both axes. New pixels at the border are 0: images are normalised before, so this is the training set's mean
colour.

Crops: a part of each image, of a random share of its area, a random ratio of its sides (uniform in the logarithm) and
at a random place, is resized to the size that the network takes, and mirrored with probability 1/2. A side that would
be longer than the image's is cut to it.
"""

from __future__ import annotations

from typing import NamedTuple

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import Array, namespace
from problems.data.stored_images import Crops

SHIFT = 2
AREA = 0.25, 1.0  # least and greatest share
ASPECT = 3.0 / 4.0, 4.0 / 3.0  # width over height


class Moves(NamedTuple):
    """What is done to each image of a batch: mirrored or not, pixels down, pixels to the right; each (batch,)."""

    mirror: Array
    down: Array
    right: Array


def draw(rng: np.random.Generator, batch_size: int) -> Moves:
    """Draw the moves of one mini-batch, on the host."""
    mirror = rng.integers(0, 2, batch_size)
    down, right = rng.integers(-SHIFT, SHIFT + 1, (2, batch_size))
    return Moves(mirror, down, right)


def move(images: Array, moves: Moves) -> Array:
    """Mirror and shift images (batch, height, width, channels): one gather, on the backend of the images.

    >>> image = np.arange(1.0, 5.0).reshape(1, 1, 4, 1)
    >>> move(image, Moves(np.array([1]), np.array([0]), np.array([1]))).ravel()
    array([0., 4., 3., 2.])
    """
    xp = namespace(images)
    n, height, width, channels = images.shape
    device = array_api_compat.device(images)
    mirror, down, right = (xp.asarray(each, device=device)[:, None] for each in moves)
    padded = mg.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
    # Where each pixel of the result comes from, row and column of the padded image:
    row = xp.arange(height, device=device) - down + SHIFT
    column = xp.arange(width, device=device) - right
    column = xp.where(mirror == 1, width - 1 - column, column) + SHIFT
    image = xp.arange(n, device=device)[:, None]
    line = image * (height + 2 * SHIFT) + row
    source = line[:, :, None] * (width + 2 * SHIFT) + column[:, None, :]
    pixels = xp.reshape(padded, (-1, channels))
    return xp.reshape(xp.take(pixels, xp.reshape(source, (-1,)), axis=0), images.shape)


def draw_crops(rng: np.random.Generator, batch_size: int) -> Crops:
    """Draw the crops of one mini-batch, on the host: the same number of draws for each image.

    >>> crops = draw_crops(np.random.default_rng(0), 3)
    >>> bool((crops.left + crops.width <= 1.0).all())
    True
    """
    area, aspect, across, down, mirror = rng.random((5, batch_size))
    share = AREA[0] + (AREA[1] - AREA[0]) * area
    ratio = ASPECT[0] * (ASPECT[1] / ASPECT[0]) ** aspect
    width, height = np.minimum(1.0, np.sqrt(share * ratio)), np.minimum(1.0, np.sqrt(share / ratio))
    return Crops(across * (1.0 - width), down * (1.0 - height), width, height, mirror < 0.5)
