"""`curveball pays`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curveball.cli.cell_progress import CellProgress, cells_kept, kept
from curveball.cli.errors import bad_input
from curveball.cli.numbers import integer_option, number_option
from curveball.cli.options import Format, Out, Seed
from curveball.cli.tables import print_tables
from curveball.training.durations import spoken

if TYPE_CHECKING:
    from curveball.experiments.pays_run import Cell, Plan, Task


def pays(
    seconds: Annotated[
        float | None, number_option("seconds of the processor of each run [default: each problem's own]")
    ] = None,
    problems: Annotated[
        str | None, typer.Option(help="some of them, as in regression-1e4,autoencoder-digits [default: all]")
    ] = None,
    solvers: Annotated[str | None, typer.Option(help="some of them, as in curveball,adam [default: all]")] = None,
    seeds: Annotated[int, integer_option("runs of each solver, from as many seeds")] = 1,
    seed: Seed = 0,
    data_folder: Annotated[Path | None, typer.Option(help="where the data of Fashion-MNIST are")] = None,
    out: Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="keep the runs that are in --out, make the rest")] = False,
    figure_format: Format = "png",
) -> None:
    """Where does curvature pay? Each problem with each solver for equal seconds.

    Regressions, sums of exponentials and matrix factorisations by condition number, physics-informed networks, deep
    autoencoders. CurveBall, Gauss-Newton and Levenberg-Marquardt are run as they are; SGD and Adam are tuned on each
    problem. Reported are loss and error, who wins where, and what the tuning took. All of it takes about an hour and a
    half on one core that is free, and several hours beside other work.
    """
    # Imported here, so that other commands and the help start without Matplotlib.
    from curveball.experiments.pays_cells import CELLS, files_in
    from curveball.experiments.pays_problems import pca_errors
    from curveball.experiments.pays_run import Plan, run_plan
    from curveball.experiments.pays_tables import FILES, markdown, write
    from curveball.experiments.results_folder import results_folder
    from curveball.figures.formats import in_any_format, in_format
    from curveball.training.provenance import provenance

    folder = out or Path("runs") / "pays"
    with contextlib.ExitStack() as stack:
        with bad_input():
            results = in_format(FILES, figure_format)
            given = {"problems": problems, "rows": solvers}
            lists = {key: tuple(text.split(",")) for key, text in given.items() if text is not None}
            plan = Plan(**lists, seconds=seconds, seeds=seeds, seed=seed, folder=data_folder)
            plan.check_data()
            files = files_in(folder)
            if resume:
                files.check()
            stack.enter_context(results_folder(folder, results, (*in_any_format(FILES), CELLS), resume))
            done = files.load()
        watch = _Watch(plan, done)
        progress = stack.enter_context(CellProgress("pays", watch.cells, watch.done))

        def report(cell: Cell) -> None:
            kept(lambda: files.save(cell), cell.task)
            progress.report(str(cell), watch.left(cell))

        with cells_kept(lambda: (watch.done, watch.cells), folder):
            tuned, cells = run_plan(plan, done, report)
        progress.close()
        facts: dict[str, Any] = {"seconds": seconds, "seeds": seeds, "seed": seed, **files.about, **provenance()}
        pca = pca_errors(plan.problems, data_folder)
        try:
            with bad_input():
                write(tuned, cells, folder, facts, figure_format, pca)
        finally:
            print_tables(markdown(tuned, cells, pca))
        typer.echo(f"{', '.join(results)} and the runs in {folder}")


class _Watch:
    """How many runs are done, and how long the rest will take at most, if they take their seconds on the wall, too."""

    def __init__(self, plan: Plan, done: dict[Task, Cell]):
        counts = [plan.counts(problem) for problem in plan.problems]
        own = [task for task in done if plan.has(task)]
        self.cells, self._rest = sum(count for count, _ in counts), sum(rest for _, rest in counts)
        self.done = min(self.cells, len(own))
        self._rest -= sum(task.seconds for task in own)
        self._ratio: list[float] = []  # seconds on the wall for one of the plan

    def left(self, cell: Cell) -> str:
        """Count a run; what to say of the rest."""
        self.done += 1
        self._rest -= cell.task.seconds
        self._ratio = [*self._ratio[-19:], cell.wall / cell.task.seconds]
        rest = max(0.0, self._rest) * sum(self._ratio) / len(self._ratio)
        return f"{self.done} of {self.cells} runs, about {spoken(rest)} left"
