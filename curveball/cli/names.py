"""The names that options take, for the help texts: read from where solvers, networks and data sets are registered."""

from __future__ import annotations

from collections.abc import Iterable

from curveball.solvers.registry import SOLVERS as _SOLVERS
from curveball.training.devices import BACKENDS as _BACKENDS
from problems.data.datasets import DATASETS as _DATASETS
from problems.vision.layers import INITIALISATIONS as _INITIALISATIONS
from problems.vision.networks import NETWORKS as _NETWORKS


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


SOLVERS = _listed(_SOLVERS)
NETWORKS = _listed(_NETWORKS)
DATA_SETS = _listed(_DATASETS)
INITIALISATIONS = _listed(_INITIALISATIONS)
BACKENDS = _listed(_BACKENDS)
