"""`curveball random`."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curveball.cli import names
from curveball.cli.cell_progress import CellProgress, cells_kept, kept
from curveball.cli.errors import at_least, bad_input
from curveball.cli.numbers import integer_option
from curveball.cli.options import BATCH_SIZE, Device, Format, ImageSize, Seed
from curveball.cli.tables import print_tables
from curveball.training.durations import spoken

if TYPE_CHECKING:
    from curveball.experiments.random_networks import Cell, Plan


def random(
    count: Annotated[int, integer_option("networks: random:0, random:1, and so on")] = 50,
    epochs: Annotated[int, integer_option("passes over the training set")] = 3,
    data: Annotated[
        str, typer.Option(help=f"data set: {names.DATA_SETS}; folder, imagenet: images of your own, in --data-folder")
    ] = "digits",
    data_folder: Annotated[Path | None, typer.Option(help="where the data are")] = None,
    image_size: ImageSize = None,
    augment: Annotated[bool, typer.Option("--augment", help="flip and shift the training images at random")] = False,
    batch_size: Annotated[int, integer_option("images per step")] = BATCH_SIZE,
    backend: Annotated[str, typer.Option(help=f"array library: {names.BACKENDS}")] = "numpy",
    device: Device = None,
    seed: Seed = 0,
    jobs: Annotated[
        int | None, integer_option("processes, each with one thread [default: one per core; on a GPU 1]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="folder for the table, the figure and a file for each training [default: runs/random-DATA]"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="keep the cells that are in --out, compute the rest")
    ] = False,
    figure_format: Format = "png",
) -> None:
    """Train many networks drawn at random with every solver: which of them need tuning?

    CurveBall is not tuned; SGD and Adam have one learning rate each, tuned on the median network. Reported are
    quartiles of the training error, the share of networks on which each solver is best, and how often each diverges.
    """
    # Imported here, so that other commands and the help start without Matplotlib.
    from curveball.experiments.random_cells import CELLS, CellFiles
    from curveball.experiments.random_networks import Plan, Setting, run_plan
    from curveball.experiments.random_tables import FILES, markdown, write
    from curveball.experiments.results_folder import results_folder
    from curveball.figures.formats import in_any_format, in_format
    from curveball.training.data_hash import data_hashes
    from curveball.training.provenance import provenance

    folder = out or Path("runs") / f"random-{data}"
    with contextlib.ExitStack() as stack:
        with bad_input():
            results = in_format(FILES, figure_format)
            at_least(1, "--count", count)
            at_least(1, "--jobs", 1 if jobs is None else jobs)
            if jobs is None:
                jobs = -1 if backend == "numpy" else 1
            setting = Setting(data, data_folder, batch_size, augment, backend, device, image_size)
            plan = Plan(setting, count, epochs, seed)
            problem = plan.setting.problem(0)
            about = {key: problem.description[key] for key in problem.description if key not in ("network", "layers")}
            files = CellFiles(folder, {**about, **data_hashes(problem.data)})
            if resume:
                files.check()
            stack.enter_context(results_folder(folder, results, (*in_any_format(FILES), CELLS), resume))
            done = files.load()
        watch = _Watch(plan, list(done.values()))
        progress = stack.enter_context(CellProgress("random", watch.cells, watch.done))

        def report(cell: Cell) -> None:
            kept(lambda: files.save(cell), cell.task)
            progress.report(str(cell), watch.left(cell))

        with cells_kept(lambda: (watch.done, watch.cells), folder):
            tuned, cells = run_plan(plan, jobs, done, report)
        progress.close()
        facts: dict[str, Any] = {"networks": count, "epochs": epochs, "seed": seed, **files.about}
        facts |= {"source": problem.data.source, **provenance(), "seconds": sum(c.seconds for c in (*tuned, *cells))}
        try:
            with bad_input():
                write(tuned, cells, folder, facts, figure_format)
        finally:
            print_tables(markdown(tuned, cells))
        typer.echo(f"{', '.join(results)} and the cells in {folder}")


class _Watch:
    """How many cells are done, and how long the rest will take, by the multiplications done so far."""

    def __init__(self, plan: Plan, done: list[Cell]):
        self._plan, self._started = plan, time.perf_counter()
        self.cells = len(plan.tuning) + plan.count * len(plan.rows)
        lengths = {(plan.epochs, plan.seed), (1, plan.seed + 1)}
        own = [c for c in done if c.task.network < plan.count and (c.task.epochs, c.task.seed) in lengths]
        self.done = min(self.cells, len(own))
        self._todo = plan.all_work - sum(plan.work(cell.task) for cell in own)
        self._worked = 0.0

    def left(self, cell: Cell) -> str:
        """Count a cell; what to say of the rest."""
        self.done += 1
        self._worked += self._plan.work(cell.task)
        rest = max(0.0, self._todo - self._worked) / self._worked * (time.perf_counter() - self._started)
        return f"{self.done} of {self.cells} cells, about {spoken(rest)} left"
