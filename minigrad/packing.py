"""All leaves of a tree as one vector, where an array library does one large piece of work sooner than many small ones.

A kernel on a GPU takes some microseconds to start, whatever its size, and a network has dozens of parameters. So the
arithmetic of solvers, elementwise functions and inner products of whole trees, works on one vector, and the leaves of
its results are parts of that vector: to make them one again costs nothing. Elsewhere leaves stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from minigrad.backends import backend_of
from minigrad.trees import Tree, leaves_like, tree_flatten, tree_map, tree_unflatten
from minigrad.variable import Array


def packed(*columns: list[Array]) -> list[list[Array]]:
    """Lists of as many leaves, each as one vector in a list; all as they are where the library gains nothing by it.

    >>> import numpy as np
    >>> x = [np.ones(2), np.ones(3)]
    >>> packed(x)[0] is x
    True
    """
    vectors = []
    for leaves in columns:
        vector = backend_of(leaves[0]).packed(leaves) if len(leaves) > 1 else None
        if vector is None:
            return list(columns)
        vectors.append([vector])
    return vectors


def packed_copy(leaves: list[Array]) -> list[Array] | None:
    """Copies of the leaves, as parts of one new vector; None where the library gains nothing by it."""
    vector = backend_of(leaves[0]).packed(leaves, copy=True) if len(leaves) > 1 else None
    return None if vector is None else _parts(vector, leaves)


def tree_elementwise(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """`tree_map` for an elementwise function, which may be given all leaves as one vector.

    >>> tree_elementwise(lambda a, b: a + b, {"w": 1.0}, {"w": 2.0})
    {'w': 3.0}
    """
    leaves, structure = tree_flatten(tree)
    if len(leaves) < 2 or not backend_of(leaves[0]).packs:
        return tree_map(function, tree, *others)
    vectors = packed(leaves, *(leaves_like(structure, other, "tree_elementwise: a tree") for other in others))
    results = [function(*row) for row in zip(*vectors, strict=True)]
    return tree_unflatten(structure, results if vectors[0] is leaves else _parts(results[0], leaves))


def _parts(vector: Array, leaves: list[Array]) -> list[Array]:
    """Views of a vector in the shapes of the leaves, one after the other."""
    parts, start = [], 0
    for x in leaves:
        stop = start + prod(x.shape)
        parts.append(vector[start:stop].reshape(x.shape))
        start = stop
    return parts
