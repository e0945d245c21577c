"""A spectrum, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from curveball.spectra.eigenpairs import Eigenpairs

POINTS = 1000
LEAST = 0.3  # of one eigenvalue: where the density axis begins


class Drawable(Protocol):
    """What is drawn: a Spectrum."""

    @property
    def size(self) -> int: ...
    @property
    def length(self) -> float: ...
    @property
    def ends(self) -> tuple[float, float]: ...
    @property
    def eigenpairs(self) -> Eigenpairs: ...

    def density_at(self, x: np.ndarray, width: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The density and its error."""


def draw(spectrum: Drawable, ax: Axes | None = None, width: float | None = None, label: str | None = None) -> Axes:
    """Draw the density of the eigenvalues, its error as a band, and a mark for each eigenpair."""
    if ax is None:
        from matplotlib import pyplot

        ax = pyplot.subplots(layout="constrained")[1]
    width = spectrum.length / 100.0 if width is None else width
    low, high = spectrum.ends
    x = np.linspace(low - 5.0 * width, high + 5.0 * width, POINTS)
    density, error = spectrum.density_at(x, width)
    least = LEAST / (np.sqrt(2.0 * np.pi) * width * spectrum.size)  # a share of the bump of one eigenvalue
    (line,) = ax.plot(x, np.maximum(density, least), linewidth=1.6, label=label)
    colour = line.get_color()
    band = np.maximum(density - error, least), np.maximum(density + error, least)
    ax.fill_between(x, *band, color=colour, alpha=0.25, linewidth=0.0)
    values = spectrum.eigenpairs.values
    ax.plot(values, np.full(len(values), 1.6 * least), "|", color=colour, markersize=9)
    bottom = least if not ax.lines[:-2] else min(least, ax.get_ylim()[0])
    ax.set(yscale="log", xlabel="eigenvalue", ylabel="share of eigenvalues per unit")
    ax.set_ylim(bottom=bottom)
    ax.grid(alpha=0.25)
    return ax
