"""Which array library is an array of? Its namespace: a module that follows the Python array API standard.

Every operation asks this, so the answer is kept for each type of array, in a dict.
"""

from __future__ import annotations

from contextvars import ContextVar
from types import ModuleType
from typing import Any

import array_api_compat
import array_api_compat.numpy as numpy_namespace
from array_api_compat import device as device_of

Namespace = Any  # a module that follows the Python array API standard

SCALARS = (bool, int, float)
families: dict[type, ModuleType | None] = {bool: None, int: None, float: None}  # of all types met so far

# The namespace that `minigrad.zeros` and the other creation functions use: that of the innermost open transform.
current_namespace: ContextVar[Namespace] = ContextVar("current_namespace", default=numpy_namespace)

__all__ = [
    "SCALARS",
    "Namespace",
    "backend_name",
    "current_namespace",
    "device_of",
    "families",
    "family",
    "is_floating",
    "mixed_backends",
    "namespace",
    "not_an_array",
    "numpy_namespace",
    "shown",
]


def family(x: Any) -> Namespace | None:
    """Return the namespace of one array, None for a Python number; TypeError for anything else."""
    kind = type(x)
    try:
        return families[kind]
    except KeyError:
        pass
    if not array_api_compat.is_array_api_obj(x):
        raise TypeError(f"expected an array or a Python number, got {not_an_array(x)}")
    xp = families[kind] = array_api_compat.array_namespace(x)
    return xp


def shown(x: Any, length: int = 80) -> str:
    """What was given, in one line, for an error message.

    >>> import numpy as np
    >>> shown(np.ones((2, 2)))
    'array([[1., 1.], [1., 1.]])'
    """
    return " ".join(repr(x)[: 4 * length].split())[:length].rstrip()


def not_an_array(x: Any) -> str:
    """Say what was given where an array belongs, and what to write instead."""
    given = f"{type(x).__name__}: {shown(x)}"
    if isinstance(x, list | tuple):
        return f"{given}. Write numpy.asarray(x) for a list of numbers, minigrad.stack(x) for one of arrays"
    if isinstance(x, SCALARS):
        return f"{given}. Write numpy.asarray(x)"
    if hasattr(x, "tocsr"):
        return f"{given}. A constant sparse matrix can be a factor of A @ x; else write A.toarray()"
    if hasattr(x, "to_numpy"):
        return f"{given}. Write x.to_numpy()"
    return given


def namespace(*arrays: Any) -> Namespace:
    """Return the namespace that these arrays share, NumPy's if all are Python numbers; TypeError if there are two.

    >>> import numpy as np
    >>> namespace(np.ones(2), 3.0).__name__
    'array_api_compat.numpy'
    """
    found = None
    for x in arrays:
        xp = family(x)
        if xp is None or xp is found:
            continue
        if found is not None:
            raise TypeError(mixed_backends(found, xp))
        found = xp
    return numpy_namespace if found is None else found


def mixed_backends(a: Namespace, b: Namespace) -> str:
    """The error message for an operation on arrays of two libraries."""
    names = sorted(backend_name(xp) for xp in (a, b))
    kept = names[names[0] == "numpy"]  # mostly it is a constant that was left on the host
    return (
        f"arrays of two backends meet: {names[0]} and {names[1]}. Move one over first, as with {kept}.asarray(x), or "
        "to the host with minigrad.to_numpy(x); write constants as Python floats"
    )


def backend_name(xp: Namespace) -> str:
    """The name of an array library, as it is imported.

    >>> backend_name(numpy_namespace)
    'numpy'
    """
    return xp.__name__.removeprefix("array_api_compat.")


def is_floating(x: Any) -> bool:
    """Is it an array of real floating-point numbers, or a Python float?"""
    xp = family(x)
    if xp is None:
        return isinstance(x, float)
    dtype = x.dtype
    if xp is numpy_namespace:  # the quickest way for most arrays: benchmarks/engine.py
        return dtype.kind == "f"
    return xp.isdtype(dtype, "real floating")
