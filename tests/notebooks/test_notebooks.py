"""The notebooks are what their sources make, run from a clean kernel, and their checkpoints catch wrong answers."""

from __future__ import annotations

import json
import re
import time
from types import SimpleNamespace

import nbformat
import pytest

from tests.support.notebook_builder import build
from tests.support.wrong_answers import exercises

SOURCES = build.sources()
PREPARE = """
import warnings
from matplotlib_inline.config import InlineBackend
InlineBackend.instance(parent=get_ipython())  # which warns of its own option for figures of double resolution
warnings.simplefilter('error')
_names = []
"""
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
    source, tried = request.param, exercises(request.param)
    answers = [([exercise.blank, *exercise.wrong], exercise.check) for exercise in tried]
    notebook = build.moved(build.solved(source))
    cells, notebook.cells = notebook.cells, [nbformat.v4.new_code_cell(PREPARE)]
    for cell in cells:
        if "exercise" in build.tags(cell):
            notebook.cells.append(nbformat.v4.new_code_cell(NOTE))
        notebook.cells.append(cell)
    notebook.cells.append(nbformat.v4.new_code_cell(TRY.format(answers)))
    started = time.perf_counter()
    build.execute(notebook)
    seconds = time.perf_counter() - started
    caught = json.loads("".join(output.get("text", "") for output in notebook.cells[-1].outputs).splitlines()[-1])
    return SimpleNamespace(source=source, cells=cells, seconds=seconds, caught=caught, answers=answers)


def test_runs_from_a_clean_kernel_and_prints_what_is_committed(run):
    committed = nbformat.read(build.FOLDER / "solutions" / f"{run.source.stem}.ipynb", as_version=4)
    assert [c.source for c in committed.cells] == [c.source for c in run.cells], "stale: run make notebooks"
    for old, new in zip(committed.cells, run.cells, strict=True):
        if "varies" not in build.tags(new):  # times and the like
            assert _words(old) == _words(new), f"stale output: run make notebooks\n{new.source}"
    assert run.seconds < 120, "a notebook is to take less than a minute on two cores; this machine is given two"


def test_a_wrong_answer_is_caught_by_its_checkpoint(run):
    """The blank and every wrong answer, on a copy of the names that there are before the exercise."""
    assert len(run.answers) == len(run.caught) >= 2
    for (answers, _), caught in zip(run.answers, run.caught, strict=True):
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
def test_an_exercise_has_wrong_answers_a_grade_and_hints(source):
    """Eight mistakes that a learner makes, one to three stars in the heading, three hints behind its checkpoint."""
    headings = {}
    for cell in build.cells(source):
        headings |= dict(re.findall(r"^### Exercise (\d+\.\d+): .* ([★☆]{3})$", cell.source, re.MULTILINE))
    helped = build.hints(source)
    assert all(re.fullmatch("★+☆*", stars) for stars in headings.values())
    assert list(helped) == list(headings)
    assert [len(answer["hints"]) for answer in helped.values()] == [3] * len(headings)
    tried = exercises(source)
    assert len(tried) == len(headings)
    assert all(len(exercise.wrong) >= 8 for exercise in tried)


@each_source
def test_a_prediction_has_choices_before_it_and_a_figure_and_an_answer_after_it(source):
    cells = build.cells(source)
    asked = [k for k, cell in enumerate(cells) if "predict" in build.tags(cell)]
    answered = [k for k, cell in enumerate(cells) if "answer" in build.tags(cell)]
    closed = [k for k, cell in enumerate(cells) if "hide-output" in build.tags(cell)]
    assert len(asked) == len(answered)
    assert all(any(first < k < last for k in closed) for first, last in zip(asked, answered, strict=True))
    assert all(any(first < k < last for first, last in zip(asked, answered, strict=True)) for k in closed)
    for first, last in zip(asked, answered, strict=True):
        letters = re.findall(r"^- \((\w)\) ", cells[first - 1].source, re.MULTILINE)
        assert cells[first].source == f'predict("{"".join(letters)}")'
        assert re.search(rf"^\*\*\(([{''.join(letters)}])\)", cells[last].source, re.MULTILINE)


@each_source
def test_hints_are_those_of_the_source(source):
    committed = json.loads((build.FOLDER / "hints" / f"{source.stem}.json").read_text("utf-8"))
    assert committed == build.hints(source), "stale: run make notebooks"
    text = (build.FOLDER / f"{source.stem}.ipynb").read_text("utf-8")
    for answer in committed.values():
        assert not any(json.dumps(step, ensure_ascii=False)[1:-1] in text for step in answer["hints"])


@each_source
def test_links_lead_to_files(source):
    for folder in (build.FOLDER, build.FOLDER / "solutions"):
        for cell in nbformat.read(folder / f"{source.stem}.ipynb", as_version=4).cells:
            for target, _ in build.LINK.findall(cell.source) if cell.cell_type == "markdown" else []:
                assert (folder / target).exists(), f"{folder.name}/{source.stem}: {target}"
