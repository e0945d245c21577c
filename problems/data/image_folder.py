"""A folder of your own images, one subfolder per class, in one of two forms:

    train/CLASS/*.png and validation/CLASS/*.png (or test/CLASS/*.png)
    CLASS/*.png: a fixed shuffle of the files, sorted by name, puts four fifths in training

Any format that Pillow reads is allowed. All images must have one size. They become RGB, unless all are grey: then they
stay grey. Names that begin with a dot, and files without the suffix of an image, are ignored.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from problems.data.dataset import Dataset, Split
from problems.data.errors import CorruptData, DataError, MissingData, UnreadableData, readable
from problems.data.registry import dataset
from problems.data.sources import Source

FOLDER = Source(
    name="folder",
    about="images of your own, a folder per class: train/CLASS/* and validation/CLASS/*, or CLASS/*",
    licence="yours",
    own=True,
)
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
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
        if not folder.is_dir():
            kind = UnreadableData if folder.exists() else MissingData
            raise kind(f"{folder} is not a folder: give one of images; {FORMS}")
        if not (folder / "train").is_dir():
            classes = _classes(folder)
            return classes, *_split(*_read(_files(folder, classes, classes)))
        held_out = next((folder / name for name in VALIDATION if (folder / name).is_dir()), None)
        if held_out is None:
            raise MissingData(f"{folder} has train but neither validation nor test: {FORMS}")
        classes = _classes(folder / "train")
        train = _files(folder / "train", classes, classes)
        validation = _files(held_out, _classes(held_out, least=1), classes)
        images, labels = _read(train + validation)
        n = len(train)
        return classes, (images[:n], labels[:n]), (images[n:], labels[n:])


def _classes(folder: Path, least: int = 2) -> tuple[str, ...]:
    names = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if len(names) < least:
        found = f"only {names[0]}" if names else "no folder of a class"
        raise MissingData(f"{folder} has {found}: {FORMS}, with at least two classes")
    return names


def _files(folder: Path, names: tuple[str, ...], classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """All images below a folder, sorted, each with its label."""
    files: list[tuple[Path, int]] = []
    for name in names:
        if name not in classes:
            raise CorruptData(f"{folder / name} is no class of training ({', '.join(classes)}): rename it")
        paths = [
            path
            for path in sorted((folder / name).iterdir())
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        ]
        if not paths:
            raise MissingData(f"{folder / name} has no images ({', '.join(sorted(SUFFIXES))}): add some, or remove it")
        files += [(path, classes.index(name)) for path in paths]
    return files


def _read(files: list[tuple[Path, int]]) -> Split:
    pictures = [_picture(path) for path, _ in files]
    size = pictures[0].shape[:2]
    for (path, _), picture in zip(files, pictures, strict=True):
        if picture.shape[:2] != size:
            raise CorruptData(
                f"{path} is {picture.shape[0]} x {picture.shape[1]} pixels (height x width), {files[0][0]} is "
                f"{size[0]} x {size[1]}: make all images of one size"
            )
    channels = max(picture.shape[2] for picture in pictures)
    images = np.empty((len(files), *size, channels), np.uint8)
    for image, picture in zip(images, pictures, strict=True):
        image[...] = picture  # a grey one among colours is broadcast
    return images, np.array([label for _, label in files], np.int64)


def _picture(path: Path) -> np.ndarray:
    """One image as (height, width, 1 or 3)."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                raise CorruptData(f"{path} has more than 8 bits a channel (mode {image.mode}): convert it to 8")
            grey = image.mode in ("1", "L", "LA")
            pixels = np.asarray(image.convert("L" if grey else "RGB"))
    except (DataError, PermissionError):  # a DataError is a ValueError too
        raise
    except (OSError, SyntaxError, EOFError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).replace(f" {str(path)!r}", "") or type(error).__name__
        raise CorruptData(f"{path} is no image that can be read ({reason}): replace or remove it") from None
    return pixels[:, :, None] if grey else pixels


def _split(images: np.ndarray, labels: np.ndarray) -> tuple[Split, Split]:
    """Four fifths and one fifth, by a fixed shuffle."""
    order = np.random.default_rng(0).permutation(len(labels))
    n = max(1, min(len(labels) - 1, round(0.8 * len(labels))))
    return (images[order[:n]], labels[order[:n]]), (images[order[n:]], labels[order[n:]])
