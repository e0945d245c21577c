"""Which axis suits the numbers that are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from curveball.figures.quantities import WIDE, is_logarithmic, is_share
from minigrad.extras import from_extra

with from_extra("figures"):
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.ticker import FixedLocator, NullLocator


NARROW = 100.0  # ratio of numbers below which powers of ten are too few for ticks


def suit_axis(ax: Axes, y: str) -> None:
    """The scale of the axis of `y`: a loss on a logarithmic one, others where they differ much."""
    if is_share(y):
        error_axis(ax)
        return
    if is_logarithmic(y, _values(ax)):
        log_axis(ax)


def log_axis(ax: Axes) -> None:
    """Logarithmic, with plain numbers at the ticks where there are no two powers of ten to have them."""
    ax.set_yscale("log")
    values = _values(ax)
    positive = values[values > 0.0]
    if not positive.size or positive.max() >= NARROW * positive.min():
        return
    if len(ticks := few_ticks(positive.min(), positive.max())) > 1:
        plain_ticks(ax.yaxis, ticks)


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
    ticks = round_numbers((1, 2, 5), least, most)
    plain_ticks(ax.yaxis, ticks if values.min() > 0.0 else [0.0, *ticks])


def few_ticks(least: float, most: float) -> list[float]:
    """Numbers of one digit in a range: 1, 2, 5 and their tenfolds, or all, if those are fewer than two."""
    ticks = round_numbers((1, 2, 5), least, most)
    return ticks if len(ticks) > 1 else round_numbers(range(1, 10), least, most)


def round_numbers(digits: Iterable[int], least: float, most: float) -> list[float]:
    """Numbers of one digit, one of these, in a range."""
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    found = [float(f"{digit}e{power}") for power in range(low, high + 1) for digit in digits]
    return [tick for tick in found if least <= tick <= most]


def plain_ticks(axis: Axis, ticks: Sequence[float]) -> None:
    """These numbers at the axis, and no others."""
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def _values(ax: Axes) -> np.ndarray:
    drawn = [np.asarray(line.get_ydata(), float) for line in ax.lines]
    values = np.concatenate(drawn) if drawn else np.zeros(0)
    return values[np.isfinite(values)]
