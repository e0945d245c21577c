"""The same start and the same batches for several solvers: a table and a figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from curveball.figures import draw_losses
from curveball.files import write_whole
from curveball.provenance import provenance
from curveball.train import Run, train

COLUMNS = (  # heading, where it is found, how it is written
    ("train loss", lambda run: run.epochs[-1]["train_loss"], ".4f"),
    ("train error", lambda run: 100.0 * run.epochs[-1]["train_error"], ".2f%"),
    ("validation loss", lambda run: run.epochs[-1]["validation_loss"], ".4f"),
    ("validation error", lambda run: 100.0 * run.epochs[-1]["validation_error"], ".2f%"),
    ("seconds", lambda run: run.epochs[-1]["seconds"], ".1f"),
    ("rho", lambda run: run.steps[-1].get("rho"), ".3f"),
    ("beta", lambda run: run.steps[-1].get("beta"), ".3g"),
    ("lambda", lambda run: run.steps[-1].get("lam"), ".3g"),
)


def compare(
    problem: Any, solvers: dict[str, Any], folder: Path, epochs: int = 20, seed: int = 0, log_every: int = 1,
    quiet: bool = False,
) -> list[Run]:  # fmt: skip
    """Train with each solver from the same start on the same batches; write logs, `results.json` and the figure."""
    runs = []
    for name, solver in solvers.items():
        own = folder / name.replace(":", "-").replace(",", "-")
        runs.append(train(problem, solver, epochs, seed, name, own, log_every=log_every, quiet=quiet))
    results = {
        "data": problem.data.name,
        "source": problem.data.source,
        "augment": problem.augment,
        "network": problem.network.name,
        "batch_size": problem.batch_size,
        "epochs": epochs,
        "seed": seed,
        **provenance(),
        "runs": [{"solver": run.name, "stopped": run.stopped, "epochs": run.epochs} for run in runs],
    }
    write_whole(folder / "results.json", lambda path: path.write_text(json.dumps(results, indent=1) + "\n"))
    title = f"{problem.network.name} on {problem.data.name}, batches of {problem.batch_size}, seed {seed}"
    write_whole(folder / "losses.png", lambda path: draw_losses(runs, path, title))
    return runs


def table(runs: list[Run]) -> str:
    """The last epoch of each run (and its last rho, beta, lambda) as a Markdown table."""
    rows = [["solver", *(heading for heading, _, _ in COLUMNS)]]
    for run in runs:
        if run.stopped or not run.epochs:
            rows.append([run.name, f"stopped: {run.stopped}", *[""] * (len(COLUMNS) - 1)])
            continue
        rows.append([run.name, *(_cell(value(run), how) for _, value, how in COLUMNS)])
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
    return "\n".join(lines)


def _cell(value: float | None, how: str) -> str:
    if value is None:
        return "-"
    return format(value, how.rstrip("%")) + ("%" if how.endswith("%") else "")
