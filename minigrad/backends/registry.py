"""The backend of an array: the file of its library in this folder, or the standard's operations if it has none.

A file is imported when the first array of its library is met: `import minigrad` imports NumPy alone.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy

from minigrad.backends.namespaces import Namespace, backend_name, namespace, shown
from minigrad.backends.protocol import Array, Backend, Tree
from minigrad.backends.standard import Standard

_by_type: dict[type, Backend] = {}
_by_namespace: dict[Namespace, Backend] = {}


def backend_of(x: Array, *others: Array) -> Backend:
    """Return the backend that these arrays share, NumPy's for Python numbers; TypeError if there are two.

    >>> import numpy as np
    >>> backend_of(np.ones(2)).__class__.__module__
    'minigrad.backends.numpy'
    """
    kind = x.__class__
    for y in others:
        if y.__class__ is not kind:
            return backend_for(namespace(x, *others))
    try:
        return _by_type[kind]
    except KeyError:
        found = _by_type[kind] = backend_for(namespace(x))
        return found


def backend_for(xp: Namespace) -> Backend:
    """Return the backend of an array library, given as its namespace."""
    try:
        return _by_namespace[xp]
    except KeyError:
        if not hasattr(xp, "__name__"):
            raise TypeError(f"expected an array library, as jax.numpy or torch, got {shown(xp)}") from None
        found = _by_namespace[xp] = _library(backend_name(xp))(xp)
        return found


def _library(name: str) -> type[Standard]:
    """The class `Library` of the file named as the library is imported (`jax` for `jax.numpy`), else `Standard`."""
    path = f"{__package__}.{name.split('.')[0]}"
    if find_spec(path) is None:
        return Standard
    return getattr(import_module(path), "Library", Standard)


def backend_dtype(xp: Namespace, dtype: Any) -> Any:
    """Return the library's own dtype of this name: `minigrad.float32`, `numpy.float32` and `"float32"` all do.

    TypeError where there is none.
    """
    named = getattr(dtype, "__name__", None) or getattr(dtype, "name", dtype)  # "float64" in either order of bytes
    name = str(named)
    found = backend_for(xp).dtype(name.rsplit(".", 1)[-1].removesuffix("'>"))
    if found is None:
        raise TypeError(f"no dtype {dtype!r} on {backend_name(xp)}: give minigrad.float32, minigrad.float64, ...")
    return found


def to_numpy(x: Array) -> numpy.ndarray:
    """An array as a NumPy array on the host: for logs, files and figures only.

    Where the array is on the host already, they share memory.

    >>> to_numpy(2.0)
    array(2.)
    """
    try:
        backend = backend_of(x)
    except TypeError:  # lists of numbers, say
        return numpy.asarray(x)
    return backend.to_host(x)


def compiled(function: Callable[..., Tree], xp: Namespace, donate: tuple[int, ...] = ()) -> Callable[..., Tree]:
    """A function of trees of arrays of one library as one program, compiled once for each set of shapes and dtypes.

    The function takes its trees by position, returns a tree of arrays, and never looks at a number. `donate`: positions
    of arguments that the caller will not read again, so that the results may take their memory. ValueError from a
    library that has no compiler.

    >>> import array_api_compat.numpy as xp
    >>> compiled(lambda x: x + 1.0, xp)
    Traceback (most recent call last):
    ValueError: numpy has no compiler
    """
    return backend_for(xp).compiled(function, donate)


def from_numpy(x: numpy.ndarray, xp: Namespace, device: Any = None) -> Array:
    """Copy a host array to an array of a library, on one of its devices (None: its own choice).

    TypeError for what is no array library, and for a dtype that the library does not have.

    >>> import array_api_compat.numpy as xp
    >>> from_numpy(numpy.ones(2), xp)
    array([1., 1.])
    """
    if not hasattr(xp, "asarray"):
        raise TypeError(f"from_numpy: xp must be an array library, as torch, jax.numpy or namespace(x); got {xp!r}")
    return backend_for(xp).from_host(x, device)
