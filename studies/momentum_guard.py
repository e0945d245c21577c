"""What does momentum kept between 0 and 1 do by itself? The first guard of `adapt_lam="share"`, apart from its lambda.

Protocol, written before the runs. On digits, by both networks, batches of 64, 20 epochs, seeds 0, 1 and 2: fixed
lambdas 0.03, 0.01, 0.003, 0.001 and 0.0003, with CurveBall's momentum as it is and with momentum in [0, 1]. A run has
diverged where the mean training loss of its last epoch is above 0.1 or not a number: those that train well end below
0.01. Of a run that diverged, the first step whose loss is above 10 times the mean of the 50 before it, and the largest
rho in the 5 steps before that one.

On Rosenbrock's function with noise U[0, 1], as in damping_table1.py: the rule of the share with and without the guard,
and the guard with a fixed lambda, from 0.1 and 0.01.

    OMP_NUM_THREADS=1 python studies/momentum_guard.py       what is missing is run: minutes
    python studies/momentum_guard.py --table                 the tables of what there is

A run is a line of results/momentum-guard.jsonl.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import problems
from curveball.experiments.sweep import iterations_to
from curveball.experiments.table1 import COLUMNS, THRESHOLD
from curveball.solvers.curve_ball import CurveBall
from curveball.solvers.damping_share import limited_rho
from curveball.solvers.two_by_two import PlaneModel
from curveball.training.options import TrainOptions
from curveball.training.provenance import provenance
from curveball.training.train import train
from minigrad import Array

RESULTS = Path(__file__).parent / "results" / "momentum-guard.jsonl"
LAMS = (0.03, 0.01, 0.003, 0.001, 0.0003)
SEEDS = (0, 1, 2)
STARTS = (0.1, 0.01)
RUNS, NOISY = 100, "Rosenbrock, U[0, 1]"
DIVERGED = 0.1  # a loss of the last epoch above this

Key = tuple[str, str, float, int]  # what is trained, by which momentum, lambda, seed


@dataclass(frozen=True)
class Guarded(CurveBall):
    """Momentum in [0, 1], and the step size that is best with it."""

    def _minimum(self, plane: PlaneModel) -> tuple[Array, Array]:
        rho, beta = plane.minimum()
        limited = limited_rho(rho, 1.0)
        return limited, np.where(limited == rho, beta, plane.minimum(limited)[1])


@dataclass(frozen=True)
class Unguarded(CurveBall):
    """`adapt_lam="share"` with momentum as it is."""

    def _minimum_where(self, plane: PlaneModel, noisy: Array) -> tuple[Array, Array]:
        return plane.minimum()


def wanted() -> Iterator[Key]:
    yield from product(("mlp", "cnn"), ("free", "guarded"), LAMS, SEEDS)
    yield from product((NOISY,), ("share", "share, free", "fixed, guarded"), STARTS, (0,))


def compute(key: Key) -> dict[str, Any]:
    """One training, or 100 runs of a problem in closed form."""
    name, rule, lam, seed = key
    about = {"name": name, "rule": rule, "lam": lam, "seed": seed}
    if name == NOISY:
        kind, adapt = {
            "share": (CurveBall, "share"), "share, free": (Unguarded, "share"), "fixed, guarded": (Guarded, False)
        }[rule]  # fmt: skip
        (column,) = (column for column in COLUMNS if column.name == NOISY)
        solver = kind(lam=lam, adapt_lam=adapt)
        return about | {
            "counts": iterations_to(column.problem(seed), solver, RUNS, column.max_iter, THRESHOLD, seed).tolist()
        }
    data = problems.load("digits")
    network = problems.network(name, len(data.classes), shape=data.train_images.shape[1:])
    solver = (Guarded if rule == "guarded" else CurveBall)(lam=lam, adapt_lam=False)
    with np.errstate(all="ignore"):
        options = TrainOptions(epochs=20, seed=seed, quiet=True)
        found = train(problems.Classification(data, network, 64), solver, options)
    whole = found.stopped is None and len(found.epochs) == 20
    start, rho = beginning([step["loss"] for step in found.steps], [step["rho"] for step in found.steps])
    loss = found.epochs[-1]["train_loss"] if whole else None
    return about | {"loss": loss, "first": start, "rho": rho}


def beginning(losses: list[float], rhos: list[float]) -> tuple[int | None, float | None]:
    """The first step whose loss leaves those before it, and the largest momentum shortly before.

    >>> beginning([1.0] * 60 + [20.0], [0.5] * 57 + [4.0, 0.5, 0.5, 0.5])
    (60, 4.0)
    """
    for k in range(50, len(losses)):
        if not losses[k] <= 10.0 * np.mean(losses[k - 50 : k]):
            return k, float(np.max(np.abs(rhos[k - 5 : k])))
    return None, None


def read() -> dict[Key, dict[str, Any]]:
    """The runs that there are."""
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    return {(run["name"], run["rule"], run["lam"], run["seed"]): run for run in map(json.loads, lines)}


def run_missing() -> None:
    about, there = provenance(), read()
    for key in wanted():
        if key not in there:
            run = compute(key)
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**run, "provenance": about}) + "\n")
            print(*key, flush=True)


def diverged(run: dict[str, Any]) -> bool:
    return run["loss"] is None or not run["loss"] <= DIVERGED


def tables() -> str:
    """Losses and divergences on digits; iterations on Rosenbrock's function."""
    runs = read()
    lines = ["| network | lambda | as it is | diverged | momentum in [0, 1] | diverged |", "|---|---|---|---|---|---|"]
    for name, lam in product(("mlp", "cnn"), LAMS):
        cells = []
        for rule in ("free", "guarded"):
            of = [runs[name, rule, lam, seed] for seed in SEEDS]
            well = [run["loss"] for run in of if not diverged(run)]
            cells += [f"{np.mean(well):.3g}" if well else "", f"{len(of) - len(well)} of {len(of)}"]
        lines.append(f"| {name} | {lam:g} | {' | '.join(cells)} |")
    lines += ["", "| run that diverged | at step | largest momentum in the 5 steps before |", "|---|---|---|"]
    for (name, rule, lam, seed), run in runs.items():
        if name != NOISY and diverged(run) and run["first"] is not None:
            lines.append(f"| {name}, lambda {lam:g}, seed {seed}, {rule} | {run['first']} | {run['rho']:.1f} |")
    lines += ["", f"| {NOISY}: rule | from 0.1 | from 0.01 |", "|---|---|---|"]
    for rule in ("share", "share, free", "fixed, guarded"):
        means = [np.mean([count or np.inf for count in runs[NOISY, rule, lam, 0]["counts"]]) for lam in STARTS]
        lines.append(f"| {rule} | {means[0]:.1f} | {means[1]:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--table", action="store_true", help="only print the tables of what there is")
    if not parser.parse_args().table:
        run_missing()
    print(tables())


if __name__ == "__main__":
    main()
