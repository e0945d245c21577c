"""A small program as a picture: a box for each value, from left to right, and an arrow for each map."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_graph(
    ax: Axes,
    boxes: Sequence[str],
    arrows: Iterable[tuple[int, int, str, float]],
    *,
    color: str = "C1",
    heads: str = "->",
    edges: Sequence[str] = (),
    title: str = "",
    room: float = 34.0,
) -> None:
    """Draw boxes with texts at x = 0, 1, 2, ..., y = 0, and arrows `(from, to, text, bend)` with texts between them.

    An arrow with `bend` 0 is straight, a positive bend sags when it runs to the right. `heads` is Matplotlib's
    `"->"` or `"<->"`, `edges` are the colours of the boxes' edges (all C0 without it), `room` the points that an arrow
    keeps from the middle of a box.

    >>> import matplotlib.pyplot as plt
    >>> ax = plt.subplots()[1]
    >>> draw_graph(ax, ["x", "sin(x)"], [(0, 1, "cos(x)", 0.0)])
    >>> [text.get_text() for text in ax.texts]
    ['x', 'sin(x)', '', 'cos(x)']
    """
    for k, text in enumerate(boxes):
        box = {"boxstyle": "round", "fc": "white", "ec": edges[k] if edges else "C0"}
        ax.text(k, 0.0, text, ha="center", va="center", bbox=box)
    for start, end, text, bend in arrows:
        style = {"arrowstyle": heads, "color": color, "connectionstyle": f"arc3,rad={bend}"}
        ax.annotate("", (end, 0.0), (start, 0.0), arrowprops=style | {"shrinkA": room, "shrinkB": room})
        height = -bend * (end - start) / 2.0  # of an arc's middle, in units of the distance of two boxes
        side = -1.0 if height < 0.0 else 1.0  # the text stands outside the arc
        label = ax.text((start + end) / 2.0, height + 0.1 * side, text, ha="center", va="center", color=color)
        label.set(bbox={"fc": "white", "ec": "none", "pad": 1.0}, zorder=4.0)  # on paper: lines end before it
    ax.set(xlim=(-0.5, len(boxes) - 0.5), title=title)
    ax.axis("off")
