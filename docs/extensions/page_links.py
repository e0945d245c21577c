"""What a page made of a notebook or of a Python file offers: the file itself, and the pages before and after it."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from line_breaks import AFTER_A_SIGN
from source_pages import is_listing
from sphinx import addnodes
from sphinx.application import Sphinx

FILES = {".ipynb": "Download the notebook", ".py": "Download the file"}


def _offer_download(app: Sphinx, doctree: nodes.document) -> None:
    """Put a button below the title."""
    name = app.env.docname
    suffix = app.env.doc2path(name).suffix
    title = doctree.next_node(nodes.title)
    if suffix in FILES and title is not None:
        target = {"reftarget": f"/{name}{suffix}", "refdoc": name, "reftype": "download", "refdomain": ""}
        button = addnodes.download_reference("", "", nodes.inline("", FILES[suffix]), **target)
        title.parent.insert(title.parent.index(title) + 1, nodes.paragraph("", "", button, classes=["download"]))


def _neighbours(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Lead from a listing, which is in no table of contents, to the files before and after it."""
    if doctree and is_listing(app.env, name):
        names = sorted(other for other in app.env.found_docs if is_listing(app.env, other))
        k = names.index(name)
        for key, neighbour in (("prev", names[k - 1 : k]), ("next", names[k + 1 : k + 2])):
            for other in neighbour:
                title = AFTER_A_SIGN.sub("<wbr>", f"{other}.py")
                context[key] = {"title": title, "link": app.builder.get_relative_uri(name, other)}


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the hooks above."""
    app.connect("doctree-read", _offer_download, priority=400)  # before the files to download are collected, at 500
    app.connect("html-page-context", _neighbours)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
