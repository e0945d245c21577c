"""Figures of Matplotlib as SVG in a page: sharp at any size, and their lines take the page's colour in dark mode."""

from __future__ import annotations

import io
import re

from matplotlib import style
from matplotlib.figure import Figure

GREY = "#7b7b7b"  # what is drawn in it gets the colour of the text, in light and dark mode


def to_svg(figure: Figure, description: str, kind: str, width: str) -> str:
    """The figure as an SVG element of class `kind`, at most `width` wide; `description` is read aloud."""
    file = io.StringIO()
    with style.context(["default", {"svg.hashsalt": kind, "svg.fonttype": "path"}]):  # not that of a notebook before
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    picture = file.getvalue()
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture[picture.index("<svg") :], flags=re.DOTALL)
    picture = re.sub(r"<!--.*?-->", "", picture, flags=re.DOTALL).replace(GREY, "currentColor")
    picture = picture.replace("*{", f".{kind} *{{")  # its style is for itself, not for the page
    picture = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{kind}-", picture)  # ids are unique in a page
    head = f'<svg class="{kind}" role="img" aria-label="{description}" style="max-width: {width}; width: 100%"'
    return re.sub(r'<svg([^>]*?) width="[^"]*" height="[^"]*"', r"<svg\1", picture, count=1).replace("<svg", head, 1)
