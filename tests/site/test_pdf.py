"""A short course, printed: the contents have the numbers of the pages on which its chapters begin."""

import nbformat

from tests.support.builders import pdf


def test_the_contents_have_the_right_pages(chromium, tmp_path):
    chapters = [
        pdf.chapter(
            nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_markdown_cell(f"# {k}. Chapter\n\n$x_{k}$\n\n" + "A long line. " * 90 * lines)]
            )
        )
        for k, lines in enumerate([1, 12, 5])
    ]
    out, tab = tmp_path / "new" / "course.pdf", chromium.new_page()
    numbers = pdf.write(chapters, out, tab, "1.0")
    assert numbers[0] == 3  # behind the title and the contents
    assert numbers[1] == 4
    assert numbers[2] > 5
    assert tab.evaluate("[...document.querySelectorAll('[data-page]')].map((e) => +e.dataset.page)") == numbers
    assert tab.evaluate("document.querySelectorAll('mjx-container').length") == 3
    assert out.read_bytes().startswith(b"%PDF")
    tab.close()
