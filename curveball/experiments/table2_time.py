"""How long the runs of Table 2 take: measured on a few steps, and how long they may be to end within a time.

A run of `e` epochs of `k` steps with batches of `b`, and `v` validation images, takes so many seconds:

    start + e (k (step + image b) + validation v + save)

The five numbers are measured for each network and solver.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from curveball.experiments.table2_cells import Task
from curveball.experiments.table2_columns import (
    BATCH,
    COLUMNS,
    GRID,
    IMAGES,
    PASSES,
    TUNING_STEPS,
    Length,
    Setting,
    multiplications,
    solver_text,
)
from curveball.solvers.registry import solver_from
from curveball.training.files import WRITING
from curveball.training.options import TrainOptions
from curveball.training.train import train

STEPS = 4  # that are measured; the first does not count
SMALL = 2  # images in the batches that are measured first
LARGER = (BATCH, 32, 8)  # then the first of these that does not take too long
MOST = 30.0  # seconds for that
FEWEST = 10  # steps of a run, if need be with smaller batches
LEAST = 4  # images in a batch, and steps of a run and of the tuning
SPARE = 0.85  # of the time is planned with


@dataclass(frozen=True)
class Rate:
    """Seconds of a run besides its epochs, of a step, of an image in a step and in validation, and of a checkpoint."""

    start: float
    step: float
    image: float
    validation: float
    save: float = 0.0

    def seconds(self, task: Task) -> float:
        """How long a run takes."""
        each = self.step + self.image * task.length.batch_size
        save = 0.0 if task.tuning else self.save
        return self.start + task.steps * each + task.epochs * (task.length.validation * self.validation + save)


Rates = Mapping[tuple[str, str], Rate]  # by column and row


def measure(setting: Setting, column: str, row: str, folder: Path, most: float = MOST) -> Rate:
    """Train for a few steps in a temporary folder, and with larger batches if that takes so many seconds at most.

    Without a larger batch all of a step's time counts as that of its images. ValueError for what cannot be trained.
    """
    count = len(setting.dataset(column).train_labels)
    if setting.backend != "numpy":  # small batches would say nothing of a GPU
        batch = min(BATCH, count)
        rate, each = _measure(setting, column, row, folder, batch)
        return _with_image(rate, each / batch)
    rate, each = _measure(setting, column, row, folder, SMALL)
    larger = next((b for b in LARGER if b <= count and STEPS * each * b / SMALL <= most), None)
    if larger is None:
        return _with_image(rate, each / SMALL)
    other = _measure(setting, column, row, folder, larger)[1]
    image = max((other - each) / (larger - SMALL), 0.1 * each / SMALL)
    return replace(_with_image(rate, image), step=max(0.0, each - SMALL * image))


def _with_image(rate: Rate, image: float) -> Rate:
    """With the seconds of an image in a step. In validation it takes no longer, whatever a few images took."""
    return replace(rate, image=image, validation=min(rate.validation, image))


def _measure(setting: Setting, column: str, row: str, folder: Path, batch: int) -> tuple[Rate, float]:
    """What a run takes besides its steps, and the seconds of a step."""
    data = setting.dataset(column)
    whole = len(data.train_labels)
    images = min(STEPS, whole // batch) * batch
    length = Length(1, images, min(batch, len(data.validation_labels)), batch, images, whole)
    problem = setting.problem(column, length)
    solver = solver_from(solver_text(column, row, GRID[row][-1] if row in GRID else None))
    options = TrainOptions(1, log_every=1, quiet=True, compile=setting.compile)
    ends: list[float] = []  # of the steps, and of the epoch with its checkpoint
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=folder, prefix=WRITING) as place:
        run = train(problem, solver, options, folder=Path(place), callback=lambda _: ends.append(time.perf_counter()))
        took = time.perf_counter() - started
    lengths = [after - before for before, after in itertools.pairwise([0.0, *(r["seconds"] for r in run.steps)])]
    each = statistics.median(lengths[1:] or lengths)
    started = time.perf_counter()
    problem.validate(run.params, run.stats or {})
    validation = time.perf_counter() - started
    save = max(0.0, ends[-1] - ends[-2] - validation) if len(ends) > 1 else 0.0
    start = max(0.0, took - each * len(lengths) - validation - save)
    return Rate(start, 0.0, 0.0, validation / length.validation, save), each


def by_multiplications(column: str, row: str, rates: Rates) -> Rate | None:
    """What a row of a column that was not measured may take, from those that were; None where none was."""
    if (column, row) in rates:
        return rates[column, row]
    per = [
        (rate.image / (PASSES.get(r, 3) * cost), rate.validation / cost)
        for (c, r), rate in rates.items()
        if (cost := multiplications(c))
    ]
    if not per:
        return None
    image, validation = (statistics.median(numbers) for numbers in zip(*per, strict=True))
    cost = multiplications(column)
    return Rate(0.0, 0.0, image * PASSES.get(row, 3) * cost, validation * cost)


def whole_length(column: str, images: int = IMAGES, validation: int = IMAGES // 5, epochs: int | None = None) -> Length:
    """All images, for as many epochs as the paper has, or as are asked for."""
    batch = min(BATCH, images)
    chosen = COLUMNS[column].epochs if epochs is None else epochs
    return tuned(Length(chosen, images, validation, batch, 0, images))


def tuned(length: Length) -> Length:
    """With the images of the tuning: a tenth of a run's steps, at least `LEAST`, at most `TUNING_STEPS` or an epoch."""
    epoch = length.images // length.batch_size
    steps = max(LEAST, min(TUNING_STEPS, length.epochs * epoch // 10))
    return replace(length, tuning=length.batch_size * min(steps, epoch))


def longest(whole: Length, cost: Callable[[Length], float], seconds: float) -> Length:
    """The longest runs that all end in a time: fewer epochs, or a part of one on fewer images; `shortest` at least.

    >>> whole = Length(40, 1280, 256, 128, 1280, 1280)
    >>> def cost(length): return 0.01 * length.epochs * length.images
    >>> longest(whole, cost, 60.0).epochs, longest(whole, cost, 6.0)
    (4, Length(epochs=1, images=544, validation=109, batch_size=32, tuning=128, whole=1280))
    """
    for epochs in range(whole.epochs, 0, -1):
        length = tuned(replace(whole, epochs=epochs))
        if cost(length) <= seconds:
            return length
    images = whole.images
    while images > LEAST * LEAST:
        images = int(0.9 * images)
        length = _part(whole, images)
        if cost(length) <= seconds:
            return length
    return shortest(whole)


def shortest(whole: Length) -> Length:
    """The shortest runs: `LEAST` steps with batches of `LEAST` images."""
    return _part(whole, min(LEAST * LEAST, whole.images))


def fair_share(seconds: float, least: Mapping[str, float], column: str) -> float:
    """A column's share of the time: the same for all, but what it needs at least for one that needs more.

    >>> [fair_share(100.0, {"a": 10.0, "b": 70.0, "c": 1.0}, name) for name in "abc"]
    [15.0, 70.0, 15.0]
    """
    equal = dict(least)
    while equal:
        fair = seconds / len(equal)
        larger = [name for name, need in equal.items() if need > fair]
        if not larger:
            return least[column] if column not in equal else fair
        for name in larger:
            seconds -= equal.pop(name)
    return least[column]


def _part(whole: Length, images: int) -> Length:
    """An epoch of some of the images, in batches that make `FEWEST` steps if they can."""
    batch = whole.batch_size
    while batch > LEAST and images // batch < FEWEST:
        batch = max(LEAST, batch // 2)
    batch, images = min(batch, images), max(images, min(whole.images, LEAST * LEAST))
    validation = min(whole.validation, max(4 * LEAST, images // 5))
    return tuned(replace(whole, epochs=1, images=images // batch * batch, validation=validation, batch_size=batch))
