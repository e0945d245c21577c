"""Stride and padding as users write them, and the checks that convolutions and pools share."""

from __future__ import annotations

from operator import index
from typing import Any, Literal, TypeGuard

from minigrad.backends import Pads, Pair, window_count
from minigrad.ops.axes import check_arrays
from minigrad.variable import Array

Padding = int | Pair | Pads | Literal["same", "valid"]


def pair(value: int | Pair, name: str, least: int = 1) -> Pair:
    """One number for both height and width, or one for each."""
    both = value if isinstance(value, tuple | list) else (value, value)
    if not (len(both) == 2 and all(_is_integer(v) and v >= least for v in both)):
        raise ValueError(f"{name} must be an integer of at least {least}, or (height, width); got {value!r}")
    return int(both[0]), int(both[1])


def _is_integer(value: Any) -> TypeGuard[int]:
    """Whether this is an integer of Python or of NumPy."""
    try:
        index(value)
    except TypeError:
        return False
    return True


def pads_of(name: str, x: Array, padding: Padding, window: Pair, stride: Pair) -> Pads:
    """The pads meant by `padding` for images `x`; ValueError if `x` is no batch of images, or no window fits."""
    check_arrays(name, x)
    if x.ndim != 4:
        raise ValueError(
            f"{name} takes images of shape (batch, height, width, channels); got shape {x.shape}"
            + (": add the missing axis with minigrad.expand_dims" if x.ndim == 3 else "")
        )
    pads = _read(name, padding, window, stride, x.shape[1:3])
    if any(window_count(x.shape[k + 1], window[k], stride[k], pads[k]) < 1 for k in (0, 1)):
        raise ValueError(
            f"{name}: a window of {window} does not fit into images of shape {x.shape} with padding {pads}: "
            "pad more, or use a smaller window"
        )
    return pads


def _read(name: str, padding: Padding, window: Pair, stride: Pair, size: Pair) -> Pads:
    """Padding as a number, (height, width), ((before, after), (before, after)), "valid" or "same"."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":  # output length ceil(n / stride), the odd zero after
        totals = [max(0, (-(-n // s) - 1) * s + k - n) for n, s, k in zip(size, stride, window, strict=True)]
        (top, left) = (total // 2 for total in totals)
        return (top, totals[0] - top), (left, totals[1] - left)
    if _is_integer(padding) and padding >= 0:
        return (int(padding), int(padding)), (int(padding), int(padding))
    if isinstance(padding, tuple | list) and len(padding) == 2:
        h, w = (p if isinstance(p, tuple | list) else (p, p) for p in padding)
        if len(h) == len(w) == 2 and all(_is_integer(n) and n >= 0 for n in (*h, *w)):
            return (int(h[0]), int(h[1])), (int(w[0]), int(w[1]))
    raise ValueError(
        f"{name}: padding must be an integer of at least 0, (height, width), ((top, bottom), (left, right)), "
        f'"same" or "valid"; got {padding!r}'
    )
