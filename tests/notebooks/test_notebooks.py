"""The notebooks are what their sources make, run from a clean kernel, and their checkpoints catch wrong answers."""

from __future__ import annotations

import re
import time

import matplotlib.pyplot as plt
import nbformat
import pytest

from curveball.course import CheckpointFailed
from tests.support.notebook_builder import build

SOURCES = build.sources()
each_source = pytest.mark.parametrize("source", SOURCES, ids=[source.stem for source in SOURCES])


def _words(cell):
    """The text that a cell printed, without its numbers, which other machines may round otherwise."""
    texts = [
        output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])
    ]
    return re.sub(r"[-+]?[\d.]+(e[-+]?\d+)?|0x\w+|\s+", " ", "".join(texts)).split()


@each_source
def test_runs_from_a_clean_kernel_and_prints_what_is_committed(source):
    committed = nbformat.read(build.FOLDER / "solutions" / f"{source.stem}.ipynb", as_version=4)
    notebook = build.moved(build.solved(source))
    assert [c.source for c in committed.cells] == [c.source for c in notebook.cells], "stale: run make notebooks"
    started = time.perf_counter()
    build.execute(notebook)
    seconds = time.perf_counter() - started
    for old, new in zip(committed.cells, notebook.cells, strict=True):
        if "varies" not in build.tags(new):  # times and the like
            assert _words(old) == _words(new), f"stale output: run make notebooks\n{new.source}"
    assert seconds < 120, "a notebook is to take less than a minute on two cores; this machine is given two"


@each_source
def test_the_exercises_are_the_source_without_its_solutions(source):
    committed = nbformat.read(build.FOLDER / f"{source.stem}.ipynb", as_version=4)
    executed = nbformat.read(build.FOLDER / "solutions" / f"{source.stem}.ipynb", as_version=4)
    assert committed == build.unsolved(source, executed), "stale: run make notebooks"
    assert build.BEGIN not in "".join(cell.source for cell in committed.cells)


@each_source
def test_a_wrong_answer_is_caught_by_its_checkpoint(source, monkeypatch):
    """Runs the cells in order; at each exercise tries the blank and every wrong answer on a copy of the names."""
    import jupytext

    monkeypatch.setenv("COURSE_STATIC", "1")
    monkeypatch.chdir(build.FOLDER)
    names: dict = {"__name__": "__main__"}
    cells = [cell for cell in jupytext.read(source).cells if cell.cell_type == "code"]
    exercises = 0
    for k, cell in enumerate(cells):
        if "wrong" in build.tags(cell):
            continue
        if "exercise" in build.tags(cell):
            exercises += 1
            wrong, check = cells[k + 1], cells[k + 2]
            assert "wrong" in build.tags(wrong)
            assert "checkpoint" in build.tags(check)
            for answer in [build.blank(cell.source), *_wrong_answers(cell.source, wrong.source)]:
                tried = dict(names)
                exec(answer, tried)
                with pytest.raises(CheckpointFailed):
                    exec(check.source, tried)
        exec(cell.source, names)
        plt.close("all")
    assert exercises >= 2


@each_source
def test_links_lead_to_files(source):
    for folder in (build.FOLDER, build.FOLDER / "solutions"):
        for cell in nbformat.read(folder / f"{source.stem}.ipynb", as_version=4).cells:
            for target, _ in build.LINK.findall(cell.source) if cell.cell_type == "markdown" else []:
                assert (folder / target).exists(), f"{folder.name}/{source.stem}: {target}"


def _wrong_answers(code, lines):
    answers = []
    for line in lines.splitlines():
        right, arrow, wrong = line.removeprefix("# ").partition(" => ")
        assert arrow, f"not a wrong answer: {line}"
        assert code.count(right) == 1, f"not in the solution once: {right}"
        answers.append(code.replace(right, wrong))
    assert answers
    return answers
