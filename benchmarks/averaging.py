"""CurveBall with and without averaged coefficients, SGD and Adam at their best learning rates: runs and their table.

    OMP_NUM_THREADS=1 python benchmarks/averaging.py --cifar DIR       # runs what results/averaging.json lacks: hours
    python benchmarks/averaging.py --table                             # the table of what it has
    python benchmarks/averaging.py --closed-form                       # iterations on the problems of Table 1: a minute
    python benchmarks/averaging.py --probes --cifar DIR                # curvatures at the start, to choose lambda by

Training losses are means over an epoch, in float32 from He's initialisation, without augmentation. Learning rates of
SGD (momentum 0.9) and Adam are those of the grid with the smallest loss of the last epoch at seed 0; CurveBall has
lambda 1 at its start everywhere. Seconds per step are not taken here, as several runs share the machine: they are in
results/step.json and results/peer-*.json.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import minigrad as mg
import problems
from curveball import CurveBall
from curveball.catalogue import solver_from
from curveball.files import write_whole
from curveball.provenance import provenance
from curveball.sweep import iterations_to
from curveball.table1 import COLUMNS, THRESHOLD
from curveball.train import train
from minigrad.trees import flatten

RESULTS = Path(__file__).parent / "results" / "averaging.json"
SOURCE = "CIFAR-10: its 60,000 images re-encoded once as JPEG; no augmentation"
SEEDS = (0, 1, 2)
CURVEBALL = ("curveball", "curveball:average=0.9", "curveball:average=0.9,average_share=-1000")
SLOW = [f"sgd:lr={lr}" for lr in (0.003, 0.01, 0.03, 0.1)] + [f"adam:lr={lr}" for lr in (0.0003, 0.001, 0.003, 0.01)]
FAST = [f"sgd:lr={lr}" for lr in (0.01, 0.03, 0.1, 0.3)] + [f"adam:lr={lr}" for lr in (0.001, 0.003, 0.01, 0.03)]
TASKS = (  # data, network, batch, epochs, learning rates to choose from
    ("cifar10", "basic", 128, 1, SLOW),
    ("cifar10", "basic-bn", 128, 1, SLOW),
    ("digits", "cnn", 64, 20, FAST),
    ("digits", "mlp", 64, 20, FAST),
    ("fashion-mnist", "mnist-mlp", 64, 3, FAST),
)


def key(run: dict[str, Any]) -> tuple[Any, ...]:
    return run["data"], run["network"], run["batch"], run["solver"], run["seed"], len(run["epochs"])


def best(runs: list[dict[str, Any]], data: str, network: str, kind: str) -> str | None:
    """The solver of a kind with the smallest loss of the last epoch at seed 0."""
    tried = [
        run
        for run in runs
        if (run["data"], run["network"], run["seed"]) == (data, network, 0)
        and run["solver"].startswith(kind)
        and run["epochs"]
        and not run["stopped"]
    ]
    return min(tried, key=lambda run: run["epochs"][-1]["train_loss"])["solver"] if tried else None


def one(data: Any, network: str, batch: int, epochs: int, solver: str, seed: int) -> dict[str, Any]:
    """A run, as it is kept."""
    problem = problems.Classification(data, problems.network(network, len(data.classes)), batch)
    run = train(problem, solver_from(solver), epochs, seed, name=f"{data.name} {network} {solver} {seed}", log_every=10)
    rhos = [step["rho"] for step in run.steps if "rho" in step]
    kept = ("epoch", "train_loss", "train_error", "validation_loss", "validation_error")
    return {
        "data": data.name,
        "network": network,
        "batch": batch,
        "solver": solver,
        "seed": seed,
        "stopped": run.stopped,
        "rho_std": round(float(np.std(rhos)), 4) if rhos else None,
        "epochs": [{name: round(epoch[name], 5) for name in kept} for epoch in run.epochs],
    }


def run_missing(found: dict[str, Any], cifar: Path | None) -> None:
    """Run what is not there yet, and keep it after each run."""
    for name, network, batch, epochs, grid in TASKS:
        data = problems.load(name, cifar if name == "cifar10" else None)
        for seed in SEEDS:
            tuned = [best(found["runs"], name, network, kind) for kind in ("sgd", "adam")]
            for solver in filter(None, [*CURVEBALL, *(grid if seed == 0 else tuned)]):
                done = {key(run) for run in found["runs"]}
                if (name, network, batch, solver, seed, epochs) not in done:
                    found["runs"].append(one(data, network, batch, epochs, solver, seed))
                    found["runs"].sort(key=key)
                    write_whole(RESULTS, partial(_write, found))


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
            last = [
                run["epochs"][-1]
                for run in runs
                if (run["data"], run["network"], run["solver"]) == (name, network, solver)
                and len(run["epochs"]) == epochs
            ]
            if last:
                loss, error = (np.array([e[k] for e in last]) for k in ("train_loss", "validation_error"))
                spread = [
                    f" ± {np.std(x, ddof=1):.{d}f}" if len(last) > 1 else "" for x, d in ((loss, 4), (100 * error, 1))
                ]
                cells = f"{loss.mean():.4f}{spread[0]} | {100 * error.mean():.1f}%{spread[1]}"
                lines.append(f"| {name}, {network}, {epochs} | `{solver}` | {cells} | {len(last)} |")
    return "\n".join(lines)


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
        leaves, _ = flatten(mg.grad(lambda w, m=model, loss=loss: loss(m(w)))(w))
        g = np.concatenate([np.ravel(leaf) for leaf in leaves])
        along = [float(v @ (G @ v) / (v @ v)) for v in (*rng.standard_normal((8, g.size)).astype(g.dtype), g)]
        name = f"{problem.data.name}, {problem.network.name}" if images else type(problem).__name__
        lines.append(f"| {name} | {np.mean(along[:-1]):.2g} | {along[-1]:.3g} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--cifar", type=Path, help="folder of CIFAR-10")
    parser.add_argument("--table", action="store_true", help="only print the table of what there is")
    parser.add_argument("--closed-form", action="store_true", help="only the problems of Table 1")
    parser.add_argument("--probes", action="store_true", help="only the curvatures at the start")
    options = parser.parse_args()
    if options.probes:
        print(probes(options.cifar))
        return
    if options.closed_form:
        print(closed_form())
        return
    found: dict[str, Any] = {**provenance(), "source": SOURCE, "runs": []}
    if RESULTS.exists():
        found["runs"] = json.loads(RESULTS.read_text())["runs"]
    if options.table:
        print(table(found["runs"]))
        return
    run_missing(found, options.cifar)
    print(table(found["runs"]))


if __name__ == "__main__":
    main()
