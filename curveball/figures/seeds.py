"""Runs that differ in their seed alone, and their means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from curveball.training.run import Run


def by_solver(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of each name, one per seed, in their order."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.name, []).append(run)
    return found


def settled(runs: Sequence[Run]) -> Sequence[Run]:
    """The runs, without the last one while it is behind others of its name: the mean is as long as the shortest."""
    *others, last = runs
    seeds = [run for run in others if run.name == last.name]
    return others if seeds and len(last.epochs) < min(len(run.epochs) for run in seeds) else runs


def mean_of(runs: Sequence[Run], records: str, *keys: str) -> list[np.ndarray]:
    """Columns of the runs' records ("steps" or "epochs"): their mean over the runs, as long as the shortest.

    Runs that were stopped count only if all were stopped, so that one seed that diverges does not shorten the rest.
    """
    whole = [run for run in runs if run.stopped is None] or runs
    length = min(len(getattr(run, records)) for run in whole)
    return [
        np.mean([[record[key] for record in getattr(run, records)[:length]] for run in whole], axis=0) for key in keys
    ]


def running_mean(values: ArrayLike, window: int) -> np.ndarray:
    """Mean over the last `window` values, fewer at the start.

    >>> running_mean([1.0, 3.0, 5.0], 2).tolist()
    [1.0, 2.0, 4.0]
    """
    sums = np.cumsum(np.concatenate([[0.0], values]))
    stops = np.arange(1, len(sums))
    starts = np.maximum(0, stops - window)
    return (sums[stops] - sums[starts]) / (stops - starts)
