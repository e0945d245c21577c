"""Several solvers from the same start on the same batches: a folder of logs, results, tables and figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from curveball.experiments.tables import table2, table2_csv, title
from curveball.figures.curves import draw_errors, draw_losses
from curveball.figures.formats import in_any_format, in_format
from curveball.solvers.base import Solver
from curveball.training.checkpoint import exists
from curveball.training.devices import device_info, images_of
from curveball.training.files import archive_previous, check_writable, output_folder, remove_leftovers, write_together
from curveball.training.lock import locked
from curveball.training.log import Callback
from curveball.training.options import RunSpec, TrainOptions
from curveball.training.protocol import Batch, TrainingProblem
from curveball.training.provenance import provenance
from curveball.training.run import Run, RunIsDone
from curveball.training.step import check_compiles, shared_programs
from curveball.training.train import DEFAULTS, train

FILES = ("results.json", "losses.png", "figure2.png", "figure3.png", "table2.md", "table2.csv")
DESCRIBED = ("data", "augment", "network", "initialisation", "batch_size")  # of the problem, in results.json


def compare(
    problem: TrainingProblem[Batch],
    solvers: Mapping[str, Solver],
    folder: Path,
    options: TrainOptions = DEFAULTS,
    *,
    seeds: int = 1,
    schedules: Mapping[str, str] | None = None,
    watch: Callable[[str, int], Callback] | None = None,
    figure_format: str = "png",
) -> list[Run]:
    """Train with each solver from the same start on the same batches; write logs, results, tables and figures.

    problem:    what is trained
    solvers:    each by its name in tables and figures
    folder:     gets a subfolder per run, with its log and checkpoint, and `FILES`; `results.json` is written anew after
                each run
    options:    of every run; `seed` is the first seed
    seeds:      all solvers are trained at `seed`, then all at `seed + 1`, and so on, at least 1
    schedules:  of the learning rates of the solvers of these names; that of `options` for the others
    watch:      gives the callback of each run, from its solver's name and its seed: `LivePlot().watch` draws them
    figure_format:  png, svg or pdf

    Returns the runs solver by solver. `options.resume` continues an earlier comparison in the folder: runs that are
    done are not repeated, one that was interrupted is continued, and further epochs and seeds are added. Without it,
    earlier results are moved to the folder `previous` (then `previous-2`, ...). ValueError for bad arguments.
    """
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1; got {seeds}")
    if options.compile:
        for solver in solvers.values():
            check_compiles(problem, solver)
    check_writable(folder, in_format(FILES, figure_format))
    of = schedules or {}
    if unknown := set(of) - set(solvers):
        raise ValueError(
            f"there is a schedule for {min(unknown)!r}, which is none of the solvers: {', '.join(solvers)}"
        )
    specs = [
        RunSpec(
            name,
            solver,
            replace(options, seed=options.seed + k, schedule=of.get(name, options.schedule)),
            folder / _subfolder(name, options.seed + k),
        )
        for k in range(seeds)
        for name, solver in solvers.items()
    ]
    if options.resume and not any(spec.checkpoint and exists(spec.checkpoint) for spec in specs):
        raise ValueError(f"there is no checkpoint of these runs in {folder}: start the comparison without --resume")
    with locked(output_folder(folder)), shared_programs():
        remove_leftovers(folder)
        return _compare(problem, solvers, folder, options, seeds, specs, watch, figure_format)


def _compare(
    problem: TrainingProblem[Batch],
    solvers: Mapping[str, Solver],
    folder: Path,
    options: TrainOptions,
    seeds: int,
    specs: list[RunSpec],
    watch: Callable[[str, int], Callback] | None,
    figure_format: str,
) -> list[Run]:
    """Compare in a folder that is ours."""
    done: list[tuple[RunSpec, Run]] = []
    for spec in specs:
        done.append((spec, _run(problem, spec, watch)))
        if not options.resume and len(done) == 1 and (folder / "results.json").exists():
            archive_previous(folder, in_any_format(FILES))
        facts = {"epochs": options.epochs, "seed": options.seed, "seeds": seeds, "solvers": list(solvers)}
        write_together(folder, {"results.json": partial(_write_results, problem, facts, done)})
    runs = [run for name in solvers for spec, run in done if spec.name == name]
    heading = title(problem) + (f", seed {options.seed}" if seeds == 1 else f", mean of {seeds} seeds")
    write_together(
        folder,
        {
            f"losses.{figure_format}": lambda path: draw_losses(runs, path, heading),
            f"figure2.{figure_format}": lambda path: draw_errors(runs, path, heading, "epoch"),
            f"figure3.{figure_format}": lambda path: draw_errors(runs, path, heading, "seconds"),
            "table2.md": lambda path: path.write_text(table2(runs, problem, options.epochs), "utf-8"),
            "table2.csv": lambda path: path.write_text(table2_csv(runs, problem), "utf-8"),
        },
    )
    return runs


def _subfolder(name: str, seed: int) -> str:
    return f"{name.replace(':', '-').replace(',', '-')}-seed{seed}"


def _run(problem: TrainingProblem[Batch], spec: RunSpec, watch: Callable[[str, int], Callback] | None) -> Run:
    """Train; with `resume`, continue from the checkpoint if there is one. A finished run is returned as it is."""
    begun = spec.checkpoint is not None and exists(spec.checkpoint)
    options = replace(spec.options, resume=spec.options.resume and begun)
    training = train if watch is None else partial(train, callback=watch(spec.name, spec.options.seed))
    try:
        return training(problem, spec.solver, options, name=spec.name, folder=spec.folder)
    except RunIsDone as done:
        if len(done.run.epochs) > options.epochs:
            raise
        return done.run


def _write_results(
    problem: TrainingProblem[Batch], facts: dict[str, object], done: list[tuple[RunSpec, Run]], path: Path
) -> None:
    described = {key: problem.description[key] for key in DESCRIBED if key in problem.description}
    content = {
        **described,
        "source": problem.data.source,
        **facts,
        **device_info(images_of(problem.data)),
        **provenance(),
        "runs": [
            {
                "solver": spec.name,
                "seed": spec.options.seed,
                "schedule": str(spec.options.learning_rate_schedule),
                "stopped": run.stopped,
                "epochs": run.epochs,
            }
            for spec, run in done
        ],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
