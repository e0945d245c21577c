"""Folders as ImageNet's: photographs of any size, decoded once into a cache on disk.

    train/WNID/*.JPEG         a folder for each class; also train/WNID/images/*.JPEG, as Tiny ImageNet has it
    val/WNID/*.JPEG           the same classes, each with an image at least; the folder may also be named validation
    val/*.JPEG                or all together, with a list of their classes (`validation_list.py`); or val/images/*.JPEG

Any names will do for classes and files. Each file is opened as what its content is, as in `image_folder.py`: PNG and
CMYK files named .JPEG are read, grey images get three equal channels. Links are followed.

The cache has the middle square of each image, resized to 8/7 of the size that the network takes: 256 for 224, 74 for
64. In training with augmentation a random part of it is taken; else, and in validation, its middle. So what lies left
and right of the square is never seen. The mean and the standard deviation of the channels are those of the training
images in the cache. A cache has the images of one folder at one size; it lies in the user's data folder and can be
removed at any time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from problems.data.dataset import Dataset
from problems.data.decode_images import complete
from problems.data.errors import CorruptData, DataError, MissingData, UnreadableData, readable
from problems.data.folders import check_open, dead_link, is_folder
from problems.data.image_cache import ImageCache, mean_and_std
from problems.data.image_folder import is_image
from problems.data.image_index import ImageIndex, index_images
from problems.data.locate import data_folder
from problems.data.registry import dataset
from problems.data.sources import Source
from problems.data.stored_images import StoredImages
from problems.data.validation_list import find_list, labels_of, refuse_folders

IMAGENET = Source(
    name="imagenet",
    about="photographs of any size, in folders as ImageNet's: train/WNID/*.JPEG and val/WNID/*.JPEG, or val/*.JPEG",
    licence="yours; ImageNet's own: https://www.image-net.org/download",
    own=True,
    size=64,
)
VALIDATION = ("val", "validation")
FORM = "it should have train/WNID/*.JPEG and val/WNID/*.JPEG"
SIZES = 8, 1024
DECODED = "decoded"  # the folder of all caches, in the user's data folder
LEVELS = 3  # how many levels further down train is looked for
MANY = 100  # in folders with more entries it is not


@dataset(IMAGENET)
def imagenet(folder: Path | None, size: int) -> Dataset:
    """ImageNet, or images in its layout, for a network that takes `size` x `size` pixels.

    Without a folder it is `imagenet` in the user's data folder.
    """
    if folder is None:
        folder = usual_place()
        with readable(folder):
            there = folder.exists()
        if not there:
            raise MissingData(
                f"'imagenet' is photographs in folders of their own: put train and val in {folder}, or say which "
                "folder has them"
            )
    if not SIZES[0] <= size <= SIZES[1]:
        raise DataError(f"the size of images must be from {SIZES[0]} to {SIZES[1]} pixels; got {size}")
    with readable(folder):
        classes, train, validation = index_folders(folder)
    stored = -(-8 * size // 7)
    place = cache_folder(folder, stored)
    splits = [(train, ImageCache(place, "train", stored)), (validation, ImageCache(place, "validation", stored))]
    found = complete(splits, f"the images of {folder}")
    mean, std = mean_and_std(found[0][1], stored * stored)
    images = [
        StoredImages(cache, slots, records["digest"].copy(), size)
        for (_, cache), (slots, records) in zip(splits, found, strict=True)
    ]
    if not all(x.cache.has(x.slots, x.digests) for x in images):  # from now on nobody frees their slots
        raise DataError(f"{place} was changed while it was opened: start again")
    name = folder.resolve().name
    return Dataset(name, classes, images[0], train.labels, images[1], validation.labels, mean, std, source=str(folder))


def usual_place() -> Path:
    """Where photographs are looked for if no folder is given."""
    return data_folder() / IMAGENET.name


def cache_folder(folder: Path, size: int) -> Path:
    """Where the images of a folder are kept, decoded at a size."""
    place = folder.resolve()
    known = hashlib.sha256(os.fsencode(place)).hexdigest()[:8]
    return data_folder() / DECODED / f"{place.name}-{size}-{known}"


def index_folders(folder: Path) -> tuple[tuple[str, ...], ImageIndex, ImageIndex]:
    """The classes, sorted, and the files for training and validation. DataError names what does not do."""
    if not is_folder(folder):
        kind = UnreadableData if folder.exists() else MissingData
        raise kind(f"{folder} is not a folder: give one of images; {FORM}")
    if not _is_split(folder / "train"):
        raise MissingData(_other_level(folder))
    held_out = next((folder / name for name in VALIDATION if _is_split(folder / name)), None)
    if held_out is None:
        raise MissingData(f"{folder} has train but no val{_large_letters(folder, VALIDATION) or f': {FORM}'}")
    classes = _classes(folder / "train")
    if len(classes) < 2:
        found = f"only {classes[0]}" if classes else "no folder of a class"
        raise MissingData(f"{folder / 'train'} has {found}: {FORM}, with at least two classes")
    train = _index(folder, folder / "train", classes)
    return classes, train, _validation(folder, held_out, classes)


def _is_split(path: Path) -> bool:
    """Whether training or validation has a folder of this name. CorruptData where it is the name of something else."""
    if is_folder(path):
        return True
    if path.exists():
        raise CorruptData(f"{path} is no folder: put the folder there; {FORM}")
    return False


def _classes(folder: Path) -> tuple[str, ...]:
    """The names of the folders in a folder, sorted. CorruptData for an image beside them."""
    with os.scandir(folder) as entries:
        found, stray = [], ""
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                check_open(entry.path)
                found.append(entry.name)
            elif entry.is_symlink() and not os.path.exists(entry.path):
                raise dead_link(entry.path)
            elif is_image(entry.name):
                stray = stray or entry.path
    if found and stray:
        raise CorruptData(f"{stray} is an image beside the folders of classes: move it into one, or remove it")
    return tuple(sorted(found))


def _index(root: Path, folder: Path, classes: Sequence[str]) -> ImageIndex:
    """The files in folders of classes."""
    return index_images(root, [folder / name for name in classes], range(len(classes)))


def _validation(root: Path, folder: Path, classes: tuple[str, ...]) -> ImageIndex:
    """The files for validation: in folders of the same classes, or together, with a list."""
    refuse_folders(folder, classes)
    found = _classes(folder)
    if found and (found != ("images",) or "images" in classes):
        _check_same(folder, found, classes)
        return _index(root, folder, classes)
    index = index_images(root, [folder], [0])
    return labels_of(index, find_list([Path(index.folders[0]), folder, root]), classes)


def _check_same(folder: Path, found: Sequence[str], classes: Sequence[str]) -> None:
    """CorruptData unless validation has the classes of training."""
    for extra, where, other in (
        (sorted(set(found) - set(classes)), "has", "training does not"),
        (sorted(set(classes) - set(found)), "lacks", "training has"),
    ):
        if extra:
            more = f" and {len(extra) - 1:,} more" if len(extra) > 1 else ""
            raise CorruptData(
                f"{folder} {where} the class {extra[0]}{more}, which {other}: both must have the same classes"
            )


def _other_level(folder: Path) -> str:
    """What is wrong with a folder without train; where train is, if it is some levels away."""
    large = _large_letters(folder, ["train"])
    if large:
        return f"{folder} has no train{large}"
    here = folder.resolve()
    for up, parent in enumerate(list(here.parents)[:LEVELS], 1):
        if os.path.isdir(parent / "train"):
            inside = here.relative_to(parent).parts[0]
            if inside in ("train", *VALIDATION):
                return f"{folder} is inside of what is needed: give {parent}, {_levels(up)} higher, which has train"
    level = [folder]
    for down in range(1, LEVELS + 1):
        level = [sub for each in level for sub in _few_folders(each)]
        for sub in level:
            if os.path.isdir(sub / "train"):
                return f"{folder} has no train, but {sub} has: give that, {_levels(down)} lower"
    return f"{folder} has no train: {FORM}"


def _large_letters(folder: Path, names: Sequence[str]) -> str:
    """What to say of a folder that has one of these names but for large letters; nothing where there is none."""
    for sub in _few_folders(folder):
        if sub.name.lower() in names:
            return f", but {sub}: rename it {sub.name.lower()}"
    return ""


def _levels(count: int) -> str:
    return "one level" if count == 1 else f"{count} levels"


def _few_folders(folder: Path) -> list[Path]:
    """The folders in a folder, unless it has many entries."""
    try:
        entries = []
        with os.scandir(folder) as found:
            for entry in found:
                entries.append(entry)
                if len(entries) > MANY:
                    return []
        return sorted(Path(entry.path) for entry in entries if entry.is_dir() and not entry.is_symlink())
    except OSError:
        return []
