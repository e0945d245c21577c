"""The style of all figures, which is the course's, and how they become files: no window, no display needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from io import BytesIO
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib import rc_params_from_file, style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

STYLE = Path(__file__).parents[1] / "course" / "style.mplstyle"
# For readers with any colour vision: M. Okabe and K. Ito, "Color Universal Design", 2008.
_PARAMS = rc_params_from_file(STYLE, fail_on_error=True, use_default_template=False)
COLOURS = tuple(_PARAMS["axes.prop_cycle"].by_key()["color"])
STYLES = ("-", "--", "-.", ":", (0, (3, 1, 1, 1)), (0, (5, 1)), (0, (1, 1)))
MARKERS = "osD^vxP"
DPI = 2 * int(_PARAMS["figure.dpi"])  # of PNG files: sharp on screens with two pixels for each of CSS
P = ParamSpec("P")
R = TypeVar("R")


def styled() -> AbstractContextManager[None]:
    """The style, in a `with` statement; whatever was set before, as by a notebook, is back after it."""
    return style.context(["default", STYLE, {"svg.hashsalt": "curveball"}])


def in_style(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that draws: it draws in the style."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with styled():
            return draw(*args, **kwargs)

    return drawn


def new_figure(
    columns: int,
    rows: int = 1,
    width: float = 4.8,
    height: float = 3.6,
    heights: Sequence[float] | None = None,
    figure: Figure | None = None,
) -> tuple[Figure, np.ndarray]:
    """A figure of axes in rows and columns, with the width and the mean height of each in inches.

    Returns the figure, a new one unless it is given, and its axes, row by row. Call it in the style. `heights` are
    those of the rows, as ratios.
    """
    if figure is None:
        figure = Figure()
        FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    figure.set_size_inches(width * columns, height * rows)
    return figure, np.ravel(figure.subplots(rows, columns, height_ratios=heights))


def save(figure: Figure, path: Path) -> None:
    """Write a figure in the format of the path's suffix. The same figure gives the same bytes.

    A PNG has double resolution, and 256 colours, which make its file a third as large.
    """
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    suffix = path.suffix.lower()
    with styled():  # which also says how an SVG names its parts
        if suffix != ".png":
            figure.savefig(path, metadata=undated.get(suffix))
            return
        file = BytesIO()
        figure.savefig(file, format="png", dpi=DPI)
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True, dpi=(DPI, DPI))


def look(k: int) -> dict[str, Any]:
    """Colour and line style of the k-th solver. Dashed lines are drawn on top.

    Either alone tells the first seven apart; the next ones have their colours with other line styles.
    """
    rounds, colour = divmod(k, len(COLOURS))
    return {"zorder": 3.0 + 0.1 * k, "color": COLOURS[colour], "linestyle": STYLES[(k + rounds) % len(STYLES)]}
