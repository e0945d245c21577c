"""Help on demand: three hints for each exercise, a step at a time, and its solution to go on with."""

from __future__ import annotations

import json
import sys
from typing import Any, TypedDict

from curveball.course.data import notebooks
from curveball.course.progress import progress_of
from curveball.course.text import show_markdown

STEPS = ("a question", "an idea", "a line of the solution")


class Help(TypedDict):
    """What is stored for an exercise."""

    hints: list[str]
    solution: str


def hint(exercise: str, solution: bool = False) -> None:
    """Show the next hint for an exercise, as `hint("1.1")`: a question, then an idea, then a line of the solution.

    The line is shown only when the checkpoint has seen an attempt. With `solution=True` the solution is loaded as by
    `load_solution`, to go on with. Raises ValueError for an exercise without hints.
    """
    if solution:
        load_solution(exercise)
        return
    steps, progress = _help_for(exercise)["hints"], progress_of(exercise)
    if progress.passed:
        print(f"exercise {exercise} is passed: no hint is needed")
    elif progress.hints == len(steps):
        print(f'there are no more hints for {exercise}; hint("{exercise}", solution=True) lets you go on without it')
    elif progress.hints == len(steps) - 1 and not progress.tried:
        print(f"the last hint for {exercise} is a line of the solution: first write something and run its checkpoint")
    else:
        k, progress.hints = progress.hints, progress.hints + 1
        show_markdown(f"**Hint {k + 1} of {len(steps)}, {STEPS[k]}.** {steps[k]}")


def load_solution(exercise: str, into: dict[str, Any] | None = None) -> None:
    """Run the solution of an exercise, so that the rest of the notebook works, and show it.

    Its names are set in the notebook, or in the dict `into`. Raises ValueError for an exercise without a solution.
    """
    code = _help_for(exercise)["solution"]
    exec(code, vars(sys.modules["__main__"]) if into is None else into)
    show_markdown(f"The solution of exercise {exercise} is loaded, and replaces yours:\n\n```python\n{code}\n```")


def _help_for(exercise: str) -> Help:
    files = sorted((notebooks() / "hints").glob("[0-9]*.json"))
    chapter = exercise.partition(".")[0].zfill(2)
    found: dict[str, Help] = {}
    for file in files:
        if file.name.startswith(f"{chapter}_"):
            found = json.loads(file.read_text("utf-8"))
    if exercise not in found:
        numbers = ", ".join(found) or "others: the number is that of a heading, as 1.1"
        raise ValueError(f"there is no help for exercise {exercise!r}; there is for {numbers}")
    return found[exercise]
