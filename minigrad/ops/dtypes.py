"""Dtypes: their names, questions about them, and conversion, which is linear."""

from __future__ import annotations

import builtins
from typing import Any

import numpy

from minigrad.backends import SCALARS, backend_dtype, namespace
from minigrad.linear_maps import Linear
from minigrad.primitives import primitive
from minigrad.variable import Array, strip

__all__ = ["astype", "bool", "finfo", "float32", "float64", "int32", "int64", "isdtype", "result_type", "uint8"]

# NumPy's, as names: operations find the dtype of the same name on the backend of their arrays.
float32, float64 = numpy.dtype("float32"), numpy.dtype("float64")
int32, int64, uint8, bool = numpy.dtype("int32"), numpy.dtype("int64"), numpy.dtype("uint8"), numpy.dtype("bool")


def astype(x: Array, dtype: Any, copy: builtins.bool = True) -> Array:
    """`x` in another dtype: minigrad's name of it, or the backend's. Integers and booleans are constants."""
    plain = strip(x)
    xp = namespace(plain)
    dtype = backend_dtype(xp, dtype)
    if not xp.isdtype(dtype, "real floating"):
        return xp.astype(plain, dtype, copy=copy)
    return x if not copy and x.dtype == dtype else _astype(x, dtype=dtype)


def _astype_map(y: Array, x: Array, dtype: Any) -> Linear:
    before = x.dtype
    return Linear(lambda t: _astype(t, dtype=dtype), lambda c: _astype(c, dtype=before))


@primitive(_astype_map)
def _astype(x: Array, dtype: Any) -> Array:
    xp = namespace(x)
    return xp.astype(xp.asarray(x), dtype)


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Is a dtype of a kind, such as `"real floating"` or `"integral"`? (`kind` may be a dtype, or a tuple of kinds.)

    >>> isdtype(float32, "real floating"), isdtype(int64, ("bool", float64))
    (True, False)
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return numpy.isdtype(_in_numpy(dtype), tuple(k if isinstance(k, str) else _in_numpy(k) for k in kinds))


def finfo(dtype: Any) -> Any:
    """Precision and range of a floating-point dtype, or of an array's, such as its `eps`."""
    is_array = hasattr(dtype, "shape") and not isinstance(dtype, type | numpy.dtype)
    return numpy.finfo(_in_numpy(dtype.dtype if is_array else dtype))


def _in_numpy(dtype: Any) -> Any:
    """NumPy's dtype of the same name: it answers for the dtypes of all libraries."""
    return numpy.dtype(dtype if isinstance(dtype, type | numpy.dtype) else backend_dtype(numpy, dtype))


def result_type(*args: Any) -> Any:
    """The dtype of an operation on these arrays or dtypes."""
    plain = [strip(x) for x in args]
    values = [isinstance(x, SCALARS) or (hasattr(x, "shape") and not isinstance(x, type | numpy.dtype)) for x in plain]
    xp = namespace(*(x for x, is_value in zip(plain, values, strict=True) if is_value))
    return xp.result_type(*(x if v else backend_dtype(xp, x) for x, v in zip(plain, values, strict=True)))
