"""The same start and the same batches for several solvers: tables, and figures 2 and 3 of the paper."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from curveball.experiments.figures import by_solver, draw_errors, draw_losses
from curveball.training.devices import device_info
from curveball.training.files import archive_previous, check_writable, write_together, write_whole
from curveball.training.provenance import provenance
from curveball.training.train import Run, RunIsDone, train

COLUMNS: tuple[tuple[str, Callable[[Run], float | None], str], ...] = (  # heading, where it is found, how it is written
    ("train loss", lambda run: run.epochs[-1]["train_loss"], ".4f"),
    ("train error", lambda run: 100.0 * run.epochs[-1]["train_error"], ".2f%"),
    ("validation loss", lambda run: run.epochs[-1]["validation_loss"], ".4f"),
    ("validation error", lambda run: 100.0 * run.epochs[-1]["validation_error"], ".2f%"),
    ("seconds", lambda run: run.epochs[-1]["seconds"], ".1f"),
    ("rho", lambda run: run.steps[-1].get("rho"), ".3f"),
    ("beta", lambda run: run.steps[-1].get("beta"), ".3g"),
    ("lambda", lambda run: run.steps[-1].get("lam"), ".3g"),
)
TABLE2: tuple[tuple[str, Callable[[Run], float | None], str], ...] = (
    ("training error", lambda run: 100.0 * run.epochs[-1]["train_error"], ".2f%"),
    ("best training error", lambda run: 100.0 * min(epoch["train_error"] for epoch in run.epochs), ".2f%"),
    ("validation error", lambda run: 100.0 * run.epochs[-1]["validation_error"], ".2f%"),
    ("best validation error", lambda run: 100.0 * min(epoch["validation_error"] for epoch in run.epochs), ".2f%"),
)
FILES = ("results.json", "losses.png", "figure2.png", "figure3.png", "table2.md", "table2.csv")


def compare(
    problem: Any, solvers: dict[str, Any], folder: Path, epochs: int = 20, seed: int = 0, log_every: int = 1,
    quiet: bool = False, seeds: int = 1, resume: bool = False,
) -> list[Run]:  # fmt: skip
    """Train with each solver from the same start on the same batches; write logs, results, tables and figures.

    With `seeds` above 1, all solvers at `seed`, then all at `seed + 1`, and so on: the runs come back solver by solver.
    Each has a folder of its own with log and checkpoint, and `results.json` is written anew after each. `resume` goes
    on with what an earlier comparison left in the folder: runs that are done are not repeated, one that broke off goes
    on where it was, further epochs and seeds are added. Without it, earlier results are put aside, in the folder
    `previous` (then `previous-2`, ...). ValueError for bad arguments.
    """
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1; got {seeds}")
    check_writable(folder, FILES)
    done: dict[tuple[str, int], Run] = {}
    for current in range(seed, seed + seeds):
        for name, solver in solvers.items():
            own = folder / f"{name.replace(':', '-').replace(',', '-')}-seed{current}"
            done[name, current] = _run(problem, solver, epochs, current, name, own, resume, log_every, quiet)
            if not resume and len(done) == 1 and (folder / "results.json").exists():
                archive_previous(folder, FILES)
            write_whole(folder / "results.json", partial(_write_results, problem, solvers, epochs, seed, seeds, done))
    runs = [done[name, current] for name in solvers for current in range(seed, seed + seeds)]
    title = _about(problem) + (f", seed {seed}" if seeds == 1 else f", mean of {seeds} seeds")
    write_together(
        folder,
        {
            "losses.png": lambda path: draw_losses(runs, path, title),
            "figure2.png": lambda path: draw_errors(runs, path, title, "epoch"),
            "figure3.png": lambda path: draw_errors(runs, path, title, "seconds"),
            "table2.md": lambda path: path.write_text(table2(runs, problem, epochs)),
            "table2.csv": lambda path: path.write_text(_csv(problem, runs)),
        },
    )
    return runs


def _run(
    problem: Any,
    solver: Any,
    epochs: int,
    seed: int,
    name: str,
    folder: Path,
    resume: bool,
    log_every: int,
    quiet: bool,
) -> Run:
    resume = resume and (folder / "checkpoint.safetensors").exists()
    try:
        return train(problem, solver, epochs, seed, name, folder, resume, log_every, quiet)
    except RunIsDone as done:
        if len(done.run.epochs) > epochs:
            raise
        return done.run


def _write_results(
    problem: Any, solvers: dict[str, Any], epochs: int, seed: int, seeds: int, done: dict[tuple[str, int], Run],
    path: Path,
) -> None:  # fmt: skip
    facts = {
        "data": problem.data.name,
        "source": problem.data.source,
        "augment": problem.augment,
        "network": problem.network.name,
        "initialisation": problem.network.initialisation,
        "batch_size": problem.batch_size,
        "epochs": epochs,
        "seed": seed,
        "seeds": seeds,
        "solvers": list(solvers),
        **device_info(problem.data.train_images),
        **provenance(),
        "runs": [
            {"solver": name, "seed": current, "stopped": run.stopped, "epochs": run.epochs}
            for (name, current), run in done.items()
        ],
    }
    path.write_text(json.dumps(facts, indent=1) + "\n")


# ------------------------------------------------------------------------------------- tables


def table(runs: list[Run], columns: Any = COLUMNS) -> str:
    """The last epoch of each solver's runs (and its last rho, beta, lambda) as a Markdown table.

    With several seeds each cell is their mean ± sample standard deviation; runs that were stopped do not count, and the
    solver's name says how many do.
    """
    rows = [["solver", *(heading for heading, _, _ in columns)]]
    for name, own in by_solver(runs).items():
        whole = [run for run in own if not run.stopped and run.epochs]
        if not whole:
            rows.append([name, f"stopped: {own[0].stopped}", *[""] * (len(columns) - 1)])
            continue
        share = f" ({len(whole)} of {len(own)} runs)" if len(whole) < len(own) else ""
        rows.append([name + share, *(_cell(*_mean_and_std(whole, value), how) for _, value, how in columns)])
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|")
    return "\n".join(lines)


def table2(runs: list[Run], problem: Any, epochs: int) -> str:
    """Training and validation error after the last epoch and at their best: a network's columns of Table 2.

    The training error of an epoch is the mean over its batches, each before its step. The best validation error is
    picked by looking at the validation set: a little lower than what new images would give.
    """
    length = f"{epochs} epoch{'s' * (epochs > 1)}"
    title = f"Table 2, {_about(problem)}, {length}: the error of the last epoch, and of the best"
    return f"{title}\n\n{table(runs, TABLE2)}\n"


def _about(problem: Any) -> str:
    return f"{problem.network.name} on {problem.data.name}, batches of {problem.batch_size}"


def _mean_and_std(runs: list[Run], value: Callable[[Run], float | None]) -> tuple[float | None, float | None]:
    """Over the runs; None where there is no value, or no spread of one run."""
    values = [x for run in runs if (x := value(run)) is not None]
    mean = float(np.mean(values)) if values else None
    return mean, float(np.std(values, ddof=1)) if len(values) > 1 else None


def _cell(mean: float | None, std: float | None, how: str) -> str:
    if mean is None:
        return "-"
    number = how.rstrip("%")
    text = format(mean, number) if std is None else f"{mean:{number}} ± {std:{number}}"
    return text + ("%" if how.endswith("%") else "")


def _csv(problem: Any, runs: list[Run]) -> str:
    """Table 2 with a row per solver, in per cent; no numbers where no run came to its end."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [column for heading, _, _ in TABLE2 for column in (heading, f"{heading}, std")]
    writer.writerow(["data", "network", "solver", "runs", "finished", "epochs", *columns])
    for name, own in by_solver(runs).items():
        whole = [run for run in own if not run.stopped and run.epochs]
        found = [x for _, value, _ in TABLE2 for x in _mean_and_std(whole, value)]
        numbers = [None if x is None else round(x, 4) for x in found]
        epochs = len(whole[0].epochs) if whole else None
        writer.writerow([problem.data.name, problem.network.name, name, len(own), len(whole), epochs, *numbers])
    return text.getvalue()
