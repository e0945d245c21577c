r"""Products with curvature matrices, without the matrices.

    Hessian         H v = d/de grad f(w + e v) at e = 0        a push-forward of a gradient
    Gauss-Newton    G v = J^T (H_L (J v))                      a push-forward and a pull-back of the model

with the Jacobian `J` of the model and the Hessian `H_L` of the loss by the outputs.
`G` is the Hessian of the loss of the *linearised* model; it drops `sum_k (dL/dy_k) Hessian(y_k)`, and is positive
semi-definite wherever the loss is convex in the outputs (derived in tests/derivations/test_05_gauss_newton.py).
Schraudolph, Neural Computation 14(7), 2002.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from minigrad.linearization import Linearization, jvp, linearize, vjp
from minigrad.ops.creation import ones_like
from minigrad.runs import check_loss, check_runs
from minigrad.spec import TreeSpec, name_of
from minigrad.transforms import grad
from minigrad.tree_operators import TreeOperator
from minigrad.trees import Tree
from minigrad.variable import Array


def hvp(f: Callable[[Tree], Array], params: Tree, v: Tree) -> Tree:
    """Return the exact Hessian product `H v` of a scalar function, a tree like `params`.

    Forward over reverse (Pearlmutter, Neural Computation 6(1), 1994). For many products at one point, use
    `HessianOperator`.

    >>> import numpy as np
    >>> hvp(lambda w: w[0] ** 2 * w[1], np.array([3.0, 2.0]), np.array([1.0, 0.0]))
    array([4., 6.])
    """
    return jvp(grad(f), (params,), (v,))[1]


def ggnvp(model: Callable[[Tree], Tree], loss: Callable[[Tree], Array], params: Tree, v: Tree) -> Tree:
    """Return the exact Gauss-Newton product `G v = J^T (H_L (J v))`, a tree like `params`.

    `model: params -> outputs`, `loss: outputs -> scalar`; the network is evaluated once. For many products at one
    point, use `GGNOperator`.

    >>> import numpy as np
    >>> ggnvp(lambda w: w * w, lambda y: 0.5 * (y @ y), np.array([3.0, 1.0]), np.array([1.0, 1.0]))
    array([36.,  4.])
    """
    return GGNOperator(model, loss, params)(v)


class CurvatureOperator(TreeOperator):
    """A symmetric matrix known by its products with trees like the params."""

    def __init__(self, params: TreeSpec, name: str):
        self.domain = self.codomain = params
        self.name = name

    def __call__(self, v: Tree) -> Tree:
        """Multiply: a tree like the params in, a tree like the params out."""
        raise NotImplementedError

    def push(self, v: Tree) -> Tree:
        """Multiply, as a call does."""
        return self(v)

    pull = push  # type: ignore[assignment]  # it is symmetric

    @property
    def T(self) -> CurvatureOperator:
        """Itself."""
        return self

    def __repr__(self) -> str:
        return f"<{self.name}, {self.shape[0]} x {self.shape[1]}>"


class HessianOperator(CurvatureOperator):
    """The Hessian of a scalar function at `params`, linearised once: a product is one push through the gradient's tape.

    >>> import numpy as np
    >>> H = HessianOperator(lambda w: w[0] ** 2 * w[1], np.array([3.0, 2.0]))
    >>> H(np.array([1.0, 0.0]))
    array([4., 6.])
    """

    def __init__(self, f: Callable[[Tree], Array], params: Tree):
        self.gradient, self._H = linearize(grad(f), params)
        super().__init__(self._H.domain, f"Hessian of {name_of(f)}")

    def __call__(self, v: Tree) -> Tree:
        return self._H.push(v)


class GGNOperator(CurvatureOperator):
    """The Gauss-Newton matrix `G = J^T H_L J` of `loss` after `model` at `params`, linearised once.

    A product takes two sweeps, `v -> J v -> H_L J v -> J^T H_L J v`, and no evaluation of the model. It also holds:

    - `outputs` `y = model(params)`, and `aux` where the model returns `(outputs, aux)` (`has_aux=True`), else None;
    - `value` of the loss at the outputs;
    - `J`, the Jacobian of the model as a linear map: `J(v)` pushes a tangent, `J.T(u)` pulls a cotangent;
    - `g_L`, the gradient of the loss by the outputs, and `H_L`, its Hessian, an operator on trees like the outputs;
    - `gradient` `g = J.T(g_L)` of the objective: one sweep, when it is first asked for;
    - `rows`, `J` as a matrix, when it is first asked for, where the model is an object that has it: with a method
      `model.jacobian(params)`, an array (outputs, params) in the order of `Ravel`; else None.

    A loss under `minigrad.independent_runs` has one number for each run: `value` has its shape, and the leaves of
    `params` have that shape as their first axes. TypeError where they do not, and for any other loss that is no number.

    >>> import numpy as np
    >>> G = GGNOperator(lambda w: w * w, lambda y: 0.5 * (y @ y), np.array([3.0, 1.0]))
    >>> G(np.array([1.0, 1.0]))
    array([36.,  4.])
    >>> float(G.value), G.gradient.tolist()
    (41.0, [54.0, 2.0])
    """

    J: Linearization

    def __init__(
        self, model: Callable[[Tree], Tree], loss: Callable[[Tree], Array], params: Tree, has_aux: bool = False
    ) -> None:
        self.outputs, self.J, *aux = linearize(model, params, has_aux=has_aux)
        self.aux = aux[0] if has_aux else None
        (self.value, self.g_L), self._loss_map = linearize(lambda y: _value_and_gradient(loss, y), self.outputs)
        check_runs(self.value, params, loss)
        self._jacobian = None if has_aux or self.value.shape else getattr(model, "jacobian", None)
        super().__init__(self.J.domain, f"Gauss-Newton matrix of {name_of(model)}")

    def __call__(self, v: Tree) -> Tree:
        v_y = self.J.push(v)
        _, H_L_v_y = self.slope_and_product(v_y)
        return self.J.pull(H_L_v_y)

    def slope_and_product(self, v_y: Tree) -> tuple[Array, Tree]:
        """Return `g_L.v_y`, one number per run, and `H_L v_y` for a tangent `v_y` of the outputs, in one push.

        With `v_y = J(v)` the first is the slope `g.v` of the objective along `v`.

        >>> import numpy as np
        >>> G = GGNOperator(lambda w: w * w, lambda y: 0.5 * (y @ y), np.array([3.0, 1.0]))
        >>> slope, H_L_v = G.slope_and_product(np.array([1.0, 2.0]))
        >>> float(slope), H_L_v.tolist()
        (11.0, [1.0, 2.0])
        """
        return self._loss_map.push(v_y)

    @cached_property
    def gradient(self) -> Tree:
        """The gradient of the objective, `g = J.T(g_L)`."""
        return self.J.pull(self.g_L)

    @cached_property
    def rows(self) -> Array | None:
        """`J` as a matrix (outputs, params), where the model has a `jacobian`; else None."""
        return None if self._jacobian is None else self._jacobian(self.J.domain.build(self.J.domain.leaves))

    @property
    def H_L(self) -> CurvatureOperator:
        """The Hessian of the loss by the outputs."""
        return _LossHessian(self)


class _LossHessian(CurvatureOperator):
    def __init__(self, G: GGNOperator):
        self._G = G
        super().__init__(G.J.codomain, "Hessian of the loss by the outputs")

    def __call__(self, v: Tree) -> Tree:
        return self._G.slope_and_product(v)[1]


def _value_and_gradient(loss: Callable[[Tree], Array], outputs: Tree) -> tuple[Array, Tree]:
    """The loss and its gradient by the outputs, for one run or for several."""
    value, pull_back = vjp(loss, outputs)
    check_loss(value, loss)
    return value, pull_back(ones_like(value))
