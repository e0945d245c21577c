"""Does a lambda that sets itself do as well as the best fixed one where the answer is known? The problems of Table 1.

Protocol, written before the runs, after studies/damping.py: CurveBall at `lr = 1`, iterations until the loss is below
1e-4 as in Table 1, 100 runs. `adapt_lam="share"` and the paper's rule start from lambda 1, 10, 0.1 and 0.01; beside
them the fixed lambdas of a grid. The best fixed lambda is the one with the fewest iterations on average among those
with which all runs arrived. Success: at most 1.15 times its mean, and all runs arrive, from every start.

    OMP_NUM_THREADS=1 python studies/damping_table1.py             what is missing is run
    python studies/damping_table1.py --table                       the table of what there is
    python studies/damping_table1.py --again --problem Rosenbrock --rule share --start 0.1
                                                                   rows that are there, once more, beside the kept
                                                                   means; --problem, --rule and --start choose them

A row is a line of results/damping-table1.jsonl.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curveball.experiments.sweep import iterations_to
from curveball.experiments.table1 import COLUMNS, THRESHOLD, Cell
from curveball.solvers.curve_ball import CurveBall
from curveball.training.provenance import provenance, settings_of

RESULTS = Path(__file__).parent / "results" / "damping-table1.jsonl"
GRID = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0001)
STARTS = (1.0, 10.0, 0.1, 0.01)
RUNS, SEED = 100, 0
RULES: dict[str, bool | str] = {"share": "share", "paper": "paper", "fixed": False}

Cells = dict[tuple[str, str, float], Cell]  # by problem, rule and lambda


def compute(name: str, rule: str, lam: float, runs: int = RUNS) -> Cell:
    """The iterations of one rule from one lambda on one problem."""
    (column,) = (column for column in COLUMNS if column.name == name)
    solver = CurveBall(lr=1.0, lam=lam, adapt_lam=RULES[rule])
    counts = iterations_to(column.problem(SEED), solver, runs, column.max_iter, THRESHOLD, SEED)
    return Cell(rule, name, settings_of(solver), counts.tolist(), 0.0)


def read() -> Cells:
    """The rows that there are."""
    lines = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    cells: Cells = {}
    for row in map(json.loads, lines):
        cell = Cell(row["rule"], row["problem"], row["settings"], row["counts"], 0.0)
        cells[row["problem"], row["rule"], row["lam"]] = cell
    return cells


def run_missing() -> None:
    about = provenance()
    for column in COLUMNS:
        for rule in RULES:
            for lam in GRID if rule == "fixed" else STARTS:
                if (column.name, rule, lam) not in read():
                    cell = compute(column.name, rule, lam)
                    row: dict[str, Any] = {"problem": column.name, "rule": rule, "lam": lam, "mean": cell.mean}
                    row |= {"share": cell.share, "counts": cell.counts, "settings": cell.settings, "provenance": about}
                    with RESULTS.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
                    print(column.name, rule, lam, cell, flush=True)


def again(problem: str | None, rule: str | None, start: float | None) -> Iterator[str]:
    """Run rows that are there once more: kept and new mean iterations, and how many runs have the same number."""
    wishes = (problem, rule, start)
    yield "| problem | rule | lambda | kept mean | again | runs with the same iterations |\n|---|---|---|---|---|---|"
    for key, kept in read().items():
        if all(wish in (None, value) for wish, value in zip(wishes, key, strict=True)):
            name, of, lam = key
            cell = compute(name, of, lam)
            same = sum(old == new for old, new in zip(kept.counts, cell.counts, strict=True))
            yield f"| {name} | {of} | {lam:g} | {kept} | {cell} | {same} of {len(kept.counts)} |"


def best_fixed(cells: Cells, problem: str) -> tuple[float, Cell]:
    """The fixed lambda with the fewest iterations among those with which all runs arrived."""
    whole = [(lam, cell) for (p, rule, lam), cell in cells.items() if (p, rule) == (problem, "fixed")]
    return min(((lam, cell) for lam, cell in whole if cell.share == 1.0), key=lambda pair: pair[1].mean or 0.0)


def table(cells: Cells) -> str:
    """A row per problem and start."""
    lines = [
        "| problem | start | share | paper | the same lambda, fixed | best fixed | share over best fixed |",
        "|---|---|---|---|---|---|---|",
    ]
    for column in COLUMNS:
        best, cell = best_fixed(cells, column.name)
        for lam in STARTS:
            shown = [cells[column.name, rule, lam] for rule in RULES]
            ratio = f"{(shown[0].mean or 0.0) / (cell.mean or 1.0):.2f}" if shown[0].share == 1.0 else "failed"
            lines.append(
                f"| {column.name} | {lam:g} | {' | '.join(map(str, shown))} | {cell} (at {best:g}) | {ratio} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--table", action="store_true", help="only print the table of what there is")
    parser.add_argument("--again", action="store_true", help="repeat rows that are there and print both; keep nothing")
    parser.add_argument("--problem", choices=[column.name for column in COLUMNS], help="--again: only this problem")
    parser.add_argument("--rule", choices=list(RULES), help="--again: only this rule")
    parser.add_argument("--start", type=float, metavar="LAMBDA", help="--again: only rows from this lambda")
    options = parser.parse_args()
    chosen = (options.problem, options.rule, options.start)
    if options.again:
        for row in again(*chosen):
            print(row, flush=True)
        return
    if any(value is not None for value in chosen):
        parser.error("--problem, --rule and --start choose among the rows of --again")
    if not options.table:
        run_missing()
    print(table(read()))


if __name__ == "__main__":
    main()
