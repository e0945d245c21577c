"""What does momentum kept between 0 and 1 do by itself? The first guard of `adapt_lam="share"`, apart from its lambda.

Protocol, written before the runs. The tasks, epochs and seeds are those of damping.py, with its batches.

1. On digits: fixed lambdas 0.03, 0.01, 0.003, 0.001 and 0.0003, with CurveBall's momentum as it is and with momentum in
   [0, 1]. A run has diverged where the mean training loss of its last epoch is above 0.1 or not a number: those that
   train well end below 0.01. Of each run the largest rho after 50 steps; of one that diverged the first step whose loss
   is above 10 times the mean of the 50 before it, and the largest rho in the 5 steps before that one.
2. On the other tasks: fixed lambdas with momentum in [0, 1], beside the best fixed one without and the rule of the
   share, both of damping.py. (Added when the first part was known: on digits the guard lets smaller lambdas train, so
   some of what the rule gains may be the guard's.)
3. On Rosenbrock's function with noise U[0, 1], as in damping_table1.py: the rule of the share with and without the
   guard, and the guard with a fixed lambda, from 0.1 and 0.01.

    OMP_NUM_THREADS=1 python studies/momentum_guard.py --data-folder cifar10=DIR       what is missing is run
    python studies/momentum_guard.py --table                                           the tables of what there is
    python studies/momentum_guard.py --again --name digits-mlp --rule guarded --start 0.003 --seed 0
                                              runs that are there, once more, beside what is kept; --name, --rule,
                                              --start and --seed choose them, and nothing is kept

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

import damping
import numpy as np

from curveball.experiments.sweep import iterations_to
from curveball.experiments.table1 import COLUMNS, THRESHOLD
from curveball.solvers.curve_ball import CurveBall
from curveball.solvers.two_by_two import PlaneModel
from curveball.training.options import TrainOptions
from curveball.training.provenance import provenance
from curveball.training.train import train
from minigrad import Array

RESULTS = Path(__file__).parent / "results" / "momentum-guard.jsonl"
DIGITS, SMALL = ("digits-mlp", "digits-cnn"), (0.03, 0.01, 0.003, 0.001, 0.0003)
OTHERS = {
    "autoencoder": (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01),
    "fashion-mnist": (10.0, 3.0, 1.0, 0.3, 0.1, 0.03),
    "basic": (3.0, 1.0, 0.3, 0.1),
    "basic-bn": (3.0, 1.0, 0.3, 0.1),
}
NOISY, STARTS, RUNS = "Rosenbrock, U[0, 1]", (0.1, 0.01), 100
SHARE, UNGUARDED, GUARD = "share", "share, free", "fixed, guarded"
DIVERGED = 0.1  # a loss on digits above this
AFTER = 50  # steps, which the first ones do not count among

Key = tuple[str, str, float, int]  # what is trained, by which momentum, lambda, seed


@dataclass(frozen=True)
class Unguarded(CurveBall):
    """`adapt_lam="share"` with momentum as it is."""

    def _minimum_where(self, plane: PlaneModel, noisy: Array) -> tuple[Array, Array]:
        return plane.minimum()


def guarded(lam: float) -> CurveBall:
    """Momentum in [0, 1], and the step size that is best with it."""
    return CurveBall(rho="bounded", lam=lam, adapt_lam=False)


def wanted() -> Iterator[Key]:
    yield from product(DIGITS, ("free", "guarded"), SMALL, damping.SEEDS)
    yield from product((NOISY,), (SHARE, UNGUARDED, GUARD), STARTS, (0,))
    for name, lams in OTHERS.items():
        yield from product((name,), ("guarded",), lams, damping.SEEDS)


def compute(key: Key, folder: Path | None = None) -> dict[str, Any]:
    """One training, or 100 runs of a problem in closed form."""
    name, rule, lam, seed = key
    about: dict[str, Any] = {"name": name, "rule": rule, "lam": lam, "seed": seed}
    if name == NOISY:
        (column,) = (column for column in COLUMNS if column.name == NOISY)
        share = {SHARE: CurveBall, UNGUARDED: Unguarded}
        solver = guarded(lam) if rule == GUARD else share[rule](lam=lam, adapt_lam="share")
        counts = iterations_to(column.problem(seed), solver, RUNS, column.max_iter, THRESHOLD, seed)
        return about | {"counts": counts.tolist()}
    task = damping.TASKS[name]
    problem = damping.problem_of(task, task.batch, folder)
    solver = guarded(lam) if rule == "guarded" else CurveBall(lam=lam, adapt_lam=False)
    with np.errstate(all="ignore"):
        found = train(problem, solver, TrainOptions(epochs=task.epochs, seed=seed, quiet=True))
    whole = found.stopped is None and len(found.epochs) == task.epochs
    loss = round(found.epochs[-1]["train_loss"], 6) if whole else None
    rhos = [step["rho"] for step in found.steps]
    start, before = beginning([step["loss"] for step in found.steps], rhos)
    later = [abs(rho) for rho in rhos[AFTER:] if np.isfinite(rho)]
    return about | {"loss": loss, "first": start, "rho": before, "largest": max(later, default=None)}


def beginning(losses: list[float], rhos: list[float]) -> tuple[int | None, float | None]:
    """The first step whose loss leaves those before it, and the largest momentum shortly before.

    >>> beginning([1.0] * 60 + [20.0], [0.5] * 57 + [4.0, 0.5, 0.5, 0.5])
    (60, 4.0)
    """
    for k in range(AFTER, len(losses)):
        if not losses[k] <= 10.0 * np.mean(losses[k - AFTER : k]):
            return k, float(np.max(np.abs(rhos[k - 5 : k])))
    return None, None


def read() -> dict[Key, dict[str, Any]]:
    """The runs that there are."""
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    return {(run["name"], run["rule"], run["lam"], run["seed"]): run for run in map(json.loads, lines)}


def run_missing(folders: dict[str, Path]) -> None:
    about, there = provenance(), read()
    for key in wanted():
        if key not in there:
            run = compute(key, folder_of(key, folders))
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**run, "provenance": about}) + "\n")
            print(*key, run.get("loss"), flush=True)


def folder_of(key: Key, folders: dict[str, Path]) -> Path | None:
    return folders.get(damping.TASKS[key[0]].data) if key[0] in damping.TASKS else None


def again(chosen: tuple[Any, ...], folders: dict[str, Path]) -> Iterator[str]:
    """Runs that are there, once more: the kept loss or mean iterations, and the new ones."""
    yield "| what | rule | lambda | seed | kept | again |\n|---|---|---|---|---|---|"
    for key, kept in read().items():
        if damping.matches(chosen, key):
            name, rule, lam, seed = key
            shown = " | ".join(map(outcome, (kept, compute(key, folder_of(key, folders)))))
            yield f"| {name} | {rule} | {lam:g} | {seed} | {shown} |"


def outcome(run: dict[str, Any]) -> str:
    if "counts" in run:
        return f"{mean_count(run):.1f} iterations"
    return "failed" if run["loss"] is None else f"{run['loss']:.6f}"


def mean_count(run: dict[str, Any]) -> float:
    return float(np.mean([count or np.inf for count in run["counts"]]))


def diverged(run: dict[str, Any]) -> bool:
    return run["loss"] is None or not run["loss"] <= DIVERGED


def tables() -> str:
    """Losses and divergences on digits; the best lambdas of all tasks; iterations on Rosenbrock's function; jumps."""
    runs = read()
    lines = ["| network | lambda | as it is | diverged | momentum in [0, 1] | diverged |", "|---|---|---|---|---|---|"]
    for name, lam in product(DIGITS, SMALL):
        cells = []
        for rule in ("free", "guarded"):
            of = [runs[name, rule, lam, seed] for seed in damping.SEEDS]
            well = [run["loss"] for run in of if not diverged(run)]
            cells += [f"{np.mean(well):.3g}" if well else "", f"{len(of) - len(well)} of {len(of)}"]
        lines.append(f"| {name} | {lam:g} | {' | '.join(cells)} |")
    lines += ["", *best_lambdas(runs), ""]
    lines += [f"| {NOISY}: rule | from 0.1 | from 0.01 |", "|---|---|---|"]
    for rule in (SHARE, UNGUARDED, GUARD):
        lines.append(f"| {rule} | {' | '.join(f'{mean_count(runs[NOISY, rule, lam, 0]):.1f}' for lam in STARTS)} |")
    lines += ["", "| run | at step | largest momentum in the 5 steps before | after 50 steps |", "|---|---|---|---|"]
    for (name, rule, lam, seed), run in runs.items():
        if name in DIGITS:
            start = f"{run['first']} | {run['rho']:.1f}" if diverged(run) and run["first"] is not None else " | "
            end = "diverged" if diverged(run) else "trained"
            lines.append(f"| {name}, lambda {lam:g}, seed {seed}, {rule}: {end} | {start} | {run['largest']:.1f} |")
    return "\n".join(lines)


def best_lambdas(runs: dict[Key, dict[str, Any]]) -> list[str]:
    """A row per task: mean losses of the best fixed lambda without and with the guard, and of the rule from 1."""
    lines = [
        "| task | best fixed | best fixed, momentum in [0, 1] | share | share over the latter |",
        "|---|---|---|---|---|",
    ]
    kept = damping.read()
    for name in (*DIGITS, *OTHERS):
        task = damping.TASKS[name]
        (row,) = (row for row in damping.rows(kept) if (row.task, row.batch, row.lam) == (task, task.batch, 1.0))
        assert row.best
        assert isinstance(row.share, float)
        loss, lam, is_end = best_guarded(runs, name)
        end = ", the end" if is_end else ""
        lines.append(
            f"| {name} | {row.best[1]:.4g} (at {row.best[0]:g}) | {loss:.4g} (at {lam:g}{end}) "
            f"| {row.share:.4g} | {row.share / loss:.2f} |"
        )
    return lines


def best_guarded(runs: dict[Key, dict[str, Any]], name: str) -> tuple[float, float, bool]:
    """The smallest mean loss of a fixed lambda with the guard; that lambda, and whether it is an end of those tried."""
    lams = sorted({lam for known, rule, lam, _ in runs if (known, rule) == (name, "guarded")})
    losses = {lam: [runs[name, "guarded", lam, seed]["loss"] for seed in damping.SEEDS] for lam in lams}
    loss, lam = min((float(np.mean(of)), lam) for lam, of in losses.items() if None not in of)
    return loss, lam, lam in (lams[0], lams[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data-folder", action="append", default=[], metavar="DATA=DIR", help="where a data set is")
    parser.add_argument("--table", action="store_true", help="only print the tables of what there is")
    parser.add_argument("--again", action="store_true", help="repeat runs that are there and print both; keep nothing")
    parser.add_argument("--name", help="--again: only this task")
    parser.add_argument("--rule", help="--again: only free, guarded, or a rule of the table in closed form")
    parser.add_argument("--start", type=float, metavar="LAMBDA", help="--again: only runs from this lambda")
    parser.add_argument("--seed", type=int, help="--again: only this seed")
    options = parser.parse_args()
    folders = {name: Path(folder) for name, _, folder in (text.partition("=") for text in options.data_folder)}
    if options.again:
        chosen = (options.name, options.rule, options.start, options.seed)
        if not any(damping.matches(chosen, key) for key in read()):
            parser.error("none of the runs that are there is like this; --table shows them")
        for row in again(chosen, folders):
            print(row, flush=True)
        return
    if not options.table:
        run_missing(folders)
    print(tables())


if __name__ == "__main__":
    main()
