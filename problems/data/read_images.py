"""Many image files into one array: allocated once, filled by several threads."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from problems.data.errors import CorruptData
from problems.data.picture import read_picture
from problems.data.progress import progress_bar

BLOCK = 64  # files that a thread reads at a time


class _Colour(Exception):
    """A colour image among grey ones: the array has too few channels."""


def read_images(paths: Sequence[str], order: np.ndarray) -> np.ndarray:
    """Read images of one size: entry k of the result (n, height, width, channels) is that of `paths[order[k]]`.

    Three channels, or one if all are grey. CorruptData names the first file, in the order of `paths`, that is damaged
    or of another size.
    """
    with silent_pillow():
        first = read_picture(paths[0])
        try:
            return _read(paths, order, first)
        except _Colour:
            return _read(paths, order, np.repeat(first, 3, axis=2))  # from the start: two arrays would be too much


def _read(paths: Sequence[str], order: np.ndarray, first: np.ndarray) -> np.ndarray:
    """All images, with the size and the channels of `first`."""
    images = np.empty((len(paths), *first.shape), np.uint8)
    position = np.argsort(order)

    def read_block(start: int) -> int:
        block = range(start, min(start + BLOCK, len(paths)))
        for k in block:
            picture = read_picture(paths[k])
            if picture.shape[:2] != first.shape[:2]:
                raise CorruptData(
                    f"{paths[k]} is {picture.shape[0]} x {picture.shape[1]} pixels (height x width), {paths[0]} is "
                    f"{first.shape[0]} x {first.shape[1]}: make all images of one size"
                )
            if picture.shape[2] > first.shape[2]:
                raise _Colour
            images[position[k]] = picture  # a grey one among colours is broadcast
        return len(block)

    with ThreadPoolExecutor(cores()) as pool, progress_bar(len(paths), "images", "image", delay=1.0) as bar:
        try:
            for count in pool.map(read_block, range(0, len(paths), BLOCK)):  # in this order, errors too
                bar.update(count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return images


@contextlib.contextmanager
def silent_pillow() -> Iterator[None]:
    """No warnings and no log lines of Pillow: what it warns of, it repairs or refuses."""
    logger = logging.getLogger("PIL")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            logger.setLevel(level)


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
