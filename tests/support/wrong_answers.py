"""The wrong answers of a notebook's source: of each exercise the answers to try, and the code that must catch them.

A cell tagged `wrong` stands after its exercise and holds comments, in paragraphs that an empty comment parts:

    # -y @ x_dot @ y => y @ x_dot @ y          lines `text of the solution => a wrong text`, one answer each
    # y = np.linalg.inv(x) => y = x
    #
    # def push_inverse(x, x_dot):              a function or class that replaces the one of this name
    #     return -x_dot
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import jupytext

from tests.support.notebook_builder import build


@dataclass(frozen=True)
class Exercise:
    """An exercise: the blank, wrong answers as code, and the code of the checkpoint after it."""

    blank: str
    wrong: list[str]
    check: str


def exercises(source: Path) -> list[Exercise]:
    """The exercises of a source, in order."""
    cells = [cell for cell in jupytext.read(source).cells if cell.cell_type == "code"]
    found = []
    for exercise, wrong, check in zip(cells, cells[1:], cells[2:], strict=False):
        if "exercise" in build.tags(exercise):
            assert "wrong" in build.tags(wrong)
            assert "checkpoint" in build.tags(check)
            code = exercise.source
            found.append(Exercise(build.blank(code), wrong_answers(code, wrong.source), check.source))
    return found


def wrong_answers(code: str, cell: str) -> list[str]:
    """The wrong answers of a cell, each the whole code of the exercise with a mistake."""
    answers = []
    text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in cell.splitlines())
    for paragraph in re.split(r"\n\n(?=\S)", text):
        if paragraph.startswith(("def ", "class ")):
            name = paragraph.split("(")[0].split(":")[0]
            assert f"\n{name}" in f"\n{code}", f"not in the exercise: {name}"
            answers.append(f"{code}\n\n\n{paragraph}")
            continue
        for line in paragraph.splitlines():
            right, arrow, wrong = line.partition(" => ")
            assert arrow, f"not a wrong answer: {line}"
            assert code.count(right) == 1, f"not in the solution once: {right}"
            answers.append(code.replace(right, wrong))
    assert answers
    assert len(set(answers)) == len(answers), "a wrong answer twice"
    return answers
