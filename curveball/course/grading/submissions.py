"""Which notebooks did whom hand in, and which cells of them answer an exercise?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from curveball.course.grading.plan import Exercise, Plan, defined, read_cells, tags_of
from curveball.course.merge import Cell, text_of

LARGEST = 100 * 2**20  # bytes of a notebook: figures take a few


@dataclass
class Student:
    """A student's name, their notebooks by the course's names, and notes for the report."""

    name: str
    files: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_students(folder: Path, names: list[str]) -> list[Student]:
    """The submissions in a folder: one folder for each student, or files `STUDENT_01_linear_maps.ipynb`.

    A notebook is known by the course's name in its own. Links are not followed. Raises ValueError if there are none.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    students: dict[str, Student] = {}
    for file in _notebooks(folder):
        inside = file.relative_to(folder)
        stem = next((name for name in names if name in inside.stem), None)
        who = inside.parts[0] if len(inside.parts) > 1 else inside.stem
        if stem and len(inside.parts) == 1:
            who = inside.stem.replace(stem, "").strip("_- .") or "(no name)"
        student = students.setdefault(who, Student(who))
        if stem is None:
            student.notes.append(f"{inside}: not a notebook of the course by its name")
        elif file.stat().st_size > LARGEST:
            student.notes.append(f"{inside}: larger than {LARGEST >> 20} MB, not read")
        elif stem in student.files:
            first, second = sorted([student.files[stem], file], key=lambda path: (path.stat().st_mtime, str(path)))
            student.files[stem] = second
            student.notes.append(f"{stem} was handed in twice: the file written last is marked, {second.name}")
            student.notes.append(f"not marked: {first.relative_to(folder)}")
        else:
            student.files[stem] = file
    if not students:
        raise ValueError(f"there are no notebooks in {folder}: give each student a folder in it")
    return [students[who] for who in sorted(students)]


def _notebooks(folder: Path) -> Iterator[Path]:
    """The notebooks under a folder in the order of their names: no links, no hidden files, none put aside."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or path.name.startswith(".") or path.name in ("before-update", "solutions"):
            continue
        if path.is_dir():
            yield from _notebooks(path)
        elif path.suffix == ".ipynb" and path.is_file():
            yield path


def answers(plan: Plan, file: Path) -> list[list[str] | None]:
    """For each exercise the cells of a submission that answer it; None where the cell is blank or missing.

    Of a submission only these are used: the cells of its exercises, and in front of each the student's own cells since
    the course's cell before. Everything else, checkpoints too, is the course's. Raises ValueError for a broken file.
    """
    cells = [cell for cell in read_cells(file) if cell["cell_type"] == "code"]
    places = _places(plan, cells)
    found: list[list[str] | None] = []
    for exercise, place in zip(plan.exercises, places, strict=True):
        if place is None or _same(text_of(cells[place]), exercise.blank):
            found.append(None)
            continue
        own: list[str] = []
        for k in range(place - 1, -1, -1):
            if tags_of(cells[k]) or text_of(cells[k]).strip() in plan.course_cells or k in places:
                break
            own.insert(0, text_of(cells[k]))
        found.append([*own, text_of(cells[place])])
    return found


def _places(plan: Plan, cells: list[Cell]) -> list[int | None]:
    """Where the answer to each exercise is: the cell at its place among those tagged, where there are as many of these.

    Else, of the cells behind the last answer that define the names asked for, the last with a tag or the first without.
    """
    tagged = [k for k, cell in enumerate(cells) if "exercise" in tags_of(cell)]
    if len(tagged) == len(plan.exercises):
        return [*tagged]
    places: list[int | None] = []
    last = -1
    for exercise in plan.exercises:
        fitting = [k for k in range(last + 1, len(cells)) if _answers(cells[k], exercise)]
        with_tag = [k for k in fitting if k in tagged]
        without = [k for k in fitting if not tags_of(cells[k])]
        place = with_tag[-1] if with_tag else without[0] if without else None
        places.append(place)
        last = last if place is None else place
    return places


def _answers(cell: Cell, exercise: Exercise) -> bool:
    names = defined(text_of(cell)) or tuple(re.findall(r"^(?:def|class) +(\w+)", text_of(cell), re.MULTILINE))
    return bool(set(exercise.names) & set(names))


def _same(text: str, blank: str) -> bool:
    return text.split() == blank.split()
