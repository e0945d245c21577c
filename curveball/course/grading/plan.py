"""What a notebook of the course asks: its cells in order, and of each exercise the answer and the checkpoint."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

from curveball.course.merge import Cell, text_of, with_metadata

TITLE = re.compile(r"^#+ (Exercise [^★☆\n]*[^★☆\s])", re.MULTILINE)
LABEL = re.compile(r'checkpoint\(\s*f?"(\d+\.\d+)')


@dataclass(frozen=True)
class Exercise:
    """An exercise: label, as 1.2, title, the blank cell, the solution, the checkpoint, and the names it defines."""

    label: str
    title: str
    blank: str
    solution: str
    check: str
    names: tuple[str, ...]
    before: tuple[str, ...]  # the course's cells since the exercise before


@dataclass(frozen=True)
class Plan:
    """A notebook of the course: its name, its exercises, and all texts of its cells of code."""

    name: str
    exercises: tuple[Exercise, ...]
    course_cells: frozenset[str]


def read_plan(folder: Path, name: str) -> Plan:
    """The plan of `folder/name.ipynb`, with its solutions from `folder/solutions/name.ipynb`.

    Cells of help, as hints, are in the first one only: they are left out.
    """
    blanks, solved = read_cells(folder / f"{name}.ipynb"), read_cells(folder / "solutions" / f"{name}.ipynb")
    left = [text_of(cell) for cell in blanks if "exercise" in tags_of(cell)]
    exercises: list[Exercise] = []
    before: list[str] = []
    title = ""
    for k, cell in enumerate(solved):
        if cell["cell_type"] == "markdown":
            title = next(iter(TITLE.findall(text_of(cell))[-1:]), title)
        elif "exercise" in tags_of(cell):
            if len(left) == len(exercises):
                raise ValueError(f"{name} has fewer exercises than its solution")
            check = _check_of(solved[k + 1 :])
            label = LABEL.search(check)
            exercises.append(
                Exercise(
                    label=label[1] if label else f"{name}, {len(exercises) + 1}",
                    title=title,
                    blank=left[len(exercises)],
                    solution=text_of(cell),
                    check=check,
                    names=defined(text_of(cell)),
                    before=tuple(before),
                )
            )
            before = []
        elif cell["cell_type"] == "code" and not (exercises and text_of(cell) == exercises[-1].check):
            before.append(text_of(cell))
    course = frozenset(text_of(cell).strip() for cell in blanks + solved if cell["cell_type"] == "code")
    return Plan(name, tuple(exercises), course)


def _check_of(cells: list[Cell]) -> str:
    """The checkpoint of an exercise: the next that there is."""
    for cell in cells:
        if "exercise" in tags_of(cell):
            break
        if "checkpoint" in tags_of(cell):
            return text_of(cell)
    raise ValueError("an exercise of the course has no checkpoint")


def read_cells(file: Path) -> list[Cell]:
    """The cells of a notebook; ValueError if the file is none."""
    try:
        return with_metadata(json.loads(file.read_text("utf-8")))["cells"]
    except RecursionError:
        raise ValueError("this is no notebook") from None


def tags_of(cell: Cell) -> list[str]:
    """The tags of a cell."""
    return cell["metadata"].get("tags", [])


def defined(code: str) -> tuple[str, ...]:
    """The names that a cell binds at its top level; none, if it is no Python.

    >>> defined("import numpy as np\\nA = 3\\ndef f(x):\\n    y = x")
    ('np', 'A', 'f')
    """
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    names: list[str] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names += [alias.asname or alias.name.partition(".")[0] for alias in node.names]
        else:
            names += [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return tuple(dict.fromkeys(names))
