r"""Newton's method with the whole matrix: `w <- w + lr z*`, `z* = -(B + lam I)^-1 J`.

`z*` minimises the quadratic model `1/2 z.(B + lam I) z + z.J`. `Newton` takes for `B` the Hessian, `GaussNewton` the
Gauss-Newton matrix, which is never indefinite where the loss is convex.

Derived in tests/derivations/: test_01_newton_step, test_05_gauss_newton; damping in test_14_damping.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.linalg import LinAlgError

import minigrad as mg
from curveball.solvers.base import Array, Info, Loss, Model, Tree, value_and_gradient, value_and_slope
from curveball.solvers.checks import check_nonnegative, check_positive
from curveball.solvers.dense import Ravel, dense_matrix, identity_like, solve
from curveball.solvers.line_search import backtracking
from curveball.solvers.tree_math import per_run, tree_add_scale
from minigrad import namespace


class NoState(NamedTuple):
    """Nothing to remember."""


def gradient_and_hessian(params: Tree, model: Model, loss: Loss, has_aux: bool) -> Any:
    """The gradient `J`, the linear map `v -> H v`, and the loss, the outputs and aux there."""

    def evaluate(w: Tree) -> Any:
        value, J, outputs, aux = value_and_gradient(w, model, loss, has_aux)
        return J, (value, outputs, aux)

    return mg.linearize(evaluate, params, has_aux=True)


@dataclass(frozen=True)
class Newton:
    """Newton's method with the dense Hessian `H`, one Hessian product per parameter and step.

    Where `H + lam I` is not positive definite its step may climb: with `indefinite="flip"` eigenvalues are replaced by
    their absolute values, at least a rounding per parameter of the largest (Dauphin et al., NeurIPS 2014: the
    saddle-free step; Nocedal and Wright, Numerical Optimization, section 3.4), so that every direction descends. With
    "error" a ValueError says so; for that the smallest eigenvalue is looked at on the host. With `line_search` the step
    is halved until it decreases the objective enough (curveball/solvers/line_search.py).
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
        J, H, (value, outputs, aux) = gradient_and_hessian(params, model, loss, has_aux)
        ravel = Ravel(params, value.ndim)
        gradient = ravel.vector(J)
        matrix = dense_matrix(H, ravel, gradient)
        step, smallest = self._solve(matrix, gradient)
        z = ravel.tree(step)
        length = backtracking(params, z, J, value, model, loss, has_aux, self.lr) if self.line_search else self.lr
        params = tree_add_scale(params, length, z)
        return params, state, {"loss": value, "outputs": outputs, "aux": aux, "smallest": smallest}

    def _solve(self, matrix: Array, gradient: Array) -> tuple[Array, Array]:
        """Return `-|H + lam I|^-1 J` and the smallest eigenvalue."""
        xp = namespace(matrix)
        symmetric = 0.5 * (matrix + xp.matrix_transpose(matrix))
        values, vectors = xp.linalg.eigh(symmetric)
        values = values + per_run(self.lam, values)
        smallest = values[..., 0]
        if self.indefinite == "error" and not (worst := float(xp.min(smallest))) > 0.0:
            raise ValueError(
                f"the Hessian is not positive definite: its smallest eigenvalue, damping included, is {worst:.6g}. "
                f"Raise lam by more than {-worst:.6g}, or use indefinite='flip'"
            )
        size = xp.abs(values)
        floor = values.shape[-1] * float(xp.finfo(values.dtype).eps) * xp.max(size, axis=-1, keepdims=True)
        size = xp.maximum(size, floor)
        size = xp.where(size > 0.0, size, xp.ones_like(size))
        rotated = xp.matmul(xp.matrix_transpose(vectors), gradient[..., None])
        return -xp.matmul(vectors, rotated / size[..., None])[..., 0], smallest


@dataclass(frozen=True)
class GaussNewton:
    """Gauss-Newton with the dense matrix `G + lam I`, `G = J_phi H_L J_phi^T`, one product per parameter and step.

    For a singular `G` give `lam`: without it there is no step, but a ValueError (not a number, where the backend does
    not look). `info` has `loss`, `outputs`, `aux`. Nocedal and Wright, Numerical Optimization (2006), section 10.3.

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
        try:
            step = -solve(matrix + per_run(self.lam, matrix) * identity_like(matrix), gradient)
        except LinAlgError:
            raise ValueError("the Gauss-Newton matrix is singular: give lam > 0, or use LevenbergMarquardt()") from None
        params = tree_add_scale(params, self.lr, ravel.tree(step))
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
