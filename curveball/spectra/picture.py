"""A spectrum, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from minigrad.extras import from_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from curveball.spectra.eigenpairs import Eigenpairs

POINTS = 2000
MARKS = "eigenpairs"
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
        with from_extra("figures"):
            from matplotlib import pyplot

        ax = pyplot.subplots(layout="constrained")[1]
    width = spectrum.length / 100.0 if width is None else width
    low, high = spectrum.ends
    x = np.linspace(low - 5.0 * width, high + 5.0 * width, POINTS)
    density, error = spectrum.density_at(x, width)
    least = LEAST / (np.sqrt(2.0 * np.pi) * width * spectrum.size)  # a share of the bump of one eigenvalue
    seen = density > least
    (line,) = ax.plot(x, np.where(seen, density, np.nan), linewidth=1.6, label=label)
    band = np.maximum(density - error, least), density + error
    ax.fill_between(x, *band, where=seen, color=line.get_color(), alpha=0.25, linewidth=0.0)
    values = spectrum.eigenpairs.values
    others = sum(mark.get_gid() == MARKS for mark in ax.lines)
    height = np.full(len(values), 0.03 + 0.05 * others)
    ax.plot(values, height, "|", color=line.get_color(), markersize=8, transform=ax.get_xaxis_transform(), gid=MARKS)
    ax.set(yscale="log", xlabel="eigenvalue", ylabel="share of eigenvalues per unit")
    ax.set_ylim(bottom=min(least, ax.get_ylim()[0]) if others else least)
    ax.grid(alpha=0.25)
    return ax
