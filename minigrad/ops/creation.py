"""New arrays, and the constants of mathematics.

Arrays are made by the backend of the innermost open transform, or by NumPy if none is open; `zeros_like`, `ones_like`
and the others of that kind use the backend of their argument. All are constants to every derivative.
"""

from __future__ import annotations

import math
from typing import Any

from minigrad.backends import SCALARS, Namespace, backend_dtype, current_namespace, family, namespace
from minigrad.ops.dtypes import astype
from minigrad.ops.shaping import Shape
from minigrad.variable import Array, Variable, strip

__all__ = [
    "arange", "asarray", "e", "empty", "empty_like", "eye", "full", "full_like", "inf", "linspace", "meshgrid", "nan",
    "newaxis", "ones", "ones_like", "pi", "zeros", "zeros_like",
]  # fmt: skip

e, inf, nan, pi, newaxis = math.e, math.inf, math.nan, math.pi, None


def _make(name: str, *args: Any, dtype: Any, device: Any, **params: Any) -> Array:
    xp = current_namespace.get()
    dtype = None if dtype is None else backend_dtype(xp, dtype)
    return getattr(xp, name)(*args, dtype=dtype, device=device, **params)


def _number_dtype(xp: Namespace, number: float) -> Any:
    """The library's dtype of a Python number, to be named where an array is made: else JAX leaves it open."""
    return xp.asarray(number).dtype


def zeros(shape: int | Shape, *, dtype: Any = None, device: Any = None) -> Array:
    """An array of zeros."""
    return _make("zeros", shape, dtype=dtype, device=device)


def ones(shape: int | Shape, *, dtype: Any = None, device: Any = None) -> Array:
    """An array of ones."""
    return _make("ones", shape, dtype=dtype, device=device)


def full(shape: int | Shape, fill_value: float, *, dtype: Any = None, device: Any = None) -> Array:
    """An array that holds one value everywhere."""
    if dtype is None:
        dtype = _number_dtype(current_namespace.get(), fill_value)
    return _make("full", shape, fill_value, dtype=dtype, device=device)


def empty(shape: int | Shape, *, dtype: Any = None, device: Any = None) -> Array:
    """An array whose entries are not set yet."""
    return _make("empty", shape, dtype=dtype, device=device)


def eye(rows: int, columns: int | None = None, *, k: int = 0, dtype: Any = None, device: Any = None) -> Array:
    """A matrix with ones on diagonal `k`, zeros elsewhere: the identity, if it is square and `k` is 0."""
    return _make("eye", rows, columns, k=k, dtype=dtype, device=device)


def arange(start: float, stop: float | None = None, step: float = 1, *, dtype: Any = None, device: Any = None) -> Array:
    """The numbers from `start` to `stop`, without `stop`, at distance `step`; `arange(n)` counts from 0 to `n - 1`."""
    return _make("arange", start, stop, step, dtype=dtype, device=device)


def linspace(
    start: float, stop: float, num: int = 50, *, endpoint: bool = True, dtype: Any = None, device: Any = None
) -> Array:
    """`num` numbers from `start` to `stop` at equal distances, without `stop` unless `endpoint`."""
    return _make("linspace", start, stop, num, endpoint=endpoint, dtype=dtype, device=device)


def _make_like(name: str, x: Array, *args: Any, dtype: Any, **params: Any) -> Array:
    x = strip(x)
    xp = namespace(x)
    return getattr(xp, name)(x, *args, dtype=None if dtype is None else backend_dtype(xp, dtype), **params)


def zeros_like(x: Array, *, dtype: Any = None, device: Any = None) -> Array:
    """Zeros of the shape and dtype of `x`, on its backend."""
    return _make_like("zeros_like", x, dtype=dtype, device=device)


def ones_like(x: Array, *, dtype: Any = None, device: Any = None) -> Array:
    """Ones of the shape and dtype of `x`, on its backend."""
    return _make_like("ones_like", x, dtype=dtype, device=device)


def full_like(x: Array, fill_value: float, *, dtype: Any = None, device: Any = None) -> Array:
    """One value everywhere, in the shape and dtype of `x`, on its backend."""
    return _make_like("full_like", x, fill_value, dtype=dtype, device=device)


def empty_like(x: Array, *, dtype: Any = None, device: Any = None) -> Array:
    """An array of the shape and dtype of `x`, on its backend, whose entries are not set yet."""
    return _make_like("empty_like", x, dtype=dtype, device=device)


def asarray(x: Any, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Array:
    """`x` as an array: variables and arrays as they are (in `dtype`, if one is given), numbers and lists as new arrays.

    A list of variables is joined with `minigrad.stack`. `copy`: True for an array of its own, False never to copy.
    """
    if x.__class__ is Variable:
        return x if dtype is None else astype(x, dtype)
    try:
        xp = family(x) or current_namespace.get()
    except TypeError:
        xp = current_namespace.get()
    if dtype is not None:
        dtype = backend_dtype(xp, dtype)
    try:
        if dtype is None and isinstance(x, SCALARS):
            dtype = _number_dtype(xp, x)
        own = {} if copy is None else {"copy": copy}  # not every library has it
        return xp.asarray(x, dtype=dtype, device=device, **own)
    except (TypeError, ValueError) as error:
        raise TypeError(f"asarray: {error}. A list of variables is joined with minigrad.stack") from None


def meshgrid(*arrays: Array, indexing: str = "xy") -> list[Array]:
    """Coordinate arrays from plain coordinate vectors."""
    plain = [strip(x) for x in arrays]
    return list(namespace(*plain).meshgrid(*plain, indexing=indexing))
