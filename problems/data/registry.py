"""The data sets known by name: a decorator that adds one, and `load`, which reads one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from problems.data.csv_file import read_csv
from problems.data.dataset import Dataset
from problems.data.errors import DataError
from problems.data.npz_file import read_npz
from problems.data.obtain import obtain
from problems.data.sources import Source
from problems.registry import Registry

Read = TypeVar("Read", bound=Callable[..., Dataset])


@dataclass(frozen=True)
class KnownDataset:
    """Where a data set comes from, and the function that reads it from a folder."""

    source: Source
    read: Callable[..., Dataset]


DATASETS: Registry[KnownDataset] = Registry("data set", DataError)


def dataset(source: Source) -> Callable[[Read], Read]:
    """Decorator: `read(folder) -> Dataset` becomes the data set `source.name`.

    If the source has downloads, `folder` is one that has all its files. If the files are the user's own, it is the
    folder that the user gave, or None. Else it is None. A source with a `size` is read by `read(folder, size)`.
    ValueError if the name is taken.

    >>> import numpy as np
    >>> @dataset(Source("two", about="two grey images of 1 x 1", licence="yours"))
    ... def two(folder):
    ...     pixels, labels = np.zeros((2, 1, 1, 1), np.uint8), np.array([0, 1])
    ...     return Dataset.of("two", ("a", "b"), (pixels, labels), (pixels, labels))
    >>> load("two").classes
    ('a', 'b')
    >>> del DATASETS["two"]
    """

    def add(read: Read) -> Read:
        DATASETS.add(source.name, KnownDataset(source, read))
        return read

    return add


def load(
    name: str,
    folder: str | Path | None = None,
    size: int | None = None,
    label: str | None = None,
    target: str | None = None,
) -> Dataset:
    """Load a data set by name, or arrays of your own from a file: `load("mine.npz")`, `load("mine.csv")`.

    DataError, a ValueError, says what is wrong and what to do.

    Files are looked for in the folder given, in `MINIGRAD_DATA_DIR` or the user's cache folder, where Debian puts them,
    and only then downloaded. `size` is for images of any size: the pixels along a side that the network takes. `label`
    or `target` is for tables: the column to predict, a class or a number.

    >>> load("digits").train_images.shape
    (1437, 8, 8, 1)
    """
    if is_file(name):
        return _read_file(Path(name).expanduser(), folder, size, label, target)
    if label is not None or target is not None:
        raise DataError(f"label and target are columns of a .csv file; {name} has none: leave them out")
    if Path(name).suffix:
        raise DataError(f"{name} is no data set: files of your own are FILE.npz, as np.savez writes them, or FILE.csv")
    known = DATASETS.find(name)
    source = known.source
    given = None if folder is None else Path(folder).expanduser()
    if source.needs_no_files and given is not None:
        raise DataError(f"{name} {source.needs_no_files} and takes no folder")
    if size is not None and not source.size:
        raise DataError(f"the images of {name} have one size: leave out the size, or use the data set imagenet")
    found = obtain(source, given, may_add=False) if source.downloads else given
    return known.read(found, source.size if size is None else size) if source.size else known.read(found)


def is_file(name: str) -> bool:
    """Whether the name of a data set is that of a file of one's own.

    >>> is_file("mine.npz"), is_file("digits")
    (True, False)
    """
    return Path(name).suffix.lower() in (".npz", ".csv")


def _read_file(
    path: Path, folder: str | Path | None, size: int | None, label: str | None, target: str | None
) -> Dataset:
    if folder is not None or size is not None:
        raise DataError(f"{path} is a file of its own: it takes neither a folder nor a size")
    if path.suffix.lower() == ".csv":
        return read_csv(path, label, target)
    if label is not None or target is not None:
        raise DataError(f"label and target are columns of a .csv file; {path} has its arrays: leave them out")
    return read_npz(path)


def names() -> tuple[str, ...]:
    """The names of all data sets, sorted.

    >>> "digits" in names()
    True
    """
    return DATASETS.names()
