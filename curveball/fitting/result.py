"""What `least_squares` returns: an estimate that prints as a report."""

from __future__ import annotations

from dataclasses import dataclass

from curveball.fitting.estimate import Estimate
from curveball.fitting.report import report


@dataclass(frozen=True, eq=False)
class LeastSquaresResult(Estimate):
    """The end of `least_squares`. Printed, it is a report."""

    def __str__(self) -> str:
        return report(self)
