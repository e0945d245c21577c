r"""Newton's method with the whole Hessian: `w <- w + lr z*`, `z* = -(H + lam I)^-1 g`.

`z*` minimises the quadratic model `1/2 z.(H + lam I) z + z.g`, where that has a minimum.

Derived in tests/derivations/: test_01_newton_step; damping in test_14_damping.
"""

from __future__ import annotations

from dataclasses import dataclass

import minigrad as mg
from curveball.solvers.base import Info, Loss, Model, NoState, Number, Solver, value_and_gradient
from curveball.solvers.checks import check_flag, check_nonnegative, check_per_run, check_positive
from curveball.solvers.dense import dense_matrix
from curveball.solvers.division import one_for_zero
from curveball.solvers.line_search import backtracking
from curveball.solvers.tree_math import per_run, tree_add_scale
from minigrad import Array, Linearization, Tree, namespace


class NewtonInfo(Info):
    """What a step of Newton's method tells."""

    smallest: Array  # the smallest eigenvalue of H + lam I, before it was changed


@dataclass(frozen=True)
class Newton(Solver):
    """Newton's method with the dense Hessian `H`: one Hessian product per parameter and step.

    ValueError for hyper-parameters out of range. They are, with their defaults:

    - `lr` = 1 (positive): how far the params move along the step, before the line search.
    - `lam` = 0 (at least 0): damping.
    - `indefinite` = "flip": what to do where `H + lam I` is not positive definite, and its step may climb. "flip"
      replaces eigenvalues by their absolute values, at least a rounding per parameter of the largest, so that every
      direction descends: the saddle-free step (Dauphin et al., NeurIPS 2014; Nocedal and Wright, Numerical
      Optimization, section 3.4). "error" raises a ValueError, and looks at the smallest eigenvalue on the host.
    - `line_search` = True: halve the step until it decreases the objective enough (line_search.py).

    >>> import numpy as np
    >>> solver, w = Newton(), np.array([3.0, -1.0])
    >>> w, _, _ = solver.step(w, solver.init(w), lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> w.tolist()
    [0.0, 0.0]
    """

    lr: Number = 1.0
    lam: Number = 0.0
    indefinite: str = "flip"
    line_search: bool = True

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_nonnegative("lam", self.lam)
        if self.indefinite not in ("flip", "error"):
            raise ValueError(f"indefinite must be 'flip' or 'error'; got {self.indefinite!r}")
        check_flag("line_search", self.line_search)

    def init(self, params: Tree) -> NoState:
        """Return the state: there is nothing to remember."""
        return NoState()

    def step(
        self, params: Tree, state: NoState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, NoState, NewtonInfo]:
        """Return the next params, the state, and what was seen on the way."""
        g, H, seen = gradient_and_hessian(params, model, loss, has_aux)
        value = seen["loss"]
        check_per_run(self, value)
        ravel = mg.Ravel(params, value.ndim)
        g_vector = ravel.vector(g)
        z_vector, smallest = self._solve(dense_matrix(H, ravel, g_vector), g_vector)
        z = ravel.tree(z_vector)
        alpha = backtracking(params, z, g, value, model, loss, has_aux, self.lr) if self.line_search else self.lr
        return tree_add_scale(params, alpha, z), state, NewtonInfo(**seen, smallest=smallest)

    def _solve(self, H: Array, g: Array) -> tuple[Array, Array]:
        """Return `-|H + lam I|^-1 g` and the smallest eigenvalue."""
        xp = namespace(H)
        symmetric = 0.5 * (H + xp.matrix_transpose(H))
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
        size = one_for_zero(xp.maximum(size, floor))
        rotated = xp.matmul(xp.matrix_transpose(vectors), g[..., None])
        return -xp.matmul(vectors, rotated / size[..., None])[..., 0], smallest


def gradient_and_hessian(params: Tree, model: Model, loss: Loss, has_aux: bool) -> tuple[Tree, Linearization, Info]:
    """Return the gradient `g`, the linear map `v -> H v`, and the loss, the outputs and aux there."""

    def evaluate(w: Tree) -> tuple[Tree, Info]:
        value, g, outputs, aux = value_and_gradient(w, model, loss, has_aux)
        return g, Info(loss=value, outputs=outputs, aux=aux)

    return mg.linearize(evaluate, params, has_aux=True)
