"""Arithmetic of trees, for one run or for several that advance together."""

from __future__ import annotations

import array_api_compat

import minigrad as mg
from minigrad import Array, Tree, fused, namespace, tree_flatten


def per_run(number: float | Array, x: Array) -> float | Array:
    """A number, or one per run, shaped to multiply an array with the runs as its first axes, and in its dtype.

    >>> import numpy as np
    >>> per_run(np.array([1.0, 2.0]), np.ones((2, 3))).shape
    (2, 1)
    """
    if not hasattr(number, "dtype") or not hasattr(x, "dtype"):  # a Python number is a leaf of one run
        return number
    k: Array = number
    xp = namespace(x)
    if k.dtype != x.dtype and mg.isdtype(k.dtype, "real floating"):  # float64 would make float64 of float32
        k = xp.asarray(k, dtype=x.dtype)
    return xp.reshape(k, k.shape + (1,) * (x.ndim - k.ndim)) if k.ndim else k


def number_like(number: float | Array, like: Array) -> Array:
    """A number, or one per run, as an array in the dtype of another one, on its device.

    >>> import numpy as np
    >>> number_like(0.5, np.float32(1.0)).dtype
    dtype('float32')
    """
    xp, device = namespace(like), array_api_compat.device(like)
    if not hasattr(number, "dtype"):  # filled there: nothing is copied from the host
        return xp.full((), number, dtype=like.dtype, device=device)
    return xp.asarray(number, dtype=like.dtype, device=device)


def tree_vdot(a: Tree, b: Tree, runs: int = 0) -> Array:
    """`a.b`, the inner product of two trees, over all axes but the first `runs`: the result has those axes.

    >>> import numpy as np
    >>> float(tree_vdot({"w": np.array([1.0, 2.0])}, {"w": np.array([3.0, 4.0])}))
    11.0
    """
    total: float | Array = 0.0
    for x, y in zip(tree_flatten(a)[0], tree_flatten(b)[0], strict=True):
        if x.ndim != runs + 1:
            xp, shape = namespace(x), (*x.shape[:runs], -1)
            x, y = xp.reshape(x, shape), xp.reshape(y, shape)
        total = total + mg.vecdot(x, y)
    return total


def tree_add_scale(x: Tree, k: float | Array, y: Tree) -> Tree:
    """`x + k y`.

    >>> import numpy as np
    >>> tree_add_scale({"w": np.array([1.0])}, 2.0, {"w": np.array([3.0])})
    {'w': array([7.])}
    """
    return mg.tree_map(lambda p, q: _add_scale(p, per_run(k, q), q), x, y)


@fused
def _add_scale(p: Array, k: float | Array, q: Array) -> Array:
    return p + k * q


def tree_axpby(a: float | Array, x: Tree, b: float | Array, y: Tree) -> Tree:
    """`a x + b y`.

    >>> import numpy as np
    >>> tree_axpby(2.0, {"w": np.array([1.0])}, -1.0, {"w": np.array([3.0])})
    {'w': array([-1.])}
    """
    return mg.tree_map(lambda p, q: _axpby(per_run(a, p), p, per_run(b, q), q), x, y)


@fused
def _axpby(a: float | Array, p: Array, b: float | Array, q: Array) -> Array:
    return a * p + b * q
