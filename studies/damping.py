"""Does a lambda that sets itself do as well as the best fixed one, from any start?

Protocol, written before the runs. On each task CurveBall trains with `adapt_lam="share"` (damping_share.py), with
the paper's rule, and with every fixed lambda of a grid. What counts is the mean training loss of the last epoch.

- Starts: lambda 1 at seeds 0, 1 and 2; 10, 0.1 and 0.01 at seed 0; batches of 32 and of 512 from lambda 1 at seed 0.
- Fixed: the grid at seeds 0, 1 and 2, and at seed 0 with batches of 32 and 512. The best fixed lambda of a task is the
  one with the smallest mean loss over its seeds, among those that never failed.
- A run of photographs takes minutes. There, as was decided before they were run, the paper's rule has one start, and
  the grid is climbed: lambda 1 and its two neighbours, then on from the best one while it is at an end of what has run.
- Success: a mean loss at most 1.15 times that of the best fixed lambda, and no failure, from every start.

    python studies/damping.py --data-folder cifar10=DIR --data-folder imagenet=DIR      what is missing is run
    python studies/damping.py --task digits-mlp                                         one task
    python studies/damping.py --table                                                   the table of what there is
    python studies/damping.py --again --task digits-mlp --rule share --start 1 --batch 64 --seed 0
                                                  runs that are there, once more, beside their kept losses; --rule,
                                                  --start, --batch and --seed choose them, and nothing is kept

A run is a line of results/damping.jsonl; it can be stopped at any moment, and goes on with the next run. Lines whose
command is of grid.py, rules.py or fixed.py were made by earlier forms of this script; `--again` repeats each of them.
damping_figure.py draws what there is.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import problems
from curveball.solvers.registry import solver_from
from curveball.training.devices import choose, to_backend
from curveball.training.options import TrainOptions
from curveball.training.provenance import provenance
from curveball.training.train import train
from problems.vision.autoencoder import Autoencoder

RESULTS = Path(__file__).parent / "results" / "damping.jsonl"
GRID = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
SEEDS = (0, 1, 2)
STARTS = (10.0, 0.1, 0.01)
BATCHES = (32, 512)
PAPER, SHARE = "curveball", "curveball:adapt_lam=share"


@dataclass(frozen=True)
class Task:
    """What is trained."""

    name: str
    data: str
    network: str
    batch: int
    epochs: int
    grid: tuple[float, ...] = GRID
    backend: str = "numpy"
    batches: tuple[int, ...] = BATCHES
    seeds: tuple[int, ...] = SEEDS
    climbs: bool = False  # the grid


CIFAR = (10.0, 3.0, 1.0, 0.3, 0.1, 0.01)
TASKS = {
    task.name: task
    for task in (
        Task("digits-mlp", "digits", "mlp", 64, 20),
        Task("digits-cnn", "digits", "cnn", 64, 20),
        Task("autoencoder", "digits", "autoencoder", 64, 40),
        Task("fashion-mnist", "fashion-mnist", "mnist-mlp", 64, 2, (30.0, *GRID[:6])),
        Task("basic", "cifar10", "basic", 128, 1, CIFAR, "torch", climbs=True),
        Task("basic-bn", "cifar10", "basic-bn", 128, 1, CIFAR, "torch", climbs=True),
        Task("basic, 5 epochs", "cifar10", "basic", 128, 5, CIFAR, "torch", (), (0,), climbs=True),
        Task("basic-bn, 5 epochs", "cifar10", "basic-bn", 128, 5, CIFAR, "torch", (), (0,), climbs=True),
        Task("imagenet", "imagenet", "basic-bn", 128, 1, CIFAR, "torch", climbs=True),
    )
}


@dataclass(frozen=True)
class Run:
    """One training."""

    task: str
    solver: str
    seed: int
    batch: int


def wanted(task: Task) -> Iterator[Run]:
    """All runs of a task, those of the rules first; the next of a climb depend on what has run by then."""
    for rule in (SHARE, PAPER):
        for seed in task.seeds:
            yield Run(task.name, rule, seed, task.batch)
        if task.climbs and rule == PAPER:
            continue
        for lam in STARTS:
            yield Run(task.name, f"{rule}{',' if ':' in rule else ':'}lam={lam:g}", 0, task.batch)
        for batch in task.batches:
            yield Run(task.name, rule, 0, batch)
    for batch, seeds in ((task.batch, task.seeds), *((batch, (0,)) for batch in task.batches)):
        while lams := [
            lam for lam in tried(read(), task, batch, seeds) if not complete(read(), task, lam, batch, seeds)
        ]:
            yield from (Run(task.name, fixed(lam), seed, batch) for lam in lams for seed in seeds)


def tried(runs: dict[Run, dict[str, Any]], task: Task, batch: int, seeds: tuple[int, ...]) -> tuple[float, ...]:
    """The fixed lambdas that are to be run: the grid, or of a climb those up to now and the next ones."""
    if not task.climbs:
        return task.grid
    low = high = task.grid.index(1.0)
    while True:
        low, high = max(low - 1, 0), min(high + 1, len(task.grid) - 1)
        lams = task.grid[low : high + 1]
        if not all(complete(runs, task, lam, batch, seeds) for lam in lams):
            return lams
        best = task.grid.index(min(lams, key=lambda lam: mean_loss(runs, task, lam, batch, seeds)))
        if best in (0, len(task.grid) - 1) or low < best < high:
            return lams
        low, high = (low, high - 1) if best == low else (low + 1, high)


def complete(runs: dict[Run, dict[str, Any]], task: Task, lam: float, batch: int, seeds: tuple[int, ...]) -> bool:
    return all(Run(task.name, fixed(lam), seed, batch) in runs for seed in seeds)


def mean_loss(runs: dict[Run, dict[str, Any]], task: Task, lam: float, batch: int, seeds: tuple[int, ...]) -> float:
    """Of a fixed lambda over seeds; inf if one of its runs failed."""
    losses = [runs[Run(task.name, fixed(lam), seed, batch)]["loss"] for seed in seeds]
    return math.inf if None in losses else float(np.mean(losses))


def fixed(lam: float) -> str:
    return f"curveball:adapt_lam=false,lam={lam:g}"


@cache
def dataset(name: str, folder: Path | None, backend: str) -> Any:
    """On its backend; of images on disk, 64 pixels along a side."""
    data = problems.load(name, folder, 64) if name == "imagenet" else problems.load(name, folder)
    return to_backend(data, choose(backend))


def problem_of(task: Task, batch: int, folder: Path | None) -> Any:
    """Its network and data, in batches of this size."""
    data = dataset(task.data, folder, task.backend)
    if task.network == "autoencoder":
        return Autoencoder.of(data, (32, 16, 6), batch)
    shape = data.train_images.shape[1:]
    return problems.Classification(data, problems.network(task.network, len(data.classes), shape=shape), batch)


def compute(run: Run, folder: Path | None) -> dict[str, Any]:
    """Train; the loss of the last epoch is None where the run failed."""
    task = TASKS[run.task]
    problem = problem_of(task, run.batch, folder)
    with np.errstate(all="ignore"):
        found = train(problem, solver_from(run.solver), TrainOptions(epochs=task.epochs, seed=run.seed, quiet=True))
    losses = [round(epoch["train_loss"], 6) for epoch in found.epochs]
    lams = [step["lam"] for step in found.steps if "lam" in step]
    kept = [float(f"{lams[k * (len(lams) - 1) // 10]:.3g}") for k in range(11)] if lams else []
    failed = found.stopped is not None or len(losses) < task.epochs
    return {**asdict(run), "loss": None if failed else losses[-1], "losses": losses, "lams": kept}


def read() -> dict[Run, dict[str, Any]]:
    """The runs that there are."""
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    found = map(json.loads, lines)
    return {Run(**{name: run[name] for name in ("task", "solver", "seed", "batch")}): run for run in found}


def run_missing(tasks: list[str], folders: dict[str, Path]) -> None:
    about = provenance()
    for name in tasks:
        for run in wanted(TASKS[name]):
            if run not in read():
                result = compute(run, folders.get(TASKS[name].data))
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**result, "provenance": about}) + "\n")
                print(run.task, run.solver, run.seed, run.batch, result["loss"], flush=True)


def rule_and_lambda(run: Run) -> tuple[str, float]:
    """Of a run: `share`, `paper` or `fixed`, and the lambda it starts from.

    >>> rule_and_lambda(Run("basic", "curveball:adapt_lam=share,lam=0.1", seed=0, batch=128))
    ('share', 0.1)
    """
    settings = dict(text.split("=") for text in run.solver.partition(":")[2].split(",") if text)
    rule = {"share": "share", "false": "fixed"}.get(settings.get("adapt_lam", ""), "paper")
    return rule, float(settings.get("lam", 1.0))


def again(runs: list[Run], folders: dict[str, Path]) -> Iterator[str]:
    """Train once more: the rows of a table, with the kept loss and the new one."""
    kept = read()
    yield "| task | rule | lambda | batch | seed | kept loss | again |\n|---|---|---|---|---|---|---|"
    for run in runs:
        rule, lam = rule_and_lambda(run)
        losses = (kept[run]["loss"], compute(run, folders.get(TASKS[run.task].data))["loss"])
        shown = " | ".join("failed" if loss is None else f"{loss:.6f}" for loss in losses)
        yield f"| {run.task} | {rule} | {lam:g} | {run.batch} | {run.seed} | {shown} |"


def best_fixed(
    runs: dict[Run, dict[str, Any]], task: Task, batch: int, seeds: tuple[int, ...]
) -> tuple[float, float] | None:
    """The lambda with the smallest mean loss among those that never failed, and that loss; None before all have run."""
    lams = tried(runs, task, batch, seeds)
    if not all(complete(runs, task, lam, batch, seeds) for lam in lams):
        return None
    loss, lam = min((mean_loss(runs, task, lam, batch, seeds), lam) for lam in lams)
    return None if math.isinf(loss) else (lam, loss)


class Row(NamedTuple):
    """Of the table: mean losses over the seeds, None where not all have run; the best fixed lambda and its loss."""

    task: Task
    batch: int
    lam: float
    seeds: tuple[int, ...]
    share: float | str | None
    paper: float | str | None
    best: tuple[float, float] | None

    @property
    def ratio(self) -> float | None:
        return self.share / self.best[1] if self.best and isinstance(self.share, float) else None

    @property
    def at_end(self) -> bool:
        """Whether the best fixed lambda is at an end of its grid."""
        return self.best is not None and self.best[0] in (self.task.grid[0], self.task.grid[-1])


def rows(runs: dict[Run, dict[str, Any]]) -> Iterator[Row]:
    """A row per task, batch and start, where one of the rules has run."""
    for task in TASKS.values():
        keys = [(task.batch, 1.0, task.seeds), *((task.batch, lam, (0,)) for lam in STARTS)]
        keys += [(batch, 1.0, (0,)) for batch in task.batches]
        for batch, lam, seeds in keys:
            share, paper = (_mean(runs, task, rule, lam, batch, seeds) for rule in (SHARE, PAPER))
            if share is not None or paper is not None:
                best = best_fixed(runs, task, batch, task.seeds if batch == task.batch else (0,))
                yield Row(task, batch, lam, seeds, share, paper, best)


def table() -> str:
    """The rows, and what a best lambda at an end of its grid makes of the ratio."""
    lines = [
        "| task | batch | start | seeds | share | paper | best fixed | share over best fixed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    found = list(rows(read()))
    for row in found:
        at = f"{row.best[1]:.4g} (at {row.best[0]:g}{', the end' if row.at_end else ''})" if row.best else "not run"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        facts = f"{row.task.name} | {row.batch} | {row.lam:g} | {len(row.seeds)}"
        lines.append(f"| {facts} | {_shown(row.share)} | {_shown(row.paper)} | {at} | {ratio} |")
    ends = dict.fromkeys(f"{row.task.name} with batches of {row.batch}" for row in found if row.at_end and row.ratio)
    if ends:
        words = "The end: beyond the last lambda of the grid there may be a better one, so the ratio is a lower bound"
        lines += ["", f"{words} on {', '.join(ends)}."]
    return "\n".join(lines)


def _mean(
    runs: dict[Run, dict[str, Any]], task: Task, rule: str, lam: float, batch: int, seeds: tuple[int, ...]
) -> float | str | None:
    solver = rule if lam == 1.0 else f"{rule}{',' if ':' in rule else ':'}lam={lam:g}"
    keys = [Run(task.name, solver, seed, batch) for seed in seeds]
    losses = [runs[key]["loss"] for key in keys if key in runs]
    if len(losses) < len(seeds):
        return None
    return "failed" if None in losses else float(np.mean(losses))


def _shown(cell: float | str | None) -> str:
    return "not run" if cell is None else cell if isinstance(cell, str) else f"{cell:.4g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--task", choices=list(TASKS), action="append", help="these tasks; all, if none is given")
    parser.add_argument("--data-folder", action="append", default=[], metavar="DATA=DIR", help="where a data set is")
    parser.add_argument("--table", action="store_true", help="only print the table of what there is")
    parser.add_argument("--again", action="store_true", help="repeat runs that are there and print both; keep nothing")
    parser.add_argument("--rule", choices=("share", "paper", "fixed"), help="--again: only this rule")
    parser.add_argument("--start", type=float, metavar="LAMBDA", help="--again: only runs from this lambda")
    parser.add_argument("--batch", type=int, help="--again: only this size of batches")
    parser.add_argument("--seed", type=int, help="--again: only this seed")
    options = parser.parse_args()
    tasks, chosen = options.task or list(TASKS), (options.rule, options.start, options.batch, options.seed)
    folders = {name: Path(folder) for name, _, folder in (text.partition("=") for text in options.data_folder)}
    if options.again:
        runs = [
            run for run in read() if run.task in tasks and matches(chosen, (*rule_and_lambda(run), run.batch, run.seed))
        ]
        if not runs:
            parser.error("none of the runs that are there is like this; --table shows them")
        for row in again(runs, folders):
            print(row, flush=True)
        return
    if any(value is not None for value in chosen):
        parser.error("--rule, --start, --batch and --seed choose among the runs of --again")
    if not options.table:
        run_missing(tasks, folders)
    print(table())


def matches(chosen: tuple[Any, ...], of_run: tuple[Any, ...]) -> bool:
    """Whether a run has all that was asked for; None asks for nothing."""
    return all(wish in (None, value) for wish, value in zip(chosen, of_run, strict=True))


if __name__ == "__main__":
    main()
