"""Nonlinear least squares with known answers: `f(x) = sum_i r_i(x)^2`, `r: R^n -> R^m`.

    problem = problems.closed_form.get("rosenbrock")
    x = problem.init(None)                  # the published start, (n,)
    r = problem.model(x)                    # the residuals, (m,)
    f = problem.loss(r)                     # their sum of squares; at problem.solution it is problem.minimum

A problem is one function of its data and of the n parameters, under the decorator `problem`. Every parameter has the
shape (*runs, 1) and every data array the shape (m,), so that the formula, written as in the paper, broadcasts over the
residuals and over runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

import minigrad as mg
from minigrad import Array
from problems.closed_form.asarray_like import asarray_like
from problems.closed_form.registry import register
from problems.protocol import Runs

# (*data, x1, ..., xn) -> one array, or a tuple of arrays to be joined on the last axis
Residuals = Callable[..., Array | tuple[Array, ...]]


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """Minimise `f(x) = sum_i r_i(x)^2`; deterministic, with its published start and minimum.

    >>> from problems.closed_form import get
    >>> problem = get("beale")
    >>> problem.start, problem.solution
    (array([1., 1.]), array([3. , 0.5]))
    >>> problem.init(None, runs=(4,)).shape, problem.model(problem.init(None, runs=(4,))).shape
    ((4, 2), (4, 3))
    >>> float(problem.loss(problem.model(problem.solution)))
    0.0
    """

    name: str
    source: str
    residuals: Residuals = field(repr=False)
    starts: tuple[np.ndarray, ...]  # each (n,); the first is the standard one
    minimum: float  # of f, to the digits published
    solution: np.ndarray | None = None  # (n,); None where it is not published
    stationary_values: tuple[float, ...] = ()  # published f where a solver may end instead, some at infinity
    data: tuple[np.ndarray, ...] = field(default=(), repr=False)  # each (m,)

    @property
    def start(self) -> np.ndarray:
        """The standard start, (n,)."""
        return self.starts[0]

    def init(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> np.ndarray:
        """The standard start once per run, (*runs, n); `rng` is not used."""
        return np.broadcast_to(self.start, (*runs, self.start.size)).copy()

    def batch(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> None:
        """None: there is no noise."""

    def model(self, params: Array, batch: None = None) -> Array:
        """The residuals r(x): (*runs, n) -> (*runs, m), in the dtype of params."""
        n = self.start.size
        if params.shape[-1:] != (n,):
            raise ValueError(f"params of {self.name!r} need the shape (*runs, {n}), not {params.shape}")
        columns = [params[..., i : i + 1] for i in range(n)]
        outputs = self.residuals(*(asarray_like(data, params) for data in self.data), *columns)
        return mg.concat(outputs, axis=-1) if isinstance(outputs, tuple) else outputs

    def loss(self, outputs: Array, batch: None = None) -> Array:
        """The sum of squares over the last axis: (*runs, m) -> runs."""
        return mg.sum(outputs * outputs, axis=-1)


def problem(
    name: str,
    source: str,
    starts: Sequence[Sequence[float]],
    minimum: float,
    solution: Sequence[float] | None = None,
    stationary_values: tuple[float, ...] = (),
    data: Sequence[np.ndarray] = (),
) -> Callable[[Residuals], Residuals]:
    """Decorator: a residual function becomes the closed-form problem `name`. The function itself is left as it is.

    The arguments are the fields of `LeastSquares`. ValueError if the name is taken.

    >>> from problems.closed_form import PROBLEMS
    >>> @problem("parabola", "an example", starts=[(1.0,)], minimum=0.0, solution=(2.0,))
    ... def parabola(x):
    ...     return x - 2.0
    >>> PROBLEMS.pop("parabola").model(np.array([5.0]))
    array([3.])
    """

    def add(residuals: Residuals) -> Residuals:
        made = LeastSquares(
            name, source, residuals, tuple(_frozen(start) for start in starts), minimum,
            None if solution is None else _frozen(solution), stationary_values, tuple(_frozen(array) for array in data),
        )  # fmt: skip
        register(name, made)
        return residuals

    return add


def _frozen(values: Sequence[float] | np.ndarray) -> np.ndarray:
    array = np.array(values, dtype=float)
    array.setflags(write=False)
    return array
