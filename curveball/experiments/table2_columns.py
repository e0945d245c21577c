"""Table 2 of the paper: its columns, which are networks on data, and its rows, which are solvers.

Protocol. Batches of 128, flips and shifts (of photographs: flips and crops), no weight decay. All solvers get the same
start and the same batches for a seed.

- CurveBall is not tuned: lr = 1, rho and beta automatic, lambda 1 with batch normalisation and 10 without. In the first
  row lambda stays; in the second it follows the trust ratio.
- SGD with momentum and Adam have one learning rate each for a network, tuned on that network without dropout:
    - each rate of `GRID` trains it on a share of the training images, for one epoch with a constant rate, from the
      seed `TUNING_SEED`, whatever the seeds of the runs: a tenth of the steps of the runs as they were first planned,
      but four at least and `TUNING_STEPS` at most. Runs that are made longer later keep the tuning that they had;
    - the one with the lowest training error wins; of equal ones the one with the lower training loss, then the smaller
      one. One that diverges cannot win; if all do, it is the smallest.
  The grid's ends can win; the table says so. What the tuning took is in the table.
- SGD on ResNet-18 has momentum 0.95 and the schedule of the authors, as long as the run is: `ResNet-18's pieces`.
- In brackets: the same network with dropout of 0.3, with the same learning rates.

The training error of an epoch is the mean over its batches, each before its step. The table has the lowest training
error and the lowest validation error of all epochs; the latter is picked by looking at the validation set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import problems
from curveball.training.data_hash import data_hashes
from curveball.training.devices import choose, device_info, images_of, to_backend
from curveball.training.provenance import provenance
from problems.data.stored_images import StoredImages

BATCH = 128
TUNING_SEED = 1000
TUNING_STEPS = 200
RESNET18 = (3.0, 80.0, 10.0, 27.0), "0.1/1/0.1/0.01"  # epochs of 120, and factors of the learning rate


STEM = "below 128 pixels its first convolution is every 2 pixels, not every 4 as published"  # see vgg_f.py


@dataclass(frozen=True)
class Column:
    """A network, what it is trained on ("cifar" or "imagenet"), and how.

    dropout:   the same network with dropout of 0.3, for the numbers in brackets; None: the paper has none
    lam:       CurveBall's damping, at the start
    epochs:    a whole run
    momentum:  of SGD
    pieces:    whether SGD's learning rate has the schedule of ResNet-18
    note:      what else must be said
    """

    network: str
    lam: float
    epochs: int
    dropout: str | None = None
    data: str = "cifar"
    momentum: float = 0.9
    pieces: bool = False
    note: str = ""


COLUMNS = {
    "basic": Column("basic", 10.0, 100),
    "basic-bn": Column("basic-bn", 1.0, 40),
    "resnet18": Column(
        "resnet18", 1.0, 120, "resnet18-dropout", momentum=0.95, pieces=True,
        note="its first convolution is 3 x 3 and keeps the size, as is usual for 32 x 32 pixels; in the authors' code "
        "it is 7 x 7, every 2 pixels, and a pool follows: resnet18-7x7, a fifteenth of the multiplications",
    ),
    "vgg-f": Column(
        "vgg-f-bn", 1.0, 40, "vgg-f-bn-dropout", "imagenet",
        note="with batch normalisation, without local response normalisation; how long the authors trained it is not "
        f"known here; {STEM}",
    ),
    "resnet18-7x7": Column("resnet18-7x7", 1.0, 120, "resnet18-7x7-dropout", momentum=0.95, pieces=True),
    "vgg-f-published": Column(
        "vgg-f", 10.0, 40, None, "imagenet",
        note=f"with local response normalisation and dropout of 1/2, as published; {STEM}",
    ),
}  # fmt: skip
PAPER = ("basic", "basic-bn", "resnet18", "vgg-f")  # the columns that the paper has
SHAPES = {"cifar": (32, 32, 3), "imagenet": (64, 64, 3)}
CLASSES, IMAGES = {"cifar": 10, "imagenet": 100}, 50_000  # for estimates where data are not at hand
ROWS = {
    "curveball": "CurveBall",
    "curveball-lambda": "CurveBall, automatic lambda",
    "sgd": "SGD with momentum",
    "adam": "Adam",
}
PASSES = {
    "curveball": 7,
    "curveball-lambda": 7,
}  # multiplications of a step for one in a forward pass; 3 for the others
GRID: dict[str, tuple[float, ...]] = {
    "sgd": (0.3, 0.1, 0.03, 0.01, 0.003, 0.001),
    "adam": (0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001),
}


def solver_text(column: str, row: str, lr: float | None = None) -> str:
    """The solver of a row.

    >>> solver_text("basic", "curveball"), solver_text("resnet18", "sgd", 0.1)
    ('curveball:lam=10,adapt_lam=false', 'sgd:lr=0.1,momentum=0.95')
    """
    known = COLUMNS[column]
    if row == "sgd":
        return f"sgd:lr={lr:g},momentum={known.momentum:g}"
    if row == "adam":
        return f"adam:lr={lr:g}"
    return f"curveball:lam={known.lam:g}" + (",adapt_lam=false" if row == "curveball" else "")


def schedule_text(column: str, row: str, epochs: int) -> str:
    """The schedule of a row's learning rate in a run of so many epochs.

    >>> schedule_text("resnet18", "sgd", 12), schedule_text("basic", "sgd", 12)
    ('pieces:epochs=0.3/8/1/2.7,factors=0.1/1/0.1/0.01', 'constant')
    """
    if row != "sgd" or not COLUMNS[column].pieces:
        return "constant"
    lengths, factors = RESNET18
    scaled = "/".join(f"{length * epochs / sum(lengths):.6g}" for length in lengths)
    return f"pieces:epochs={scaled},factors={factors}"


@dataclass(frozen=True)
class Length:
    """How long a column's runs are, the same for all its solvers.

    images, validation:  how many of the training and the validation set are used
    tuning:              how many training images the tuning uses, for one epoch
    whole:               how many images the training set has
    """

    epochs: int
    images: int
    validation: int
    batch_size: int
    tuning: int
    whole: int


@dataclass(frozen=True)
class Setting:
    """Where the data are, and where is computed."""

    data: str = "cifar10"
    data_folder: Path | None = None
    imagenet_folder: Path | None = None
    image_size: int = SHAPES["imagenet"][0]
    backend: str = "numpy"
    device: str | None = None
    compile: bool = False

    def dataset(self, column: str) -> problems.Dataset:
        """The data of a column, on the host. ValueError where they are not at hand."""
        if COLUMNS[column].data == "imagenet":
            return _loaded("imagenet", self.imagenet_folder, self.image_size)
        return _loaded(self.data, self.data_folder, None)

    def facts(self, column: str) -> dict[str, Any]:
        """Where a column is computed, and by what: what is needed to repeat it."""
        data = to_backend(part_of(self.dataset(column), 1, 1), choose(self.backend, self.device))
        return {**device_info(images_of(data)), **({"compile": True} if self.compile else {}), **provenance()}

    def given_folder(self, column: str) -> Path | None:
        """Where the data of a column are, if that was said."""
        return self.imagenet_folder if COLUMNS[column].data == "imagenet" else self.data_folder

    def problem(self, column: str, length: Length, *, dropout: bool = False, tuning: bool = False) -> Problem:
        """The classification by a column's network, or the one with dropout, of the images that `length` says."""
        problem = self._on_host(column, length, dropout, tuning)
        return replace(problem, data=to_backend(problem.data, choose(self.backend, self.device)))

    def about(self, column: str, length: Length, *, dropout: bool = False, tuning: bool = False) -> dict[str, Any]:
        """The description of that problem, and hashes of its data."""
        problem = self._on_host(column, length, dropout, tuning)
        return {**problem.description, **data_hashes(problem.data)}

    def _on_host(self, column: str, length: Length, dropout: bool, tuning: bool) -> Problem:
        known, data = COLUMNS[column], self.dataset(column)
        name = known.dropout if dropout and known.dropout else known.network
        data = part_of(data, length.tuning if tuning else length.images, length.validation)
        net = problems.network(name, len(data.classes), shape=tuple(data.train_images.shape[1:]))
        return problems.Classification(data, net, length.batch_size, augment=True)


Problem = problems.Classification


@lru_cache(4)
def _loaded(name: str, folder: Path | None, size: int | None) -> problems.Dataset:
    return problems.load(name, folder, size)


def part_of(data: problems.Dataset, images: int, validation: int) -> problems.Dataset:
    """So many training and validation images, drawn from a fixed seed, with the statistics of all.

    >>> digits = problems.load("digits")
    >>> part = part_of(digits, 100, 50)
    >>> part.train_images.shape, part.validation_labels.shape, part.mean == digits.mean
    ((100, 8, 8, 1), (50,), True)
    """
    changed: dict[str, Any] = {}
    for split, count in (("train", images), ("validation", validation)):
        pictures, labels = getattr(data, f"{split}_images"), getattr(data, f"{split}_labels")
        if count >= len(labels):
            continue
        index = np.sort(np.random.default_rng(0).permutation(len(labels))[:count])
        if isinstance(pictures, StoredImages):
            chosen = replace(pictures, slots=pictures.slots[index], digests=pictures.digests[index])
        else:
            chosen = pictures[index]
        changed |= {f"{split}_images": chosen, f"{split}_labels": labels[index]}
    return replace(data, **changed)


def multiplications(column: str) -> int:
    """Of a forward pass of one image of the usual size, where the data are not at hand."""
    known = COLUMNS[column]
    shape = SHAPES[known.data]
    return problems.network(known.network, CLASSES[known.data], shape=shape).multiplications(shape)
