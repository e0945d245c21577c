"""Several elementwise operations as one kernel, where the library can do that; benchmarks/gpu.py measures the gain."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from minigrad.backends.registry import backend_of

fuse: ContextVar[bool] = ContextVar("fuse", default=True)  # False: a kernel for every operation


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an elementwise function of arrays and numbers one kernel where the library can; elsewhere it stays as it is.

    The function may use only operators, each with at least one array: a kernel may compute two numbers in float16.

    >>> import numpy as np
    >>> fused(lambda x, k, y: x + k * y)(np.ones(2), 0.5, np.ones(2))
    array([1.5, 1.5])
    """
    kernels: dict[type, Callable[..., Any]] = {}  # by type of array

    @functools.wraps(function)
    def apply(*args: Any) -> Any:
        for x in args:
            kind = x.__class__
            if kind is float or kind is int:
                continue
            kernel = kernels.get(kind)
            if kernel is None:  # minigrad's variables have no such file, and fuse nothing
                kernel = kernels[kind] = backend_of(x).fused(function)
            if kernel is not function and fuse.get() and _all_are(kind, args):
                return kernel(*args)
            break
        return function(*args)

    return apply


def _all_are(kind: type, args: tuple[Any, ...]) -> bool:
    return all(x.__class__ is kind or x.__class__ is float or x.__class__ is int for x in args)
