"""What comes out of marking: a table for the teacher, and a report for each student."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from curveball.course.copies import put_aside
from curveball.course.grading.marks import Mark
from curveball.course.grading.submissions import Student


def write_marks(
    out: Path, reports: Path, labels: Sequence[str], marks: dict[str, dict[str, Mark]], students: Sequence[Student]
) -> None:
    """Write the table, and each student's report; files that are there already are put aside, not overwritten."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        reports.mkdir(parents=True, exist_ok=True)
        if out.exists():
            put_aside(out, out.with_stem(f"{out.stem}-before"))
        with out.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["student", *labels, "total", "of", "look at"])
            for student in students:
                mine = [marks[student.name][label] for label in labels]
                points = [int(mark.passed) for mark in mine]
                look_at = " ".join(mark.label for mark in mine if mark.look_at)
                table.writerow([_cell(student.name), *points, sum(points), len(points), look_at])
        for student in students:
            file_name = re.sub(r"[^\w.-]+", "_", student.name) or "student"
            (reports / f"{file_name}.md").write_text(report(student, [marks[student.name][x] for x in labels]), "utf-8")
    except OSError as error:
        raise ValueError(f"cannot write the marks: {error.strerror}: {error.filename}") from None


def _cell(name: str) -> str:
    """A name for a table: no spreadsheet takes it for a formula."""
    return f"'{name}" if name[:1] in tuple("=+-@\t\r") else name


def report(student: Student, marks: Sequence[Mark]) -> str:
    """What a student reads: each exercise, passed or why not."""
    lines = [f"# {student.name}", "", f"{sum(mark.passed for mark in marks)} of {len(marks)} exercises passed.", ""]
    lines += [f"- {note}" for note in student.notes] + [""] * bool(student.notes)
    for mark in marks:
        lines += [f"## {mark.title or mark.label}: {'passed' if mark.passed else 'not passed'}", ""]
        if mark.why:
            lines += [_fenced(mark.why), ""]
        if mark.look_at:
            lines += [f"To be looked at by a person: the answer uses {', '.join(mark.look_at)}.", ""]
        if mark.answer and not mark.passed:
            lines += ["The answer:", "", _fenced(mark.answer, "python"), ""]
        if mark.printed and not mark.passed:
            lines += ["It printed:", "", _fenced(mark.printed), ""]
    return "\n".join(lines)


def _fenced(text: str, language: str = "") -> str:
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
