"""Residuals at a point, their Jacobian as a matrix, and their second derivative along a direction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import minigrad as mg
from curveball.fitting.parameters import Parameters
from minigrad import Array, Tree, tree_flatten

Residuals = Callable[[Tree], Tree]  # params -> an array, or a tree of them


class Point:
    """Residuals `r` (m,) at a vector of parameters `p` (n,), with what their Jacobian is made from."""

    def __init__(self, p: np.ndarray, r: np.ndarray, dense: Callable[[], np.ndarray]):
        self.p = p
        self.r = r
        self.dense = dense


class Evaluation:
    """A function of residuals: evaluates it, and counts.

    With `jac`, a function from params to the matrix (m, n), the residuals may be any function; without, minigrad
    differentiates them.
    """

    def __init__(self, residuals: Residuals, parameters: Parameters, jac: Callable[[Tree], np.ndarray] | None = None):
        if not callable(residuals):
            raise TypeError(f"residuals must be a function of the parameters; got {type(residuals).__name__}")
        if jac is not None and not callable(jac):
            raise TypeError(f"jac must be a function of the parameters, or None for exact derivatives; got {jac!r:.80}")
        self._residuals = residuals
        self._parameters = parameters
        self._jac = jac
        self.residuals = 0  # evaluations so far
        self.jacobians = 0
        self.second = 0  # derivatives along a direction

    def at(self, p: np.ndarray) -> Point:
        """Evaluate the residuals once."""
        self.residuals += 1
        tree = self._parameters.tree(p)
        if self._jac is not None:
            given = self._jac
            r = _vector(self._residuals(tree))
            return Point(p, r, lambda: self._checked(np.asarray(given(tree), dtype=float), r))
        y, J = mg.linearize(self._residuals, tree)
        r = _vector(y)
        return Point(p, r, lambda: self._matrix(J, r.size))

    def jacobian(self, point: Point) -> np.ndarray:
        """The Jacobian (m, n) at a point that was evaluated."""
        self.jacobians += 1
        return point.dense()

    def along(self, p: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The second derivative `d^2/dt^2 r(p + t v)` at `t = 0`, (m,): a push forward of a push forward."""
        self.second += 1
        tree, direction = self._parameters.tree(p), self._parameters.tree(v)

        def slope(params: Tree) -> Tree:
            return mg.jvp(self._residuals, (params,), (direction,))[1]

        return _vector(mg.jvp(slope, (tree,), (direction,))[1])

    def _matrix(self, J: mg.Linearization, m: int) -> np.ndarray:
        """One push per parameter, or one pull per residual where these are fewer."""
        n = self._parameters.start.size
        if n <= m:
            unit, matrix = np.zeros(n), np.empty((n, m))
            for k in range(n):
                unit[k] = 1.0
                matrix[k] = _vector(J(self._parameters.tree(unit)))
                unit[k] = 0.0
            return matrix.T
        rows = np.empty((m, n))
        outputs = mg.Ravel(J.codomain.build(J.codomain.leaves))
        for k, unit in enumerate(np.eye(m)):
            rows[k] = _vector(J.T(outputs.tree(unit)))
        return rows

    def _checked(self, J: np.ndarray, r: np.ndarray) -> np.ndarray:
        if J.shape != (r.size, self._parameters.start.size):
            raise ValueError(f"jac must return the shape {(r.size, self._parameters.start.size)}; got {J.shape}")
        return J


def _vector(tree: Tree) -> np.ndarray:
    if isinstance(tree, np.ndarray) and tree.ndim == 1:
        return tree
    leaves: list[Array] = [np.ravel(x) for x in tree_flatten(tree)[0]]
    return leaves[0] if len(leaves) == 1 else np.concatenate(leaves)
