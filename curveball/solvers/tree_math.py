"""Arithmetic of trees, for one run or for several that advance together."""

from __future__ import annotations

from typing import Any

import minigrad as mg
from minigrad import fused, namespace, tree_flatten

Array = Any
Tree = Any  # arrays in nested dicts, lists and tuples


def per_run(number: Any, x: Array) -> Any:
    """A number, or one per run, shaped to multiply an array whose first axes are the runs, and in its dtype."""
    if not hasattr(number, "dtype"):
        return number
    xp = namespace(x)
    if number.dtype != x.dtype and mg.isdtype(number.dtype, "real floating"):  # float64 would make float64 of float32
        number = xp.asarray(number, dtype=x.dtype)
    return xp.reshape(number, number.shape + (1,) * (x.ndim - number.ndim)) if number.ndim else number


def tree_vdot(a: Tree, b: Tree, runs: int = 0) -> Array:
    """Inner product of two trees, over all axes but the first `runs`: the result has those axes."""
    total: Any = 0.0
    for x, y in zip(tree_flatten(a)[0], tree_flatten(b)[0], strict=True):
        xp = namespace(x)
        if x.ndim != runs + 1:
            shape = (*x.shape[:runs], -1)
            x, y = xp.reshape(x, shape), xp.reshape(y, shape)
        total = total + mg.vecdot(x, y)
    return total


def tree_add_scale(x: Tree, number: Any, y: Tree) -> Tree:
    """`x + number y`."""
    return mg.tree_map(lambda p, q: _add_scaled(p, per_run(number, q), q), x, y)


@fused
def _add_scaled(p: Array, k: Any, q: Array) -> Array:
    return p + k * q


def difference(a: Any, x: Tree, b: Any, y: Tree) -> Tree:
    """`a x - b y`."""
    return mg.tree_map(lambda p, q: _difference(per_run(a, p), p, per_run(b, q), q), x, y)


@fused
def _difference(a: Any, p: Array, b: Any, q: Array) -> Array:
    return a * p - b * q
