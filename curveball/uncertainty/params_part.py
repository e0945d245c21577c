"""Some of the params, by their keys: those that are uncertain, while the others stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from minigrad import Tree

Keys = Hashable | list[Hashable] | None  # a key or an index of the params, several of them, or all


def part_of(params: Tree, part: Keys) -> tuple[Tree, Callable[[Tree], Tree]]:
    """Return the part of the params under these keys, and a function that puts a changed part back.

    None is all of them. The keys are those of a dict, or indices of a list or tuple, as -1. ValueError for a key that
    the params do not have.

    >>> chosen, whole = part_of({"a": 1.0, "b": 2.0}, "b")
    >>> chosen, whole({"b": 5.0})
    ({'b': 2.0}, {'a': 1.0, 'b': 5.0})
    """
    if part is None:
        return params, lambda chosen: chosen
    keys = list(part) if isinstance(part, list | tuple) else [part]
    if isinstance(params, dict):
        there: list[Any] = list(params)
    elif isinstance(params, list | tuple):
        there = list(range(len(params)))
        keys = [k + len(there) if isinstance(k, int) and k < 0 else k for k in keys]
    else:
        raise ValueError(f"part={part!r}: the params are one array; leave part out")
    if missing := [k for k in keys if k not in there]:
        raise ValueError(f"part={part!r}: the params have no {missing[0]!r}; they have {', '.join(map(repr, there))}")
    chosen = {k: params[k] for k in keys}

    def whole(changed: Tree) -> Tree:
        if isinstance(params, dict):
            return type(params)({k: changed.get(k, value) for k, value in params.items()})
        entries = [changed.get(k, value) for k, value in enumerate(params)]
        return type(params)(*entries) if hasattr(params, "_fields") else type(params)(entries)

    return chosen, whole
