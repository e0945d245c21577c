"""`curveball grade`: marks for a folder of submissions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from curveball.cli.errors import at_least, bad_input
from curveball.cli.numbers import integer_option
from curveball.training.say import say

WALLS = {
    "kernel": "each answer ran with no network, read-only files and limits of time and memory, kept by the kernel",
    "python": "the kernel gave no namespaces: network, files and processes were closed to Python's functions only, and "
    "machine code gets around that; read what the table lists under 'look at', or mark where the kernel gives them",
}


def grade(
    folder: Annotated[Path, typer.Argument(help="the submissions: a folder for each student", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="the table of marks")] = Path("marks.csv"),
    reports: Annotated[
        Path | None, typer.Option("--reports", help="folder of the reports; the table's name without .csv if not given")
    ] = None,
    notebooks: Annotated[
        str, typer.Option("--notebooks", help="which ones, as 01,02; all if not given", show_default=False)
    ] = "",
    seconds: Annotated[int, integer_option("for one answer and its checkpoint")] = 60,
    total: Annotated[int, integer_option("seconds for all answers of a student")] = 600,
    memory: Annotated[int, integer_option("megabytes for one answer")] = 2000,
) -> None:
    """Mark submitted notebooks with the course's checkpoints.

    A notebook's exercises are answered by the student's cells; everything else in it, outputs and checkpoints too, is
    ignored. Each answer runs after the course's own cells and solutions, in a process of its own without network and
    within limits, and counts 1 if its checkpoint passes.
    """
    from curveball.course.data import notebooks as course_folder

    with bad_input():
        if os.name != "posix":
            raise ValueError("marking needs Linux or macOS: on Windows use it in WSL")
        at_least(1, "--seconds", seconds)
        at_least(1, "--total", total)
        at_least(100, "--memory", memory)
        from curveball.course.grading.marks import Limits, grade
        from curveball.course.grading.reports import write_marks

        course = course_folder()
        names = chosen([path.stem for path in sorted(course.glob("[0-9]*.ipynb"))], notebooks)
        limits = Limits(seconds, total, memory)
        labels, marks, students, walls = grade(folder, course, names, limits, say)
        place = reports or out.with_suffix("")
        write_marks(out, place, labels, marks, students)
    for kind in sorted(walls):
        typer.echo(WALLS.get(kind, kind))
    typer.echo(f"{out} has the marks, {place}{os.sep} a report for each student ({len(students)})")


def chosen(names: list[str], wanted: str) -> list[str]:
    """The notebooks with the wanted numbers, or whose names begin so; all, if none is wanted.

    >>> chosen(["01_linear_maps", "05_curveball", "10_gpu"], "1, 05")
    ['01_linear_maps', '05_curveball']
    """
    parts = [part.strip() for part in wanted.split(",") if part.strip()]
    beginnings = [f"{int(part):02}_" if part.isdecimal() else part for part in parts]
    for part, beginning in zip(parts, beginnings, strict=True):
        if not any(name.startswith(beginning) for name in names):
            raise ValueError(f"no notebook of the course begins with {part!r}: there are {', '.join(names)}")
    return [name for name in names if not beginnings or name.startswith(tuple(beginnings))]
