"""A symmetric operator as products with flat vectors on the host, which are counted, shown and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import array_api_compat
import numpy as np

import minigrad as mg
from minigrad import Tree, TreeOperator

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

Operator = Any  # a symmetric TreeOperator, SciPy's LinearOperator, a dense or a sparse matrix


class FlatOperator:
    """Products `A v` with vectors of length `size`, or with the columns of a matrix.

    ValueError for an operator that is not square or not symmetric, and where a product is not finite. Two products show
    whether it is symmetric, unless its kind says so.

    >>> A = FlatOperator(np.diag([1.0, 2.0]))
    >>> (A @ np.ones(2)).tolist(), A.products
    ([1.0, 2.0], 1)
    """

    def __init__(self, operator: Operator, progress: bool = False):
        flat = _to_scipy(operator)
        if len(flat.shape) != 2 or flat.shape[0] != flat.shape[1]:
            raise ValueError(f"a spectrum needs a square operator; got one of shape {flat.shape}")
        if flat.shape[0] == 0:
            raise ValueError("the operator has no entries: its params are empty")
        self.size: int = flat.shape[0]
        self.dtype = np.dtype(flat.dtype if flat.dtype is not None else float)
        if self.dtype.kind != "f":
            self.dtype = np.dtype(float)
        self.products = 0
        self._of = operator
        self._flat = flat
        self._bar = _bar(progress)
        if not (isinstance(operator, TreeOperator) and operator.T is operator):
            self._check_symmetry()
            self.products = 0

    def __matmul__(self, v: np.ndarray) -> np.ndarray:
        if v.ndim == 2:
            return np.stack([self @ column for column in v.T], axis=1)
        product = np.asarray(self._flat.matvec(np.asarray(v, dtype=self.dtype)))
        self.products += 1
        self._bar.update()
        if not np.all(np.isfinite(product)):
            raise ValueError("a product of the operator is not finite: look for NaN or infinity in the params and data")
        return product

    def at(self, work: str) -> FlatOperator:
        """Say what the next products are for."""
        self._bar.set_description(work)
        return self

    def to_tree(self, vector: np.ndarray) -> Tree:
        """A vector as a tree like those of the operator; as it is where the operator has no trees."""
        if not isinstance(self._of, TreeOperator):
            return vector
        ravel = mg.Ravel(self._of.domain.build(self._of.domain.leaves))
        device = array_api_compat.device(self._of.domain.leaves[0])
        return ravel.tree(mg.from_numpy(np.array(vector, dtype=self.dtype), ravel.namespace, device))

    def close(self) -> None:
        """End the bar."""
        self._bar.close()

    def _check_symmetry(self) -> None:
        rng = np.random.default_rng(0)
        u, v = rng.standard_normal((2, self.size))
        Au, Av = self @ u, self @ v
        scale = np.linalg.norm(u) * np.linalg.norm(Av) + np.linalg.norm(v) * np.linalg.norm(Au)
        if abs(u @ Av - v @ Au) > 10.0 * np.sqrt(np.finfo(self.dtype).eps) * scale / np.sqrt(self.size):
            raise ValueError("the operator is not symmetric: its eigenvalues need not be real. Give (A + A.T) / 2")


def _to_scipy(operator: Operator) -> LinearOperator:
    from scipy.sparse.linalg import aslinearoperator

    if isinstance(operator, TreeOperator):
        return operator.to_scipy()
    try:
        return aslinearoperator(operator)
    except (TypeError, ValueError):
        raise TypeError(
            f"expected an operator, such as mg.GGNOperator(model, loss, params), or a matrix; got "
            f"{type(operator).__name__}"
        ) from None


def _bar(progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(unit=" products", disable=None if progress else True, leave=False)
