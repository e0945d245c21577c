"""A function of two parameters from above: its contours, and the paths of solvers on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def landscape(
    ax: Axes,
    height: Callable[[np.ndarray], ArrayLike],
    w1: tuple[float, float],
    w2: tuple[float, float],
    levels: int | ArrayLike = 14,
    **settings: Any,
) -> None:
    """Draw contours of `height` in grey, over the ranges `w1` and `w2` of two parameters.

    `height` takes all points at once, an array `(200, 200, 2)`, and returns `(200, 200)`; the logarithm or the root
    of a loss shows its floor better. The settings are those of the axes: `title`, `aspect`.

    >>> import matplotlib.pyplot as plt
    >>> ax = plt.subplots()[1]
    >>> landscape(ax, lambda w: w[..., 0] ** 2 + w[..., 1] ** 2, (-1, 1), (-1, 1), title="a bowl")
    >>> ax.get_title()
    'a bowl'
    """
    grid = np.stack(np.meshgrid(np.linspace(*w1, 200), np.linspace(*w2, 200)), axis=-1)
    ax.contour(grid[..., 0], grid[..., 1], np.asarray(height(grid)), levels, cmap="Greys", alpha=0.6)
    ax.set(**{"xlabel": "$w_1$", "ylabel": "$w_2$"} | settings)


def draw_path(ax: Axes, points: ArrayLike, label: str = "", style: str = "o-") -> None:
    """Draw the points `(steps, 2)` of a run, joined."""
    ax.plot(*np.asarray(points).T, style, ms=4, label=label or None)
