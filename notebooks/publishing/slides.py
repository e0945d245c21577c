"""Slides from the notebooks: `python notebooks/publishing/slides.py [NAME ...]`; `make slides` writes build/slides/.

A slide is a section's first sentences, its formulas, short code, a figure, or an exercise as the learner finds it. What
is left out of a text is in the notes, and so are the answers to questions. A cell is left out if it has the type "skip"
of Jupyter's slide show, which JupyterLab can set. Each file has all it needs but MathJax, which lies beside it: no
network.
"""

from __future__ import annotations

import argparse
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from rendering import LINK, MARKDOWN, add_mathjax, image

FOLDER = Path(__file__).parents[1]
OUT = FOLDER.parent / "build" / "slides"
LINES = {"exercise": 15.0, "figure": 3.5}  # of text on a slide, else 11: exercises are read, others are heard
CAPTION = 2.5  # lines above or below a figure
LONGEST = 18  # lines of code on a slide
SHORT_CODE = 14  # lines
LEFT_OUT = ("Further reading", "Open problems")
HIDDEN = {"checkpoint", "hint", "predict", "answer", "hide-input", "remove-cell", "remove-input"}
ASIDE = re.compile(r"\s*\(\[[^][]*derivation[^][]*\]\([^)]*\)[^()]*(\[[^][]*\]\([^)]*\)[^()]*)*\)", re.IGNORECASE)
FOLD = re.compile(r"</?details[^>]*>|<summary>.*?</summary>")
ITEM = r"(?:[-*]|\d+\.) +"  # how an item of a list begins
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z$*`(])")


@dataclass
class Slide:
    """A heading, pieces of HTML, how many lines they take, and notes."""

    heading: str
    parts: list[str] = field(default_factory=list)
    lines: float = 0.0
    notes: list[str] = field(default_factory=list)
    kind: str = ""


def slides(notebook: nbformat.NotebookNode) -> list[Slide]:
    """The slides of a notebook.

    >>> cells = [nbformat.v4.new_markdown_cell("# 1. Maps\\n\\n> **You will build** a map."),
    ...          nbformat.v4.new_markdown_cell("## A map\\n\\nOne. Two. Three. A **term** here. Last\\n\\n$$x$$")]
    >>> first, second = slides(nbformat.v4.new_notebook(cells=cells))
    >>> first.kind, second.heading, second.parts[0]
    ('title', 'A map', '<p>One. Two. A <strong>term</strong> here. Last</p>\\n')
    """
    found: list[Slide] = []
    heading = section = ""
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.metadata.get("slideshow", {}).get("slide_type") == "skip" or tags & {"hint", "predict", "answer"}:
            if "answer" in tags and cell.cell_type == "markdown" and heading not in LEFT_OUT:
                found[-1].notes.append(MARKDOWN.render(LINK.sub(r"\1", ASIDE.sub("", cell.source))))
            continue
        if cell.cell_type == "markdown":
            folded = False
            for block, following in _blocks(cell.source):
                folded = folded or block.startswith("<details")
                if folded:  # what the page hides until it is asked for: an answer
                    found[-1].notes.append(MARKDOWN.render(FOLD.sub("", block)))
                    folded = "</details>" not in block
                elif block.startswith("# "):
                    found.append(Slide(block[2:], kind="title"))
                elif block.startswith("#"):
                    heading = block.lstrip("# ").replace("\n", " ")
                    section = section if block.startswith("### ") else heading
                    found.append(Slide(heading, kind="exercise" if heading.startswith("Exercise ") else ""))
                elif heading not in LEFT_OUT:
                    _add_text(found, block, following)
        elif cell.cell_type == "code" and heading and heading not in LEFT_OUT:
            _add_code(found, cell, tags)
            if "checkpoint" in tags and heading != section:  # behind an exercise its section goes on
                heading = section
                found.append(Slide(heading))
    return [slide for slide in found if slide.parts]


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The blocks of Markdown between blank lines, each with the one that follows; a formula is a block."""
    text = LINK.sub(r"\1", ASIDE.sub("", text))
    text = re.sub(r"^(#+ .*)$", r"\n\1\n", text, flags=re.MULTILINE)
    text = re.sub(r"\s*(\$\$.*?\$\$[.,;]?)\s*", r"\n\n\1\n\n", text, flags=re.DOTALL)
    blocks = [block.strip("\n").rstrip() for block in re.split(r"\n[ \t]*\n", text) if block.strip()]
    yield from zip(blocks, [*blocks[1:], ""], strict=True)


def _add_text(found: list[Slide], block: str, following: str) -> None:
    kept = block
    if block.startswith(">"):
        parts = re.split(r"\n> *\n", block)
        kept = "\n>\n".join(part for part in parts if re.search(r"\*\*(You will build|You need|Minutes)\*\*", part))
        lines = 3.0
    elif block.startswith("$$"):
        lines = 2.2
    elif block.startswith(("|", "    ", "```")):
        lines = 1.2 * len(block.splitlines())
    elif re.match(ITEM, block):
        items = [re.match(f"({ITEM})(.*)", item, re.DOTALL) for item in re.split(rf"\n(?={ITEM})", block)]
        kept = "\n".join(item[1] + _short(item[2], "", 1) for item in items if item)
        lines = sum(max(1.0, len(item) / 80) for item in kept.splitlines())
    elif found[-1].kind == "exercise":
        lines = len(block) / 80 + 0.5
    else:
        kept = _short(block, following, 2)
        lines = len(kept) / 80 + 0.5
    answers = len(following.splitlines()) if "**Predict.**" in block and re.match(ITEM, following) else 0
    slide = _room(found, lines + answers)  # a question and what may be answered are on one slide
    slide.parts.append(MARKDOWN.render(kept))
    slide.lines += lines
    if kept != block:
        slide.notes.append(MARKDOWN.render(block))


def _short(text: str, following: str, most: int) -> str:
    """The first sentences, those with a term in bold, and one that leads on to a formula.

    >>> _short("It is so. Why? Here is **it**. It ends with", "$$x$$", 1)
    'It is so. Here is **it**. It ends with'
    """
    sentences = SENTENCE.split(text)
    kept = [
        sentence
        for k, sentence in enumerate(sentences)
        if k < most or "**" in sentence or (k == len(sentences) - 1 and following.startswith("$$"))
    ]
    return " ".join(kept)


def _add_code(found: list[Slide], cell: nbformat.NotebookNode, tags: set[str]) -> None:
    """Short code with what it prints; figures on slides of their own."""
    lines = cell.source.splitlines()
    plain = not (HIDDEN & tags) and "plt." not in cell.source and "fig" not in cell.source and lines
    if plain and (len(lines) <= SHORT_CODE or "exercise" in tags):
        for piece in _pieces(cell.source.strip()):
            slide = _room(found, 0.8 * len(piece.splitlines()))
            slide.parts.append(f"<pre><code>{html.escape(piece)}</code></pre>")
            slide.lines += 0.8 * len(piece.splitlines())
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        printed = output.get("text", "") if output.output_type == "stream" else ""
        printed = "\n".join(line for line in printed.splitlines() if not line.startswith("checkpoint "))
        if "image/svg+xml" in data or "image/png" in data:
            _add_figure(found, f'<div class="picture">{image(data)}</div>')
        elif "text/markdown" in data:
            _add_text(found, "".join(data["text/markdown"]), "")
        elif printed and len(printed.splitlines()) <= SHORT_CODE and "hide-input" not in tags:
            slide = _room(found, 0.85 * len(printed.splitlines()))
            slide.parts.append(f'<pre class="printed">{html.escape(printed.rstrip())}</pre>')
            slide.lines += 0.85 * len(printed.splitlines())


def _pieces(code: str) -> list[str]:
    """Code in pieces that a slide can hold: cut between its functions, or between the paragraphs of one."""
    pieces = [""]
    for part in re.split(r"(?<=\n)\n+", code):
        if pieces[-1] and len((pieces[-1] + part).splitlines()) > LONGEST:
            pieces.append("")
        pieces[-1] += ("\n" if pieces[-1] else "") + part
    return [piece.rstrip() for piece in pieces]


def _add_figure(found: list[Slide], picture: str) -> None:
    """A figure, below the text before it where that is short."""
    last = found[-1]
    if last.kind == "" and last.lines <= CAPTION:
        last.kind, last.lines = "figure", last.lines + 1.0
        last.parts.append(picture)
    else:
        found.append(Slide(last.heading, [picture], 1.0, kind="figure"))


def _room(found: list[Slide], lines: float) -> Slide:
    """The last slide, or a further one with its heading where that is full."""
    last = found[-1]
    if last.parts and last.lines + lines > LINES.get(last.kind, 11.0):
        found.append(Slide(last.heading, kind="exercise" if last.kind == "exercise" else ""))
    return found[-1]


def page(title: str, shown: list[Slide]) -> str:
    """The slides as a page."""
    sections, before = [], ""
    for k, slide in enumerate(shown, start=1):
        level = "h1" if slide.kind == "title" else "h2"
        again = " <small>continued</small>" if slide.heading == before and slide.kind != "figure" else ""
        before = slide.heading
        notes = f"<aside>{''.join(slide.notes)}</aside>" if slide.notes else ""
        heading = MARKDOWN.renderInline(slide.heading)
        sections.append(
            f'<section class="{slide.kind}"><{level}>{heading}{again}</{level}>'
            f'<div class="body">{"".join(slide.parts)}</div>{notes}<footer>{k}</footer></section>'
        )
    template = Path(__file__).with_name("slides.html").read_text("utf-8")
    return template.replace("{{title}}", html.escape(title)).replace("{{slides}}", "\n".join(sections))


def build(notebook: Path, out: Path) -> int:
    """Write the slides of a notebook into a folder; return how many there are."""
    shown = slides(nbformat.read(notebook, as_version=4))
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{notebook.stem}.html").write_text(page(shown[0].heading, shown), "utf-8")
    return len(shown)


def main() -> None:
    """Make the slides of the notebooks named, or of all."""
    parser = argparse.ArgumentParser(
        prog="python notebooks/publishing/slides.py", description="Make slides from the notebooks."
    )
    parser.add_argument("names", nargs="*", help="as 05 or 05_curveball: all, if none is given")
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to")
    given = parser.parse_args()
    notebooks = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
    chosen = [file for file in notebooks if not given.names or file.stem.startswith(tuple(given.names))]
    if not chosen:
        parser.error(
            f"no notebook begins with {' or '.join(given.names)}: there are {', '.join(f.stem for f in notebooks)}"
        )
    for file in chosen:
        print(f"{file.stem}: {build(file, given.out)} slides", flush=True)
    add_mathjax(given.out)
    print(f"open {given.out / chosen[0].stem}.html; arrows turn the pages, n shows the notes, f fills the screen")


if __name__ == "__main__":
    main()
