"""`curveball table1`."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curveball.cli.cell_progress import CellProgress, cells_kept, kept
from curveball.cli.errors import at_least, bad_input
from curveball.cli.numbers import integer_option
from curveball.cli.options import Out, Seed
from curveball.cli.tables import print_tables

if TYPE_CHECKING:
    from curveball.experiments.table1 import Cell


def table1(
    runs: Annotated[int, integer_option("repeats of every solver on every problem")] = 100,
    seed: Seed = 0,
    jobs: Annotated[int | None, integer_option("processes [default: one per core]")] = None,
    out: Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on where a table in --out was interrupted")] = False,
) -> None:
    """Count iterations to a loss of 1e-4 on problems with known minima, every solver: Table 1 of the paper and more."""
    # Imported here, so that other commands and the help start without SciPy.
    from curveball.experiments.results_folder import results_folder
    from curveball.experiments.table1 import COLUMNS, FILES, ROWS, markdown, write
    from curveball.experiments.table1 import table1 as run_table
    from curveball.experiments.table1_cells import CellFiles

    folder = out or Path("runs") / "table1"
    files = CellFiles(folder, runs, seed)
    with contextlib.ExitStack() as stack:
        with bad_input():
            at_least(1, "--runs", runs)
            at_least(1, "--jobs", 1 if jobs is None else jobs)
            at_least(0, "--seed", seed)
            if resume:
                files.check()
            stack.enter_context(results_folder(folder, FILES))
            done, before = files.load() if resume else ([], 0.0)
            if not resume:
                files.begin()
        started = time.perf_counter()
        count = len(done)
        progress = stack.enter_context(CellProgress("table1", len(ROWS) * len(COLUMNS), count))

        def report(cell: Cell) -> None:
            nonlocal count
            count += kept(
                lambda: files.save(cell, before + time.perf_counter() - started), f"{cell.row}, {cell.column}"
            )
            progress.report(f"{cell.row}, {cell.column}: {cell}; {cell.seconds:.1f} s")

        with cells_kept(lambda: (count, len(ROWS) * len(COLUMNS)), folder):
            cells = run_table(runs, seed, -1 if jobs is None else jobs, done, report)
        progress.close()
        if len(done) == len(cells) and not files.cells.exists():
            print_tables(f"{markdown(cells)}\nall of it was in {folder}")
            return
        seconds = before + time.perf_counter() - started
        try:
            with bad_input():
                write(cells, folder, runs, seed, seconds)
                files.remove()
        finally:
            print_tables(markdown(cells))
        typer.echo(f"{seconds:.0f} s; table1.md, table1.csv and table1.json in {folder}")
