"""Parameters as a tree, as its user wrote it, and as one vector, as the solver needs it; each entry has a name."""

from __future__ import annotations

import re
from itertools import product

import numpy as np

from minigrad import Tree, tree_flatten, tree_paths, tree_unflatten


class Parameters:
    """The tree of a start `p0`, its entries in a row, and their names.

    Leaves are numbers or NumPy arrays; all are used as float64. TypeError for another leaf or none at all, ValueError
    for an entry that is not finite.

    >>> parameters = Parameters({"rate": 2.0, "height": np.array([1.0, 3.0])})
    >>> parameters.names, parameters.start.tolist()
    (('height[0]', 'height[1]', 'rate'), [1.0, 3.0, 2.0])
    >>> parameters.tree(np.array([5.0, 6.0, 7.0]))["rate"]
    np.float64(7.0)
    """

    def __init__(self, p0: Tree, names: tuple[str, ...] | None = None):
        leaves, self._structure = tree_flatten(p0)
        paths = tree_paths(self._structure)
        self._shapes = [_shape(leaf, path) for leaf, path in zip(leaves, paths, strict=True)]
        self._has_keys = any("['" in path for path in paths)  # the order of a dict's entries is not that of its user
        self._sizes = [int(np.prod(shape)) for shape in self._shapes]
        self.start = np.concatenate([np.ravel(np.asarray(x, dtype=float)) for x in leaves] or [np.zeros(0)])
        if not self.start.size:
            raise TypeError("p0 has no parameters: give a number, an array, or a dict of them")
        self.names = names if names is not None else tuple(_names(paths, self._shapes))
        for name, value in zip(self.names, self.start, strict=True):
            if not np.isfinite(value):
                raise ValueError(f"p0: {name} is {value}; a start must be finite")

    def tree(self, vector: np.ndarray) -> Tree:
        """The tree with the entries of a vector (n,): float64 numbers and arrays."""
        leaves, k = [], 0
        for shape, size in zip(self._shapes, self._sizes, strict=True):
            leaves.append(vector[k : k + size].reshape(shape) if shape else vector[k])
            k += size
        return tree_unflatten(self._structure, leaves)

    def vector(self, tree: Tree, what: str) -> np.ndarray:
        """The entries of a tree like `p0`, of an array (n,) where `p0` has no keys, or one number for all.

        ValueError names `what`.
        """
        leaves, structure = tree_flatten(tree)
        shapes = [np.shape(x) for x in leaves]
        try:
            if structure == self._structure and all(s in ((), t) for s, t in zip(shapes, self._shapes, strict=True)):
                full = [np.broadcast_to(x, shape).ravel() for x, shape in zip(leaves, self._shapes, strict=True)]
                return np.concatenate(full).astype(float)
            if not (self._has_keys and np.ndim(tree)) and not isinstance(tree, dict):
                return np.broadcast_to(np.asarray(tree, dtype=float), self.start.shape).copy()
        except (TypeError, ValueError):
            pass
        raise ValueError(f"{what} must be a number, or like p0 with {self.start.size} numbers; got {tree!r:.80}")


def _shape(leaf: object, path: str) -> tuple[int, ...]:
    if isinstance(leaf, np.ndarray | np.generic | float | int) and np.asarray(leaf).dtype.kind in "fiu":
        return np.shape(leaf)
    raise TypeError(f"p0{path} must be a real number or a NumPy array of them; got {type(leaf).__name__}")


def _names(paths: list[str], shapes: list[tuple[int, ...]]) -> list[str]:
    """`rate`, `height[0]`, `layers[0].w[1, 2]`; entries of a bare array or list are p1, p2, ..."""
    names = []
    for path, shape in zip(paths, shapes, strict=True):
        stem = re.sub(r"\['(.*?)'\]", r".\1", path).removeprefix(".")
        for index in product(*map(range, shape)):
            names.append(stem + (f"[{', '.join(map(str, index))}]" if shape else ""))
    bare = all(re.fullmatch(r"(\[\d+\])?", name) for name in names)
    return [f"p{k + 1}" for k in range(len(names))] if bare else names
