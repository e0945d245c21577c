"""Marks for a folder of submissions: every answer is tried, one notebook of the course after the other."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curveball.course.grading.plan import Exercise, Plan, read_plan
from curveball.course.grading.submissions import Student, answers, find_students

SUSPICIOUS = {
    "ctypes", "gc", "inspect", "os", "subprocess", "socket", "sys", "builtins", "importlib", "multiprocessing",
    "shutil", "threading", "signal", "_getframe", "f_back", "f_globals", "__globals__", "__builtins__",
    "__subclasses__", "eval", "exec", "checkpoint", "CheckpointFailed", "load_solution",
    "__eq__", "__array__", "__bool__", "solutions",
}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What an answer may take: seconds for one, seconds for all of a student, megabytes."""

    seconds: float = 60.0
    total: float = 600.0
    memory: int = 2000
    namespaces: bool = True


@dataclass
class Mark:
    """What became of an answer: passed or not, why not, what it printed, what a person should look at."""

    label: str
    title: str
    passed: bool = False
    why: str = ""
    answer: str = ""
    printed: str = ""
    look_at: list[str] = field(default_factory=list)


class Worker:
    """The process that holds the course's state of one notebook: see `worker.py`."""

    def __init__(self, folder: Path, hidden: Sequence[Path], limits: Limits) -> None:
        caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "XDG_CACHE_HOME": caches,  # where Matplotlib lists the fonts
            "MPLBACKEND": "Agg",
            "COURSE_STATIC": "1",
            "CUDA_VISIBLE_DEVICES": "",  # marks are the same on all machines, and no process with a GPU is forked
        } | {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "curveball.course.grading.worker"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.ask(
            "start",
            hidden=[str(place) for place in hidden],
            seconds=limits.seconds,
            memory=limits.memory,
            namespaces=limits.namespaces,
        )

    def ask(self, what: str, **request: Any) -> dict[str, Any]:
        """A request and its reply; RuntimeError if it failed, which is no student's fault."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": what, **request}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that runs the course's cells has ended")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def grade(
    submissions: Path,
    course: Path,
    names: Sequence[str],
    limits: Limits,
    say: Callable[[str], None] = print,
) -> tuple[list[str], dict[str, dict[str, Mark]], list[Student], set[str]]:
    """Mark all submissions in a folder; the labels, each student's marks, the students, and which walls there were.

    Raises ValueError where there is nothing to mark, or a notebook of the course is not as it should be.
    """
    students = find_students(submissions, list(names))
    marks: dict[str, dict[str, Mark]] = {student.name: {} for student in students}
    left = {student.name: limits.total for student in students}
    labels: list[str] = []
    walls: set[str] = set()
    for name in names:
        handed_in = [student for student in students if name in student.files]
        if not handed_in:
            continue
        plan = read_plan(course, name)
        labels += [exercise.label for exercise in plan.exercises]
        for student in students:
            marks[student.name] |= {e.label: Mark(e.label, e.title, why="not handed in") for e in plan.exercises}
        say(f"{name}: {len(plan.exercises)} exercises, {len(handed_in)} submissions")
        try:
            hidden = [place.resolve() for place in (submissions, course / "solutions", course / "hints")]
            _grade_notebook(plan, handed_in, marks, left, walls, hidden, limits)
        except RuntimeError as error:
            raise ValueError(f"{name}: the course's own cells do not run here: {error}") from None
    if not labels:
        raise ValueError(f"no notebook in {submissions} has the name of one of the course's: {', '.join(names)}")
    return labels, marks, students, walls


def _grade_notebook(
    plan: Plan,
    students: Sequence[Student],
    marks: dict[str, dict[str, Mark]],
    left: dict[str, float],
    walls: set[str],
    hidden: Sequence[Path],
    limits: Limits,
) -> None:
    found: dict[str, list[list[str] | None]] = {}
    for student in students:
        try:
            found[student.name] = answers(plan, student.files[plan.name])
        except (ValueError, OSError) as error:
            student.notes.append(f"{student.files[plan.name].name} cannot be read: {error}")
            for exercise in plan.exercises:
                marks[student.name][exercise.label].why = "the file cannot be read"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        worker = Worker(Path(folder), [place for place in hidden if place.is_dir()], limits)
        try:
            for k, exercise in enumerate(plan.exercises):
                for cell in exercise.before:
                    worker.ask("run", code=cell)
                tried = {
                    name: _try(worker, exercise, cells[k], marks[name][exercise.label], left, name)
                    for name, cells in found.items()
                }
                worker.ask("expect", solution=exercise.solution, check=exercise.check)
                for name, reply in tried.items():
                    if reply is not None:
                        walls.add(reply.get("walls", ""))
                        _note(marks[name][exercise.label], reply, worker)
        finally:
            worker.close()
    walls.discard("")


def _try(
    worker: Worker,
    exercise: Exercise,
    cells: list[str] | None,
    mark: Mark,
    left: dict[str, float],
    name: str,
) -> dict[str, Any] | None:
    """Let an answer run, if there is one and its student has time left."""
    if cells is None:
        mark.why = "not attempted: the cell is as the course left it, or missing"
        return None
    mark.answer = "\n\n".join(cells)
    mark.look_at = suspicious(cells)
    if left[name] <= 0:
        mark.why = "not run: all the seconds of this student are used up"
        return None
    started = time.monotonic()
    reply = worker.ask("try", cells=cells, names=list(exercise.names), check=exercise.check, seconds=left[name])
    left[name] -= time.monotonic() - started
    return reply


def _note(mark: Mark, reply: dict[str, Any], worker: Worker) -> None:
    """Write into a mark what became of an answer."""
    mark.printed = reply.get("printed", "")
    failure: list[str] = reply.get("failure") or []
    result = worker.ask("mark", records=reply.get("records", []))
    mark.passed = not failure and not result["failed"]
    mark.why = ""
    if failure and not reply.get("records"):
        mark.why = "still to be written" if failure[0] == "NotImplementedError" else ": ".join(failure)
    elif not mark.passed:
        mark.why = result["failed"] or ": ".join(failure)


def suspicious(cells: Sequence[str]) -> list[str]:
    """Names in an answer that the exercises do not need: a person should look at the code.

    >>> suspicious(["import os\\ndef f(x):\\n    return x.__eq__"])
    ['__eq__', 'os']
    """
    names: set[str] = set()
    for cell in cells:
        try:
            tree = ast.parse(cell)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.FunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                of = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                names |= {part for name in of for part in name.split(".")}
    return sorted(names & SUSPICIOUS)
