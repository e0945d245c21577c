"""The JSON line of a benchmark in a table's page (command, versions, machine) becomes a line that opens."""

from __future__ import annotations

import html
import json
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx


def folded(line: str) -> str:
    """The line as HTML: what was run, and all the rest when it is opened.

    >>> folded('{"command": "floor.py", "date": "2026-11-21", "cores": 2}').split("<div")[0]
    '<details class="run-line"><summary>floor.py, 2026-11-21: versions and machine</summary>'
    """
    facts = json.loads(line)
    summary = ", ".join(facts[key] for key in ("command", "date") if key in facts)
    body = html.escape(json.dumps(facts, indent=2), quote=False)
    return (
        f'<details class="run-line"><summary>{html.escape(summary)}: versions and machine</summary>'
        f'<div class="highlight"><pre>{body}</pre></div></details>'
    )


def _fold(app: Sphinx, doctree: nodes.document) -> None:
    for paragraph in list(doctree.findall(nodes.paragraph)):
        if paragraph.astext().startswith('{"command"') and isinstance(paragraph[0], nodes.literal):
            paragraph.replace_self(nodes.raw("", folded(paragraph.astext()), format="html"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the hook above."""
    app.connect("doctree-read", _fold, priority=650)  # before lines may break
    return {"parallel_read_safe": True, "parallel_write_safe": True}
