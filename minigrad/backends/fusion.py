"""Several elementwise operations as one kernel, where the library can do that; benchmarks/gpu.py measures the gain."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from minigrad.backends.registry import backend_of

fuse: ContextVar[bool] = ContextVar("fuse", default=True)  # False: a kernel for every operation


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an elementwise function of arrays and numbers one kernel where the library can; elsewhere it stays as it is.

    The function may use operators, each with at least one array, as a kernel may compute two numbers in float16. A
    function whose first parameter is `xp` is given the library there, for `xp.where`, `xp.sqrt` and other elementwise
    functions; its arguments must be plain arrays and numbers. Several results are a tuple, all of one shape.

    >>> import numpy as np
    >>> fused(lambda x, k, y: x + k * y)(np.ones(2), 0.5, np.ones(2))
    array([1.5, 1.5])
    >>> fused(lambda xp, x: xp.where(x > 0.0, x, 0.0))(np.array([1.0, -1.0]))
    array([1., 0.])
    """
    takes_xp = next(iter(inspect.signature(function).parameters), None) == "xp"
    known: dict[type, tuple[Callable[..., Any], Callable[..., Any] | None]] = {}  # by type of array

    def prepare(x: Any) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
        backend, plain = backend_of(x), function
        if takes_xp:
            plain = functools.wraps(function)(functools.partial(function, backend.xp))
        kernel = backend.fused(plain)  # minigrad's variables have no such file, and fuse nothing
        return plain, None if kernel is plain else kernel

    @functools.wraps(function)
    def apply(*args: Any) -> Any:
        for x in args:
            kind = x.__class__
            if kind is float or kind is int:
                continue
            both = known.get(kind)
            if both is None:
                both = known[kind] = prepare(x)
            plain, kernel = both
            return plain(*args) if kernel is None or not fuse.get() or not _all_are(kind, args) else kernel(*args)
        return prepare(0.0)[0](*args)

    return apply


def _all_are(kind: type, args: tuple[Any, ...]) -> bool:
    return all(x.__class__ is kind or x.__class__ is float or x.__class__ is int for x in args)
