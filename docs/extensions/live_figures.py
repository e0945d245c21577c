"""Figures that answer without a kernel, from the scripts in docs/figures/.

`.. live-figure:: NAME` puts the figure of docs/figures/figures/NAME.js into a page. The scripts are joined into one,
which a page loads after D3 and only where it has a figure. No network is used, so the pages also work from a disk.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

FOLDER = Path(__file__).parents[1] / "figures"
LIBRARY = FOLDER / "library" / "d3.min.js"
STYLE = FOLDER / "figures.css"
SCRIPT = "figures.js"  # the name of the joined script
# What other files of the same folder use, in this order; the others of that folder follow.
FIRST = {
    "maths": ("vectors", "random", "problems", "iteration", "curveball", "trust"),
    "parts": ("format", "controls", "plane", "handle", "frame"),
    "figures": (),
}
PLAYGROUND = "docs/playground"
# Pages that name figures under their titles. The files of these pages are read elsewhere too, where there are none.
PAGES = {
    "notebooks/01_linear_maps": ("linear_map", "push"),
    "notebooks/02_transposed": ("linear_map", "pull"),
    "notebooks/03_curvature": ("two_curvatures",),
    "notebooks/04_newton_and_cg": ("conjugate_gradients", "damping"),
    "notebooks/05_curveball": ("two_by_two", "bowl", "rosenbrock", "trust_ratio"),
    "notebooks/06_convergence": ("roots", "rates", "conjugate_gradients", "noise_ball"),
    "notebooks/07_noise": ("noise_ball", "rosenbrock"),
    "notebooks/08_cnn": ("patches",),
    "tests/derivations/test_05_gauss_newton": ("two_curvatures",),
    "tests/derivations/test_07_two_by_two_system": ("two_by_two",),
    "tests/derivations/test_09_convergence_region": ("roots",),
    "tests/derivations/test_10_convergence_rate": ("rates",),
    "tests/derivations/test_11_trust_ratio": ("trust_ratio",),
    "tests/derivations/test_13_solving_the_linear_system": ("conjugate_gradients",),
    "tests/derivations/test_14_damping": ("damping",),
    "docs/damping": ("damping",),
}


def names() -> list[str]:
    """All figures, by the names of their files."""
    return sorted(path.stem for path in (FOLDER / "figures").glob("*.js"))


def maths() -> str:
    """The scripts that need no page: what the figures compute."""
    return "\n".join(path.read_text("utf-8") for path in [FOLDER / "figures.js", *_files("maths")])


def script() -> str:
    """All scripts as one."""
    return "\n".join([maths(), *(path.read_text("utf-8") for path in [*_files("parts"), *_files("figures")])])


def _files(folder: str) -> list[Path]:
    paths = {path.stem: path for path in sorted((FOLDER / folder).glob("*.js"))}
    return [paths.pop(name) for name in FIRST[folder]] + list(paths.values())


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
    """Name the figures of a page under its title."""
    page = app.env.docname
    found = PAGES.get(page.replace("/solutions/", "/"), ())
    if not found:
        return
    start = posixpath.relpath(PLAYGROUND, posixpath.dirname(page))
    line = nodes.paragraph("", "Figures to play with: " if len(found) > 1 else "A figure to play with: ")
    for name in found:
        line += [nodes.reference("", title(name), refuri=f"{start}.html#{anchor(name)}"), nodes.Text(", ")]
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
    app.connect("doctree-read", _point_to_figures)
    app.connect("html-page-context", _add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
