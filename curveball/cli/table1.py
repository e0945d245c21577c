"""`curveball table1`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from curveball.cli.errors import at_least, bad_input
from curveball.cli.options import Out, Seed


def table1(
    runs: Annotated[int, typer.Option(help="repeats of every solver on every problem")] = 100,
    seed: Seed = 0,
    jobs: Annotated[int | None, typer.Option(help="processes [default: one per core]")] = None,
    out: Out = None,
) -> None:
    """Count iterations to a loss of 1e-4 on problems with known minima, every solver: Table 1 of the paper and more."""
    # Imported here, so that other commands and the help start without SciPy.
    from curveball.experiments.table1 import markdown, write
    from curveball.experiments.table1 import table1 as run_table
    from curveball.training.files import output_folder

    with bad_input():
        at_least(1, "--runs", runs)
        at_least(1, "--jobs", 1 if jobs is None else jobs)
        at_least(0, "--seed", seed)
        folder = output_folder(out or Path("runs") / "table1")
    started = time.perf_counter()
    cells = run_table(runs, seed, -1 if jobs is None else jobs)
    seconds = time.perf_counter() - started
    with bad_input():
        write(cells, folder, runs, seed, seconds)
    typer.echo(markdown(cells))
    typer.echo(f"{seconds:.0f} s; table1.md, table1.csv and table1.json in {folder}")
