"""A folder of your own images, one subfolder per class, in one of two forms:

    train/CLASS/*.png and validation/CLASS/*.png (or test/CLASS/*.png)
    CLASS/*.png: a fixed shuffle of the files, sorted by name, puts four fifths in training

Names that begin with a dot, and files without the suffix of an image, are ignored. Each file is opened as what its
content is: PNG, JPEG, BMP, GIF, TIFF, WebP or PPM (with PGM and PBM), whatever its suffix. Then

    size            all images must have one size; more pixels than Pillow's limit against decompression bombs
                    (`PIL.Image.MAX_IMAGE_PIXELS`) are refused
    orientation     an image is turned upright as its EXIF data say
    grey, 1 bit     stay grey, and so does a palette of greys, if all images are; among colours they become RGB
    palette, CMYK   become RGB, by Pillow's formula: a colour profile is not applied
    transparency    is dropped: the colours count as they are stored
    16 bits         a channel of more than 8 bits is refused; so are colours of other kinds, such as LAB
    animations      and TIFF files of several pages are refused; of a photograph with its preview the photograph counts
    damage          a file that cannot be decoded to its end is refused
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from problems.data.dataset import Dataset, Split
from problems.data.errors import CorruptData, DataError, MissingData, UnreadableData, readable
from problems.data.folders import check_open, is_folder
from problems.data.read_images import read_images
from problems.data.registry import dataset
from problems.data.sources import Source

FOLDER = Source(
    name="folder",
    about="images of your own, a folder per class: train/CLASS/* and validation/CLASS/*, or CLASS/*",
    licence="yours",
    own=True,
)
SUFFIXES = {".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
VALIDATION = ("validation", "test")
FORMS = "it should have train/CLASS/*.png and validation/CLASS/*.png, or CLASS/*.png"


@dataset(FOLDER)
def image_folder(folder: Path | None) -> Dataset:
    """The images in a folder as a data set of the folder's name."""
    if folder is None:
        raise DataError("the data set 'folder' is a folder of images, one subfolder per class: say which folder")
    classes, train, validation = read_image_folder(folder)
    return Dataset.of(folder.resolve().name, classes, train, validation, source=str(folder))


def read_image_folder(folder: Path) -> tuple[tuple[str, ...], Split, Split]:
    """Return the classes (names of folders, sorted), and training and validation images with labels.

    DataError names the file or folder that cannot be used.
    """
    with readable(folder):
        if not is_folder(folder):
            kind = UnreadableData if folder.exists() else MissingData
            raise kind(f"{folder} is not a folder: give one of images; {FORMS}")
        if not is_folder(folder / "train"):
            classes = _classes(folder)
            paths, labels = _files(folder, classes, classes)
            return classes, *_split(paths, labels, _shuffled(len(paths)), round(0.8 * len(paths)))
        held_out = next((folder / name for name in VALIDATION if is_folder(folder / name)), None)
        if held_out is None:
            raise MissingData(f"{folder} has train but neither validation nor test: {FORMS}")
        classes = _classes(folder / "train")
        train, train_labels = _files(folder / "train", classes, classes)
        validation, validation_labels = _files(held_out, _classes(held_out, least=1), classes)
        order = np.arange(len(train) + len(validation))
        return classes, *_split(train + validation, train_labels + validation_labels, order, len(train))


def _classes(folder: Path, least: int = 2) -> tuple[str, ...]:
    names = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if len(names) < least:
        found = f"only {names[0]}" if names else "no folder of a class"
        raise MissingData(f"{folder} has {found}: {FORMS}, with at least two classes")
    return names


def _files(folder: Path, names: tuple[str, ...], classes: tuple[str, ...]) -> tuple[list[str], list[int]]:
    """The paths of all images below a folder, sorted, and their labels."""
    paths: list[str] = []
    labels: list[int] = []
    for name in names:
        if name not in classes:
            raise CorruptData(f"{folder / name} is no class of training ({', '.join(classes)}): rename it")
        check_open(folder / name)
        with os.scandir(folder / name) as entries:
            images = [entry for entry in entries if is_image(entry.name)]
        for entry in images:
            if not entry.is_file():  # a pipe would be waited for
                raise CorruptData(f"{entry.path} is no file: remove or rename it")
        if not images:
            raise MissingData(f"{folder / name} has no images ({', '.join(sorted(SUFFIXES))}): add some, or remove it")
        paths += sorted(entry.path for entry in images)
        labels += [classes.index(name)] * len(images)
    return paths, labels


def is_image(name: str) -> bool:
    """Whether a file has the suffix of an image and is not hidden."""
    return os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith(".")


def _shuffled(count: int) -> np.ndarray:
    """A fixed shuffle."""
    return np.random.default_rng(0).permutation(count)


def _split(paths: list[str], labels: list[int], order: np.ndarray, n: int) -> tuple[Split, Split]:
    """Read the images in an order: the first `n` are for training, and at least one is for each part."""
    n = max(1, min(len(paths) - 1, n))
    images, numbers = read_images(paths, order), np.array(labels, np.int64)[order]
    return (images[:n], numbers[:n]), (images[n:], numbers[n:])
