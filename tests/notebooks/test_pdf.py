"""The printed course: what its chapters have, and where a PDF's chapters begin."""

import nbformat
import pytest

pytest.importorskip("markdown_it", reason="markdown-it-py is not installed: it comes with the extra site")

from tests.support.builders import pdf
from tests.support.notebook_builder import build

new_text, new_code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell


def tagged(tag):
    return {"metadata": {"tags": [tag]}}


def chapter(*cells):
    return pdf.chapter(nbformat.v4.new_notebook(cells=[new_text("# 1. T\n\nSee [b](b.md)."), *cells]))


def test_every_notebook_is_a_chapter_with_its_figures():
    for source in build.sources():
        notebook = nbformat.read(build.FOLDER / f"{source.stem}.ipynb", as_version=4)
        found = pdf.chapter(notebook)
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        assert found.body.count("<img") == sum("image/png" in output.get("data", {}) for output in outputs) > 0
        assert found.heading.startswith(f"{int(source.stem[:2])}. ")
        assert "Where you are" in found.sections
        assert "NotImplementedError" in found.body


def test_help_and_folded_code_are_left_out_and_answers_come_last():
    found = chapter(
        new_code('hint("1.1")', **tagged("hint")),
        new_code("plot()", **tagged("hide-input")),
        new_text("<details><summary>Which?</summary>\n\nThe *second*.\n\n</details>", **tagged("answer")),
        new_text("## Last"),
    )
    assert "hint" not in found.body
    assert "plot" not in found.body
    assert found.sections == ["Last"]
    assert found.body.index("Last") < found.body.index("<em>second</em>")
    assert "details" not in found.body
    assert "<p>See b.</p>" in found.body


def test_solutions():
    notebook = nbformat.v4.new_notebook(
        cells=[new_text("### Exercise 1.1: $x$"), new_code("a = 1", **tagged("exercise")), new_code("b = 2")]
    )
    found = pdf.solutions([notebook])
    assert r"<h3>Exercise 1.1: <span" in found.body
    assert r"\(x\)" in found.body
    assert ">a<" in found.body
    assert ">b<" not in found.body


def test_first_pages_are_read_from_the_tree_of_pages():
    made = (
        b"7 0 obj\n<</Type /Pages\n/Count 2\n/Kids [1 0 R 2 0 R]\n/Parent 9 0 R>>\n"
        b"9 0 obj\n<</Type /Pages\n/Count 3\n/Kids [7 0 R 3 0 R]>>\n"
        b"10 0 obj\n<<\n/part-0 [2 0 R /XYZ 0 0 0]\n/part-1 [3 0 R /XYZ 0 0 0]>>\n"
        b"11 0 obj\n<</Type /Catalog\n/Pages 9 0 R\n/Dests 10 0 R>>\n"
    )
    assert pdf.first_pages(made, 2) == [2, 3]
    with pytest.raises(RuntimeError, match="another browser than Chromium"):
        pdf.first_pages(made, 3)
