"""Named curves in one plot: losses, errors and sizes against steps, products or step lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curves(
    lines: Mapping[str, ArrayLike],
    x: ArrayLike | None = None,
    *,
    ax: Axes | None = None,
    log: str = "y",
    style: str = "-",
    legend: bool = True,
    **settings: Any,
) -> Axes:
    """Plot curves by their names against `x`, or against 0, 1, 2, ...; return the axes.

    `log` says which axes are logarithmic: `"y"`, `"x"`, `"xy"` or `""`. `style` is Matplotlib's, `"o-"` say. The
    settings are those of the axes: `xlabel`, `ylabel`, `title`, `ylim`. Without `ax` a new figure is made, which is
    shown by `plt.show()`. A curve is as long as `x`, or any length without it. Raises ValueError for another `log`.

    >>> ax = curves({"x": [1.0, 2.0], "x^2": [1.0, 4.0]}, [1, 2], log="", xlabel="x")
    >>> [line.get_label() for line in ax.lines]
    ['x', 'x^2']
    """
    import matplotlib.pyplot as plt

    if log not in ("", "x", "y", "xy"):
        raise ValueError(f'log is {log!r}: "", "x", "y" or "xy" name the axes that are logarithmic')
    ax = plt.subplots()[1] if ax is None else ax
    for name, values in lines.items():
        y = np.asarray(values)
        ax.plot(np.arange(len(y)) if x is None else np.asarray(x), y, style, label=name)
    ax.set(**{f"{letter}scale": "log" for letter in log}, **settings)
    if legend:
        ax.legend()
    return ax
