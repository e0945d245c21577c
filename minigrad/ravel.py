"""A tree of arrays as one vector, and back."""

from __future__ import annotations

from math import prod
from typing import Any

from minigrad.ops.dtypes import astype
from minigrad.ops.shaping import concat, reshape
from minigrad.spec import TreeSpec
from minigrad.trees import Tree
from minigrad.variable import Array


class Ravel:
    """Vectors (*runs, size) for trees with leaves (*runs, ...), and back.

    A vector holds the leaves in the order of `tree_flatten`. Trees have the structure, the shapes and the dtypes of the
    `tree` given. With `runs`, the first `runs` axes of every leaf are independent runs, each with its own vector.
    TypeError and ValueError where a tree has another structure or other shapes.

    >>> import numpy as np
    >>> ravel = Ravel({"a": np.ones((2, 2)), "b": np.zeros(3)})
    >>> ravel.vector({"a": np.ones((2, 2)), "b": np.zeros(3)}).tolist()
    [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    >>> ravel.tree(np.arange(7.0))["b"].tolist()
    [4.0, 5.0, 6.0]
    """

    def __init__(self, tree: Tree, runs: int = 0):
        self._spec = TreeSpec.of_arguments((tree,), Ravel)
        self._leading = [x.shape[:runs] for x in self._spec.leaves]
        self._sizes = [prod(x.shape[runs:]) for x in self._spec.leaves]
        self.size = sum(self._sizes)  # the length of a vector
        self.namespace = self._spec.namespace

    def vector(self, tree: Tree) -> Array:
        """Put the leaves of a tree in a row."""
        leaves = self._spec.read(tree, "Ravel.vector", "tree")
        rows = [reshape(x, (*runs, n)) for x, runs, n in zip(leaves, self._leading, self._sizes, strict=True)]
        if not rows:
            return self.namespace.zeros(0)
        return rows[0] if len(rows) == 1 else concat(rows, axis=-1)

    def tree(self, vector: Array) -> Tree:
        """Cut a vector into the leaves of a tree."""
        if vector.shape[-1:] != (self.size,):
            raise ValueError(f"Ravel.tree: the vector has shape {vector.shape}; its last axis must be {self.size} long")
        leaves: list[Any] = []
        start = 0
        for x, size in zip(self._spec.leaves, self._sizes, strict=True):
            leaf = reshape(vector[..., start : start + size], x.shape)
            leaves.append(leaf if leaf.dtype == x.dtype else astype(leaf, x.dtype))
            start += size
        return self._spec.arguments(leaves)[0]
