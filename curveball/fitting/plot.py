"""A fit as a picture: data with error bars, the curve in its confidence band, and the residuals below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from curveball.fitting.fit_result import FitResult

POINTS = 400  # of the curve


def draw(result: FitResult, ax: Axes | None, level: float) -> Axes:
    """Draw into `ax`, or a figure of its own; residuals get axes of their own below."""
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    x, y = np.asarray(result.x_data), result.y_data
    if isinstance(result.x_data, tuple | list | dict) or x.ndim != 1 or y.shape != x.shape:
        raise ValueError("plot draws y over one predictor x (m,): for others, plot result.predict(x) over y")
    if ax is None:
        from matplotlib import pyplot

        _, ax = pyplot.subplots(figsize=(6.0, 4.8))
    errors = None
    if result.sigma is not None:
        sigma = np.asarray(result.sigma, dtype=float)
        errors = np.broadcast_to(np.sqrt(np.diag(sigma)) if sigma.ndim == 2 else sigma, y.shape)
    fine = np.linspace(x.min(), x.max(), POINTS)
    dots = {"fmt": "o", "markersize": 4, "color": "tab:blue", "elinewidth": 1.0}
    ax.errorbar(x, y, errors, label="data", zorder=3, **dots)
    ax.plot(fine, result.predict(fine), color="tab:orange", label="fit", zorder=4)
    if not result.undetermined:
        low, high = result.confidence_band(fine, level)
        label = f"{100.0 * level:g}% confidence"
        ax.fill_between(fine, low, high, color="tab:orange", alpha=0.25, linewidth=0.0, label=label)
    ax.set_ylabel("y")
    ax.legend()
    below = make_axes_locatable(ax).append_axes("bottom", size="35%", pad=0.1, sharex=ax)
    below.axhline(0.0, color="tab:orange")
    below.errorbar(x, y - result.predict(x), errors, zorder=3, **dots)
    below.set_xlabel("x")
    below.set_ylabel("residual")
    ax.tick_params(labelbottom=False)
    return ax
