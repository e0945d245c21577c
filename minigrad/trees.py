"""Pytrees: arrays in nested dicts, lists and tuples, taken apart into leaves and put together again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Tree = Any
Structure = Any  # LEAF, None, or (kind, keys, children): compared with ==

LEAF = "leaf"
_containers = (dict, list, tuple)


def _is_leaf(tree: Tree) -> bool:
    return not isinstance(tree, _containers) and tree is not None


def tree_flatten(tree: Tree) -> tuple[list[Any], Structure]:
    """Return the leaves of a tree, dicts in the order of their sorted keys, and its structure.

    None is a tree without leaves. Named tuples keep their type, and so do OrderedDicts, in their own order. TypeError
    for other kinds of dict.

    >>> tree_flatten({"w": 1.0, "b": [2.0, 3.0]})[0]
    [2.0, 3.0, 1.0]
    """
    leaves: list[Any] = []
    return leaves, _collect(tree, leaves)


def _collect(tree: Tree, leaves: list[Any]) -> Structure:
    if not isinstance(tree, _containers):
        if tree is None:
            return None
        leaves.append(tree)
        return LEAF
    if isinstance(tree, dict):
        kind = type(tree)
        if kind is OrderedDict:
            return kind, tuple(tree), tuple(_collect(child, leaves) for child in tree.values())
        if kind is not dict:
            raise TypeError(f"a {kind.__name__} is no pytree, as it could not be built again: give dict(x)")
        try:
            keys = tuple(sorted(tree))
        except TypeError:
            raise TypeError(f"dict keys of a pytree must sort, as strings do; got {list(tree)!r:.80}") from None
        return dict, keys, tuple(_collect(tree[key], leaves) for key in keys)
    return type(tree), None, tuple(_collect(child, leaves) for child in tree)


def tree_unflatten(structure: Structure, leaves: Iterable[Any]) -> Tree:
    """Put leaves back into a tree: the inverse of `tree_flatten`.

    >>> tree_unflatten(tree_flatten({"w": 1.0, "b": [2.0, 3.0]})[1], "abc")
    {'b': ['a', 'b'], 'w': 'c'}
    """
    return _build(structure, iter(leaves))


def _build(structure: Structure, leaves: Iterator[Any]) -> Tree:
    if structure is LEAF:
        return next(leaves)
    if structure is None:
        return None
    kind, keys, children = structure
    parts = [_build(child, leaves) for child in children]
    if keys is not None:
        return kind(zip(keys, parts, strict=True))
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def tree_map(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """Apply a function to the corresponding leaves of trees of one structure.

    >>> tree_map(lambda a, b: a + b, {"w": 1.0}, {"w": 2.0})
    {'w': 3.0}
    """
    if _is_leaf(tree) and all(map(_is_leaf, others)):
        return function(tree, *others)
    leaves, structure = tree_flatten(tree)
    columns = [leaves]
    for k, other in enumerate(others, start=1):
        columns.append(leaves_like(structure, other, f"tree_map: tree {k}"))
    return tree_unflatten(structure, [function(*row) for row in zip(*columns, strict=True)])


def leaves_like(structure: Structure, tree: Tree, what: str) -> list[Any]:
    """Return the leaves of a tree that must have a given structure; TypeError names where it differs."""
    if structure is LEAF and _is_leaf(tree):
        return [tree]
    leaves, other = tree_flatten(tree)
    if other != structure:
        raise TypeError(
            f"{what} has another structure: expected {describe(structure)}, got {describe(other)}. "
            "Build it from the tree it belongs to, with minigrad.tree_map"
        )
    return leaves


def describe(structure: Structure) -> str:
    """Write a structure down, leaves as `*`.

    >>> describe(tree_flatten({"w": 1.0, "b": [2.0, 3.0]})[1])
    "{'b': [*, *], 'w': *}"
    """
    if structure is LEAF:
        return "*"
    if structure is None:
        return "None"
    kind, keys, children = structure
    parts = [describe(child) for child in children]
    if keys is not None:
        entries = "{" + ", ".join(f"{key!r}: {part}" for key, part in zip(keys, parts, strict=True)) + "}"
        return entries if kind is dict else f"{kind.__name__}({entries})"
    if kind is list:
        return "[" + ", ".join(parts) + "]"
    name = "" if kind is tuple else kind.__name__
    return f"{name}({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def tree_paths(structure: Structure) -> list[str]:
    """Return every leaf's path as it is written in code, in the order of `tree_flatten`; "" for a bare array.

    >>> tree_paths(tree_flatten({"w": 1.0, "b": [2.0, 3.0]})[1])
    ["['b'][0]", "['b'][1]", "['w']"]
    """
    if structure is LEAF:
        return [""]
    if structure is None:
        return []
    _, keys, children = structure
    names = range(len(children)) if keys is None else keys
    return [f"[{name!r}]{rest}" for name, child in zip(names, children, strict=True) for rest in tree_paths(child)]
