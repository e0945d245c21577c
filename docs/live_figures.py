"""Figures that answer without a kernel, from the scripts in docs/figures/.

`.. live-figure:: NAME` puts the figure of docs/figures/figures/NAME.js into a page. The scripts are joined into one, which
a page loads after D3 and only where it has a figure. No network is used, so the pages also work from a disk.
"""

from __future__ import annotations

import posixpath
import re
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
MATHS = "vectors random iteration problems curveball directions noise tape linear_maps patches trust".split()
PARTS = "format controls plane handle frame tape_view".split()
PLAYGROUND = "docs/playground"
# The figures of a notebook, which its page names under its title. (Its file is read in JupyterLab too, where they are not.)
NOTEBOOKS = {
    "01_linear_maps": ("linear_map", "push"),
    "02_transposed": ("linear_map", "pull"),
    "04_newton_and_cg": ("conjugate_gradients", "damping"),
    "05_curveball": ("two_by_two", "bowl", "rosenbrock", "trust_ratio"),
    "06_convergence": ("roots", "rates", "conjugate_gradients", "noise_ball"),
    "07_noise": ("noise_ball", "rosenbrock"),
    "08_cnn": ("patches",),
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


def title(name: str) -> str:
    """What the figure says over itself."""
    return re.search(r'^    title: "(.*)",$', (FOLDER / "figures" / f"{name}.js").read_text("utf-8"), re.M)[1]  # type: ignore[index]


def element(name: str) -> str:
    """The place of a figure in a page; without scripts it says so."""
    words = "This figure needs JavaScript, which is turned off here."
    place = f'<div class="live-figure" data-figure="{name}" id="{anchor(name)}">'
    return f"{place}<noscript><p>{words}</p></noscript></div>"


def anchor(name: str) -> str:
    """The place of a figure in the playground."""
    return f"figure-{name.replace('_', '-')}"


class LiveFigure(SphinxDirective):
    """`.. live-figure:: NAME` shows that figure."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in names():
            raise self.error(f"no figure {name!r} in docs/figures/figures/; there are {', '.join(names())}")
        return [nodes.raw("", element(name), format="html")]


def _point_to_figures(app: Sphinx, doctree: nodes.document) -> None:
    """Name the figures of a notebook under its title."""
    page = app.env.docname
    line = nodes.paragraph("", "Figures to play with: ", classes=["live-links"])
    for name in NOTEBOOKS.get(posixpath.basename(page), ()):
        target = f"{posixpath.relpath(PLAYGROUND, posixpath.dirname(page))}.html#{anchor(name)}"
        line += [nodes.reference("", title(name), refuri=target), nodes.Text(", ")]
    if len(line) > 1 and page.startswith("notebooks/"):
        line[-1] = nodes.Text(".")
        doctree.next_node(nodes.section).insert(1, line)


def _add_scripts(app: Sphinx, page: str, template: str, context: Any, doctree: nodes.document | None) -> None:
    if 'class="live-figure"' in context.get("body", ""):
        app.add_js_file(LIBRARY.name, defer="defer")
        app.add_js_file(SCRIPT, defer="defer")
        app.add_css_file(STYLE.name)


def _give_files(app: Sphinx) -> None:
    """Write the joined script, and let Sphinx copy the others."""
    if app.builder.format == "html":
        app.config.html_static_path += [str(path) for path in (LIBRARY, LIBRARY.with_name("d3.LICENSE"), STYLE)]
        folder = Path(app.outdir) / "_static"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SCRIPT).write_text(script(), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("live-figure", LiveFigure)
    app.connect("builder-inited", _give_files)
    app.connect("doctree-read", _point_to_figures, priority=600)  # after the titles are collected, at 500
    app.connect("html-page-context", _add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
