"""Figures with sliders; without a running kernel the figures are still there."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any


def explore(draw: Callable[..., None], at: Sequence[dict[str, Any]], **ranges: tuple[float, float, float]) -> None:
    """Draw a figure for each of a few settings; where a kernel runs, add a slider per parameter below.

    `draw(ax, **setting)` draws into Matplotlib axes; `at` lists the settings shown, one axes each, side by side
    or, of four, in two rows; `ranges` gives each parameter's `(lowest, highest, step)` for its slider, which starts at
    the first setting.

    With `COURSE_STATIC` in the environment (how the pages are built) the sliders are left out.
    """
    import matplotlib.pyplot as plt

    columns = 2 if len(at) == 4 else len(at)
    rows = len(at) // columns
    _, axes = plt.subplots(rows, columns, figsize=(3.6 * columns, 3.4 * rows), squeeze=False, layout="constrained")
    for ax, setting in zip(axes.flat, at, strict=True):
        draw(ax, **setting)
    plt.show()
    if os.environ.get("COURSE_STATIC"):
        return
    import ipywidgets

    def redraw(**setting: Any) -> None:
        _, ax = plt.subplots(figsize=(5.4, 4.2), layout="constrained")
        draw(ax, **setting)
        plt.show()

    sliders = {
        name: ipywidgets.FloatSlider(at[0][name], min=low, max=high, step=step, continuous_update=False)
        for name, (low, high, step) in ranges.items()
    }
    ipywidgets.interact(redraw, **sliders, **{k: ipywidgets.fixed(v) for k, v in at[0].items() if k not in ranges})
