"""Figures that answer without a kernel, from the scripts in docs/figures/.

`.. live-figure:: NAME` puts the figure of docs/figures/figures/NAME.js into a page. The scripts are joined into one, which
a page loads after D3 and only where it has a figure. No network is used, so the pages also work from a disk.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).parent / "figures"
LIBRARY = FOLDER / "library" / "d3.min.js"
STYLE = FOLDER / "figures.css"
SCRIPT = "figures.js"  # the name of the joined script
# Each file after those whose names it uses.
MATHS = (
    "vectors random iteration problems curveball directions noise tape linear_maps patches trust".split()
)
PARTS = "format controls plane handle frame tape_view".split()
# What the figures of a notebook are, for the line at its start.
NOTEBOOKS = {
    "notebooks/06_convergence": ("roots",),
    "notebooks/05_curveball": ("bowl", "two_by_two"),
}


def names() -> list[str]:
    """All figures, by the names of their files."""
    return sorted(path.stem for path in (FOLDER / "figures").glob("*.js"))


def maths() -> str:
    """The scripts that need no page: what the figures compute."""
    return "\n".join(path.read_text("utf-8") for path in _maths())


def script() -> str:
    """All scripts as one."""
    parts = [FOLDER / "parts" / f"{name}.js" for name in PARTS]
    drawn = [FOLDER / "figures" / f"{name}.js" for name in names()]
    return maths() + "\n" + "\n".join(path.read_text("utf-8") for path in [*parts, *drawn])


def _maths() -> list[Path]:
    return [FOLDER / "parts" / "figures.js", *(FOLDER / "maths" / f"{name}.js" for name in MATHS)]


def element(name: str) -> str:
    """The place of a figure in a page; without scripts it says so."""
    words = "This figure needs JavaScript, which is turned off here."
    place = f'<div class="live-figure" data-figure="{name}" id="figure-{name.replace("_", "-")}">'
    return f"{place}<noscript><p>{words}</p></noscript></div>"


class LiveFigure(SphinxDirective):
    """`.. live-figure:: NAME` shows that figure."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in names():
            raise self.error(f"no figure {name!r} in docs/figures/figures/; there are {', '.join(names())}")
        return [nodes.raw("", element(name), format="html")]


def _point_to_figures(app: Sphinx, name: str, source: list[str]) -> None:
    pass


def _add_scripts(app: Sphinx, page: str, template: str, context: Any, doctree: nodes.document | None) -> None:
    if "live-figure" in context.get("body", ""):
        app.add_js_file(LIBRARY.name, defer="defer")
        app.add_js_file(SCRIPT, defer="defer")
        app.add_css_file(STYLE.name)


def _write_files(app: Sphinx, error: Exception | None) -> None:
    folder = Path(app.outdir) / "_static"
    if error is None and app.builder.format == "html":
        (folder / SCRIPT).write_text(script(), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("live-figure", LiveFigure)
    app.connect("html-page-context", _add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
