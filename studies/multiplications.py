"""Multiplications in matrix products and convolutions, as in tests/derivations/test_12_cost.py: those of a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

from minigrad.backends import backend_for, numpy_namespace
from minigrad.ops import products

BACKEND = backend_for(numpy_namespace)
COUNTED: tuple[tuple[Any, str, Callable[..., int]], ...] = (
    (products, "_matmul", lambda Y, X, K: Y.size * X.shape[-1]),
    (BACKEND, "conv2d", lambda Y, X, K, *_: Y.size * prod(K.shape[:3])),
    (BACKEND, "conv2d_push", lambda Y_dot, X_dot, K, *_: 2 * Y_dot.size * prod(K.shape[:3])),
    (BACKEND, "conv2d_kernel", lambda K_bar, X, Y_bar, *_: Y_bar.size * prod(K_bar.shape[:3])),
)


@contextmanager
def multiplications() -> Iterator[list[int]]:
    """A list of one number, which grows with the multiplications of NumPy's arrays while the block runs."""
    total, kept = [0], [(owner, name, getattr(owner, name)) for owner, name, _ in COUNTED]

    def counting(function: Callable[..., Any], work: Callable[..., int]) -> Callable[..., Any]:
        def counted(*args: Any, **keywords: Any) -> Any:
            Y = function(*args, **keywords)
            total[0] += work(Y, *args)
            return Y

        return counted

    for (owner, name, function), (_, _, work) in zip(kept, COUNTED, strict=True):
        setattr(owner, name, counting(function, work))
    try:
        yield total
    finally:
        for owner, name, function in kept:
            setattr(owner, name, function)
