r"""Newton's method with the whole matrix: `w <- w + lr z*`, `z* = -(B + lam I)^-1 J`.

`z*` minimises the quadratic model `1/2 z.(B + lam I) z + z.J` (tests/derivations/newton_step.py). `Newton` takes for `B`
the Hessian, `GaussNewton` the Gauss-Newton matrix, which is never indefinite where the loss is convex.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import array_api_compat

import minigrad as mg
from curveball.checks import check_nonnegative, check_positive
from curveball.dense import Ravel, dense_matrix, identity_like, solve
from curveball.line_search import halving
from curveball.solver import (
    Array, Info, Loss, Model, Tree, add_scaled, along, split_aux, value_and_gradient, value_and_slope,
)  # fmt: skip


class NoState(NamedTuple):
    """Nothing to remember."""


@dataclass(frozen=True)
class Newton:
    """Newton's method with the dense Hessian `H`, one Hessian product per parameter and step.

    Where `H + lam I` is not positive definite its step may climb: with `indefinite="flip"` eigenvalues are replaced by
    their absolute values, at least `1e-8` of the largest (Dauphin et al., NeurIPS 2014: the saddle-free step; Nocedal
    and Wright, Numerical Optimization, section 3.4), so that every direction descends. With "error" a ValueError says so.
    With `line_search` the step is halved until it decreases the objective enough (curveball/line_search.py).
    `info` has `loss`, `outputs`, `aux`, and `smallest`, the smallest eigenvalue of `H + lam I` before it was changed.

    >>> import numpy as np
    >>> solver, w = Newton(), np.array([3.0, -1.0])
    >>> w, _, _ = solver.step(w, solver.init(w), lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> w.tolist()
    [0.0, 0.0]
    """

    lr: Any = 1.0
    lam: Any = 0.0
    indefinite: str = "flip"
    line_search: bool = True

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_nonnegative("lam", self.lam)
        if self.indefinite not in ("flip", "error"):
            raise ValueError(f"indefinite must be 'flip' or 'error'; got {self.indefinite!r}")

    def init(self, params: Tree) -> NoState:
        return NoState()

    def step(
        self, params: Tree, state: NoState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, NoState, Info]:
        def evaluate(w: Tree) -> Any:
            value, J, outputs, aux = value_and_gradient(w, model, loss, has_aux)
            return J, (mg.stop_gradient(value), mg.stop_gradient(outputs), mg.stop_gradient(aux))

        J, H, (value, outputs, aux) = mg.linearize(evaluate, params, has_aux=True)
        ravel = Ravel(params, value.ndim)
        gradient = ravel.vector(J)
        matrix = dense_matrix(H, ravel, gradient)
        step, smallest = self._solve(matrix, gradient)
        z = ravel.tree(step)
        length = halving(params, z, J, value, model, loss, has_aux, self.lr) if self.line_search else self.lr
        params = add_scaled(params, length, z)
        return params, state, {"loss": value, "outputs": outputs, "aux": aux, "smallest": smallest}

    def _solve(self, matrix: Array, gradient: Array) -> tuple[Array, Array]:
        """Return `-|H + lam I|^-1 J` and the smallest eigenvalue."""
        xp = array_api_compat.array_namespace(matrix)
        symmetric = 0.5 * (matrix + xp.matrix_transpose(matrix))
        values, vectors = xp.linalg.eigh(symmetric)
        values = values + along(self.lam, values)
        smallest = values[..., 0]
        if self.indefinite == "error" and not bool((smallest > 0.0).all()):
            raise ValueError(
                f"the Hessian is not positive definite: its smallest eigenvalue, damping included, is "
                f"{float(smallest.min()):.6g}. Raise lam above {float(-smallest.min()):.6g}, or use indefinite='flip'"
            )
        size = xp.abs(values)
        size = xp.maximum(size, 1e-8 * xp.max(size, axis=-1, keepdims=True))
        size = xp.where(size > 0.0, size, xp.ones_like(size))
        rotated = xp.matmul(xp.matrix_transpose(vectors), gradient[..., None])
        return -xp.matmul(vectors, rotated / size[..., None])[..., 0], smallest


@dataclass(frozen=True)
class GaussNewton:
    """Gauss-Newton with the dense matrix `G + lam I`, `G = J_phi H_L J_phi^T`, one product per parameter and step.

    For a singular `G` give `lam`: there is no step without it, and the backend says so. `info` has `loss`, `outputs`,
    `aux`. Nocedal and Wright, Numerical Optimization (2006), section 10.3.

    >>> import numpy as np
    >>> solver, w = GaussNewton(), np.array([3.0, -1.0])
    >>> w, _, _ = solver.step(w, solver.init(w), lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> w.tolist()
    [0.0, 0.0]
    """

    lr: Any = 1.0
    lam: Any = 0.0
    curvature = "ggn"  # not a field: what `minimize` has to know

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_nonnegative("lam", self.lam)

    def init(self, params: Tree) -> NoState:
        return NoState()

    def step(
        self, params: Tree, state: NoState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, NoState, Info]:
        point = GaussNewtonPoint.at(params, model, loss, has_aux)
        ravel = Ravel(params, point.value.ndim)
        gradient = ravel.vector(point.gradient)
        matrix = dense_matrix(point.product, ravel, gradient)
        lam = self.lam if not getattr(self.lam, "ndim", 0) else self.lam[..., None, None]
        step = -solve(matrix + lam * identity_like(matrix), gradient)
        params = add_scaled(params, self.lr, ravel.tree(step))
        return params, state, {"loss": point.value, "outputs": point.outputs, "aux": point.aux}


@dataclass
class GaussNewtonPoint:
    """The objective at some params, linearised once: value, gradient `J`, and the product `v -> G v`."""

    value: Array
    gradient: Tree
    outputs: Tree
    aux: Any
    J: Any  # J_phi^T; its transpose is J_phi
    L: Any  # pushes an output tangent to (J_L.t, H_L t)

    @classmethod
    def at(cls, params: Tree, model: Model, loss: Loss, has_aux: bool) -> GaussNewtonPoint:
        outputs, J, *aux = mg.linearize(model, params, has_aux=has_aux)
        (value, J_L), L = mg.linearize(lambda y: value_and_slope(loss, y), outputs)
        return cls(value, J.T(J_L), outputs, aux[0] if has_aux else None, J, L)

    def product(self, v: Tree) -> Tree:
        """`G v = J_phi H_L J_phi^T v`."""
        _, HJv = self.L(self.J(v))
        return self.J.T(HJv)


__all__ = ["GaussNewton", "GaussNewtonPoint", "Newton", "NoState", "split_aux"]
