"""Which other rules for lambda are worth having, and which are not? The fresh slope again, and seven ideas beside it.

Protocol, written before the runs; the rules are in lambda_rules_tried.py, the tasks in damping.py. What counts is the
mean training loss of the last epoch.

1. The slope of fresh data, held at -0.15 (`fresh`), beside the paper's rule. On digits, Fashion-MNIST and CIFAR-10 at
   seed 0, from 10, 1 and 0.01, and from 1 with `average=0.9`; on CIFAR-10 from 1, and the paper's rule on `basic` from
   10, 0.1 and 0.01 too; on Rosenbrock's function, 100 runs, from 1, 10 and 100. With `average=0.9` at seeds 0, 1 and 2
   from 10, 1 and 0.01: digits with batches of 64 and, for the CNN, of 16 (6 epochs), Fashion-MNIST with batches of 64
   and 256 (4 epochs). Momentum is as it is.
2. Other rules, all with momentum in [0, 1], as `adapt_lam="share"` has it. From 1 at seeds 0, 1 and 2 and from 10 and
   0.01 at seed 0 on digits, the small autoencoder and Fashion-MNIST; on CIFAR-10, one epoch of `basic` and `basic-bn`
   at seed 0 from 1.
   - `held:s`: the share of damping is held at s, which is the trust ratio of the model at 1 + s;
   - `comparison`: lambda itself goes by the comparison of the params with their average;
   - `horizon:n`: `adapt_lam="share"` with an average over n steps;
   - `turn:c`: the slope of fresh data is held at -c times the part of the promised slope that fresh data have too;
   - `noise:c`: the share is held at c times the other part, which the step's own batch alone has;
   - `ratio:n`: Levenberg and Marquardt's rule with K-FAC's numbers, on a batch n times as large (1: the step's own);
   - `layers`: `adapt_lam="share"` with a lambda for each layer.
   A rule is worth having if its loss is at most 1.15 times that of the best fixed lambda with momentum in [0, 1]
   (momentum_guard.py) from every start on every task.
3. Added when 2 was known: the best of them, `turn:0.8`, with batches of 32 and 512 on digits, and of 32 on `basic`.

After the first runs of 2 two rules were made fairer, and run anew: `ratio` without damping in the change it predicts,
and `horizon` with an average that begins as short as that of `adapt_lam="share"`.

A run has failed if its loss was not a number, or above 1e6, or in the last of several epochs above that of the first.
(The last of these was added after the first runs: some end at a loss of 10 that stays there.)

    OMP_NUM_THREADS=1 python studies/lambda_rules.py --data-folder cifar10=DIR      what is missing is run
    python studies/lambda_rules.py --task digits-mlp                                only that of one task
    python studies/lambda_rules.py --table                                          the tables of what there is
    python studies/lambda_rules.py --again --task digits-mlp --rule held:0.3 --start 1 --seed 0
                                              runs that are there, once more, beside what is kept; --task, --rule,
                                              --start, --batch, --seed and --average choose them, and nothing is kept

A run is a line of results/lambda-rules.jsonl; it can be stopped at any moment, and goes on with the next run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import damping
import lambda_rules_tried
import momentum_guard
import numpy as np

from curveball.experiments.sweep import START
from curveball.experiments.table1 import COLUMNS, THRESHOLD
from curveball.training.provenance import provenance

RESULTS = Path(__file__).parent / "results" / "lambda-rules.jsonl"
SMALL, CIFAR = ("digits-mlp", "digits-cnn", "autoencoder", "fashion-mnist"), ("basic", "basic-bn")
BEST = "turn:0.8"
SIZES = (("digits-mlp", 32), ("digits-mlp", 512), ("digits-cnn", 32), ("digits-cnn", 512), ("basic", 32))
ROSENBROCK, RUNS = "Rosenbrock", 100
EPOCHS = {("digits-cnn", 16): 6, ("fashion-mnist", 256): 4}  # where they are not the task's
AVERAGED = (("digits-mlp", 64), ("digits-cnn", 64), ("digits-cnn", 16), ("fashion-mnist", 64), ("fashion-mnist", 256))
OTHERS = (
    "held:0.15", "held:0.3", "comparison", "horizon:50", "horizon:200", "turn:0.8", "turn:1", "noise:0.25", "ratio:1",
    "ratio:8", "layers",
)  # fmt: skip


class Run(NamedTuple):
    """One training, or 100 runs on Rosenbrock's function."""

    task: str
    rule: str
    start: float
    batch: int
    seed: int = 0
    average: float = 0.0


def wanted() -> Iterator[Run]:
    yield from repeated()
    yield from others()


def repeated() -> Iterator[Run]:
    """Part 1."""
    for name in ("digits-mlp", "digits-cnn", "fashion-mnist"):
        yield Run(name, "paper", 1.0, 64)
        yield from (Run(name, "fresh", lam, 64) for lam in (10.0, 1.0, 0.01))
        yield Run(name, "fresh", 1.0, 64, average=0.9)
    yield from (Run(ROSENBROCK, rule, lam, 0) for rule in ("paper", "fresh") for lam in (1.0, 10.0, 100.0))
    for name, batch in AVERAGED:
        for rule, lam, seed in product(("paper", "fresh"), (10.0, 1.0, 0.01), damping.SEEDS):
            if (run := Run(name, rule, lam, batch, seed, 0.9)) != Run(name, "fresh", 1.0, 64, 0, 0.9):
                yield run
    for name in ("basic-bn", "basic"):
        yield from (Run(name, rule, 1.0, 128, 0, mean) for rule in ("paper", "fresh") for mean in (0.0, 0.9))
    yield from (Run("basic", "paper", lam, 128) for lam in damping.STARTS)


def others() -> Iterator[Run]:
    """Parts 2 and 3."""
    for name, rule in product(SMALL, OTHERS):
        yield from (Run(name, rule, 1.0, 64, seed) for seed in damping.SEEDS)
        yield from (Run(name, rule, lam, 64) for lam in (10.0, 0.01))
    yield from (Run(name, rule, 1.0, 128) for name in CIFAR for rule in OTHERS)
    yield from (Run(name, BEST, 1.0, batch) for name, batch in SIZES)


def compute(run: Run, folder: Path | None = None) -> dict[str, Any]:
    """Train: the loss is None where the run failed."""
    if run.task == ROSENBROCK:
        return {**run._asdict(), "counts": closed_form(run)}
    task = damping.TASKS[run.task]
    epochs = EPOCHS.get((run.task, run.batch), task.epochs)
    with np.errstate(all="ignore"):
        losses, lams = lambda_rules_tried.train(
            damping.problem_of(task, run.batch, folder), run.rule, run.start, run.seed, epochs, run.average
        )
    kept = [float(f"{lams[k * (len(lams) - 1) // 10]:.3g}") for k in range(11)]
    losses = [round(loss, 6) for loss in losses]
    return {**run._asdict(), "loss": losses[-1] if len(losses) == epochs else None, "losses": losses, "lams": kept}


def closed_form(run: Run, runs: int = RUNS) -> list[int]:
    """Iterations to Table 1's threshold, from the starts of Table 1; 0 where a run does not arrive."""
    (column,) = (column for column in COLUMNS if column.name == run.task)
    problem: Any = column.problem(run.seed)
    starts = problem.init(np.random.default_rng([run.seed, START]), (RUNS,))[:runs]
    return [
        lambda_rules_tried.iterations(problem, run.rule, run.start, start, column.max_iter, THRESHOLD)
        for start in starts
    ]


def read() -> dict[Run, dict[str, Any]]:
    """The runs that there are."""
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    return {Run(*(run[name] for name in Run._fields)): run for run in map(json.loads, lines)}


def folder_of(run: Run, folders: dict[str, Path]) -> Path | None:
    return folders.get(damping.TASKS[run.task].data) if run.task in damping.TASKS else None


def run_missing(folders: dict[str, Path], task: str | None = None) -> None:
    about = provenance()
    for run in wanted():
        if task in (None, run.task) and run not in read():
            found = compute(run, folder_of(run, folders))
            with RESULTS.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**found, "provenance": about}) + "\n")
            print(*run, outcome(found), flush=True)


def again(chosen: tuple[Any, ...], folders: dict[str, Path]) -> Iterator[str]:
    """Runs that are there, once more: the kept loss or mean iterations, and the new ones."""
    yield "| task | rule | start | batch | seed | average | kept | again |\n|" + "---|" * 8
    for run, kept in read().items():
        if damping.matches(chosen, run):
            shown = " | ".join(map(outcome, (kept, compute(run, folder_of(run, folders)))))
            name, rule, start, batch, seed, average = run
            yield f"| {name} | {rule} | {start:g} | {batch} | {seed} | {average:g} | {shown} |"


def outcome(run: dict[str, Any]) -> str:
    if "counts" in run:
        return f"{np.mean([count or np.inf for count in run['counts']]):.1f} iterations"
    return "failed" if failed(run) else f"{run['loss']:.6f}"


def failed(run: dict[str, Any]) -> bool:
    return run["loss"] is None or run["loss"] > run["losses"][0]


def mean(runs: list[dict[str, Any] | None]) -> float | None:
    """Of the losses; inf where one failed, None where one has not run."""
    if None in runs:
        return None
    return (
        float("inf")
        if any(failed(run) for run in runs if run)
        else float(np.mean([run["loss"] for run in runs if run]))
    )


def tables() -> str:
    return "\n\n".join(
        [
            "\n".join(one())
            for one in (fresh_table, paper_table, closed_form_table, averaged_table, others_table, sizes_table)
        ]
    )


def fresh_table() -> Iterator[str]:
    """One seed: the paper's rule, and the slope of fresh data held, from three starts and with running sums."""
    runs = read()
    averages = "fresh, `average=0.9`, from 1 | paper, `average=0.9`, from 1"
    yield f"| task | paper, from 1 | fresh, from 10 | 1 | 0.01 | {averages} |\n|" + "---|" * 7
    for name in ("digits-mlp", "digits-cnn", "fashion-mnist", "basic-bn", "basic"):
        batch = damping.TASKS[name].batch
        keys = [Run(name, "paper", 1.0, batch), *(Run(name, "fresh", lam, batch) for lam in (10.0, 1.0, 0.01))]
        keys += [Run(name, rule, 1.0, batch, average=0.9) for rule in ("fresh", "paper")]
        yield f"| {name} | {' | '.join(shown(mean([runs.get(key)])) for key in keys)} |"


def closed_form_table() -> Iterator[str]:
    """On Rosenbrock's function."""
    runs, starts = read(), (1.0, 10.0, 100.0)
    yield "| Rosenbrock | from 1 | 10 | 100 |\n|" + "---|" * 4
    for rule in ("paper", "fresh"):
        found = [runs.get(Run(ROSENBROCK, rule, lam, 0)) for lam in starts]
        yield f"| {rule} | {' | '.join(outcome(run) if run else '' for run in found)} |"


def paper_table() -> Iterator[str]:
    """The paper's rule without batch normalisation."""
    runs, starts = read(), (10.0, 1.0, 0.1, 0.01)
    yield f"| paper | {' | '.join(f'from {lam:g}' for lam in starts)} |\n|" + "---|" * 5
    yield f"| basic | {' | '.join(shown(mean([runs.get(Run('basic', 'paper', lam, 128))])) for lam in starts)} |"


def averaged_table() -> Iterator[str]:
    """Three seeds, with running sums: both rules from three starts."""
    runs = read()
    yield "| task | batch | paper, from 10 | fresh | paper, from 1 | fresh | paper, from 0.01 | fresh |"
    yield "|" + "---|" * 8
    for name, batch in AVERAGED:
        cells = []
        for lam, rule in product((10.0, 1.0, 0.01), ("paper", "fresh")):
            of = [runs.get(Run(name, rule, lam, batch, seed, 0.9)) for seed in damping.SEEDS]
            lost = sum(failed(run) for run in of if run)
            cells.append(f"{lost} of 3 failed" if lost else shown(mean(of)))
        yield f"| {name} | {batch} | {' | '.join(cells)} |"


def others_table() -> Iterator[str]:
    """Losses over that of the best fixed lambda with momentum in [0, 1], on the same seeds: from 1, 10 and 0.01."""
    names = (*SMALL, *CIFAR)
    yield f"| rule | {' | '.join(names)} |\n|" + "---|" * (len(names) + 1)
    for rule in ("share", *OTHERS):
        cells = (" / ".join("failed" if x == np.inf else f"{x:.2f}" for x in ratios(name, rule)) for name in names)
        yield f"| {rule} | {' | '.join(cells)} |"


def ratios(name: str, rule: str) -> list[float]:
    """From 1, 10 and 0.01, where all seeds have run: mean loss over that of the best fixed lambda on these seeds."""
    runs, kept, guarded, batch = read(), damping.read(), momentum_guard.read(), damping.TASKS[name].batch
    _, best, _ = momentum_guard.best_guarded(guarded, name)
    found = []
    for lam in (1.0, 10.0, 0.01):
        solver = damping.SHARE + (f",lam={lam:g}" if lam != 1.0 else "")
        seeds = damping.SEEDS if lam == 1.0 and (name in SMALL or rule == "share") else (0,)
        loss = mean([
            kept.get(damping.Run(name, solver, seed, batch)) if rule == "share"
            else runs.get(Run(name, rule, lam, batch, seed))
            for seed in seeds
        ])  # fmt: skip
        if loss is not None:
            found.append(loss / float(np.mean([guarded[name, "guarded", best, seed]["loss"] for seed in seeds])))
    return found


def sizes_table() -> Iterator[str]:
    """The best of the other rules with other sizes of batches, at seed 0."""
    runs, kept = read(), damping.read()
    yield f"| task | batch | `{BEST}` | share | best fixed |\n|---|---|---|---|---|"
    for name, batch in SIZES:
        best = damping.best_fixed(kept, damping.TASKS[name], batch, (0,))
        losses = runs.get(Run(name, BEST, 1.0, batch)), kept.get(damping.Run(name, damping.SHARE, 0, batch))
        end = ", the end" if best and best[0] in (damping.TASKS[name].grid[0], damping.TASKS[name].grid[-1]) else ""
        fixed = f"{best[1]:.4g} (at {best[0]:g}{end})" if best else ""
        yield f"| {name} | {batch} | {' | '.join(shown(mean([run])) for run in losses)} | {fixed} |"


def shown(loss: float | None) -> str:
    return "" if loss is None else "failed" if loss == np.inf else f"{loss:.4g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    tasks = sorted({run.task for run in wanted()})
    parser.add_argument("--data-folder", action="append", default=[], metavar="DATA=DIR", help="where a data set is")
    parser.add_argument("--table", action="store_true", help="only print the tables of what there is")
    parser.add_argument("--again", action="store_true", help="repeat runs that are there and print both; keep nothing")
    parser.add_argument("--task", choices=tasks, help="only this task")
    parser.add_argument("--rule", help="--again: only this rule, as in held:0.3")
    parser.add_argument("--start", type=float, metavar="LAMBDA", help="--again: only runs from this lambda")
    parser.add_argument("--batch", type=int, help="--again: only this size of batches")
    parser.add_argument("--seed", type=int, help="--again: only this seed")
    parser.add_argument("--average", type=float, help="--again: only this decay of running sums, 0 for none")
    options = parser.parse_args()
    chosen = (options.task, options.rule, options.start, options.batch, options.seed, options.average)
    folders = {name: Path(folder) for name, _, folder in (text.partition("=") for text in options.data_folder)}
    if options.again:
        if not any(damping.matches(chosen, run) for run in read()):
            parser.error("none of the runs that are there is like this; --table shows them")
        for row in again(chosen, folders):
            print(row, flush=True)
        return
    if any(wish is not None for wish in chosen[1:]):
        parser.error("--rule, --start, --batch, --seed and --average choose among the runs of --again")
    if not options.table:
        run_missing(folders, options.task)
    print(tables())


if __name__ == "__main__":
    main()
