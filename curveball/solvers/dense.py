"""Trees of parameters as vectors, and curvature as matrices: for problems small enough to see whole.

With `runs` axes in front, each run has its own vector and its own matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from curveball.solvers.base import Array, Tree
from minigrad import namespace, tree_flatten, tree_unflatten


class Ravel:
    """Vectors (*runs, p) for trees whose leaves are (*runs, ...), and back, in the dtypes of the tree given.

    >>> import numpy as np
    >>> ravel = Ravel({"a": np.ones((2, 2)), "b": np.zeros(3)})
    >>> ravel.vector({"a": np.ones((2, 2)), "b": np.zeros(3)}).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    >>> ravel.tree(np.arange(7.0))["b"].tolist()
    [4.0, 5.0, 6.0]
    """

    def __init__(self, params: Tree, runs: int = 0):
        leaves, self.structure = tree_flatten(params)
        self.like = [(leaf.shape, leaf.dtype) for leaf in leaves]
        self.runs = runs
        self.namespace = namespace(*leaves)

    def vector(self, tree: Tree) -> Array:
        xp = self.namespace
        parts = [xp.reshape(leaf, (*leaf.shape[: self.runs], -1)) for leaf in tree_flatten(tree)[0]]
        return parts[0] if len(parts) == 1 else xp.concat(parts, axis=-1)

    def tree(self, vector: Array) -> Tree:
        xp = self.namespace
        leaves, start = [], 0
        for shape, dtype in self.like:
            stop = start + prod(shape[self.runs :])
            leaves.append(xp.astype(xp.reshape(vector[..., start:stop], shape), dtype, copy=False))
            start = stop
        return tree_unflatten(self.structure, leaves)


def dense_matrix(product: Callable[[Tree], Tree], ravel: Ravel, like: Array) -> Array:
    """The matrices (*runs, p, p) of a linear map on trees, one product per column, for all runs at once.

    `like` is a vector (*runs, p).

    >>> import numpy as np
    >>> w = np.zeros(2)
    >>> dense_matrix(lambda v: np.array([[1.0, 2.0], [3.0, 4.0]]) @ v, Ravel(w), w).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    xp = ravel.namespace
    p = like.shape[-1]
    unit = xp.eye(p, dtype=like.dtype)
    columns = [ravel.vector(product(ravel.tree(xp.broadcast_to(unit[k, :], like.shape)))) for k in range(p)]
    return xp.stack(columns, axis=-1)


def identity_like(matrix: Array) -> Any:
    """The identity of the size of the matrices given."""
    xp = namespace(matrix)
    return xp.eye(matrix.shape[-1], dtype=matrix.dtype)


def solve(matrix: Array, vector: Array) -> Array:
    """`matrix^-1 vector`, for each run."""
    xp = namespace(matrix)
    return xp.linalg.solve(matrix, vector[..., None])[..., 0]
