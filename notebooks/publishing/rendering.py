"""What slides and the printed course share: Markdown with formulas, figures, and MathJax beside a page."""

from __future__ import annotations

import base64
import html
import importlib
import re
import shutil
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

LINK = re.compile(
    r"\[((?:[^][]|\[[^][]*\])*)\]\((?!https?:)[^)]*\)"
)  # to another file: it leads nowhere from a page alone


def _formula(content: str, options: dict[str, bool]) -> str:
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return html.escape(f"{left}{content.strip()}{right}")


# Formulas between dollars are left to MathJax; HTML is shown as text.
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
MARKDOWN.use(dollarmath_plugin, double_inline=True, renderer=_formula)


def image(data: dict[str, Any]) -> str:
    """A figure of a notebook's output, inside the page."""
    kind = "image/svg+xml" if "image/svg+xml" in data else "image/png"
    content = data[kind] if isinstance(data[kind], str) else "".join(data[kind])
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    return f'<img src="data:{kind};base64,{content.strip()}" alt="figure">'


def add_mathjax(folder: Path) -> None:
    """Put MathJax, in one file with its fonts, beside the pages of a folder."""
    package = importlib.import_module("sphinx-mathjax-offline").__file__ or ""
    shutil.copy(Path(package).with_name("static") / "mathjax" / "tex-svg-full.js", folder)
