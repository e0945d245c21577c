"""`curveball data`: list, fetch and check the data sets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from curveball.cli import names
from curveball.cli.errors import bad_input, help_alone
from curveball.cli.options import ImageSize
from problems.data import DATASETS, DataError, Dataset, load
from problems.data.checksums import compare_checksums
from problems.data.errors import CorruptData
from problems.data.imagenet import IMAGENET, usual_place
from problems.data.locate import find
from problems.data.obtain import obtain
from problems.data.sources import Source
from problems.data.stored_images import StoredImages

data_app = typer.Typer(help="List, fetch and check the data sets.", rich_markup_mode=None)
data_app.callback(invoke_without_command=True)(help_alone)

Name = Annotated[str, typer.Argument(help=names.DATA_SETS, show_default=False)]
Folder = Annotated[Path | None, typer.Option(help="where they are, or go [default: MINIGRAD_DATA_DIR or the cache]")]


@data_app.command("list")
def list_data() -> None:
    """List the data sets: what they are, their licences, and where they are."""
    typer.echo(listing())


@data_app.command("fetch")
def fetch_data(name: Name, folder: Folder = None) -> None:
    """Download a data set, unless it is there.

    A download that was interrupted is continued. MINIGRAD_DATA_MIRROR, the address of a folder with the files, is
    tried before the published servers.
    """
    with bad_input():
        typer.echo(fetch(name, folder))


@data_app.command("check")
def check_data(name: Name, folder: Folder = None, image_size: ImageSize = None) -> None:
    """Read a data set and count its images.

    Sizes, labels and, where they can be compared, checksums are verified. Photographs are decoded for --image-size.
    """
    with bad_input():
        typer.echo(check(name, folder, image_size))


# ------------------------------------------------------------------------------------- what they print


def listing() -> str:
    """Every data set in three lines: what it is, licence and home, where it is."""
    lines = []
    for name, known in DATASETS.items():
        source = known.source
        rights = f"{source.licence}; {source.homepage}" if source.homepage else source.licence
        lines += [f"{name:15}{source.about}", f"{'':15}{rights}", f"{'':15}{_where(source)}"]
    return "\n".join(lines)


def _where(source: Source) -> str:
    if source.needs_no_files:
        return f"here: {source.needs_no_files}"
    if source.own:
        return _where_own(source)
    try:
        found = find(source)
    except DataError as error:
        return f"damaged: {error}"
    if found is not None:
        return f"here: {found}"
    size = sum(item.size for item in source.downloads)
    return f"not here: curveball data fetch {source.name} downloads {size / 1e6:.0f} MB"


def _where_own(source: Source) -> str:
    option = f"--data {source.name} --data-folder DIR"
    if source is not IMAGENET:
        return f"your own files: {option}"
    place = usual_place()
    if os.path.isdir(place / "train"):
        return f"here: {place}; others: {option}"
    return f"not here: put your own files in {place}, or use {option}"


def fetch(name: str, folder: Path | None = None) -> str:
    """Make sure that a data set is there, and say where."""
    source = DATASETS.find(name).source
    if source.downloads:
        return f"{name} is in {obtain(source, folder)}"
    if source.own:
        raise DataError(f"the data set {name!r} is a folder of your own: there is nothing to fetch")
    load(name, folder)
    return f"{name} {source.needs_no_files}: there is nothing to fetch"


def check(name: str, folder: Path | None = None, size: int | None = None) -> str:
    """Read a data set that is there, compare checksums, count; photographs for networks that take this size."""
    verdict = ""
    source = DATASETS.find(name).source
    if source.downloads:
        folder = obtain(source, folder, may_download=False)
        verdict = compare_checksums(source, folder)
    data = load(name, folder, size)
    stored = [x for x in (data.train_images, data.validation_images) if isinstance(x, StoredImages)]
    if stored:
        _verify(stored)
        verdict = f"all images in the cache {stored[0].cache.folder} as they were decoded"
    height, width, channels = data.train_images.shape[1:]
    first = (
        f"{data.name}{f' from {data.source}' if data.source else ''}: {len(data.train_labels):,} + "
        f"{len(data.validation_labels):,} images of {height} x {width} x {channels}, {len(data.classes)} classes"
    )
    return "\n".join([first, *([verdict] if verdict else []), _counts(data)])


def _verify(stored: list[StoredImages]) -> None:
    """Read all images. CorruptData says of each file which of its images are damaged."""
    faults = []
    for images in stored:
        try:
            images.verify()
        except CorruptData as error:
            faults.append(str(error))
    if faults:
        raise CorruptData("; ".join(faults))


def _counts(data: Dataset) -> str:
    """Images of each class, in training and in validation."""
    n = len(data.classes)
    width = max(len("class"), *map(len, data.classes))
    counts = zip(
        data.classes,
        np.bincount(data.train_labels, minlength=n),
        np.bincount(data.validation_labels, minlength=n),
        strict=True,
    )
    lines = [f"{'class':{width}}  training  validation"]
    lines += [f"{name:{width}}  {train:8,}  {validation:10,}" for name, train, validation in counts]
    return "\n".join(lines)
