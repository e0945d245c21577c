"""`curveball train`: one network, one solver."""

from __future__ import annotations

from typing import Annotated

import typer

from curveball.cli import names
from curveball.cli.errors import bad_input, interruptible
from curveball.cli.many import ManyOptions, one_of_several
from curveball.cli.options import ProblemOptions, RunOptions, bundled
from curveball.cli.runs import default_folder, drawn_live, load_problem, on_devices, print_memory_pool, with_schedule
from curveball.cli.tables import print_tables


@bundled
def train(
    problem: ProblemOptions,
    run: RunOptions,
    many: ManyOptions,
    solver: Annotated[
        str,
        typer.Option(
            help=f"solver: {names.SOLVERS}; or module:Class; with options as in sgd:lr=0.1,momentum=0.95",
            autocompletion=names.completed(names.SOLVERS),
        ),
    ] = "curveball",
    schedule: Annotated[
        str,
        typer.Option(
            help=f"how the solver's lr changes: {names.SCHEDULES}; as in step:epochs=30/60,factor=0.1",
            autocompletion=names.completed(names.SCHEDULES),
        ),
    ] = "constant",
    resume: Annotated[bool, typer.Option("--resume", help="continue from the checkpoint in --out")] = False,
) -> None:
    """Train one network with one solver; write log.jsonl and checkpoint.safetensors.

    Without --resume, those of an earlier run in the same folder are kept in its folder `previous`. The exit code is 1
    where the loss diverged.
    """
    with one_of_several():
        _train(problem, run, many, solver, schedule, resume)


def _train(
    problem: ProblemOptions, run: RunOptions, many: ManyOptions, solver: str, schedule: str, resume: bool
) -> None:
    # Imported here, so that other commands and the help start without SciPy.
    from curveball.cli.own_code import make_solver
    from curveball.experiments.tables import table
    from curveball.training.checkpoint import exists as checkpoint_exists
    from curveball.training.many_devices import ManyDevices
    from curveball.training.processes import leads, reaching_others
    from curveball.training.say import say
    from curveball.training.train import CHECKPOINT
    from curveball.training.train import train as run_training

    with bad_input():
        chosen, options = make_solver(solver), run.train_options(resume, problem.compile or many.are_asked, schedule)
        mesh = many.start(problem) if many.are_asked else None
        trained = load_problem(problem, on_host=mesh is not None)
        folder = default_folder("", problem, trained.data, with_schedule(solver, schedule), run.seed)
        folder = run.out or (folder if mesh is None else on_devices(folder, mesh.size, resume))
        with interruptible(folder), reaching_others(), drawn_live(run.live and leads()) as watch:
            on = trained if mesh is None else ManyDevices(trained, mesh)
            callback = None if watch is None else watch(solver, run.seed)
            result = run_training(on, chosen, options, name=solver, folder=folder, callback=callback)
    if leads():
        print_tables(table([result]))
        print_memory_pool([result])
        kept = "" if resume or not (folder / "previous").exists() else f"; earlier runs in {folder / 'previous'}*"
        written = "log and checkpoint" if checkpoint_exists(folder / CHECKPOINT) else "log, but no checkpoint,"
        typer.echo(f"{written} in {folder}{kept}")
        if result.stopped:
            say(f"curveball: {result.stopped}")
    if result.stopped:
        raise typer.Exit(1)
