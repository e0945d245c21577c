"""`curveball course`: the notebooks, to fill in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from curveball.cli.errors import bad_input
from curveball.course.copies import older_copies, unreadable_copies, update_copies, write_copies
from curveball.course.lab import is_root, lab_command

MERGE = "Merge what is new into them? Your answers and your own cells stay, and the files as they are now are kept."


def course(
    folder: Annotated[Path, typer.Argument(help="folder for the copies", metavar="DIR", show_default=False)],
    update: Annotated[
        bool, typer.Option("--update", help="merge what is new in the course into copies that are there")
    ] = False,
    lab: Annotated[bool, typer.Option("--lab", help="open the folder in JupyterLab")] = False,
) -> None:
    """Write copies of the course's notebooks, which are yours to fill in.

    Copies that are there already are left as they are; if the course has changed since, you are told so. With --update
    new text and new exercises come in, and all cells that you have edited or added stay.
    """
    with bad_input():
        command, notes = lab_command(folder) if lab else ([], [])
        written = write_copies(folder)
        typer.echo(f"{_count(written)} written to {folder}" if written else f"{folder} has the notebooks already")
        _bring_up_to_date(folder, update)
    for note in notes:
        typer.echo(note)
    if lab:
        raise typer.Exit(subprocess.run(command, check=False).returncode)
    typer.echo(f"open them with: jupyter lab {'--allow-root ' if is_root() else ''}{folder}")


def _bring_up_to_date(folder: Path, update: bool) -> None:
    """Tell of copies that differ from this course, and merge if that is wanted."""
    if broken := unreadable_copies(folder):
        typer.echo(
            f"no notebooks, and left alone: {_names(broken, folder)}; without these files new copies are written"
        )
    older = older_copies(folder)
    if older:
        typer.echo(f"made of another version of the course: {_names(older, folder)}")
        if not update and sys.stdin.isatty():
            update = typer.confirm(MERGE)
        elif not update:
            typer.echo(f"merge what is new into them with: curveball course {folder} --update")
    if update:
        merged = update_copies(folder)
        kept = f"; as they were, they are in {folder / 'before-update'}" if merged else ""
        rest = "all other copies are up to date" if broken else "all copies are up to date"
        typer.echo(f"{_count(merged)} brought up to date{kept}" if merged else rest)


def _names(files: list[Path], folder: Path) -> str:
    return ", ".join(file.relative_to(folder).with_suffix("").as_posix() for file in files)


def _count(files: list[Path]) -> str:
    return f"{len(files)} notebook" + ("" if len(files) == 1 else "s")
