"""The figures of `curveball pays`: the loss, or the error, against seconds, a panel for each problem."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from curveball.experiments.pays_problems import NAMES
from curveball.experiments.pays_run import FLOOR, Cell
from curveball.figures.scales import log_axis
from curveball.figures.style import in_style, look, new_figure, save
from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.lines import Line2D

COLUMNS = 4


@in_style
def draw(cells: Sequence[Cell], key: str, label: str, path: Path) -> None:
    """Small multiples, both axes logarithmic: a line for each solver and seed; a cross where it diverged.

    Many lines end at one point, the floor, so that there is a legend in place of names at their ends.
    """
    names = list(dict.fromkeys(cell.task.problem for cell in cells))
    columns = min(COLUMNS, len(names))
    rows = -(-len(names) // columns)
    figure, axes = new_figure(columns, rows, width=3.3, height=2.8)
    order = list(NAMES)
    lines: dict[str, Line2D] = {}
    for ax, name in zip(axes, names, strict=False):
        for cell in (cell for cell in cells if cell.task.problem == name):
            points = cell.points[1:] if len(cell.points) > 1 else cell.points
            x = [max(point.seconds, 1e-4 * cell.task.seconds) for point in points]
            y = [max(FLOOR, getattr(point, key)) for point in points]
            style = look(order.index(cell.task.row))
            if cell.stopped:
                ax.plot(x[-1:], y[-1:], marker="x", color=style["color"], linestyle="none")
            elif x[-1] < cell.task.seconds:  # it stands still
                x, y = [*x, cell.task.seconds], [*y, y[-1]]
            (line,) = ax.plot(x, y, linewidth=1.5, **style)
            lines.setdefault(cell.task.row, line)
        ax.set_xscale("log")
        log_axis(ax)
        ax.set_title(name, fontsize=10)
        ax.tick_params(labelsize=8, which="both")
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    for ax in axes[max(0, len(names) - columns) : len(names)]:
        ax.set_xlabel("seconds of the processor", fontsize=9)
    figure.supylabel(label, fontsize=10)
    shown = [row for row in order if row in lines]
    handles, labels = [lines[row] for row in shown], [NAMES[row] for row in shown]
    figure.legend(handles=handles, labels=labels, loc="outside lower center", ncols=4, fontsize=9)
    save(figure, path)
