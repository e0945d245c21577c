"""`curveball course`: the notebooks, to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from curveball.cli.errors import bad_input
from curveball.course.copies import write_copies


def course(
    folder: Annotated[Path, typer.Argument(help="folder for the copies", metavar="DIR", show_default=False)],
) -> None:
    """Write copies of the course's notebooks, which are yours to fill in.

    Copies that are there already are left as they are.
    """
    with bad_input():
        written = write_copies(folder)
    count = f"{len(written)} notebook" + ("" if len(written) == 1 else "s")
    typer.echo(f"{count} written to {folder}" if written else f"{folder} has the notebooks already")
    typer.echo(f"open them with: jupyter lab {folder}")
