r"""What the physics-informed problems share: an equation asked for at points, by a network put in for its solution.

A network `N(x)` is put in for the solution of a differential equation, as `u(x) = A(x) + B(x) N(x)` with known `A` and
`B`: `A` has the initial and boundary values, and `B` is zero where they are given. So every network satisfies them
exactly. (The other way is a residual for each, with a weight that must be chosen for each problem; and where a solver
leaves such a residual unequal to zero, it solves another problem.) What remains is the equation. The outputs are its
residuals at N points, and the loss is half their mean square:

    y_i = residual of u at x_i,        L(y) = 1/2N sum_i y_i^2

`L` is quadratic in the outputs, so `G = J^T J / N`, and at the solution, where all residuals vanish, `G` is the
Hessian. The points are those of Gauss's quadrature, a product of them in two dimensions: they lie closer together near
the boundary, where equally spaced ones would leave the network free to go wrong.

Row i of the Jacobian depends on point i alone. With a copy of the parameters for each point, as if they were N
independent runs, one pull of ones gives all rows at once: `jacobian`.

Lagaris, Likas and Fotiadis, IEEE Transactions on Neural Networks 9(5), 1998 (`A + B N`); Raissi, Perdikaris and
Karniadakis, Journal of Computational Physics 378, 2019; Müller and Zeinhofer, "Achieving High Accuracy with PINNs via
Energy Natural Gradient Descent" (ICML 2023), for Gauss-Newton.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

import minigrad as mg
from minigrad import Array, Tree
from problems.closed_form.asarray_like import asarray_like
from problems.physics_informed.jet import Jet, coordinates
from problems.physics_informed.network import Network
from problems.protocol import Runs

Point = tuple[Jet, ...]  # the coordinates
Params = dict[str, Tree]
Term = tuple[Callable[[Params, Point], Array], np.ndarray]  # residuals at points, one each, and the points (N, d)


@dataclass(frozen=True)
class Residuals:
    """The model of a problem as a function of the parameters, with its Jacobian as a matrix.

    A solver that needs the whole matrix `G` asks for it once a step, instead of one product per parameter.
    """

    problem: Collocation

    def __call__(self, params: Params) -> Array:
        return self.problem.model(params)

    def jacobian(self, params: Params) -> Array:
        """See `Collocation.jacobian`."""
        return self.problem.jacobian(params)


class Collocation(ABC):
    """A differential equation at points. Params are `{"network": ...}`, and what a problem adds to them."""

    name: str
    second: ClassVar[int]  # second derivatives are taken by so many coordinates, the first ones
    minimum: ClassVar[float] = 0.0  # approached: a network of finite width has no residual of zero

    @property
    @abstractmethod
    def network(self) -> Network:
        """The network that is put in."""

    @property
    @abstractmethod
    def points(self) -> np.ndarray:
        """Where the equation is asked for, (N, d)."""

    @property
    @abstractmethod
    def test_points(self) -> np.ndarray:
        """Where the error is measured, (M, d)."""

    @abstractmethod
    def solution(self, x: Point) -> Jet:
        """The exact solution."""

    @abstractmethod
    def ansatz(self, output: Jet, x: Point) -> Jet:
        """`u = A + B N`, which satisfies the initial and boundary conditions for every output `N` of the network."""

    @abstractmethod
    def residual(self, u: Jet, x: Point, params: Params) -> Array:
        """What is zero at every point, for all `u` that solve the equation."""

    def features(self, x: Point) -> Point:
        """What the network sees: the coordinates, unless a problem says otherwise."""
        return x

    def terms(self) -> tuple[Term, ...]:
        """All that the outputs are made of: the equation, and what a problem adds to it."""
        return ((lambda params, x: self.residual(self.u(params, x), x, params), self.points),)

    def u(self, params: Params, x: Point) -> Jet:
        """The network's solution at points."""
        return self.ansatz(self.network(params["network"], self.features(x)), x)

    def init(self, rng: np.random.Generator, runs: Runs = ()) -> Params:
        """Draw the parameters to start from."""
        return {"network": self.network.init(rng, runs)}

    def batch(self, rng: np.random.Generator | None = None, runs: Runs = ()) -> None:  # noqa: B027  (it is complete)
        """None: every step sees all points."""

    def model(self, params: Params, batch: None = None) -> Array:
        """The residuals, (*runs, N)."""
        parts = [f(params, self._at(points, params)) for f, points in self.terms()]
        return parts[0] if len(parts) == 1 else mg.concat(parts, axis=-1)

    def loss(self, outputs: Array, batch: None = None) -> Array:
        """Half the mean square over the last axis, of shape runs."""
        return 0.5 * mg.mean(outputs * outputs, axis=-1)

    def jacobian(self, params: Params, batch: None = None) -> Array:
        """The Jacobian of `model` as a matrix (N, n), columns in the order of `minigrad.Ravel`; for one run.

        >>> from problems.physics_informed import get
        >>> problem = get("poisson-1d")
        >>> params = problem.init(np.random.default_rng(0))
        >>> v = mg.tree_map(lambda w: np.cos(np.arange(1.0 * w.size)).reshape(w.shape), params)
        >>> y_dot = mg.jvp(problem.model, (params,), (v,))[1]
        >>> bool(np.allclose(problem.jacobian(params) @ mg.Ravel(params).vector(v), y_dot, rtol=1e-12, atol=1e-12))
        True
        """
        rows = []
        for f, points in self.terms():
            x = self._at(points[:, None, :], params)  # each run has one point
            copies = _copies(params, len(points))
            y, J = mg.linearize(lambda w, f=f, x=x: f(w, x), copies)
            rows.append(mg.Ravel(copies, 1).vector(J.T(mg.ones_like(y))))
        return rows[0] if len(rows) == 1 else mg.concat(rows, axis=0)

    def at(self, batch: None = None) -> Residuals:
        """The model as a function of the parameters alone, which has its Jacobian: what a solver is given."""
        return Residuals(self)

    def values(self, params: Params, points: np.ndarray) -> Array:
        """`u` at points (..., d)."""
        return self.u(params, coordinates(asarray_like(points, self._leaf(params)), 0, 0)).value

    def error(self, params: Params) -> float:
        """`|u - solution| / |solution|` over the test points."""
        u = mg.to_numpy(self.values(params, self.test_points))
        return float(np.linalg.norm(u - self._exact) / np.linalg.norm(self._exact))

    @cached_property
    def _exact(self) -> np.ndarray:
        return self.solution(coordinates(self.test_points, 0, 0)).value

    def _at(self, points: np.ndarray, params: Params) -> Point:
        return coordinates(asarray_like(points, self._leaf(params)), second=self.second)

    def _leaf(self, params: Params) -> Array:
        return params["network"]["output"]["w"]


def _copies(params: Params, n: int) -> Params:
    """The same parameters for n runs."""
    return mg.tree_map(lambda w: mg.broadcast_to(w, (n, *w.shape)), params)


def gauss_points(n: int) -> np.ndarray:
    """The n points of Gauss's quadrature on [0, 1].

    >>> gauss_points(2).round(4).tolist()
    [0.2113, 0.7887]
    """
    return 0.5 * (np.polynomial.legendre.leggauss(n)[0] + 1.0)


def product_of(*axes: np.ndarray) -> np.ndarray:
    """All points whose coordinates are in the axes, (N, d).

    >>> product_of(np.array([0.0, 1.0]), np.array([5.0, 6.0])).tolist()
    [[0.0, 5.0], [0.0, 6.0], [1.0, 5.0], [1.0, 6.0]]
    """
    return np.stack([x.ravel() for x in np.meshgrid(*axes, indexing="ij")], axis=-1)
