"""The map of the course: which notebook builds on which, read from what each says under "You need".

`.. course-map::` puts it into a page, as rows of links: all in a row build on rows above.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[2]
NUMBERS = re.compile(r"\d+(?: to \d+)?")
NEEDED = re.compile(r"\bnotebooks? (\d+(?:(?: to |, | and |, and )(?:notebooks? )?\d+)*)")


@dataclass(frozen=True)
class Notebook:
    """A notebook of the course."""

    number: int
    name: str
    title: str
    minutes: str
    needs: tuple[int, ...]


def notebooks(folder: Path = ROOT / "notebooks" / "sources") -> list[Notebook]:
    """The notebooks, in order, from their sources."""
    return [_read(path) for path in sorted(folder.glob("[0-9][0-9]_*.py"))]


def _read(path: Path) -> Notebook:
    text = re.sub(r"^# ?(> ?)?", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    title = re.search(r"^# (?:\d+\. )?(.+)$", text, re.MULTILINE)
    needs = re.search(r"\*\*You need\*\*(.*?)\n\n", text, re.DOTALL)
    minutes = re.search(r"\*\*Minutes\*\*:? (\d+)", text)
    if not title:
        raise ValueError(f"{path.name} has no title: a line '# # 1. What it is about'")
    number = int(path.name[:2])
    above = needed(needs[1], number) if needs else ()
    return Notebook(number, path.stem, title[1], minutes[1] if minutes else "", above)


def needed(text: str, number: int) -> tuple[int, ...]:
    """The numbers of the notebooks that a text under "You need" names, before a notebook's own.

    >>> needed(" [notebook 1](01_maps.ipynb), notebooks 3 to 5 (Newton) and 7; eigenvalues of 2 by 2 matrices", 8)
    (1, 3, 4, 5, 7)
    """
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(text.split()))  # links
    plain = re.sub(r" ?\([^)]*\)", "", plain)
    found: set[int] = set()
    for group in NEEDED.findall(plain):
        for item in NUMBERS.findall(group):
            first, _, last = item.partition(" to ")
            found |= set(range(int(first), int(last or first) + 1))
    return tuple(sorted(k for k in found if k < number))


def rows(course: list[Notebook]) -> list[list[Notebook]]:
    """The notebooks in rows: each as high as what it needs allows."""
    height: dict[int, int] = {}
    for notebook in course:
        height[notebook.number] = 1 + max((height[k] for k in notebook.needs if k in height), default=-1)
    return [[n for n in course if height[n.number] == k] for k in range(max(height.values()) + 1)]


def html(course: list[Notebook], folder: str = "../notebooks/") -> str:
    """The map as rows of links."""
    cards = ["".join(_card(notebook, folder) for notebook in row) for row in rows(course)]
    return f'<nav class="course-map" aria-label="Map of the course"><div>{"</div><div>".join(cards)}</div></nav>'


def _card(notebook: Notebook, folder: str) -> str:
    about = []
    if notebook.needs:
        about.append(f"after {', '.join(map(str, notebook.needs))}")
    if notebook.minutes:
        about.append(f"{notebook.minutes} minutes")
    return (
        f'<a href="{folder}{notebook.name}.html"><b>{notebook.number}</b> {escape(notebook.title)}'
        f"<small>{' · '.join(about)}</small></a>"
    )


class CourseMap(SphinxDirective):
    """`.. course-map::` shows the map, in a page of docs/."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        return [nodes.raw("", html(notebooks()), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("course-map", CourseMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
