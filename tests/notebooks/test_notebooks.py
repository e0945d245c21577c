"""The notebooks are what their sources make, run from a clean kernel, and their checkpoints catch wrong answers."""

from __future__ import annotations

import json
import re
import time
from types import SimpleNamespace

import jupytext
import nbformat
import pytest

from tests.support.notebook_builder import build

SOURCES = build.sources()
PREPARE = "import warnings; warnings.simplefilter('error'); _names = []"
NOTE = "_names.append(dict(globals()))"
TRY = """
import json
from curveball.course import CheckpointFailed

def _caught(answer, check, names):
    exec(answer, names)
    try:
        exec(check, names)
    except CheckpointFailed:
        return True
    return False

_found = [[_caught(a, check, dict(names)) for a in answers] for (answers, check), names in zip({}, _names, strict=True)]
print(json.dumps(_found))
warnings.resetwarnings()  # the end of a kernel has warnings of its own
"""
each_source = pytest.mark.parametrize("source", SOURCES, ids=[source.stem for source in SOURCES])


def _words(cell):
    """The text that a cell printed, without its numbers, which other machines may round otherwise."""
    texts = [
        output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])
    ]
    return re.sub(r"[-+]?[\d.]+(e[-+]?\d+)?|0x\w+|\s+", " ", "".join(texts)).split()


@pytest.fixture(scope="module", params=SOURCES, ids=[source.stem for source in SOURCES])
def run(request):
    """A notebook executed once: its source, its cells with their outputs, seconds, and which answers were caught.

    The kernel notes the names before each exercise, and tries the wrong answers on copies of them after the last cell.
    A warning is an error there, as it is in every test.
    """
    source, exercises = request.param, _exercises(request.param)
    notebook = build.moved(build.solved(source))
    cells, notebook.cells = notebook.cells, [nbformat.v4.new_code_cell(PREPARE)]
    for cell in cells:
        if "exercise" in build.tags(cell):
            notebook.cells.append(nbformat.v4.new_code_cell(NOTE))
        notebook.cells.append(cell)
    notebook.cells.append(nbformat.v4.new_code_cell(TRY.format(exercises)))
    started = time.perf_counter()
    build.execute(notebook)
    seconds = time.perf_counter() - started
    caught = json.loads("".join(output.get("text", "") for output in notebook.cells[-1].outputs).splitlines()[-1])
    return SimpleNamespace(source=source, cells=cells, seconds=seconds, caught=caught, exercises=exercises)


def test_runs_from_a_clean_kernel_and_prints_what_is_committed(run):
    committed = nbformat.read(build.FOLDER / "solutions" / f"{run.source.stem}.ipynb", as_version=4)
    assert [c.source for c in committed.cells] == [c.source for c in run.cells], "stale: run make notebooks"
    for old, new in zip(committed.cells, run.cells, strict=True):
        if "varies" not in build.tags(new):  # times and the like
            assert _words(old) == _words(new), f"stale output: run make notebooks\n{new.source}"
    assert run.seconds < 120, "a notebook is to take less than a minute on two cores; this machine is given two"


def test_a_wrong_answer_is_caught_by_its_checkpoint(run):
    """The blank and every wrong answer, on a copy of the names that there are before the exercise."""
    assert len(run.exercises) == len(run.caught) >= 2
    for (answers, _), caught in zip(run.exercises, run.caught, strict=True):
        assert len(caught) == len(answers)
        missed = [answer for answer, was_caught in zip(answers, caught, strict=True) if not was_caught]
        assert missed == []


@each_source
def test_the_exercises_are_the_source_without_its_solutions(source):
    committed = nbformat.read(build.FOLDER / f"{source.stem}.ipynb", as_version=4)
    executed = nbformat.read(build.FOLDER / "solutions" / f"{source.stem}.ipynb", as_version=4)
    assert committed == build.unsolved(source, executed), "stale: run make notebooks"
    assert build.BEGIN not in "".join(cell.source for cell in committed.cells)


@each_source
def test_links_lead_to_files(source):
    for folder in (build.FOLDER, build.FOLDER / "solutions"):
        for cell in nbformat.read(folder / f"{source.stem}.ipynb", as_version=4).cells:
            for target, _ in build.LINK.findall(cell.source) if cell.cell_type == "markdown" else []:
                assert (folder / target).exists(), f"{folder.name}/{source.stem}: {target}"


def _exercises(source):
    """Of each exercise the answers to try, the blank and the wrong ones, and the code of its checkpoint."""
    cells = [cell for cell in jupytext.read(source).cells if cell.cell_type == "code"]
    found = []
    for exercise, wrong, check in zip(cells, cells[1:], cells[2:], strict=False):
        if "exercise" in build.tags(exercise):
            assert "wrong" in build.tags(wrong)
            assert "checkpoint" in build.tags(check)
            answers = [build.blank(exercise.source), *_wrong_answers(exercise.source, wrong.source)]
            found.append((answers, check.source))
    return found


def _wrong_answers(code, lines):
    answers = []
    for line in lines.splitlines():
        right, arrow, wrong = line.removeprefix("# ").partition(" => ")
        assert arrow, f"not a wrong answer: {line}"
        assert code.count(right) == 1, f"not in the solution once: {right}"
        answers.append(code.replace(right, wrong))
    assert answers
    return answers
