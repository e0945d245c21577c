"""Indices that an array does not have, for libraries that would not say so."""

from __future__ import annotations

from collections.abc import Callable

import numpy

from minigrad.backends.protocol import Array, Index


def check_index(index: Index, shape: tuple[int, ...], at_hand: Callable[[Array], numpy.ndarray | None]) -> None:
    """IndexError for an integer of `index` that its axis does not have. What is not `at_hand` is not looked at.

    >>> check_index((slice(None), -4), (2, 3), lambda x: x)
    Traceback (most recent call last):
    IndexError: index -4 is out of bounds for axis 1 with size 3
    """
    parts = index if isinstance(index, tuple) else (index,)
    axis, rest = 0, len(shape) - sum(_axes(part) for part in parts)
    for part in parts:
        if part is Ellipsis:
            axis += rest
        else:
            width = _axes(part)
            if width == 1 and not isinstance(part, slice) and axis < len(shape):
                _check_entries(part, axis, shape[axis], at_hand)
            axis += width


def _axes(part: Index) -> int:
    """How many axes a part of an index is about."""
    if part is None or part is Ellipsis:
        return 0
    return part.ndim if _is_mask(part) else 1


def _is_mask(part: Index) -> bool:
    return "bool" in str(getattr(part, "dtype", type(part).__name__)) and hasattr(part, "ndim")


def _check_entries(part: Index, axis: int, n: int, at_hand: Callable[[Array], numpy.ndarray | None]) -> None:
    """One part that is an integer, or an array of them."""
    if isinstance(part, bool) or _is_mask(part):
        return
    entries = numpy.asarray(part) if hasattr(part, "__index__") and not hasattr(part, "shape") else at_hand(part)
    if entries is None or not entries.size or entries.dtype.kind not in "iu":
        return
    low, high = entries.min(), entries.max()
    if low < -n or high >= n:
        raise IndexError(f"index {low if low < -n else high} is out of bounds for axis {axis} with size {n}")
