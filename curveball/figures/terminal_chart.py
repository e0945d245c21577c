"""Curves drawn with characters: runs on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from curveball.figures.quantities import AXES, is_logarithmic, label, mean_curve
from curveball.figures.seeds import by_solver
from curveball.figures.solver_names import readable
from curveball.training.run import Run

COLOURS = ("blue", "red", "green", "magenta", "yellow", "cyan", "white")  # of the terminal, as its owner set them
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of a Braille character: 4 rows, 2 columns
BRAILLE = 0x2800
HEIGHT = 12  # lines of a chart
MARGIN = 9  # columns for the numbers at its left
NARROW = 40  # columns: below, charts stand below one another
Curve = tuple[np.ndarray, np.ndarray, str]  # x, y, colour


def print_panels(runs: Sequence[Run], shown: Sequence[tuple[str, str]], title: str, window: int | None = None) -> None:
    """Print a chart for each pair (y, x), and the names of the runs in their colours."""
    console = Console()
    console.print(panels(runs, shown, console.width, not console.options.ascii_only, title, window))


def panels(
    runs: Sequence[Run],
    shown: Sequence[tuple[str, str]],
    width: int,
    braille: bool = True,
    title: str = "",
    window: int | None = None,
    named: bool = True,
) -> RenderableType:
    """A chart for each pair (y, x), side by side where there is room, and, if `named`, the names of the runs."""
    beside = len(shown) if width // max(1, len(shown)) >= NARROW else 1
    grid = Table.grid(padding=(0, 1, 0, 0))
    charts: list[RenderableType] = []
    for y, x in shown:
        curves = [
            (*mean_curve(own, y, x, window), COLOURS[k % len(COLOURS)])
            for k, own in enumerate(by_solver(runs).values())
        ]
        charts.append(
            chart([c for c in curves if len(c[0])], label(y), AXES.get(x, x), width // beside - 1, braille, y)
        )
    for k in range(0, len(charts), beside):
        grid.add_row(*charts[k : k + beside])
    names = Text()
    for k, name in enumerate(by_solver(runs)):
        names.append(f"{'  ' * (k > 0)}── {readable(name)}", COLOURS[k % len(COLOURS)])
    return Group(*([Text(title, "bold")] if title else []), grid, *([names] if named else []))


def chart(curves: Sequence[Curve], heading: str, below: str, width: int, braille: bool = True, y: str = "loss") -> Text:
    """Curves as lines of characters: four rows and two columns of dots in each, or a star where it has any.

    >>> line = np.array([0.0, 1.0]), np.array([1.0, 2.0]), "blue"
    >>> print(chart([line], "height", "time", 24, braille=False).plain.splitlines()[1])
            2 ┤            *
    """
    columns = max(4, width - MARGIN - 2)
    text = Text(f"{'':{MARGIN}} {heading}\n", no_wrap=True)
    finite = [(x, v, colour) for x, v, colour in curves if np.isfinite(v).any()]
    if not finite:
        return text.append("\n" * (HEIGHT // 2) + f"{'':{MARGIN}}  nothing yet" + "\n" * (HEIGHT - HEIGHT // 2))
    values = np.concatenate([v[np.isfinite(v)] for _, v, _ in finite])
    logarithmic = is_logarithmic(y, values)
    low, high = float(values.min()), float(values.max())
    left, right = min(float(x[0]) for x, _, _ in finite), max(float(x[-1]) for x, _, _ in finite)
    cells, colours = np.zeros((HEIGHT, columns), int), np.full((HEIGHT, columns), -1)
    for k, (x, v, _) in enumerate(finite):
        _draw(cells, colours, k, (x - left) / ((right - left) or 1.0), _scaled(v, low, high, logarithmic))
    for row in range(HEIGHT):
        share = 1.0 - row / (HEIGHT - 1)
        number = np.exp(np.log(low) + share * np.log(high / low)) if logarithmic else low + share * (high - low)
        mark = row % 4 == 0 or row == HEIGHT - 1
        text.append(f"{number:{MARGIN}.3g} ┤" if mark else f"{'':{MARGIN}} │")
        for k, group in groupby(zip(colours[row], cells[row], strict=True), key=lambda each: int(each[0])):
            part = "".join(_character(int(cell), braille) for _, cell in group)
            text.append(part, finite[k][2] if k >= 0 else None)
        text.append("\n")
    ends = f"{left:.3g}", f"{right:.4g}"
    return text.append(f"{'':{MARGIN}}  {ends[0]}{below:^{max(1, columns - len(ends[0]) - len(ends[1]))}}{ends[1]}")


def _character(dots: int, braille: bool) -> str:
    return (chr(BRAILLE + dots) if braille else "*") if dots else " "


def _scaled(values: np.ndarray, low: float, high: float, logarithmic: bool) -> np.ndarray:
    """From 0, the lowest, to 1."""
    if logarithmic:
        values, low, high = np.log(values), float(np.log(low)), float(np.log(high))
    return (values - low) / ((high - low) or 1.0)


def _draw(cells: np.ndarray, colours: np.ndarray, k: int, x: np.ndarray, y: np.ndarray) -> None:
    """Put the dots of one curve, with places from 0 to 1, into the characters; the last one gives the colour."""
    rows, columns = 4 * cells.shape[0], 2 * cells.shape[1]
    at = np.linspace(0.0, 1.0, columns)
    heights = np.interp(at, x, y, left=np.nan, right=np.nan)
    nearest = np.round(x[[0, -1]] * (columns - 1)).astype(int)
    heights[nearest] = y[[0, -1]]  # also of a single point
    before = -1
    for column in np.flatnonzero(np.isfinite(heights)):
        row = rows - 1 - round(float(heights[column]) * (rows - 1))
        first, last = (row, row) if before < 0 else (min(row, before), max(row, before))
        for each in range(first if first == row else first + 1, last + 1 if last == row else last):
            cells[each // 4, column // 2] |= DOTS[each % 4, column % 2]
            colours[each // 4, column // 2] = k
        before = row
