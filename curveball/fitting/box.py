"""Bounds on parameters: a box, and which parameters may move in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from curveball.fitting.parameters import Parameters
from minigrad import Tree


@runtime_checkable
class ScipyBounds(Protocol):
    """`scipy.optimize.Bounds`."""

    lb: Tree
    ub: Tree


Bounds = tuple[Tree, Tree] | dict[str, tuple[float, float]] | ScipyBounds | None


@dataclass(frozen=True)
class Box:
    """`lower <= p <= upper`, entry by entry.

    ValueError, with the name of the parameter, for bounds in the wrong order or a start that they exclude.

    >>> Box.of((0.0, np.inf), Parameters(np.array([1.0, 2.0]))).clip(np.array([-1.0, 3.0])).tolist()
    [0.0, 3.0]
    """

    lower: np.ndarray
    upper: np.ndarray
    exists: bool

    @classmethod
    def of(cls, bounds: Bounds, parameters: Parameters) -> Box:
        """Read `(lower, upper)`, each a number or like p0, SciPy's `Bounds`, or a dict of names to `(lower, upper)`."""
        if isinstance(bounds, ScipyBounds):
            bounds = (bounds.lb, bounds.ub)
        n = parameters.start.size
        lower, upper = np.full(n, -np.inf), np.full(n, np.inf)
        if isinstance(bounds, dict):
            for name, pair in bounds.items():
                here = [k for k, full in enumerate(parameters.names) if full == name or full.startswith(f"{name}[")]
                if not here:
                    raise ValueError(f"bounds: no parameter {name!r}; there are {', '.join(parameters.names)}")
                lower[here], upper[here] = _pair(pair, f"bounds of {name}")
        elif bounds is not None:
            low, high = _pair(bounds, "bounds")
            lower, upper = parameters.vector(low, "the lower bound"), parameters.vector(high, "the upper bound")
        for name, low, start, high in zip(parameters.names, lower, parameters.start, upper, strict=True):
            if not low < high:
                raise ValueError(f"bounds of {name}: {low:g} is not below {high:g}")
            if not low <= start <= high:
                raise ValueError(f"p0: {name} = {start:g} is outside its bounds, {low:g} to {high:g}")
        return cls(lower, upper, bool(np.isfinite(lower).any() or np.isfinite(upper).any()))

    def clip(self, p: np.ndarray) -> np.ndarray:
        """The nearest point in the box."""
        return np.clip(p, self.lower, self.upper) if self.exists else p

    def held(self, p: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Where a parameter is at a bound and the cost falls beyond it, -1 or 1 for the bound; 0 elsewhere."""
        if not self.exists:
            return np.zeros(p.size, dtype=int)
        return ((p >= self.upper) & (gradient < 0.0)).astype(int) - ((p <= self.lower) & (gradient > 0.0))


def _pair(bounds: object, what: str) -> tuple[Tree, Tree]:
    if not isinstance(bounds, tuple | list) or len(bounds) != 2:
        raise ValueError(f"{what} must be a pair (lower, upper); got {bounds!r:.80}")
    low, high = (np.inf * sign if x is None else x for x, sign in zip(bounds, (-1.0, 1.0), strict=True))
    return low, high
