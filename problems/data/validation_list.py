"""The classes of images that lie together in one folder, from a list, in one of three forms:

    ILSVRC2012_validation_ground_truth.txt   one number for each image, sorted by name; what class a number is, is in
                                             `meta.mat` or `map_clsloc.txt` of ImageNet's development kit
    val.txt                                  a line for each image: its name, spaces or a tab, the name of its class
    val_annotations.txt                      Tiny ImageNet's: name, tab, class, and a box that is not read

The list lies in the folder of the images or one above. Every image is in it, once, and nothing else is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from problems.data.errors import CorruptData, MissingData, readable
from problems.data.image_index import ImageIndex

NUMBERS = "ILSVRC2012_validation_ground_truth.txt"
NAMES = ("val.txt", "val_annotations.txt")
LISTS = (NUMBERS, *NAMES)
KIT = ("map_clsloc.txt", "meta.mat")


def find_list(folders: Sequence[Path]) -> Path:
    """The list in one of these folders. MissingData where there is none, CorruptData for two, or what is no file."""
    places = [folder / name for folder in dict.fromkeys(folders) for name in LISTS]
    found = [path for path in places if path.is_file()]
    if not found:
        other = next(filter(os.path.lexists, places), None)
        if other is not None:
            raise _no_file(other)
        raise MissingData(
            f"{folders[0]} has images, but neither a folder for each class nor a list of their classes: put "
            f"{NUMBERS}, {NAMES[0]} (a line: name, class) or {NAMES[1]} beside them"
        )
    if len(found) > 1:
        raise CorruptData(f"{found[0]} and {found[1]} both list the classes of images: keep one of them")
    return found[0]


def refuse_folders(folder: Path, classes: Sequence[str]) -> None:
    """CorruptData for a folder with the name of a list, unless it is a class."""
    for name in LISTS:
        if name not in classes and (folder / name).is_dir():
            raise _no_file(folder / name)


def _no_file(path: Path) -> CorruptData:
    return CorruptData(
        f"{path} is no file, but should be the list of the classes of the validation images: put the list there, or "
        "remove it"
    )


def labels_of(index: ImageIndex, listed: Path, classes: Sequence[str]) -> ImageIndex:
    """The index of one folder, with the labels that its list says."""
    with readable(listed):
        lines = _lines(listed)
    names = (_by_number if listed.name == NUMBERS else _by_name)(index, listed, lines)
    known = {name: k for k, name in enumerate(classes)}
    for k, name in enumerate(names):
        if name not in known:
            raise CorruptData(f"{listed}: {index.name(k)} is of the class {name}, which training does not have")
    labels = np.array([known[name] for name in names], np.int64)
    lacking = np.flatnonzero(np.bincount(labels, minlength=len(classes)) == 0)
    if len(lacking):
        more = f" and {len(lacking) - 1:,} more" if len(lacking) > 1 else ""
        raise CorruptData(
            f"{listed} lacks the class {classes[lacking[0]]}{more}, which training has: both must have the same classes"
        )
    return replace(index, labels=labels)


def _lines(path: Path) -> list[str]:
    """The lines of a text file without those at the end that are empty."""
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError:
        raise CorruptData(f"{path} is no text: it should be a list of classes") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise CorruptData(f"{path}: line {number:,} is empty")
    return lines


def _by_name(index: ImageIndex, listed: Path, lines: list[str]) -> list[str]:
    """The class of each image of the index, from lines with its name."""
    found: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines, 1):
        parts = line.split("\t") if "\t" in line else line.rsplit(maxsplit=1)
        if len(parts) < 2 or not parts[1].strip():
            raise CorruptData(f"{listed}: line {number:,} should be the name of an image and its class; got {line!r}")
        name = parts[0].strip().rpartition("/")[2]
        if name in found:
            raise CorruptData(f"{listed}: {name} is in line {found[name][1]:,} and in line {number:,}: keep one")
        found[name] = parts[1].strip(), number
    names = [index.name(k) for k in range(len(index))]
    lacking = [name for name in names if name not in found]
    if lacking:
        raise CorruptData(f"{listed} does not have {lacking[0]}{_more(lacking)}, in {index.folders[0]}: add a line")
    if len(found) > len(names):
        extra = sorted(set(found) - set(names))
        raise CorruptData(
            f"{listed}: {extra[0]}{_more(extra)} is not in {index.folders[0]}: put it there, or remove the line"
        )
    return [found[name][0] for name in names]


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - 1:,} more" if len(names) > 1 else ""


def _by_number(index: ImageIndex, listed: Path, lines: list[str]) -> list[str]:
    """The class of each image of the index, from one number a line."""
    if len(lines) != len(index):
        raise CorruptData(
            f"{listed} has {len(lines):,} lines for the {len(index):,} images of {index.folders[0]}: one of them is "
            "not complete"
        )
    numbers = _numbers(listed)
    for k, line in enumerate(lines, 1):
        if line.strip() not in numbers:
            raise CorruptData(f"{listed}: line {k:,} should be a number of a class, 1 to {len(numbers)}; got {line!r}")
    return [numbers[line.strip()] for line in lines]


def _numbers(listed: Path) -> dict[str, str]:
    """The class of each number, from a file of the kit beside the list."""
    path = next((listed.with_name(name) for name in KIT if os.path.lexists(listed.with_name(name))), None)
    if path is None:
        raise MissingData(
            f"{listed} has numbers of classes: put {KIT[0]} or {KIT[1]} of ImageNet's development kit beside it, which "
            "say what they are"
        )
    if not os.path.isfile(path):
        raise CorruptData(
            f"{path} is no file, but should say which class each number is: put that of ImageNet's development kit "
            "there, or remove it"
        )
    pairs = _from_text(path) if path.name == KIT[0] else _from_matlab(path)
    if not pairs:
        raise CorruptData(f"{path} has no classes: put that of ImageNet's development kit there")
    for what, column in (("number", 0), ("class", 1)):
        seen: dict[str, tuple[str, str]] = {}
        for pair in pairs:
            other = seen.setdefault(pair[column], pair)
            if other is not pair:
                raise CorruptData(
                    f"{path} has the {what} {pair[column]} twice, for {other[1 - column]} and for {pair[1 - column]}: "
                    "keep one of them"
                )
    return dict(pairs)


def _from_text(path: Path) -> list[tuple[str, str]]:
    """The number and the class of each line."""
    with readable(path):
        rows = [line.split() for line in _lines(path)]
    if any(len(row) < 2 or not row[1].isdecimal() for row in rows):
        raise CorruptData(f"{path} should have a line for each class: name, number, words")
    return [(row[1], row[0]) for row in rows]


def _from_matlab(path: Path) -> list[tuple[str, str]]:
    """The numbers and the classes of the leaves of ImageNet's tree: those without children."""
    from scipy.io import loadmat  # here, so that importing problems stays quick

    try:
        rows = np.atleast_1d(loadmat(path, squeeze_me=True)["synsets"])
        return [(str(int(row["ILSVRC2012_ID"])), str(row["WNID"])) for row in rows if int(row["num_children"]) == 0]
    except Exception as error:  # a damaged file makes SciPy raise nearly anything
        raise CorruptData(f"{path} is no meta.mat that can be read ({type(error).__name__}: {error})") from None
