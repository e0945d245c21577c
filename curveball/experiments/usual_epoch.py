"""How long an epoch of a run takes, when the machine does nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from curveball.training.run import Record


def usual_epoch(epochs: Sequence[Record]) -> float:
    """Seconds of training in an epoch: the lower quartile, whatever else the machine did in the other epochs.

    >>> usual_epoch([{"seconds": 2.0}, {"seconds": 4.0}, {"seconds": 904.0}, {"seconds": 906.0}])
    2.0
    """
    ends = [0.0, *(float(epoch["seconds"]) for epoch in epochs)]
    lengths = sorted(after - before for before, after in itertools.pairwise(ends))
    return lengths[(len(lengths) - 1) // 4]
