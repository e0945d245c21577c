"""How Sphinx makes the site. Its sources are all of the checkout, so that links between files hold in the pages too:

python -m sphinx -c docs . build/site
"""

import importlib
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]

from source_pages import link_to_line  # noqa: E402  (its folder is put on the path above)

project = "CurveBall"
author = "The CurveBall developers"
project_copyright = author
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.linkcode",
    "sphinx.ext.mathjax",
    "api_pages",
    "map_picture",
    "course_map",
    "cover_picture",
    "live_figures",
    "run_lines",
    "line_breaks",
    "page_links",
    "source_pages",
]

root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "docs/**.rst",
    "notebooks/[0-9]*.ipynb",
    "notebooks/solutions/[0-9]*.ipynb",
    "notebooks/teaching/*.md",
    "notebooks/build.py",
    "tests/derivations/**",
    "tests/support/cases.py",
    "tests/support/small_network.py",
    "minigrad/**.py",
    "problems/**.py",
    "curveball/**.py",
    "benchmarks/**.py",
    "benchmarks/**.md",
    "studies/**.py",
    "studies/**.md",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = ["**/.*", "**/__pycache__", "build", "runs", "docs/*.py", "docs/extensions"]
exclude_patterns += ["tests/derivations/__init__.py"]  # an empty file

# Markdown, with GitHub's anchors of headings, and the notebooks as they were executed.
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, Any] = {}  # would be loaded from the network
nb_merge_streams = True
nb_code_prompt_show = "Show the {type}"
nb_code_prompt_hide = "Hide the {type}"
nb_render_markdown_format = "myst"  # tables in outputs

autodoc_typehints = "none"
autodoc_member_order = "bysource"
linkcode_resolve = link_to_line

html_theme = "furo"
html_title = "CurveBall, from one derivative up"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_extra_path = ["root"]
html_copy_source = False
html_use_index = False
html_show_sphinx = False
html_show_copyright = False
html_show_search_summary = False  # fetches the pages found, which a browser refuses for files

# MathJax in one file that needs no fonts and no network; the package only carries it.
mathjax_folder = Path(importlib.import_module("sphinx-mathjax-offline").__file__ or "").with_name("static") / "mathjax"
html_static_path.append(str(mathjax_folder / "tex-svg-full.js"))
mathjax_path = "tex-svg-full.js"
mathjax3_config = {
    "options": {"enableMenu": False},
    "svg": {"scale": 0.92, "displayAlign": "left", "displayIndent": "1.5em"},
}

BASE_DPI = 110  # the course's figures, in its style

# What pages need that their files must not have, as they are read elsewhere too: a table of contents, a title, and
# a page where a link is to a folder.
CONTENTS = {
    "tests/derivations/README": "test_[0-9]*",
    "benchmarks/README": "results/*",
    "studies/README": "results/*",
}
FOLDERS = {
    "benchmarks": "benchmarks/README.md",
    "studies": "studies/README.md",
    "notebooks": "docs/index.md",
    "notebooks/solutions": "docs/solutions.md",
    "notebooks/teaching": "docs/teaching.md",
    "tests/derivations": "tests/derivations/README.md",
}


def _complete(app: Any, name: str, source: list[str]) -> None:
    if name in CONTENTS:
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n:glob:\n\n{CONTENTS[name]}\n```\n"
    if name.startswith(("benchmarks/results/", "studies/results/")) and not source[0].startswith("# "):
        title = re.sub(r"(\d+)$", r" \1", name.rpartition("/")[2].replace("_", " ").capitalize())
        source[0] = f"# {title}\n\n{source[0]}"
    here = posixpath.dirname(name)
    source[0] = re.sub(r"(?<=\]\()[\w./-]+/(?=\))", lambda link: _page_of(link[0], here), source[0])


def _page_of(folder: str, here: str) -> str:
    page = FOLDERS.get(posixpath.normpath(posixpath.join(here, folder)))
    return posixpath.relpath(page, here or ".") if page else folder


def _mark_solutions(app: Any, doctree: Any) -> None:
    if app.env.docname.startswith("notebooks/solutions/"):
        title = doctree.next_node(nodes.title)
        title += nodes.Text(" (solved)")


def _describe_figures(app: Any, doctree: Any) -> None:
    """Mark figures of several panels, which phones show at a readable size; give those of notebooks a description."""
    for image in doctree.findall(nodes.image):
        file = HERE.parent / image["uri"]
        if file.suffix != ".png" or not file.is_file():  # of a file that is not there Sphinx warns
            continue
        with Image.open(file) as picture:
            width, height = picture.size
            density = picture.info.get("dpi", (BASE_DPI,))[0]
            white = picture.convert("RGBA").getpixel((0, 0)) == (255, 255, 255, 255)
        if density > 1.5 * BASE_DPI:  # drawn at double resolution, shown at its size
            image.setdefault("width", f"{width * BASE_DPI / density:.0f}px")
            image["classes"].append("no-scaled-link")
        if white and not app.env.docname.startswith("notebooks/"):
            image["classes"].append("curves")
        if 1.8 < width / height < 5.0:
            image["classes"].append("wide")
        elif width / height <= 1.8 and width * BASE_DPI / density > 750:
            image["classes"] += ["wide"]
        if "wide" in image["classes"] and (tall := height * BASE_DPI / density) > 600:
            image["classes"].append("many-rows" if tall > 1200 else "rows")
        section = image
        while not isinstance(section, nodes.section):
            section = section.parent
        image.setdefault("alt", f"Figure: {section.next_node(nodes.title).astext()}")


def _hold_punctuation(app: Any, doctree: Any) -> None:
    """Let no line begin with the full stop after a formula, nor end with the parenthesis before one.

    Formulas that may be wider than a phone are marked instead: there they scroll.
    """
    for formula in list(doctree.findall(nodes.math)):
        signs = re.sub(r"\\(tfrac|mathrm|operatorname|text|displaystyle)|[{}_^\s]", "", formula.astext())
        if len(re.sub(r"\\[A-Za-z]+", "x", signs)) > 20:
            _end_within(formula)
            continue
        parent = formula.parent
        k = parent.index(formula)
        before, after = "", ""
        if k + 1 < len(parent) and isinstance(parent[k + 1], nodes.Text):
            text = parent[k + 1].astext()
            rest = re.sub(r"^[^\w\s]+", "", text)
            after, parent[k + 1] = text.removesuffix(rest), nodes.Text(rest)
        if k and isinstance(parent[k - 1], nodes.Text):
            text = parent[k - 1].astext()
            rest = re.sub(r"[(\[]+$", "", text)
            before, parent[k - 1] = text.removeprefix(rest), nodes.Text(rest)
        if before or after:
            parent[k] = nodes.inline("", "", nodes.Text(before), formula, nodes.Text(after), classes=["together"])


def _end_within(formula: nodes.math) -> None:
    """Mark a long formula; the sign after it becomes its last."""
    formula["classes"].append("long")
    parent, k = formula.parent, formula.parent.index(formula)
    if k + 1 < len(parent) and isinstance(parent[k + 1], nodes.Text) and parent[k + 1].startswith((".", ",", ";", ":")):
        text = parent[k + 1].astext()
        tex = f"{formula.astext()}{{{text[0]}}}"
        parent[k : k + 2] = [nodes.math(tex, tex, classes=["long"]), nodes.Text(text[1:])]


def setup(app: Any) -> None:
    """Connect the hooks above."""
    app.connect("source-read", _complete)
    app.connect("doctree-read", _mark_solutions, priority=400)  # before the titles are collected, at 500
    app.connect("doctree-read", _describe_figures, priority=600)  # after the images are
    app.connect("doctree-read", _hold_punctuation, priority=600)  # after titles, which are read elsewhere too
