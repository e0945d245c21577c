"""Time the closed-form experiments: one CurveBall iteration alone and in a batch of runs, and the whole of Table 1.

python benchmarks/closed_form.py            # prints one JSON line
python benchmarks/closed_form.py --repeats 20 --table-runs 0
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

import minigrad as mg
from curveball import CurveBall
from curveball.experiments.table1 import table1
from curveball.training.provenance import provenance
from problems.closed_form.rosenbrock import Rosenbrock

ITERATIONS = 14  # what Rosenbrock's function takes to 1e-4


def seconds_per_iteration(runs: tuple[int, ...], repeats: int) -> list[float]:
    """Seconds per iteration, of each repeat; the first, which warms up, left out."""
    problem, solver = Rosenbrock(), CurveBall(lr=0.5, lam=0.1, adapt_lam=False)
    loss = mg.independent_runs(problem.loss)
    seconds = []
    for _ in range(repeats + 1):
        params = problem.init(np.random.default_rng(0), runs)
        state = solver.init(params)
        started = time.perf_counter()
        for _ in range(ITERATIONS):
            params, state, _ = solver.step(params, state, problem.model, loss)
        seconds.append((time.perf_counter() - started) / ITERATIONS)
    return seconds[1:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=200, help="timings of each iteration; the median counts")
    parser.add_argument("--batch", type=int, default=1000, help="runs that advance together")
    parser.add_argument("--table-runs", type=int, default=100, help="repeats in Table 1; 0 leaves it out")
    parser.add_argument("--jobs", type=int, default=-1, help="processes for Table 1; -1: one per core")
    given = parser.parse_args()
    if given.repeats < 1 or given.batch < 1:
        parser.error("--repeats and --batch must be at least 1")
    alone = seconds_per_iteration((), given.repeats)
    batch = seconds_per_iteration((given.batch,), given.repeats)
    found = {
        "benchmark": "closed_form",
        "repeats": given.repeats,
        "iteration_us": round(1e6 * float(np.median(alone)), 1),
        "iteration_us_fastest": round(1e6 * min(alone), 1),
        "batch": given.batch,
        "iteration_per_run_us": round(1e6 * float(np.median(batch)) / given.batch, 3),
    }
    if given.table_runs:
        started = time.perf_counter()
        table1(given.table_runs, jobs=given.jobs)
        found |= {"table1_runs": given.table_runs, "table1_seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(found | provenance()))


if __name__ == "__main__":
    main()
