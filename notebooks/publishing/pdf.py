"""The course to print: `python notebooks/publishing/pdf.py`, or `make pdf`, writes build/curveball-course.pdf.

A title page, contents with page numbers, the notebooks as the learner finds them, and the solutions of the exercises.
Chromium prints it; the page that it prints lies beside the PDF. No network.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from rendering import LINK, MARKDOWN, add_mathjax, image

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = Path(__file__).parents[1]
OUT = FOLDER.parent / "build" / "curveball-course.pdf"
TITLE = "CurveBall, from one derivative up"
COVER = """<p>A course in second-order optimisation: ten notebooks, from one derivative as a linear map to a solver
that trains a convolutional network with curvature.</p>
<p>To be worked through at a computer: exercises are answered in code, and checkpoints say whether an answer is right.
Version {version}.</p>"""
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
HELP = {"hint", "predict", "remove-cell"}
LONG = 45  # lines of code that may be broken over two pages
FORMATTER = HtmlFormatter(nowrap=True)


@dataclass(frozen=True)
class Chapter:
    """A chapter: its heading, the headings in it, and its HTML."""

    heading: str
    sections: list[str]
    body: str


def chapter(notebook: nbformat.NotebookNode) -> Chapter:
    """A notebook as a chapter; answers to questions come at its end.

    >>> cells = [nbformat.v4.new_markdown_cell("# 1. Maps"), nbformat.v4.new_code_cell("1 + 1")]
    >>> chapter(nbformat.v4.new_notebook(cells=cells)).heading
    '1. Maps'
    """
    parts, answers, text = [], [], ""
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        if tags & HELP:
            continue
        if cell.cell_type == "markdown":
            source = LINK.sub(r"\1", cell.source)
            if "answer" in tags:
                answers.append(MARKDOWN.render(re.sub(r"</?details>|<summary>.*?</summary>", "", source)))
                continue
            text += f"\n{source}"
            parts.append(MARKDOWN.render(source))
        elif cell.cell_type == "code":
            parts += _code(cell, tags)
    if answers:
        parts.append("<h2>Answers to the questions in the text</h2><ol>")
        parts += [*(f"<li>{answer}</li>" for answer in answers), "</ol>"]
    headings = re.findall(r"^# (.*)$", text, re.MULTILINE)
    return Chapter(headings[0], re.findall(r"^## (.*)$", text, re.MULTILINE), "\n".join(parts))


def _code(cell: nbformat.NotebookNode, tags: set[str]) -> list[str]:
    """A cell and what it shows; folded code is left out."""
    parts = []
    if cell.source.strip() and not tags & {"hide-input", "remove-input"}:
        kind = "exercise" if "exercise" in tags else "checkpoint" if "checkpoint" in tags else ""
        parts.append(_listing(cell.source, kind))
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "image/svg+xml" in data or "image/png" in data:
            parts.append(image(data))
        elif "text/markdown" in data:
            parts.append(MARKDOWN.render(LINK.sub(r"\1", "".join(data["text/markdown"]))))
        elif output.output_type == "stream" or "text/plain" in data:
            printed = output.get("text", "") or "".join(data.get("text/plain", ""))
            parts.append(f'<pre class="printed">{html.escape(printed.rstrip())}</pre>')
    return parts


def _listing(code: str, kind: str = "") -> str:
    long = " long" if code.count("\n") >= LONG else ""
    return f'<pre class="{kind}{long}"><code>{highlight(code.strip(), PythonLexer(), FORMATTER)}</code></pre>'


def solutions(notebooks: list[nbformat.NotebookNode]) -> Chapter:
    """The answers to all exercises, from the solved notebooks."""
    parts = []
    for notebook in notebooks:
        title = "Exercise"
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                title = next(iter(re.findall(r"^### (Exercise.*)$", cell.source, re.MULTILINE)[-1:]), title)
            elif "exercise" in cell.metadata.get("tags", []):
                parts += [f"<h3>{MARKDOWN.renderInline(title)}</h3>", _listing(cell.source)]
    return Chapter("Solutions", [], f"<h1>Solutions</h1>{''.join(parts)}")


def page(chapters: list[Chapter], numbers: list[int], version: str) -> str:
    """The page to print; `numbers` are those of the chapters' first pages."""
    contents, articles = [], []
    for k, (part, number) in enumerate(zip(chapters, numbers, strict=True)):
        heading = MARKDOWN.renderInline(part.heading)
        sections = "".join(f"<li>{MARKDOWN.renderInline(section)}</li>" for section in part.sections)
        contents.append(f'<li data-page="{number}"><a href="#part-{k}">{heading}</a><i></i></li><ul>{sections}</ul>')
        articles.append(f'<article id="part-{k}">{part.body}</article>')
    text = Path(__file__).with_name("pdf.html").read_text("utf-8")
    cover = COVER.format(version=version)
    for name, value in {
        "title": TITLE,
        "cover": cover,
        "contents": "".join(contents),
        "chapters": "".join(articles),
    }.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def first_pages(pdf: bytes, parts: int) -> list[int]:
    """On which pages of a PDF of Chromium's do chapters begin? They are destinations of links, and pages are a tree."""
    trees = dict(re.findall(rb"(\d+) 0 obj\n<</Type /Pages\n/Count \d+\n/Kids \[([^]]*)\]", pdf))

    def leaves(number: bytes) -> list[bytes]:
        if number not in trees:
            return [number]
        return [leaf for kid in re.findall(rb"(\d+) 0 R", trees[number]) for leaf in leaves(kid)]

    root = re.search(rb"/Type /Catalog\n/Pages (\d+) 0 R", pdf)
    places = dict(re.findall(rb"/part-(\d+) \[(\d+) 0 R", pdf))
    if root is None or len(places) < parts:
        raise RuntimeError("the PDF has no destinations for its contents: another browser than Chromium?")
    pages = leaves(root[1])
    return [pages.index(places[str(k).encode()]) + 1 for k in range(parts)]


def show(tab: Page, file: Path, text: str) -> None:
    """Load the page, with its formulas typeset."""
    file.write_text(text, "utf-8")
    tab.goto(file.resolve().as_uri())
    tab.wait_for_function("document.body.dataset.ready", timeout=300_000)


def print_page(tab: Page, out: Path | None = None) -> bytes:
    """Print what the browser shows."""
    number = '<div style="font: 8pt sans-serif; width: 100%; text-align: center"><span class="pageNumber"></span></div>'
    return tab.pdf(
        path=out,
        prefer_css_page_size=True,
        print_background=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=number,
        outline=True,
        tagged=True,
    )


def write(chapters: list[Chapter], out: Path, tab: Page, version: str) -> list[int]:
    """Write the PDF; return the numbers of the chapters' first pages, which the contents have.

    It is printed twice: the first time shows where the chapters begin.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    add_mathjax(out.parent)
    file = out.with_suffix(".html")
    numbers = [100] * len(chapters)
    for _ in range(2):
        show(tab, file, page(chapters, numbers, version))
        before, numbers = numbers, first_pages(print_page(tab, out), len(chapters))
    if numbers != before:
        raise RuntimeError(f"the contents say that chapters begin on the pages {before}; they do on {numbers}")
    return numbers


def main() -> None:
    """Write the PDF."""
    parser = argparse.ArgumentParser(prog="python notebooks/publishing/pdf.py", description="Print the course.")
    parser.add_argument("--out", type=Path, default=OUT, help="the file to write")
    parser.add_argument("--no-solutions", action="store_true", help="leave out the solutions of the exercises")
    given = parser.parse_args()
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    from playwright.sync_api import Error, sync_playwright

    sys.path.append(str(FOLDER.parent))
    from minigrad import __version__

    files = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
    chapters = [chapter(nbformat.read(file, as_version=4)) for file in files]
    if not given.no_solutions:
        solved = [FOLDER / "solutions" / file.name for file in files]
        chapters.append(solutions([nbformat.read(file, as_version=4) for file in solved]))
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=["--disable-gpu"])
        except Error:
            sys.exit(f"no browser to print with: install one of {', '.join(PROGRAMS)}, or: playwright install chromium")
        numbers = write(chapters, given.out, browser.new_page(), __version__)
        browser.close()
    print(f"{given.out}: {len(chapters)} chapters, the last from page {numbers[-1]} on")


if __name__ == "__main__":
    main()
