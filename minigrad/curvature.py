r"""Products with curvature matrices, without the matrices.

    Hessian         H v = d/de grad f(w + e v) at e = 0            a push-forward of a gradient
    Gauss-Newton    G v = J^T (H_L (J v)),  J = d model/dw,  H_L = d^2 loss/d outputs^2

`G` is the Hessian of the loss of the *linearised* model; it drops `sum_k (dL/dy_k) Hessian(y_k)`, and is positive
semi-definite wherever the loss is convex in the outputs (derived in tests/derivations/test_05_gauss_newton.py).
Schraudolph, Neural Computation 14(7), 2002.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from minigrad.backends import to_numpy
from minigrad.linearization import jvp, linearize
from minigrad.spec import TreeSpec, name_of
from minigrad.transforms import grad
from minigrad.trees import Tree


def hvp(f: Callable[[Tree], Any], params: Tree, v: Tree) -> Tree:
    """Return the exact Hessian product `H v` of a scalar function, a tree like `params`.

    Forward over reverse (Pearlmutter, Neural Computation 6(1), 1994). For many products at one point, see
    `HessianOperator`.

    >>> import numpy as np
    >>> hvp(lambda w: w[0] ** 2 * w[1], np.array([3.0, 2.0]), np.array([1.0, 0.0]))
    array([4., 6.])
    """
    return jvp(grad(f), (params,), (v,))[1]


def ggnvp(model: Callable[[Tree], Tree], loss: Callable[[Tree], Any], params: Tree, v: Tree) -> Tree:
    """Return the exact Gauss-Newton product `G v = J^T (H_L (J v))`, a tree like `params`.

    `model: params -> outputs`, `loss: outputs -> scalar`; the network is evaluated once.

    >>> import numpy as np
    >>> ggnvp(lambda w: w * w, lambda y: 0.5 * (y @ y), np.array([3.0, 1.0]), np.array([1.0, 1.0]))
    array([36.,  4.])
    """
    outputs, J = linearize(model, params)
    Jv = J.push(v)
    HJv = hvp(loss, outputs, Jv)
    return J.pull(HJv)


class CurvatureOperator:
    """A symmetric matrix known by its products: call it on a tree like the params, or see `.to_scipy()`."""

    def __init__(self, product: Callable[[Tree], Tree], params: Tree, name: str):
        self._product = product
        self._leaves = TreeSpec.of_arguments((params,), product)
        self.name = name

    def __call__(self, v: Tree) -> Tree:
        """Multiply: a tree like the params in, a tree like the params out."""
        return self._product(v)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the flat matrix: the number of parameters, twice."""
        n = sum(self._sizes())
        return n, n

    def _sizes(self) -> list[int]:
        return [x.size for x in self._leaves.leaves]

    def to_scipy(self) -> Any:
        """Return a flat `scipy.sparse.linalg.LinearOperator` on the host; leaves stand in the order of `tree_flatten`.

        >>> import numpy as np
        >>> H = HessianOperator(lambda w: w["a"] ** 2 * w["b"], {"a": np.array(3.0), "b": np.array(2.0)})
        >>> (H.to_scipy() @ np.array([1.0, 0.0])).tolist()
        [4.0, 6.0]
        """
        from scipy.sparse.linalg import LinearOperator

        like = self._leaves.leaves
        xp = self._leaves.namespace
        cuts = numpy.cumsum([0, *self._sizes()])

        def product(flat: Any) -> Any:
            parts = [flat.reshape(-1)[a:b].reshape(x.shape) for a, b, x in zip(cuts[:-1], cuts[1:], like, strict=True)]
            parts = [xp.asarray(part, dtype=x.dtype) for part, x in zip(parts, like, strict=True)]
            leaves = self._leaves.read(self._product(*self._leaves.arguments(parts)), self.name, "product")
            return numpy.concatenate([numpy.reshape(to_numpy(x), -1) for x in leaves])

        dtype = numpy.result_type(*(str(x.dtype).rsplit(".", 1)[-1] for x in like))
        return LinearOperator(self.shape, matvec=product, rmatvec=product, dtype=dtype)

    def __repr__(self) -> str:
        return f"<{self.name}, {self.shape[0]} x {self.shape[1]}>"


class HessianOperator(CurvatureOperator):
    """The Hessian of a scalar function at `params`, linearised once: a product is one push through the gradient's tape.

    >>> import numpy as np
    >>> H = HessianOperator(lambda w: w[0] ** 2 * w[1], np.array([3.0, 2.0]))
    >>> H(np.array([1.0, 0.0]))
    array([4., 6.])
    """

    def __init__(self, f: Callable[[Tree], Any], params: Tree):
        self.gradient, product = linearize(grad(f), params)
        super().__init__(product, params, f"Hessian of {name_of(f)}")


class GGNOperator(CurvatureOperator):
    """The Gauss-Newton matrix of `loss` after `model` at `params`, linearised once: `v -> Jv -> H_L Jv -> J^T H_L Jv`.

    It keeps `outputs`, the loss's value `loss`, `J` and `loss_hessian`, for solvers that need them too.

    >>> import numpy as np
    >>> G = GGNOperator(lambda w: w * w, lambda y: 0.5 * (y @ y), np.array([3.0, 1.0]))
    >>> G(np.array([1.0, 1.0]))
    array([36.,  4.])
    """

    def __init__(self, model: Callable[[Tree], Tree], loss: Callable[[Tree], Any], params: Tree):
        self.outputs, self.J = linearize(model, params)
        self.loss_hessian = HessianOperator(loss, self.outputs)
        super().__init__(self._multiply, params, f"Gauss-Newton matrix of {name_of(model)}")

    def _multiply(self, v: Tree) -> Tree:
        Jv = self.J.push(v)
        HJv = self.loss_hessian(Jv)
        return self.J.pull(HJv)
