"""The rest of the array API standard, so that code written for it runs on variables unchanged.

Nothing here has a derivative: new arrays (made by the backend of the innermost open transform, else NumPy, or of
`device`), dtypes, constants, and questions answered on plain values.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy

from minigrad.backends import SCALARS, backend_dtype, current_namespace, family, namespace
from minigrad.ops.shaping import astype
from minigrad.variable import Array, Variable, strip

e, inf, nan, pi, newaxis = math.e, math.inf, math.nan, math.pi, None
float32, float64 = numpy.float32, numpy.float64
int32, int64, uint8, bool = numpy.int32, numpy.int64, numpy.uint8, numpy.bool
__array_api_version__ = "2024.12"


# ------------------------------------------------------------------------------------- new arrays


def _maker(name: str) -> Any:
    def make(*args: Any, dtype: Any = None, device: Any = None, **params: Any) -> Array:
        xp = current_namespace.get()
        if dtype is not None:
            dtype = backend_dtype(xp, dtype)
        return getattr(xp, name)(*args, dtype=dtype, device=device, **params)

    make.__name__ = name
    make.__doc__ = f"`{name}` of the array API standard, on the backend of the innermost open transform, else NumPy."
    return make


arange, empty, eye, full, linspace, ones, zeros = map(
    _maker, ("arange", "empty", "eye", "full", "linspace", "ones", "zeros")
)


def _like(name: str) -> Any:
    def make(x: Array, *args: Any, dtype: Any = None, **params: Any) -> Array:
        x = strip(x)
        xp = namespace(x)
        return getattr(xp, name)(x, *args, dtype=None if dtype is None else backend_dtype(xp, dtype), **params)

    make.__name__ = name
    make.__doc__ = f"`{name}` of the array API standard, on the backend of `x`: a constant to every derivative."
    return make


empty_like, full_like, ones_like, zeros_like = map(_like, ("empty_like", "full_like", "ones_like", "zeros_like"))


def asarray(x: Any, dtype: Any = None, device: Any = None) -> Array:
    """`x` as an array: variables and arrays as they are (in `dtype`, if one is given), numbers and lists as new arrays.

    A list of variables is joined with `minigrad.stack`.
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
        return xp.asarray(x, dtype=dtype, device=device)
    except (TypeError, ValueError) as error:
        raise TypeError(f"asarray: {error}. A list of variables is joined with minigrad.stack") from None


def meshgrid(*arrays: Array, indexing: str = "xy") -> list[Array]:
    """Coordinate arrays from plain coordinate vectors."""
    plain = [strip(x) for x in arrays]
    return namespace(*plain).meshgrid(*plain, indexing=indexing)


# ------------------------------------------------------------------------------------- questions


def _question(name: str) -> Any:
    def ask(*args: Any, **params: Any) -> Array:
        plain = [strip(x) for x in args]
        xp = namespace(*(x for x in plain if hasattr(x, "shape")))
        return getattr(xp, name)(*plain, **params)

    ask.__name__ = name
    ask.__doc__ = f"`{name}` of the array API standard, answered on plain values: a constant to every derivative."
    return ask


all, any, argsort, count_nonzero, equal, greater, greater_equal, isfinite, isinf, isnan, less, less_equal = map(
    _question, ("all", "any", "argsort", "count_nonzero", "equal", "greater", "greater_equal", "isfinite", "isinf",
                "isnan", "less", "less_equal")
)  # fmt: skip
logical_and, logical_not, logical_or, logical_xor, nonzero, not_equal, searchsorted, signbit, trunc = map(
    _question, ("logical_and", "logical_not", "logical_or", "logical_xor", "nonzero", "not_equal", "searchsorted",
                "signbit", "trunc")
)  # fmt: skip


def isdtype(dtype: Any, kind: Any) -> Any:
    """Is a dtype of a kind, such as "real floating"?"""
    module = type(dtype).__module__.split(".")[0]
    if module in ("numpy", "builtins"):
        return numpy.isdtype(numpy.dtype(dtype), kind)
    return importlib.import_module(module).isdtype(dtype, kind)


def finfo(dtype: Any) -> Any:
    """Precision and range of a floating-point dtype, by its name."""
    return numpy.finfo(backend_dtype(numpy, dtype))


def result_type(*args: Any) -> Any:
    """The dtype of an operation on these arrays or dtypes."""
    plain = [strip(x) for x in args]
    values = [isinstance(x, SCALARS) or (hasattr(x, "shape") and not isinstance(x, type)) for x in plain]
    xp = namespace(*(x for x, is_value in zip(plain, values, strict=True) if is_value))
    return xp.result_type(*(x if v else backend_dtype(xp, x) for x, v in zip(plain, values, strict=True)))
