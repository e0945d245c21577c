"""All leaves of a tree as one vector, where an array library does one large piece of work sooner than many small ones.

A kernel on a GPU takes some microseconds to start, whatever its size, and a network has dozens of parameters. So the
arithmetic of solvers, elementwise functions and inner products of whole trees, works on one vector, and the leaves of
its results are parts of that vector: to make them one again costs nothing. Elsewhere leaves stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from minigrad.backends import backend_of, families
from minigrad.trees import Tree, leaves_like, tree_flatten, tree_map, tree_unflatten
from minigrad.variable import Array


def packed(*columns: list[Array]) -> tuple[list[Array], ...]:
    """Lists of as many leaves, each as one vector in a list; all as they are where the library gains nothing by it.

    >>> import numpy as np
    >>> x = [np.ones(2), np.ones(3)]
    >>> packed(x)[0] is x
    True
    """
    if len(columns[0]) < 2 or not backend_of(columns[0][0]).packs:
        return columns
    vectors = [backend_of(leaves[0]).packed(leaves) for leaves in columns]
    return columns if any(v is None for v in vectors) else tuple([v] for v in vectors)


def packed_copy(leaves: list[Array]) -> list[Array] | None:
    """Copies of the leaves, as parts of one new vector; None where the library gains nothing by it."""
    vector = backend_of(leaves[0]).packed(leaves, copy=True) if len(leaves) > 1 else None
    return None if vector is None else _parts(vector, leaves)


def tree_elementwise(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """`tree_map` for an elementwise function, which may be given all leaves as one vector.

    >>> tree_elementwise(lambda a, b: a + b, {"w": 1.0}, {"w": 2.0})
    {'w': 3.0}
    """
    if tree.__class__ in families:  # one array
        return tree_map(function, tree, *others)
    leaves, structure = tree_flatten(tree)
    columns = [leaves, *[leaves_like(structure, other, "tree_elementwise: a tree") for other in others]]
    if len(leaves) > 1 and backend_of(leaves[0]).packs:
        vectors = packed(*columns)
        if vectors[0] is not leaves:
            return tree_unflatten(structure, _parts(function(*[vector for (vector,) in vectors]), leaves))
    return tree_unflatten(structure, [function(*row) for row in zip(*columns, strict=True)])


def tree_packed(tree: Tree) -> Tree:
    """A tree with its leaves as parts of one vector; the tree itself where the library gains nothing by it."""
    leaves, structure = tree_flatten(tree)
    (vectors,) = packed(leaves)
    return tree if vectors is leaves else tree_unflatten(structure, _parts(vectors[0], leaves))


def _parts(vector: Array, leaves: list[Array]) -> list[Array]:
    """Views of a vector in the shapes of the leaves, one after the other."""
    parts, start = [], 0
    for x in leaves:
        stop = start + prod(x.shape)
        parts.append(vector[start:stop].reshape(x.shape))
        start = stop
    return parts
