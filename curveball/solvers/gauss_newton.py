r"""Gauss-Newton with the whole matrix: `w <- w + lr z*`, `z* = -G_lam^-1 g`, `G_lam = G + lam I`, `G = J^T H_L J`.

`z*` minimises the quadratic model `m(z) = 1/2 z.G_lam z + z.g`. `G` is never indefinite where the loss is convex.

Derived in tests/derivations/: test_05_gauss_newton; damping in test_14_damping.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy.linalg import LinAlgError

import minigrad as mg
from curveball.solvers.base import Info, Loss, Model, NoState, Number, Solver
from curveball.solvers.checks import check_nonnegative, check_per_run, check_positive
from curveball.solvers.dense import dense_matrix, identity_like, solve
from curveball.solvers.tree_math import per_run, tree_add_scale
from minigrad import Tree


@dataclass(frozen=True)
class GaussNewton(Solver):
    """Gauss-Newton with the dense matrix `G + lam I`, `G = J^T H_L J`: one product per parameter and step.

    Nocedal and Wright, Numerical Optimization (2006), section 10.3. ValueError for hyper-parameters out of range, and
    for a singular matrix (not a number, where the backend does not look). The hyper-parameters, with their defaults:

    - `lr` = 1 (positive): how far the params move along the step.
    - `lam` = 0 (at least 0): damping; a singular `G` needs some.

    >>> import numpy as np
    >>> solver, w = GaussNewton(), np.array([3.0, -1.0])
    >>> w, _, _ = solver.step(w, solver.init(w), lambda w: np.array([1.0, 2.0]) * w, lambda y: y @ y)
    >>> w.tolist()
    [0.0, 0.0]
    """

    lr: Number = 1.0
    lam: Number = 0.0

    def __post_init__(self) -> None:
        check_positive("lr", self.lr)
        check_nonnegative("lam", self.lam)

    @property
    def needs_outputs_loss(self) -> bool:
        """For the Gauss-Newton matrix."""
        return True

    def init(self, params: Tree) -> NoState:
        """Return the state: there is nothing to remember."""
        return NoState()

    def step(
        self, params: Tree, state: NoState, model: Model, loss: Loss, has_aux: bool = False
    ) -> tuple[Tree, NoState, Info]:
        """Return the next params, the state, and what was seen on the way."""
        G = mg.GGNOperator(model, loss, params, has_aux)
        check_per_run(self, G.value)
        ravel = mg.Ravel(params, G.value.ndim)
        g = ravel.vector(G.gradient)
        matrix = dense_matrix(G, ravel, g)
        try:
            z = -solve(matrix + per_run(self.lam, matrix) * identity_like(matrix), g)
        except LinAlgError:
            raise ValueError("the Gauss-Newton matrix is singular: give lam > 0, or use LevenbergMarquardt()") from None
        params = tree_add_scale(params, self.lr, ravel.tree(z))
        return params, state, Info(loss=G.value, outputs=G.outputs, aux=G.aux)
