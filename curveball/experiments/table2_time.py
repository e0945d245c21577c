"""How long the runs of Table 2 take: measured on a few steps, and how long they may be to end within a time.

A run of `e` epochs of `k` steps with batches of `b`, and `v` validation images, takes so many seconds:

    start + e (k (step + image b) + validation v)

The four numbers are measured for each network and solver.
"""

from __future__ import annotations

import contextlib
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
SMALL = (8, 2)  # batches that are measured where larger ones would take too long
CHEAP = 2.0  # seconds for the measurement of batches of `BATCH`
FEWEST = 10  # steps of a run, if need be with smaller batches
LEAST = 4  # images in a batch, and steps of a run and of the tuning
SPARE = 0.85  # of the time is planned with


@dataclass(frozen=True)
class Rate:
    """Seconds of a run besides its epochs, of a step, of an image in a step, and of an image in validation."""

    start: float
    step: float
    image: float
    validation: float

    def seconds(self, task: Task) -> float:
        """How long a run takes."""
        each = self.step + self.image * task.length.batch_size
        return self.start + task.steps * each + task.epochs * task.length.validation * self.validation


Rates = Mapping[tuple[str, str], Rate]  # by column and row


def measure(setting: Setting, column: str, row: str, folder: Path) -> Rate:
    """Train for a few steps in a temporary folder. ValueError for what cannot be trained."""
    data = setting.dataset(column)
    count = min(len(data.train_labels), BATCH)
    if setting.backend != "numpy":
        start, each, validation = _measure(setting, column, row, folder, count)
        return Rate(start, 0.0, each / count, validation)
    first = min(SMALL[0], count)
    start, each, validation = _measure(setting, column, row, folder, first)
    second = count if STEPS * each * count / first <= CHEAP else SMALL[1]
    if second == first:
        return Rate(start, 0.0, each / first, validation)
    other = _measure(setting, column, row, None, second)[1]
    image = max((other - each) / (second - first), 0.1 * each / first)
    return Rate(start, max(0.0, each - first * image), image, validation)


def _measure(setting: Setting, column: str, row: str, folder: Path | None, batch: int) -> tuple[float, float, float]:
    """Seconds of a run besides its steps, of a step, and of an image in validation; no files without a folder."""
    data = setting.dataset(column)
    whole = len(data.train_labels)
    images = min(STEPS, whole // batch) * batch
    length = Length(1, images, min(batch, len(data.validation_labels)), batch, images, whole)
    problem = setting.problem(column, length)
    solver = solver_from(solver_text(column, row, GRID[row][-1] if row in GRID else None))
    started = time.perf_counter()
    options = TrainOptions(1, log_every=1, quiet=True, compile=setting.compile)
    with contextlib.ExitStack() as stack:
        place = folder and Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix=WRITING)))
        run = train(problem, solver, options, folder=place)
    took = time.perf_counter() - started
    times = [0.0, *(record["seconds"] for record in run.steps)]
    lengths = [after - before for before, after in itertools.pairwise(times)]
    each = statistics.median(lengths[1:] or lengths)
    started = time.perf_counter()
    problem.validate(run.params, run.stats or {})
    validation = (time.perf_counter() - started) / length.validation
    return max(0.0, took - each * len(lengths)), each, validation


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


def spoken(seconds: float) -> str:
    """A length of time for people.

    >>> [spoken(x) for x in (5.2, 100.0, 3000.0, 9000.0, 1e6)]
    ['5 s', '100 s', '50 min', '2.5 h', '278 h']
    """
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    if seconds < 5400.0:
        return f"{seconds / 60.0:.0f} min"
    return f"{seconds / 3600.0:.{1 if seconds < 36000.0 else 0}f} h"
