"""Pooling: the average of each window is a linear map, its maximum picks one entry."""

from __future__ import annotations

from typing import Any

from minigrad.backends import Pads, Pair, backend_of
from minigrad.linear_maps import Linear
from minigrad.nn.windows import Padding, pads_of, pair
from minigrad.primitives import primitive
from minigrad.variable import Array, strip


def max_pool2d(x: Array, window: int | Pair, stride: int | Pair | None = None, padding: Padding = 0) -> Array:
    """Largest entry of each window of images (batch, height, width, channels); `stride` is the window if not given.

    Padding never wins. Among equal entries the first, row by row, has the whole derivative.

    >>> import numpy as np
    >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    geometry = _geometry("max_pool2d", x, window, stride, padding)
    plain = strip(x)
    if x is plain:
        return backend_of(x).window_max(x, **geometry)
    y, places = backend_of(plain).window_max_at(plain, **geometry)
    return _max_pool(x, known=y, places=places, **geometry)


def _geometry(name: str, x: Array, window: int | Pair, stride: int | Pair | None, padding: Padding) -> dict[str, Any]:
    size = pair(window, f"{name}: window")
    strides = size if stride is None else pair(stride, f"{name}: stride")
    pads = pads_of(name, x, padding, size, strides)
    if any(p >= k for k, both in zip(size, pads, strict=True) for p in both):
        raise ValueError(f"{name}: padding {pads} must be smaller than the window {size}: some would hold nothing else")
    return {"window": size, "stride": strides, "pads": pads}


def _pick_map(y: Array, t: Array, places: Array, **geometry: Any) -> Linear:
    shape = t.shape
    return Linear(
        lambda t: _window_pick(t, places=places, **geometry),
        lambda c: _window_put(c, places=places, shape=shape, **geometry),
    )


@primitive(lambda y, x, known, **at: _pick_map(y, x, **at))
def _max_pool(x: Array, known: Array, **at: Any) -> Array:
    return known  # the library finds it together with the places


@primitive(_pick_map)
def _window_pick(t: Array, places: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
    return backend_of(t).window_pick(t, places, window, stride, pads)


def _put_map(y: Array, c: Array, places: Array, shape: tuple[int, ...], **geometry: Any) -> Linear:
    return Linear(
        lambda t: _window_put(t, places=places, shape=shape, **geometry),
        lambda u: _window_pick(u, places=places, **geometry),
    )


@primitive(_put_map)
def _window_put(c: Array, places: Array, shape: tuple[int, ...], window: Pair, stride: Pair, pads: Pads) -> Array:
    return backend_of(c).window_put(c, places, shape, window, stride, pads)


def avg_pool2d(x: Array, window: int | Pair, stride: int | Pair | None = None, padding: Padding = 0) -> Array:
    """Mean of each window of images (batch, height, width, channels), padding counted as zeros.

    >>> import numpy as np
    >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    geometry = _geometry("avg_pool2d", x, window, stride, padding)
    kh, kw = geometry["window"]
    return _window_sum(x, **geometry) * (1.0 / (kh * kw))


def _sum_map(y: Array, x: Array, **geometry: Any) -> Linear:
    size = x.shape[1:3]
    return Linear(lambda t: _window_sum(t, **geometry), lambda c: _window_sum_transpose(c, size=size, **geometry))


@primitive(_sum_map)
def _window_sum(x: Array, window: Pair, stride: Pair, pads: Pads) -> Array:
    return backend_of(x).window_sum(x, window, stride, pads)


def _transpose_map(y: Array, c: Array, size: Pair, **geometry: Any) -> Linear:
    return Linear(lambda t: _window_sum_transpose(t, size=size, **geometry), lambda u: _window_sum(u, **geometry))


@primitive(_transpose_map)
def _window_sum_transpose(c: Array, window: Pair, stride: Pair, pads: Pads, size: Pair) -> Array:
    return backend_of(c).window_sum_transpose(c, window, stride, pads, size)
