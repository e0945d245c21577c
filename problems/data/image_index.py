"""Which image files does a split have? Their names, labels and keys in a few compact arrays.

A million paths as Python strings take some hundred megabytes. Here the names are one string of bytes, and all else is
a number for each file. A path is put together when it is asked for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from problems.data.errors import CorruptData, MissingData
from problems.data.folders import check_open, dead_link
from problems.data.image_folder import SUFFIXES, is_image


@dataclass(frozen=True)
class ImageIndex:
    """The files of a split, folder by folder, sorted by name within each.

    folders:  their paths
    starts:   (folders + 1,), the number of the first file of each, and that of all files
    names:    all names, one after the other
    ends:     (files + 1,), where each name ends in `names`; 0 first
    labels:   (files,), the class of each file
    keys:     (files,), 64 bits that change with a file's name, folder, size or times of change
    """

    folders: tuple[str, ...]
    starts: np.ndarray
    names: bytes
    ends: np.ndarray
    labels: np.ndarray
    keys: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def name(self, k: int) -> str:
        """The name of file k, without its folder."""
        return os.fsdecode(self.names[self.ends[k] : self.ends[k + 1]])

    def path(self, k: int) -> str:
        """The path of file k."""
        return os.path.join(self.folders[int(np.searchsorted(self.starts, k, side="right")) - 1], self.name(k))


def index_images(root: Path, folders: Sequence[Path], labels: Sequence[int]) -> ImageIndex:
    """Index the images of folders, each of one class, that lie in them or in their subfolders `images`.

    MissingData names a folder without images, CorruptData what is no file, and images in other subfolders. Other files,
    and those whose names begin with a dot, are ignored. Links are followed. In the keys a folder is known by its path
    from `root`.
    """
    names, ends, keys, places = bytearray(), [np.zeros(1, np.int64)], [], []
    counts = np.zeros(len(folders), np.int64)
    for number, folder in enumerate(folders):
        where, images = _images_of(folder)
        places.append(where)
        found = sorted((os.fsencode(entry.name), entry) for entry in images)
        place = os.fsencode(os.path.relpath(where, root))
        names += b"".join(name for name, _ in found)
        ends.append(ends[-1][-1] + np.cumsum([len(name) for name, _ in found]))
        keys.append(np.frombuffer(b"".join(_key(place, name, entry) for name, entry in found), "<u8"))
        counts[number] = len(found)
    return ImageIndex(
        tuple(places),
        np.concatenate([[0], np.cumsum(counts)]),
        bytes(names),
        np.concatenate(ends),
        np.repeat(np.array(labels, np.int64), counts),
        np.concatenate(keys),
    )


def _images_of(folder: Path) -> tuple[str, list[os.DirEntry[str]]]:
    """Where the images of a folder are, itself or its subfolder `images`, and which they are."""
    entries = list(os.scandir(folder))
    found = {str(folder): [entry for entry in entries if is_image(entry.name)]}
    for entry in entries:
        if not is_image(entry.name) and not entry.name.startswith(".") and entry.is_dir():
            found[entry.path] = [inner for inner in os.scandir(entry.path) if is_image(inner.name)]
    inside = str(folder / "images")
    place = inside if found.get(inside) and not found[str(folder)] else str(folder)
    stray = min((where for where, images in found.items() if images and where != place), default=None)
    if stray is not None:
        raise CorruptData(f"{stray} has images, which are not read there: move them into {place}")
    if not found[place]:
        raise MissingData(
            f"{folder} has no images ({', '.join(sorted(SUFFIXES))}): add some, or remove it in training and validation"
        )
    if place == inside:
        check_open(place)
    return place, found[place]


def _key(place: bytes, name: bytes, entry: os.DirEntry[str]) -> bytes:
    try:
        if not entry.is_file():  # a pipe would be waited for
            if entry.is_symlink() and not os.path.exists(entry.path):
                raise dead_link(entry.path)
            raise CorruptData(f"{entry.path} is no file: remove or rename it")
        stat = entry.stat()
    except FileNotFoundError:
        raise CorruptData(f"{entry.path} was removed while the folder was read: start again") from None
    # Both times: archives give all files one time, and copies keep that of the original. In place of the time of
    # change an inode would not do: a new file often gets that of a removed one, and some file systems have none that
    # lasts. So a file is decoded again after `chmod`, too, but never taken for another one.
    text = b"%b/%b\0%d\0%d\0%d" % (place, name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return hashlib.blake2b(text, digest_size=8).digest()
