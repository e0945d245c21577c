"""A fit as a picture: data with error bars, the curve in its confidence band, and the residuals below."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from minigrad.extras import from_extra

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.container import Container

POINTS = 400  # of the curve


def draw(
    ax: Axes | None,
    x: np.ndarray,
    y: np.ndarray,
    errors: np.ndarray | None,
    curve: Callable[[np.ndarray], np.ndarray],
    band: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] | None,
    label: str,
) -> Axes:
    """Draw into `ax`, or a figure of its own; residuals get axes of their own below. `label` is the band's."""
    with from_extra("figures"):
        from mpl_toolkits.axes_grid1 import make_axes_locatable

    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=(6.0, 4.8), layout="tight")  # which knows the axes below
    fine = np.linspace(x.min(), x.max(), POINTS)
    shown: list[Artist | Container] = [_dots(ax, x, y, errors)]
    shown += ax.plot(fine, curve(fine), color="C1", label="fit", zorder=4)
    if band is not None:
        low, high = band(fine)
        shown.append(ax.fill_between(fine, low, high, color="C1", alpha=0.25, linewidth=0.0, label=label))
    ax.set_ylabel("y")
    ax.legend(handles=shown)
    below = make_axes_locatable(ax).append_axes("bottom", size="35%", pad=0.1, sharex=ax)
    below.axhline(0.0, color="C1")
    _dots(below, x, y - curve(x), errors)
    below.set_xlabel("x")
    below.set_ylabel("residual")
    ax.tick_params(labelbottom=False)
    return ax


def _dots(ax: Axes, x: np.ndarray, y: np.ndarray, errors: np.ndarray | None) -> Container:
    return ax.errorbar(x, y, errors, fmt="o", markersize=4, color="C0", elinewidth=1.0, label="data", zorder=3)
