"""`curveball compare`: one network, several solvers."""

from __future__ import annotations

from typing import Annotated

import typer

from curveball.cli import names
from curveball.cli.errors import bad_input, interruptible
from curveball.cli.numbers import integer_option
from curveball.cli.options import Format, ProblemOptions, RunOptions, bundled
from curveball.cli.runs import default_folder, drawn_live, load_problem, print_memory_pool, with_schedule
from curveball.cli.tables import print_tables

DEFAULT_SOLVERS = ("curveball", "curveball:adapt_lam=false", "sgd:lr=0.01", "adam:lr=0.001")  # the paper's four


@bundled
def compare(
    problem: ProblemOptions,
    run: RunOptions,
    solver: Annotated[
        list[str] | None,
        typer.Option(
            help=f"solver: {names.SOLVERS}; or module:Class; repeat for each [default: {', '.join(DEFAULT_SOLVERS)}]",
            autocompletion=names.completed(names.SOLVERS),
        ),
    ] = None,
    schedule: Annotated[
        list[str] | None,
        typer.Option(
            help=f"how the solvers' lr changes: {names.SCHEDULES}; once for all, or for each solver, in their order "
            "[default: constant]"
        ),
    ] = None,
    seeds: Annotated[int, integer_option("runs of each solver: at --seed, at the next number, and so on")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="keep the runs that are in --out, continue with the rest")
    ] = False,
    figure_format: Format = "png",
) -> None:
    """Train with several solvers from one start; print how each ended and Table 2, draw figures 2 and 3.

    Figure 2 is training and validation error against epoch, figure 3 the same against seconds of training; losses.png
    the training loss against both.
    """
    # Imported here, so that other commands and the help start without Matplotlib.
    from curveball.cli.own_code import make_solver
    from curveball.experiments.compare import FILES
    from curveball.experiments.compare import compare as run_comparison
    from curveball.experiments.tables import table, table2
    from curveball.figures.formats import in_format

    with bad_input():
        files = in_format(FILES, figure_format)
        texts = solver or DEFAULT_SOLVERS
        chosen = {text: make_solver(text) for text in texts}
        if len(chosen) < len(texts):
            raise ValueError(f"--solver {max(texts, key=list(texts).count)} is given twice: give it once")
        given = schedule or ["constant"]
        if len(given) not in (1, len(texts)):
            raise ValueError(f"--schedule is given {len(given)} times for {len(texts)} solvers: once, or once for each")
        schedules = dict(zip(texts, given * (len(texts) if len(given) == 1 else 1), strict=True))
        options = run.train_options(resume, problem.compile)
        trained = load_problem(problem)
        named = [with_schedule(text, schedules[text]) for text in texts]
        solvers = "" if tuple(named) == DEFAULT_SOLVERS else "-vs-".join(named)
        folder = run.out or default_folder("compare", problem, trained.data, solvers, run.seed)
        if run.out is None and seeds > 1:
            folder = folder.with_name(f"{folder.name}-{run.seed + seeds - 1}")
        with interruptible(folder), drawn_live(run.live) as watch:
            runs = run_comparison(
                trained, chosen, folder, options, seeds=seeds, schedules=schedules, watch=watch,
                figure_format=figure_format,
            )  # fmt: skip
    print_tables(table(runs))
    print_tables("\n" + table2(runs, trained, run.epochs))
    print_memory_pool(runs)
    typer.echo(f"{', '.join(files[1:])} and {files[0]} in {folder}")
    if any(result.stopped for result in runs):
        raise typer.Exit(1)
