"""A spectrum: what was found, and what follows from it without another product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from curveball.spectra.eigenpairs import Eigenpairs
from curveball.spectra.estimate import Estimate
from curveball.spectra.log_determinants import sum_of_logarithms
from curveball.spectra.spectral_density import Density, Function

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 10  # eigenvalues in the report


@dataclass(frozen=True)
class Spectrum:
    """The spectrum of a symmetric operator with `size` rows. `print(spectrum)` is a report to read.

    - `name` of the operator, `size`, and `products` that were spent;
    - `eigenpairs`: `values` in falling order, `errors` that bound them, `vectors`;
    - `density`: the nodes and weights of all probes, from which the methods below are made;
    - `exact`: whether all eigenvalues are known.

    Errors are standard errors over the probes, with what half of Lanczos' steps would change.
    """

    name: str
    size: int
    products: int
    eigenpairs: Eigenpairs
    density: Density

    @property
    def exact(self) -> bool:
        """Whether all eigenvalues are known."""
        return not self.density.others

    @property
    def trace(self) -> Estimate:
        """The sum of all eigenvalues."""
        return self.sum_of(lambda h: h)

    def log_determinant(self, damping: float = 0.0) -> Estimate:
        """`log det(A + damping I)`. ValueError where `A + damping I` is seen to be not positive definite."""
        return sum_of_logarithms(self.density, damping)

    def sum_of(self, f: Function) -> Estimate:
        """`tr f(A)`, the sum of `f(h)` over all eigenvalues; `f` takes an array.

        >>> from curveball import spectrum
        >>> found = spectrum(np.diag([1.0, 2.0, 4.0]))
        >>> found.sum_of(lambda h: h / (h + 1.0))  # how many directions the data determine, with damping 1
        Estimate(value=1.9666666666666668, error=0.0)
        """
        return self.density.sum_of(f)

    def count(self, low: float = -np.inf, high: float = np.inf) -> Estimate:
        """How many eigenvalues are in `[low, high)`.

        >>> from curveball import spectrum
        >>> spectrum(np.diag([1.0, 2.0, 4.0])).count(low=2.0).value
        2.0
        """
        return self.sum_of(lambda h: ((h >= low) & (h < high)).astype(float))

    def density_at(self, x: np.ndarray, width: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The share of eigenvalues per unit length at each `x`, and its error: two arrays like `x` (m,).

        Each eigenvalue is a Gaussian of standard deviation `width`; by default 1% of the spectrum's length. Where nodes
        of the quadrature are further apart than that, the density has waves between them, and the error is their size.
        """
        width = self.length / 100.0 if width is None else width
        if not width > 0.0:
            raise ValueError(f"width must be positive; got {width!r}")
        centres = np.asarray(x, dtype=float)

        def bumps(h: np.ndarray) -> np.ndarray:
            distance = (centres - h[:, None]) / width
            return np.exp(-0.5 * distance**2) / (np.sqrt(2.0 * np.pi) * width * self.size)

        return self.density.each_sum_of(bumps)

    @property
    def ends(self) -> tuple[float, float]:
        """The smallest and the largest eigenvalue that were seen."""
        seen = np.concatenate([self.density.known, *(p.nodes for p in self.density.probes)])
        return float(seen.min()), float(seen.max())

    @property
    def length(self) -> float:
        """The distance of the ends; 1 where they are equal."""
        low, high = self.ends
        return high - low or 1.0

    def plot(self, ax: Axes | None = None, width: float | None = None, label: str | None = None) -> Axes:
        """Draw the density on a logarithmic axis, its error as a band, and a mark for each eigenpair; return the axes.

        Two spectra can be drawn on the same `ax`, for which `label` is then their name.
        """
        from curveball.spectra.picture import draw

        return draw(self, ax, width, label)

    def __str__(self) -> str:
        values, errors, _ = self.eigenpairs
        low, high = self.ends
        least = 0.01 * max(abs(low), abs(high))
        lines = [
            f"{self.name}: {self.size} eigenvalues in [{low:.4g}, {high:.4g}], from {self.products} products",
            f"  trace {self.trace}",
            f"  above 1% of the largest: {self.count(least)}; below -1% of it: {self.count(high=-least)}",
        ]
        lines += [f"  {h:12.6g} ± {error:.1g}" for h, error in zip(values[:SHOWN], errors, strict=False)]
        if len(values) > SHOWN:
            lines.append(f"  and {len(values) - SHOWN} more eigenpairs")
        return "\n".join(lines)
