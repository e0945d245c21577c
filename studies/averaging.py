"""CurveBall with and without averaged coefficients, SGD and Adam at their best learning rates: runs and their table.

    OMP_NUM_THREADS=1 python studies/averaging.py --cifar DIR       # the runs that results/averaging*.json lack
    python studies/averaging.py --table                             # the tables of what there is
    python studies/averaging.py --closed-form                       # iterations on the problems of Table 1
    python studies/averaging.py --probes --cifar DIR                # curvatures at the start, to choose lambda by

Training losses are means over an epoch, in float32 from He's initialisation, without augmentation. Learning rates of
SGD (momentum 0.9) and Adam are those of the grid with the smallest loss of the last epoch at seed 0; CurveBall has
lambda 1 at its start everywhere. Seconds per step are not measured here, as several runs share the machine: they
are in benchmarks/results/step.json and peer-*.json.

TASKS are compared in results/averaging.json. STUDIES, which change one thing at a time, are in
results/averaging-studies.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
import problems
from curveball import CurveBall
from curveball.experiments.sweep import iterations_to
from curveball.experiments.table1 import COLUMNS, THRESHOLD
from curveball.solvers.registry import solver_from
from curveball.solvers.trust_ratio import adapted_lam
from curveball.training.files import write_whole
from curveball.training.options import TrainOptions
from curveball.training.provenance import provenance
from curveball.training.train import train
from minigrad import tree_flatten

RESULTS = Path(__file__).parent / "results" / "averaging.json"
STUDIED = RESULTS.with_name("averaging-studies.json")
SOURCE = "CIFAR-10: its 60,000 images re-encoded once as JPEG; no augmentation"
SEEDS = (0, 1, 2)
CURVEBALL = ("curveball", "curveball:average=0.9", "curveball:average=0.9,average_share=-1000")
SLOW = [f"sgd:lr={lr}" for lr in (0.003, 0.01, 0.03, 0.1)] + [f"adam:lr={lr}" for lr in (0.0003, 0.001, 0.003, 0.01)]
FAST = [f"sgd:lr={lr}" for lr in (0.01, 0.03, 0.1, 0.3)] + [f"adam:lr={lr}" for lr in (0.001, 0.003, 0.01, 0.03)]
TASKS = (  # data, network, batch, epochs, learning rates to choose from
    ("cifar10", "basic", 128, 1, SLOW),
    ("cifar10", "basic-bn", 128, 1, SLOW),
    ("digits", "cnn", 64, 20, [*FAST, "sgd:lr=1.0", "adam:lr=0.1"]),
    ("digits", "mlp", 64, 20, [*FAST, "sgd:lr=1.0", "adam:lr=0.1"]),
    ("fashion-mnist", "mnist-mlp", 64, 3, [*FAST, "adam:lr=0.0003"]),
)


@dataclass(frozen=True)
class Study:
    """Solvers that differ in one thing, on the data and network of a task."""

    title: str
    task: tuple[str, str]
    solvers: tuple[str, ...]
    seeds: tuple[int, ...] = SEEDS
    epochs: int | None = None  # the task's, if none


AVERAGE = "curveball:average=0.9"
TRUST = "averaged trust: "  # before the name of a CurveBall
STUDIES = (
    *(
        Study("The share", (data, network), tuple(f"{AVERAGE},average_share={share}" for share in (0.25, 0.9)))
        for data, network, *_ in TASKS
    ),
    Study(
        "The start of lambda",
        ("cifar10", "basic"),
        tuple(
            form.format(lam)
            for lam in (10, 0.1, 0.01)
            for form in (
                "curveball:lam={}",
                AVERAGE + ",lam={}",
                AVERAGE + ",average_share=-1000,lam={}",
                AVERAGE + ",average_share=-1000,lam={},lam_factor=0.931",
            )
        ),
        seeds=(0,),
    ),
    Study("The decay", ("cifar10", "basic"), tuple(f"curveball:average={d}" for d in (0.8, 0.97)), seeds=(0,)),
    Study(
        "The trust ratio, with a faster lambda",
        ("cifar10", "basic"),
        tuple(
            f"{trust}{AVERAGE},average_share=-1000,lam_factor=0.98,lam={lam}"
            for lam in (10, 1)
            for trust in ("", TRUST)
        ),
        seeds=(0,),
    ),
    *(
        Study(
            "The band of the trust ratio",
            (data, network),
            tuple(f"curveball:trust_low=0.25,trust_high=0.75,lam_factor={factor}" for factor in (0.999, 0.98)),
            seeds=(0,),
        )
        for data, network, *_ in TASKS
    ),
    Study("Lambda 10, two epochs", ("cifar10", "basic"), ("curveball:lam=10",), seeds=(0,), epochs=2),
    Study(
        "Five epochs",
        ("cifar10", "basic"),
        ("curveball", AVERAGE, AVERAGE + ",average_share=-1000", "adam:lr=0.001", "sgd:lr=0.01"),
        seeds=(0,),
        epochs=5,
    ),
)


@dataclass(frozen=True)
class AveragedTrust:
    """CurveBall, its lambda led by the running mean of its trust ratios instead of by the latest."""

    inner: CurveBall
    decay: float = 0.9

    def init(self, params: Any) -> tuple[Any, float, float]:
        return self.inner.init(params), 0.0, 0.0

    def step(self, params: Any, state: Any, *model_and_loss: Any, **options: Any) -> Any:
        (inside, total, weight), adapt = state, self.inner
        params, inside, info = replace(adapt, lam_factor=1.0).step(params, inside, *model_and_loss, **options)
        if inside.steps % adapt.lam_every == 0:
            total, weight = self.decay * total + inside.trust_ratio, self.decay * weight + 1.0
            factor, low, high = adapt.lam_factor**adapt.lam_every, adapt.trust_low, adapt.trust_high
            lam = adapted_lam(inside.lam, total / weight, info["predicted"], factor, low, high)
            inside = inside._replace(lam=lam)
        return params, (inside, total, weight), info


def solver_of(name: str) -> Any:
    """A solver by its name, as the command line knows it, or with its trust ratio averaged."""
    chosen = solver_from(name.removeprefix(TRUST))
    return AveragedTrust(chosen) if name.startswith(TRUST) else chosen


def key(run: dict[str, Any]) -> tuple[Any, ...]:
    planned = run.get("planned", len(run["epochs"]))
    return run["data"], run["network"], run["batch"], run["solver"], run["seed"], planned


def best(runs: list[dict[str, Any]], data: str, network: str, kind: str) -> str | None:
    """The solver of a kind with the smallest loss of the last epoch at seed 0."""
    epochs, grid = next(task[3:] for task in TASKS if task[:2] == (data, network))
    tried = [
        run
        for run in runs
        if (run["data"], run["network"], run["seed"]) == (data, network, 0)
        and run["solver"] in grid
        and run["solver"].startswith(kind)
        and len(run["epochs"]) == epochs
    ]
    return min(tried, key=lambda run: run["epochs"][-1]["train_loss"])["solver"] if tried else None


def one(data: Any, network: str, batch: int, epochs: int, solver: str, seed: int) -> dict[str, Any]:
    """A run, as it is kept."""
    problem = problems.Classification(data, problems.network(network, len(data.classes)), batch)
    options = TrainOptions(epochs=epochs, seed=seed, log_every=10)
    run = train(problem, solver_of(solver), options, name=f"{data.name} {network} {solver} {seed}")
    rhos = [step["rho"] for step in run.steps if "rho" in step]
    kept = ("epoch", "train_loss", "train_error", "validation_loss", "validation_error")
    return {
        "data": data.name,
        "network": network,
        "batch": batch,
        "solver": solver,
        "seed": seed,
        "stopped": run.stopped,
        "planned": epochs,
        "rho_std": round(float(np.std(rhos)), 4) if rhos else None,
        "epochs": [{name: round(epoch[name], 5) for name in kept} for epoch in run.epochs],
    }


def run_missing(cifar: Path | None) -> None:
    """Run what is not there yet, and keep it after each run."""
    kept = {path: {**provenance(), "source": SOURCE, "runs": read(path)} for path in (RESULTS, STUDIED)}

    def run_all(path: Path, task: tuple[Any, ...], solvers: Sequence[str], seed: int, epochs: int) -> None:
        (name, network, batch, *_), runs = task, kept[path]["runs"]
        for solver in solvers:
            if (name, network, batch, solver, seed, epochs) not in map(key, runs):
                runs.append(one(loaded(name), network, batch, epochs, solver, seed))
                runs.sort(key=key)
                write_whole(path, partial(_write, kept[path]))

    @cache
    def loaded(name: str) -> Any:
        return problems.load(name, cifar if name == "cifar10" else None)

    for task in TASKS:
        name, network, _, epochs, grid = task
        for seed in SEEDS:
            tuned = [best(kept[RESULTS]["runs"], name, network, kind) for kind in ("sgd", "adam")]
            run_all(RESULTS, task, [*CURVEBALL, *(grid if seed == 0 else filter(None, tuned))], seed, epochs)
    tasks = {task[:2]: task for task in TASKS}
    for study in STUDIES:
        for seed in study.seeds:
            run_all(STUDIED, tasks[study.task], study.solvers, seed, study.epochs or tasks[study.task][3])


def read(path: Path) -> list[dict[str, Any]]:
    """The runs that a file has."""
    return json.loads(path.read_text())["runs"] if path.exists() else []


def _write(found: dict[str, Any], path: Path) -> None:
    """A line per run."""
    head = json.dumps({name: value for name, value in found.items() if name != "runs"}, indent=1).removesuffix("\n}")
    runs = ",\n".join("  " + json.dumps(run) for run in found["runs"])
    path.write_text(f'{head},\n "runs": [\n{runs}\n ]\n}}\n')


def table(runs: list[dict[str, Any]]) -> str:
    """Mean and sample standard deviation over the seeds of the last epoch, a row per solver."""
    lines = ["| data, network, epochs | solver | training loss | validation error | seeds |", "|---|---|---|---|---|"]
    for name, network, _, epochs, _ in TASKS:
        tuned = [best(runs, name, network, kind) for kind in ("sgd", "adam")]
        for solver in filter(None, [*CURVEBALL, *tuned]):
            lines += row(runs, name, network, solver, epochs)
    return "\n".join(lines)


def runs_of(runs: list[dict[str, Any]], name: str, network: str, solver: str, epochs: int) -> list[dict[str, Any]]:
    """The runs of a solver on a task, at all seeds."""
    wanted = (name, network, solver, epochs)
    return [run for run in runs if tuple(key(run)[k] for k in (0, 1, 3, 5)) == wanted]


def row(runs: list[dict[str, Any]], name: str, network: str, solver: str, epochs: int) -> list[str]:
    """A solver's row, or nothing where it has not run."""
    found = runs_of(runs, name, network, solver, epochs)
    if not found:
        return []
    about, seeds = f"| {name}, {network}, {epochs} | `{solver}` | ", f" | {len(found)} |"
    last = [run["epochs"][-1] for run in found if not run["stopped"]]
    if len(last) < len(found):
        return [f"{about}not finite in {len(found) - len(last)} | {seeds}"]
    loss, error = (np.array([e[k] for e in last]) for k in ("train_loss", "validation_error"))
    spread = [f" ± {np.std(x, ddof=1):.{d}f}" if len(last) > 1 else "" for x, d in ((loss, 4), (100 * error, 1))]
    return [f"{about}{loss.mean():.4f}{spread[0]} | {100 * error.mean():.1f}%{spread[1]}{seeds}"]


def studies(runs: list[dict[str, Any]]) -> str:
    """A table per title; every epoch of those that have a length of their own, which run at one seed."""
    parts = []
    for title in dict.fromkeys(study.title for study in STUDIES):
        lines = [f"{title}:", "", "| data, network, epochs | solver | training loss | validation error | seeds |"]
        lines.append("|---|---|---|---|---|")
        for study in (study for study in STUDIES if study.title == title):
            epochs = study.epochs or next(task[3] for task in TASKS if task[:2] == study.task)
            for solver in study.solvers:
                found = row(runs, *study.task, solver, epochs)
                if found and study.epochs:
                    (run,) = runs_of(runs, *study.task, solver, epochs)
                    losses = ", ".join(f"{epoch['train_loss']:.3f}" for epoch in run["epochs"])
                    errors = ", ".join(f"{100 * epoch['validation_error']:.1f}" for epoch in run["epochs"])
                    found = [f"| {', '.join(study.task)}, 1 to {epochs} | `{solver}` | {losses} | {errors} (%) | 1 |"]
                lines += found
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def closed_form(runs: int = 100, seed: int = 0) -> str:
    """Iterations to 1e-4 by the protocol of Table 1, for decays and shares."""
    settings = [(0.0, 0.5), *((d, share) for share in (-1000.0, 0.25, 0.5, 0.9) for d in (0.5, 0.9))]
    lines = [f"| average | average_share | {' | '.join(c.name for c in COLUMNS)} |", "|---" * (2 + len(COLUMNS)) + "|"]
    for average, share in settings:
        cells = []
        for column in COLUMNS:
            solver = CurveBall(
                lr=column.lr, lam=column.lam, adapt_lam=False, average=average, average_share=share
            )  # fmt: skip
            counts = iterations_to(column.problem(seed), solver, runs, column.max_iter, THRESHOLD, seed)
            reached = counts[counts > 0]
            missing = "" if len(reached) == runs else f" ({len(reached)} of {runs})"
            cells.append(f"{reached.mean():.1f} ± {reached.std():.1f}{missing}")
        lines.append(f"| {average or 'none'} | {share if average else ''} | {' | '.join(cells)} |")
    return "\n".join(lines)


def probes(cifar: Path | None) -> str:
    """Gauss-Newton curvature at the start, one batch at seed 0: the mean along 8 random directions, and along J.

    The mean of `v.Gv / v.v` over random v is the mean eigenvalue, trace over dimension (Hutchinson, 1990).
    """
    chosen = [
        problems.Classification(
            problems.load(name, cifar if name == "cifar10" else None), problems.network(network), batch
        )
        for name, network, batch, _, _ in TASKS
    ]
    lines = ["| problem | mean curvature | along the gradient |", "|---|---|---|"]
    for problem in [*chosen, *(column.problem(0) for column in COLUMNS if column.noise is None)]:
        rng = np.random.default_rng(0)
        w, batch = problem.init(rng), problem.batch(rng)
        images = isinstance(problem, problems.Classification)
        model = (lambda w, p=problem, b=batch: p.model(w, b)[0]) if images else partial(problem.model, batch=batch)
        loss = partial(problem.loss, batch=batch)
        G = mg.GGNOperator(model, loss, w).to_scipy()
        leaves, _ = tree_flatten(mg.grad(lambda w, m=model, loss=loss: loss(m(w)))(w))
        g = np.concatenate([np.ravel(leaf) for leaf in leaves])
        along = [float(v @ (G @ v) / (v @ v)) for v in (*rng.standard_normal((8, g.size)).astype(g.dtype), g)]
        name = f"{problem.data.name}, {problem.network.name}" if images else type(problem).__name__
        lines.append(f"| {name} | {np.mean(along[:-1]):.2g} | {along[-1]:.3g} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--cifar", type=Path, help="folder of CIFAR-10")
    parser.add_argument("--table", action="store_true", help="only print the tables of what there is")
    parser.add_argument("--closed-form", action="store_true", help="only the problems of Table 1")
    parser.add_argument("--probes", action="store_true", help="only the curvatures at the start")
    options = parser.parse_args()
    if options.probes:
        print(probes(options.cifar))
        return
    if options.closed_form:
        print(closed_form())
        return
    if not options.table:
        run_missing(options.cifar)
    print(table(read(RESULTS)))
    print("\n" + studies(read(STUDIED)))


if __name__ == "__main__":
    main()
