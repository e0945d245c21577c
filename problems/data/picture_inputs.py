"""Pictures from files, as a trained network takes them: of its size and channels, or refused with a reason."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from minigrad.extras import from_extra
from problems.data.errors import CorruptData, MissingData, readable
from problems.data.image_folder import is_image
from problems.data.picture import read_picture
from problems.data.read_images import silent_pillow

GREY = np.array([299, 587, 114]) / 1000  # of red, green and blue: Rec. 601, as Pillow does


def picture_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and in place of a folder the images in it, sorted. DataError where there is none."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise MissingData(f"there is no image {path}: give files, or folders of them")
        with readable(path):
            if not path.is_dir():
                found.append(path)
                continue
            inside = sorted(each for each in path.iterdir() if is_image(each.name) and each.is_file())
        if not inside:
            raise MissingData(f"{path} has no images")
        found += inside
    return found


def read_pictures(
    paths: Iterable[Path], shape: tuple[int, ...], white: float = 255, resize: bool = False
) -> np.ndarray:
    """Pictures as (n, *shape): bytes, or floats where the value of white is not 255. DataError names the file.

    resize:  of another size, the middle is taken and resized; of colours, the grey where the network takes grey. Else
             such pictures are refused. A grey picture is a colour picture too.
    """
    with silent_pillow():
        pixels = np.stack([_fitted(path, _read(path), shape, resize) for path in paths])
    return pixels if white == 255 else pixels * (white / 255)


def _read(path: Path) -> np.ndarray:
    with readable(path):
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise CorruptData(f"{path} is no file: give an image")
        return read_picture(str(path))


def _fitted(path: Path, picture: np.ndarray, shape: tuple[int, ...], resize: bool) -> np.ndarray:
    height, width, channels = shape
    if channels not in (1, 3):
        raise CorruptData(f"{path} is a picture, the network takes inputs of {channels} channels: no picture has them")
    same_size, same_channels = picture.shape[:2] == (height, width), picture.shape[2] <= channels
    if not resize and not (same_size and same_channels):
        kinds = {1: "grey", 3: "colours"}
        raise CorruptData(
            f"{path} is {picture.shape[0]} x {picture.shape[1]} pixels (height x width), {kinds[picture.shape[2]]}; "
            f"the network takes {height} x {width}, {kinds[channels]}: prepare it so, or give --resize"
        )
    if not same_size:
        picture = _middle(picture, height, width)
    if not same_channels:
        picture = np.rint(picture @ GREY).astype(np.uint8)[:, :, None]
    return np.broadcast_to(picture, shape)


def _middle(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest middle part with these proportions, resized; pixels are averaged where it is larger."""
    with from_extra("data"):  # here, so that importing problems stays quick
        from PIL import Image

    scale = min(picture.shape[0] / height, picture.shape[1] / width)
    top, left = (picture.shape[0] - scale * height) / 2, (picture.shape[1] - scale * width) / 2
    box = (left, top, left + scale * width, top + scale * height)
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box=box))
    return resized.reshape(height, width, picture.shape[2])
