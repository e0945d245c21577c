"""Which axis suits the numbers that are drawn."""

from __future__ import annotations

import numpy as np

from curveball.figures.quantities import WIDE, is_logarithmic, is_share
from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.axes import Axes
    from matplotlib.ticker import FixedLocator, NullLocator


def suit_axis(ax: Axes, y: str) -> None:
    """The scale of the axis of `y`: a loss on a logarithmic one, others where they differ much."""
    if is_share(y):
        error_axis(ax)
        return
    if is_logarithmic(y, _values(ax)):
        ax.set_yscale("log")


def error_axis(ax: Axes) -> None:
    """Logarithmic where errors differ by more than WIDE, with plain numbers at the ticks, and with room for 0."""
    values = _values(ax)
    positive = values[values > 0.0]
    if not positive.size or positive.max() < WIDE * positive.min():
        return
    least, most = positive.min(), positive.max()
    if values.min() > 0.0:
        ax.set_yscale("log")
    else:
        ax.set_yscale("symlog", linthresh=least, linscale=0.4)
        ax.set_ylim(bottom=0.0)
    rounds = [digit * 10.0**power for power in range(-4, 3) for digit in (1, 2, 5)]
    ticks = [tick for tick in rounds if least <= tick <= most]
    ax.yaxis.set_major_locator(FixedLocator(ticks if values.min() > 0.0 else [0.0, *ticks]))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(NullLocator())


def _values(ax: Axes) -> np.ndarray:
    drawn = [np.asarray(line.get_ydata(), float) for line in ax.lines]
    values = np.concatenate(drawn) if drawn else np.zeros(0)
    return values[np.isfinite(values)]
