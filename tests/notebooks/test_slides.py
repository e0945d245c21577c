"""The slides have what the notebooks show: sections, formulas, figures and exercises, and no solution."""

import re

import nbformat
import pytest

pytest.importorskip("markdown_it", reason="markdown-it-py is not installed: it comes with the extra site")

from tests.support.builders import slides
from tests.support.notebook_builder import build

each_notebook = pytest.mark.parametrize("name", [source.stem for source in build.sources()])


def shown(name):
    notebook = nbformat.read(build.FOLDER / f"{name}.ipynb", as_version=4)
    return notebook, slides.slides(notebook)


@each_notebook
def test_every_section_and_every_exercise_has_a_slide(name):
    notebook, found = shown(name)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = re.findall(r"^##+ (.*)$", text, re.MULTILINE)
    have = {slide.heading for slide in found}
    assert [heading for heading in headings if heading not in have and heading not in slides.LEFT_OUT] == []
    assert found[0].kind == "title"
    assert 20 <= len(found) <= 60


@each_notebook
def test_every_figure_is_on_a_slide(name):
    notebook, found = shown(name)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    figures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert sum("<img" in part for slide in found for part in slide.parts) == len(figures) > 0


@each_notebook
def test_exercises_are_shown_as_the_learner_finds_them(name):
    notebook, found = shown(name)
    code = "\n".join(part for slide in found if slide.kind == "exercise" for part in slide.parts)
    blank = "\n".join(cell.source for cell in notebook.cells if "exercise" in build.tags(cell))
    assert code.count("NotImplementedError") == blank.count("NotImplementedError") > 1
    assert "BEGIN SOLUTION" not in code


@each_notebook
def test_a_question_is_on_one_slide_with_its_answers(name):
    _, found = shown(name)
    asked = [slide for slide in found if any("<strong>Predict.</strong>" in part for part in slide.parts)]
    assert [slide.heading for slide in asked if "(a)" not in slide.parts[-1]] == []
    assert [slide.heading for slide in found if slide not in asked and any("<li>(a)" in p for p in slide.parts)] == []


def notebook_of(*cells):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# T\n\n> **You will build** it."), *cells])


def test_the_rest_of_a_text_is_in_the_notes():
    text = "## A\n\nOne. Two. Three. Four ([derivation](../tests/a.py), [of b](b.py)). [See](c.md) it."
    _, slide = slides.slides(notebook_of(nbformat.v4.new_markdown_cell(text)))
    assert slide.parts == ["<p>One. Two.</p>\n"]
    assert slide.notes == ["<p>One. Two. Three. Four. See it.</p>\n"]


def test_the_answer_to_a_question_is_in_the_notes():
    answer = nbformat.v4.new_markdown_cell("**(a)** it is.", metadata={"tags": ["answer"]})
    _, slide = slides.slides(notebook_of(nbformat.v4.new_markdown_cell("## A\n\nText."), answer))
    assert slide.notes == ["<p><strong>(a)</strong> it is.</p>\n"]
    assert "it is" not in "".join(slide.parts)


def test_what_is_folded_is_in_the_notes():
    text = "## A\n\n1. Which?\n\n<details><summary>Answers</summary>\n\n1. All.\n\n</details>\n\nOn."
    _, slide = slides.slides(notebook_of(nbformat.v4.new_markdown_cell(text)))
    assert [re.sub(r"<[^>]*>|\n", "", part) for part in slide.parts] == ["Which?", "On."]
    assert re.sub(r"<[^>]*>|\n", "", "".join(slide.notes)) == "All."


def test_a_cell_can_be_left_out_and_help_is():
    cells = [nbformat.v4.new_markdown_cell(f"## {k}\n\nText.") for k in range(2)]
    cells[0].metadata = {"slideshow": {"slide_type": "skip"}}
    help_cell = nbformat.v4.new_code_cell('hint("1.1")', metadata={"tags": ["hint"]})
    found = slides.slides(notebook_of(*cells, help_cell))
    assert [slide.heading for slide in found] == ["T", "1"]
    assert "hint" not in "".join(found[1].parts)


def test_code_and_output_are_text_not_markup():
    cell = nbformat.v4.new_code_cell("a < b  # <script>")
    cell.outputs = [nbformat.v4.new_output("stream", text="<b>1</b>\ncheckpoint 1.1: passed\n")]
    _, slide = slides.slides(notebook_of(nbformat.v4.new_markdown_cell("## A\n\n<b>Text</b>, $a<b$."), cell))
    page = slides.page("t", [slide])
    assert "<b>" not in page
    assert r"\(a&lt;b\)" in page
    assert "a &lt; b  # &lt;script&gt;" in page
    assert "checkpoint 1.1" not in page


def test_long_code_is_cut_between_functions():
    code = "\n\n\n".join(f"def f_{k}():\n" + "    x = 1\n" * 8 for k in range(5))
    pieces = slides._pieces(code)
    assert len(pieces) == 3
    assert all(piece.startswith("def ") for piece in pieces)
