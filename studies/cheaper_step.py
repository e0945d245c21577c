"""A step of CurveBall for at most 1.5 steps of SGD: which savings keep its progress? Runs and their tables.

    OMP_NUM_THREADS=1 python studies/cheaper_step.py [--cifar DIR]     # the runs that results/cheaper-step.json lacks
    python studies/cheaper_step.py --table                             # the tables of what there is
    OMP_NUM_THREADS=1 python studies/cheaper_step.py --cost            # multiplications and seconds per step
    OMP_NUM_THREADS=1 python studies/cheaper_step.py --again --only "digits mlp" --rule full --start 1 --seed 0
                                                 # runs that are there, once more, beside their kept losses:
                                                 # --only, --rule, --start and --seed choose them

The runs are listed in cheaper_plan.py.

Protocol, written before the runs that are kept; the rules themselves were found by scouting on digits and
Fashion-MNIST with seeds 0 and 1, never on CIFAR-10 or with seed 2.

- Reference: the rule `full`, CurveBall with rho in [0, 1], at the same fixed lambda, from the same start on the same
  batches. Its grid of lambdas is in cheaper_plan.TASKS.
- Progress per step of a rule: with L and L_full the mean training losses of the last fifth of the steps, and `slope`
  the power of 1/step with which the reference's loss falls over the last half, `(L_full / L)^(1 / slope)`: the number
  of steps that the reference takes to the same loss, over its own. 0 for a run that is not finite. The mean over seeds
  is geometric.
- Cost: multiplications in products and convolutions of the whole step at a fixed lambda, over those of an SGD step;
  seconds, in turns with SGD in one process, medians.
- Success: cost at most 1.5 by both counts on the basic network, and progress at least 0.95 on every task, both at
  lambda 1 and at the lambda of the grid that is best for the reference, and no run there that is not finite. The other
  lambdas show how much smaller lambda may be before a rule fails. Added after the first runs, as rules differ in the
  lambda that is best for them: the finalists and the reference, each at its own best.

Last of all: the cheap rules with a lambda that sets itself (`adapt`), from four starts.

Losses are those at w, also for rules that evaluate the network elsewhere: that evaluation is the study's, not the
rule's. CIFAR-10: its 60,000 images re-encoded once as JPEG, no augmentation, one seed, on PyTorch's tensors.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from cheaper_plan import ADAPTED, ADAPTED_STARTS, FINALISTS, RULES, TASKS, plan
from cheaper_rules import Rule, Work, rule_of
from multiplications import multiplications

import problems
from curveball import SGD
from curveball.training.devices import choose, to_backend, to_device_of
from curveball.training.files import write_whole
from curveball.training.provenance import provenance
from minigrad import nn, one_blas_thread

RESULTS = Path(__file__).parent / "results" / "cheaper-step.json"
WINDOWS = 50  # mean losses that are kept of a run
EXPLODED = 1e3


def key(run: dict[str, Any]) -> tuple[str, str, float, int]:
    return run["task"], run["rule"], run["lam"], run["seed"]


def work_of(problem: problems.Classification, batch: Any, rows: float) -> Work:
    """The objective of a batch, and of its first rows."""
    count = max(2, round(rows * problem.batch_size))
    part = batch._replace(images=batch.images[:count, ...], labels=batch.labels[:count, ...])
    return Work(*(partial(f, batch=b) for b in (batch, part) for f in (problem.model, problem.loss)))


def one(data: Any, task: str, name: str, lam: float, seed: int) -> dict[str, Any]:
    """A run, as it is kept: mean losses at w over equal parts of the run, none after a loss that is not finite."""
    _, network, size, epochs, _, _ = TASKS[task]
    problem = problems.Classification(data, problems.network(network, len(data.classes)), size)
    rule, rng = replace(rule_of(name), lam=lam), np.random.default_rng(seed)
    w = to_device_of(data.train_images, problem.init(rng))
    state, losses, lams = rule.init(w), [], []
    total = epochs * problem.steps_per_epoch
    for batch in (batch for _ in range(epochs) for batch in problem.batches(rng)):
        work, before = work_of(problem, batch, rule.rows), w
        w, state, info = rule.step(w, state, work)
        losses.append(float(rule.loss(before, work, info["value"])))
        lams.append(float(info["lam"]))
        if not losses[-1] < EXPLODED:
            break
    parts = np.array_split(np.arange(total), WINDOWS)
    means = [float(np.mean(np.array(losses)[part])) for part in parts if part[-1] < len(losses)]
    facts = {"task": task, "rule": name, "lam": lam, "seed": seed, "steps": len(losses), "planned": total}
    kept = {"lams": [float(f"{x:.3g}") for x in lams[:: max(1, total // 10)]]} if rule.adapt else {}
    return {**facts, "losses": [float(f"{x:.4g}") for x in means if x < EXPLODED], **kept}


@cache
def loaded(name: str, cifar: Path | None) -> Any:
    """The data set, on its backend."""
    data = problems.load(name, cifar if name == "cifar10" else None)
    return to_backend(data, choose("torch", "cpu")) if name == "cifar10" else data


def compute(run: tuple[str, str, float, int], cifar: Path | None) -> dict[str, Any]:
    """The run with this key."""
    with np.errstate(all="ignore"):
        return one(loaded(TASKS[run[0]][0], cifar), *run)


def run_missing(cifar: Path | None, only: str) -> None:
    """Run what is not there yet, and keep it after each run."""
    for wanted in plan(cifar is not None):
        if only in wanted[0] and wanted not in map(key, read()):
            found = {**provenance(), "runs": sorted([*read(), compute(wanted, cifar)], key=key)}
            write_whole(RESULTS, partial(_write, found))


def again(runs: list[dict[str, Any]], cifar: Path | None) -> Iterator[str]:
    """Run once more: the rows of a table, with the kept loss and the new one, and whether all mean losses agree."""
    yield "| task | rule | lambda | seed | kept loss | again | all means the same |\n|---|---|---|---|---|---|---|"
    for run in runs:
        new = compute(key(run), cifar)
        shown = (f"{last(found):.4g}" if finite(found) else "not finite" for found in (run, new))
        same = "yes" if new["losses"] == run["losses"] else "no"
        yield f"| {run['task']} | `{run['rule']}` | {run['lam']:g} | {run['seed']} | {' | '.join(shown)} | {same} |"


def read() -> list[dict[str, Any]]:
    """The runs that there are."""
    return json.loads(RESULTS.read_text())["runs"] if RESULTS.exists() else []


def _write(found: dict[str, Any], path: Path) -> None:
    """A line per run."""
    head = json.dumps({name: value for name, value in found.items() if name != "runs"}, indent=1).removesuffix("\n}")
    runs = ",\n".join("  " + json.dumps(run) for run in found["runs"])
    path.write_text(f'{head},\n "runs": [\n{runs}\n ]\n}}\n')


def finite(run: dict[str, Any]) -> bool:
    return len(run["losses"]) == WINDOWS


def last(run: dict[str, Any]) -> float:
    """The mean loss of the last fifth of the steps."""
    return float(np.mean(run["losses"][-WINDOWS // 5 :]))


def slope(runs: list[dict[str, Any]]) -> float:
    """The power of 1/step with which losses fall over the last half: the mean over runs."""
    half = np.log(np.arange(WINDOWS // 2, WINDOWS) + 0.5)
    later = [run["losses"][WINDOWS // 2 :] for run in runs if finite(run)]
    return float(np.mean([-np.polyfit(half, np.log(losses), 1)[0] for losses in later]))


def progress(runs: list[dict[str, Any]], references: list[dict[str, Any]]) -> float:
    """The steps of the reference to a run's last loss over its own, a geometric mean over seeds; 0 at a failure."""
    by_seed, power = {run["seed"]: run for run in references}, 1.0 / slope(references)  # seeds that the reference ends
    if not all(map(finite, runs)):
        return 0.0
    runs = [run for run in runs if finite(by_seed[run["seed"]])]
    return float(np.exp(np.mean([power * np.log(last(by_seed[run["seed"]]) / last(run)) for run in runs])))


Groups = dict[tuple[str, float], dict[str, list[dict[str, Any]]]]  # by task and lambda, by rule


def grouped(runs: list[dict[str, Any]]) -> Groups:
    groups: Groups = {}
    for run in runs:
        groups.setdefault((run["task"], run["lam"]), {}).setdefault(run["rule"], []).append(run)
    return groups


def loss(runs: list[dict[str, Any]]) -> float:
    """The mean over seeds."""
    return float(np.mean([last(run) if finite(run) else np.inf for run in runs]))


def best_lam(groups: Groups, task: str, rule: str) -> float:
    """Of the grid, for a rule."""
    grid = [lam for t, lam in groups if t == task and rule in groups[t, lam]]
    return min(grid, key=lambda lam: loss(groups[task, lam][rule]))


def tuned(runs: list[dict[str, Any]]) -> str:
    """Progress of the finalists, each with its own best lambda of the grid, to the reference with its own."""
    groups = grouped(runs)
    lines = ["| task | rule | lambda | loss | progress |", "|---|---|---|---|---|"]
    for task in dict.fromkeys(task for task, _ in groups):
        references = groups[task, best_lam(groups, task, "full")]["full"]
        for rule in FINALISTS:
            if any(rule in of for (t, _), of in groups.items() if t == task):
                lam = best_lam(groups, task, rule)
                found = groups[task, lam][rule]
                lines.append(f"| {task} | `{rule}` | {lam:g} | {loss(found):.3g} | {progress(found, references):.2f} |")
    return "\n".join(lines)


def table(runs: list[dict[str, Any]]) -> str:
    """Progress per step of each rule, by task and lambda; in bold the reference's best lambda, by its loss."""
    groups = grouped(runs)
    columns = [(task, lam) for task in TASKS for lam in TASKS[task][4] if "full" in groups.get((task, lam), {})]
    if not columns:
        return "no runs yet"

    best = {task: best_lam(groups, task, "full") for task, _ in columns}
    heads = [f"{task}, {f'**{lam:g}**' if lam == best[task] else f'{lam:g}'}" for task, lam in columns]
    lines = [f"| rule | {' | '.join(heads)} |", "|---" * (1 + len(columns)) + "|"]
    losses = [loss(groups[column]["full"]) for column in columns]
    lines.append(f"| loss of `full` | {' | '.join(f'{x:.3g}' for x in losses)} |")
    for rule in RULES:
        cells = []
        for column in columns:
            found = groups[column].get(rule)
            cells.append(f"{progress(found, groups[column]['full']):.2f}" if found else "")
        if any(cells):
            lines.append(f"| {RULES[rule]} (`{rule}`) | {' | '.join(cells)} |")
    return "\n".join(lines)


def adapted(runs: list[dict[str, Any]]) -> str:
    """With a lambda that sets itself, from each start: the loss, and progress to `full` at its best fixed lambda."""
    groups = grouped(runs)
    lines = [
        "| task | start | rule | loss | progress to the best fixed lambda | progress to `full,adapt` | last lambda |",
        "|---|---|---|---|---|---|---|",
    ]
    for task, (lam, _) in itertools.product(TASKS, ADAPTED_STARTS):
        for rule in ADAPTED.values():
            if found := groups.get((task, lam), {}).get(rule):
                best = groups[task, best_lam(groups, task, "full")]["full"]
                own, lams = groups[task, lam][ADAPTED["full"]], [run["lams"][-1] for run in found]
                lines.append(
                    f"| {task} | {lam:g} | `{rule}` | {loss(found):.3g} | {progress(found, best):.2f} "
                    f"| {progress(found, own):.2f} | {np.exp(np.mean(np.log(lams))):.2g} |"
                )
    return "\n".join(lines)


def steps_of(network: str, batch: int = 128, rules: Iterable[str] = tuple(RULES)) -> dict[str, Callable[[], Any]]:
    """A cycle of steps of SGD and of each rule, on random images: as many as there are between two measurements."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch, 32, 32, 3), dtype=np.float32)
    labels = rng.integers(10, size=batch)
    net = problems.network(network, 10)
    params = net.init(rng, images.shape[1:])

    def work(rows: float) -> Work:
        count = max(2, round(rows * batch))

        def pair(n: int) -> tuple[Any, Any]:
            return lambda w: net(w, images[:n]), lambda y: nn.cross_entropy(y, labels[:n])

        return Work(*pair(batch), *pair(count))

    def cycle(rule: Rule) -> Callable[[], Any]:
        given = work(rule.rows)
        w, start = params, rule.init(params)
        for _ in range(12):  # past the first steps, to a multiple of `every`
            w, start, _ = rule.step(w, start, given)

        def run() -> None:
            v, state = w, start
            for _ in range(rule.every):
                v, state, _ = rule.step(v, state, given)

        return run

    def sgd() -> Any:
        return SGD(lr=0.01).step(params, SGD().init(params), *work(1.0)[:2], has_aux=True)

    return {"sgd": sgd, **{name: cycle(replace(rule_of(name), lam=10.0)) for name in rules}}


def cost(network: str = "basic", repeats: int = 7) -> str:
    """Multiplications and seconds of a step, over those of SGD."""
    functions, counted, seconds = steps_of(network), {}, {}
    with one_blas_thread():
        for name, function in functions.items():
            with multiplications() as total:
                function()
            counted[name] = total[0]
        for k in range(repeats + 1):
            for name in ("sgd", *FINALISTS):
                started = time.perf_counter()
                functions[name]()
                if k:
                    seconds.setdefault(name, []).append(time.perf_counter() - started)
    lines = [f"| rule, {network} | multiplications over SGD's | seconds over SGD's |", "|---|---|---|"]
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    for name in RULES:
        every = rule_of(name).every
        ratios = (f"{of[name] / every / of['sgd']:.2f}" if name in of else "" for of in (counted, middle))
        lines.append(f"| `{name}` | {' | '.join(ratios)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--cifar", type=Path, help="folder of CIFAR-10; without it, those runs are left out")
    parser.add_argument("--only", default="", help="only tasks with this in their name")
    parser.add_argument("--table", action="store_true", help="only print the tables of what there is")
    parser.add_argument("--cost", action="store_true", help="only count and time the steps")
    parser.add_argument("--again", action="store_true", help="repeat runs that are there and print both; keep nothing")
    parser.add_argument("--rule", help="--again: only this rule, as the tables name it")
    parser.add_argument("--start", type=float, metavar="LAMBDA", help="--again: only runs from this lambda")
    parser.add_argument("--seed", type=int, help="--again: only this seed")
    options = parser.parse_args()
    wishes = (options.rule, options.start, options.seed)
    if options.again:
        agree = (run for run in read() if all(a in (None, b) for a, b in zip(wishes, key(run)[1:], strict=True)))
        runs = [run for run in agree if options.only in run["task"]]
        if not runs:
            parser.error("none of the runs that are there is like this; --table shows them")
        for row in again(runs, options.cifar):
            print(row, flush=True)
        return
    if any(value is not None for value in wishes):
        parser.error("--rule, --start and --seed choose among the runs of --again")
    if options.cost:
        print("\n\n".join(cost(network) for network in ("basic", "basic-bn")))
        return
    if not options.table:
        run_missing(options.cifar, options.only)
    print("\n\n".join((table(read()), tuned(read()), adapted(read()))))


if __name__ == "__main__":
    main()
