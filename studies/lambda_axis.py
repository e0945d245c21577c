"""What does a wrong lambda cost, and what does a wrong learning rate cost?

The small networks on digits train for 20 epochs, in batches of 64, from the same starts on the same batches: CurveBall
from lambdas in steps of about three, by each of its rules, and SGD with momentum and Adam from learning rates in steps
of about three. The grids are the same for both networks and were chosen before the runs; they go on until every solver
has become worse at both ends. What counts is the mean training loss of an epoch.

    OMP_NUM_THREADS=1 python studies/lambda_axis.py            what is missing in results/lambda-axis.json is run
    python studies/lambda_axis.py --table                      mean losses over the seeds
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

import numpy as np

from curveball.solvers.registry import solver_from
from curveball.training.options import TrainOptions
from curveball.training.provenance import provenance
from curveball.training.train import train
from problems import Classification, load, network

RESULTS = Path(__file__).parent / "results" / "lambda-axis.json"
NETWORKS, SEEDS, EPOCHS = ("cnn", "mlp"), (0, 1, 2), 20
LAMBDAS = ("0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3", "10", "30", "100")
RULES = {
    "paper": "curveball:lam=",
    "share": "curveball:adapt_lam=share,lam=",
    "fixed": "curveball:adapt_lam=false,lam=",
}
RATES = {
    "sgd:lr=": ("0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3"),
    "adam:lr=": ("0.0001", "0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1"),
}


class Run(TypedDict):
    """One training; `losses` has an entry per epoch, fewer where it failed."""

    network: str
    solver: str
    seed: int
    losses: list[float]


def wanted() -> Iterator[tuple[str, str, int]]:
    """Network, solver and seed of all runs."""
    for name in NETWORKS:
        for seed in SEEDS:
            for start, values in (dict.fromkeys(RULES.values(), LAMBDAS) | RATES).items():
                yield from ((name, start + value, seed) for value in values)


def compute(name: str, solver: str, seed: int, epochs: int = EPOCHS) -> Run:
    """Train."""
    problem = Classification(load("digits"), network(name), batch_size=64)
    with np.errstate(all="ignore"):
        run = train(problem, solver_from(solver), TrainOptions(epochs=epochs, seed=seed, quiet=True))
    losses = [float(f"{epoch['train_loss']:.4g}") for epoch in run.epochs]
    if run.stopped is not None or not all(map(math.isfinite, losses)):
        losses = losses[: EPOCHS - 1]
    return {"network": name, "solver": solver, "seed": seed, "losses": [x for x in losses if math.isfinite(x)]}


def read() -> list[Run]:
    """The runs that there are."""
    runs: list[Run] = json.loads(RESULTS.read_text("utf-8"))["runs"] if RESULTS.exists() else []
    return runs


def write(runs: list[Run]) -> None:
    """A line for each."""
    facts = {key: value for key, value in provenance().items() if key != "command"}
    lines = ",\n".join(json.dumps(run) for run in runs)
    RESULTS.write_text(f'{{"about": {json.dumps(facts)},\n"runs": [\n{lines}\n]}}\n', "utf-8")


def mean_loss(runs: list[Run], name: str, solver: str, epoch: int = EPOCHS) -> float:
    """Over the seeds; nan if there are no runs, inf if one of them failed."""
    found = [run["losses"] for run in runs if (run["network"], run["solver"]) == (name, solver)]
    return float(np.mean([losses[epoch - 1] if len(losses) == EPOCHS else math.inf for losses in found] or math.nan))


def table(runs: list[Run]) -> str:
    """Mean losses of the last epoch by network, solver and value."""
    lines = []
    for name in NETWORKS:
        for start, values in (dict.fromkeys(RULES.values(), LAMBDAS) | RATES).items():
            found = {value: mean_loss(runs, name, start + value) for value in values}
            cells = "  ".join(f"{value}: {loss:.4g}" for value, loss in found.items())
            lines.append(f"{name} {start}\n    {cells}")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--table", action="store_true")
    if not parser.parse_args().table:
        runs = read()
        done = {(run["network"], run["solver"], run["seed"]) for run in runs}
        for key in wanted():
            if key not in done:
                runs.append(compute(*key))
                write(runs)
                print(*key, runs[-1]["losses"][3:4], runs[-1]["losses"][19:], flush=True)
    print(table(read()))


if __name__ == "__main__":
    main()
