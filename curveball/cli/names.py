"""The names that options take, for the help texts: read from where solvers, networks and data sets are registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import problems.data
import problems.vision
from curveball.solvers.registry import solver_names
from curveball.training.devices import BACKENDS as _BACKENDS
from curveball.training.schedule import schedule_names
from problems.vision.layers import INITIALISATIONS as _INITIALISATIONS


def completed(listed: str) -> Callable[[str], list[str]]:
    """What the shell offers for a word that has begun: the names that begin so."""

    def matching(incomplete: str) -> list[str]:
        return [name for name in listed.split(", ") if name.startswith(incomplete)]

    return matching


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


SOLVERS = _listed(solver_names())
NETWORKS = _listed((*problems.vision.names(), *problems.vision.families()))
DATA_SETS = _listed(problems.data.names())
SCHEDULES = _listed(schedule_names())
INITIALISATIONS = _listed(_INITIALISATIONS)
BACKENDS = _listed(_BACKENDS)
