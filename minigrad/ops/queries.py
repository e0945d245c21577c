"""Questions about arrays: comparisons, logic, orders, places.

They are answered on plain values, in booleans or integers, and are constants to every derivative.
"""

from __future__ import annotations

from typing import Any

from minigrad.backends import namespace
from minigrad.ops.shaping import Axis
from minigrad.variable import Array, strip

__all__ = [
    "all", "any", "argmax", "argmin", "argsort", "count_nonzero", "equal", "greater", "greater_equal", "isfinite",
    "isinf", "isnan", "less", "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "nonzero",
    "not_equal", "searchsorted", "signbit",
]  # fmt: skip


def _ask(name: str, *args: Any, **params: Any) -> Array:
    plain = [strip(x) for x in args]
    xp = namespace(*plain)
    return getattr(xp, name)(*plain, **params)


# ------------------------------------------------------------------------------------- comparisons


def equal(a: Array, b: Array) -> Array:
    """`a == b`, elementwise."""
    return _ask("equal", a, b)


def not_equal(a: Array, b: Array) -> Array:
    """`a != b`, elementwise."""
    return _ask("not_equal", a, b)


def less(a: Array, b: Array) -> Array:
    """`a < b`, elementwise."""
    return _ask("less", a, b)


def less_equal(a: Array, b: Array) -> Array:
    """`a <= b`, elementwise."""
    return _ask("less_equal", a, b)


def greater(a: Array, b: Array) -> Array:
    """`a > b`, elementwise."""
    return _ask("greater", a, b)


def greater_equal(a: Array, b: Array) -> Array:
    """`a >= b`, elementwise."""
    return _ask("greater_equal", a, b)


# ------------------------------------------------------------------------------------- kinds of numbers


def isfinite(x: Array) -> Array:
    """Is it neither infinite nor nan? Elementwise."""
    return _ask("isfinite", x)


def isinf(x: Array) -> Array:
    """Is it infinite? Elementwise."""
    return _ask("isinf", x)


def isnan(x: Array) -> Array:
    """Is it nan? Elementwise."""
    return _ask("isnan", x)


def signbit(x: Array) -> Array:
    """Is the sign negative? It is for -0.0, too. Elementwise."""
    return _ask("signbit", x)


# ------------------------------------------------------------------------------------- logic


def logical_not(a: Array) -> Array:
    """`not a`, elementwise."""
    return _ask("logical_not", a)


def logical_and(a: Array, b: Array) -> Array:
    """`a and b`, elementwise."""
    return _ask("logical_and", a, b)


def logical_or(a: Array, b: Array) -> Array:
    """`a or b`, elementwise."""
    return _ask("logical_or", a, b)


def logical_xor(a: Array, b: Array) -> Array:
    """One of `a` and `b`, not both, elementwise."""
    return _ask("logical_xor", a, b)


def all(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Are all entries over the axes given (None: all) true, or not 0?"""
    return _ask("all", x, axis=axis, keepdims=keepdims)


def any(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Is any entry over the axes given (None: all) true, or not 0?"""
    return _ask("any", x, axis=axis, keepdims=keepdims)


def count_nonzero(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """How many entries over the axes given (None: all) are not 0?"""
    return _ask("count_nonzero", x, axis=axis, keepdims=keepdims)


# ------------------------------------------------------------------------------------- orders and places


def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Index of the largest entry; the first among equal ones."""
    return _ask("argmax", x, axis=axis, keepdims=keepdims)


def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Index of the smallest entry; the first among equal ones."""
    return _ask("argmin", x, axis=axis, keepdims=keepdims)


def argsort(x: Array, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """The indices that sort `x` along an axis."""
    return _ask("argsort", x, axis=axis, descending=descending, stable=stable)


def nonzero(x: Array) -> tuple[Array, ...]:
    """The indices of the entries that are not 0, one array for each axis."""
    return _ask("nonzero", x)


def searchsorted(x: Array, values: Array, side: str = "left", sorter: Array | None = None) -> Array:
    """The indices at which `values` can be put into the sorted vector `x`, or `x[sorter]`, so that it stays sorted."""
    return _ask("searchsorted", x, values, side=side, sorter=sorter)
