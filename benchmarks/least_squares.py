"""Fits beside SciPy's and lmfit's: successes, evaluations, seconds, with the same derivatives for all.

python benchmarks/least_squares.py                   # prints the tables of benchmarks/results/least_squares.md
python benchmarks/least_squares.py --repeats 3       # the fastest of three: for quiet numbers

NIST's 26 sets from both starts (success: all certified parameters to six digits), the problems of Moré, Garbow and
Hillstrom at 1, 10 and 100 times their starts (success: a published value of the sum of squares to five digits), and 200
random fits (success: the least sum of squares that any finds, also from the true parameters, to six digits). All get
minigrad's residuals and Jacobian; contenders run one after the other on each problem, in one process. lmfit is skipped
where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from random_fits import random_fits

import minigrad as mg
from curveball import least_squares
from minigrad import Array
from problems.closed_form import PROBLEMS
from problems.closed_form.least_squares import LeastSquares

LIMIT = 5000  # evaluations
RANDOM = "random"


class Counted:
    """Residuals and Jacobian for a solver that takes two functions, counted."""

    def __init__(self, residuals: Callable[[Array], Array], n: int):
        self.function, self.unit = residuals, np.eye(n)
        self.evaluations = self.jacobians = 0

    def residuals(self, p: np.ndarray) -> np.ndarray:
        self.evaluations += 1
        return self.function(p)

    def jacobian(self, p: np.ndarray) -> np.ndarray:
        self.jacobians += 1
        _, J = mg.linearize(self.function, p)
        return np.stack([J(e) for e in self.unit], axis=-1)


Solve = Callable[[Counted, np.ndarray], np.ndarray]


def curveball_default(counted: Counted, start: np.ndarray) -> np.ndarray:
    result = least_squares(counted.function, start, max_nfev=LIMIT)
    counted.evaluations, counted.jacobians = result.nfev, result.njev + result.nhev
    return result.params


def scipy_trf(tolerance: float) -> Solve:
    def solve(counted: Counted, start: np.ndarray) -> np.ndarray:
        return scipy.optimize.least_squares(
            counted.residuals, start, counted.jacobian, x_scale="jac", max_nfev=LIMIT,
            xtol=tolerance, ftol=tolerance, gtol=tolerance,
        ).x  # fmt: skip

    return solve


def leastsq(tolerance: float) -> Solve:
    def solve(counted: Counted, start: np.ndarray) -> np.ndarray:
        return scipy.optimize.leastsq(
            counted.residuals, start, Dfun=counted.jacobian, xtol=tolerance, ftol=tolerance, gtol=0.0, maxfev=LIMIT
        )[0]

    return solve


def lmfit(counted: Counted, start: np.ndarray) -> np.ndarray:
    from lmfit import Parameters, minimize

    parameters = Parameters()
    for k, value in enumerate(start):
        parameters.add(f"p{k}", value=value)

    def vector(p: Parameters) -> np.ndarray:
        return np.array([p[f"p{k}"].value for k in range(start.size)])

    result = minimize(
        lambda p: counted.residuals(vector(p)), parameters, method="leastsq", max_nfev=LIMIT,
        Dfun=lambda p: counted.jacobian(vector(p)), xtol=1e-14, ftol=1e-14, gtol=0.0,
    )  # fmt: skip
    return vector(result.params)


CONTENDERS: dict[str, Solve] = {
    "curveball.least_squares": curveball_default,
    "scipy least_squares": scipy_trf(1e-8),
    "scipy least_squares, 1e-14": scipy_trf(1e-14),
    "scipy leastsq (MINPACK)": leastsq(1.49012e-8),
    "scipy leastsq (MINPACK), 1e-14": leastsq(1e-14),
    "lmfit, 1e-14": lmfit,
}


@dataclass(frozen=True)
class Task:
    """One fit, and what counts as solved: parameters, or one of the sums of squares, to a tolerance."""

    group: str
    residuals: Callable[[Array], Array]
    start: np.ndarray
    solution: np.ndarray | None
    sums: tuple[float, ...]
    tolerance: float

    def sum(self, p: np.ndarray) -> float:
        r = self.residuals(p)
        return float(r @ r)

    def solved(self, p: np.ndarray, best: float) -> bool:
        """`best` is the least sum of squares that any contender found."""
        if self.solution is not None:
            return bool(np.max(np.abs(p / self.solution - 1.0)) < self.tolerance)
        sums = (min(best, *self.sums, np.inf),) if self.group == RANDOM else self.sums
        return any(abs(self.sum(p) - s) <= max(self.tolerance * s, 1e-12) for s in sums)


def tasks(count: int) -> Iterator[Task]:
    """All fits, group by group."""
    closed = [p for p in PROBLEMS.values() if isinstance(p, LeastSquares)]
    for p in closed:
        if p.source.startswith("NIST"):
            for start in p.starts:
                yield Task("NIST", p.model, start, p.solution, (), 1e-6)
    for factor in (1.0, 10.0, 100.0):
        for p in closed:
            if p.source.startswith("Moré"):
                start = factor * p.start if p.start.any() or factor == 1.0 else np.full(p.start.size, factor)
                yield Task(f"MGH x {factor:g}", p.model, start, None, (p.minimum, *p.stationary_values), 1e-5)
    for fit in random_fits(count):
        best = least_squares(fit.residuals, fit.truth)
        yield Task(RANDOM, fit.residuals, fit.start, None, (2.0 * best.cost,), 1e-6)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1, help="runs of each fit; the fastest counts")
    parser.add_argument("--random", type=int, default=200, help="random fits")
    given = parser.parse_args()
    contenders = dict(CONTENDERS)
    if importlib.util.find_spec("lmfit") is None:
        print("lmfit is not installed: it is left out\n")
        del contenders["lmfit, 1e-14"]
    table: dict[tuple[str, str], np.ndarray] = {}  # solved, tried, evaluations, derivatives, seconds
    warnings.simplefilter("ignore")
    with np.errstate(all="ignore"):
        for task in tasks(given.random):
            found = {name: measure(solve, task, given.repeats) for name, solve in contenders.items()}
            best = min(task.sum(p) for p, *_ in found.values())
            for name, (p, evaluations, jacobians, seconds) in found.items():
                row = np.array([task.solved(p, best), 1, evaluations, jacobians, seconds])
                table[name, task.group] = table.get((name, task.group), 0) + row
    groups = list(dict.fromkeys(group for _, group in table))
    for what, show in SHOWN.items():
        print(f"\n| {what} | {' | '.join(groups)} | all |\n|---{'|---' * (len(groups) + 1)}|")
        for name in contenders:
            rows = [table[name, group] for group in groups]
            print(f"| {name} | {' | '.join(show(row) for row in [*rows, sum(rows)])} |")


SHOWN: dict[str, Callable[[np.ndarray], str]] = {
    "solved": lambda row: f"{row[0]:.0f} of {row[1]:.0f}",
    "evaluations + Jacobians and second derivatives": lambda row: f"{row[2]:.0f} + {row[3]:.0f}",
    "seconds": lambda row: f"{row[4]:.2f}",
}


def measure(solve: Solve, task: Task, repeats: int) -> tuple[np.ndarray, int, int, float]:
    """Where a contender ends, its evaluations and derivatives, and the seconds of its fastest run."""
    seconds = []
    for _ in range(repeats):
        counted = Counted(task.residuals, task.start.size)
        started = time.perf_counter()
        try:
            p = solve(counted, task.start.copy())
        except (ValueError, np.linalg.LinAlgError):  # residuals that are not finite
            p = task.start
        seconds.append(time.perf_counter() - started)
    return p, counted.evaluations, counted.jacobians, min(seconds)


if __name__ == "__main__":
    main()
