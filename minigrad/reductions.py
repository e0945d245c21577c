"""Sums and what is made of them, extrema, cumulative sums."""

from __future__ import annotations

from math import prod as _product
from typing import Any

from minigrad.backend import namespace
from minigrad.elementwise import exp, sqrt, square, where
from minigrad.linear_maps import Compose, Linear, Scale
from minigrad.primitive import primitive
from minigrad.shaping import broadcast_to, concat, expand_dims, flip, moveaxis, reshape
from minigrad.variable import Array, strip

Axis = int | tuple[int, ...] | None


def axes_of(x: Array, axis: Axis) -> tuple[int, ...]:
    """The axes meant, counted from 0; ValueError for one that `x` does not have."""
    if axis is None:
        return tuple(range(x.ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    done = tuple(a + x.ndim if a < 0 else a for a in axes)
    if not all(0 <= a < x.ndim for a in done) or len(set(done)) < len(done):
        raise ValueError(f"axis {axis} does not name axes of an array of shape {x.shape}, each once")
    return done


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if k in axes else n for k, n in enumerate(shape))


# ------------------------------------------------------------------------------------- sums


def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Sum over the axes given (None: all), in the dtype of `x`."""
    return _sum(x, axis=axis, keepdims=keepdims)


def _sum_map(y: Array, x: Array, axis: Axis, keepdims: bool) -> Linear:
    shape = x.shape
    kept = shape if keepdims or y.shape == shape else _kept(shape, axes_of(x, axis))

    def pull(c: Array) -> Array:
        return broadcast_to(c if keepdims or c.shape == kept else reshape(c, kept), shape)

    return Linear(lambda t: sum(t, axis, keepdims), pull)


@primitive(_sum_map)
def _sum(x: Array, axis: Axis, keepdims: bool) -> Array:
    return namespace(x).sum(x, axis=axis, keepdims=keepdims)


def mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Arithmetic mean over the axes given (None: all)."""
    n = _product([x.shape[a] for a in axes_of(x, axis)])
    return sum(x, axis, keepdims) * (1.0 / n if n else float("nan"))


def var(x: Array, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """Variance over the axes given: mean of the squared deviations, divided by `n - correction`."""
    n = _product([x.shape[a] for a in axes_of(x, axis)])
    return sum(square(x - mean(x, axis, keepdims=True)), axis, keepdims) * (1.0 / (n - correction))


def std(x: Array, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """Standard deviation, the root of `var`."""
    return sqrt(var(x, axis, correction, keepdims))


def prod(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Product over the axes given, by halving: its derivatives are exact where factors are zero, to any order."""
    axes = axes_of(x, axis)
    kept = _kept(x.shape, axes)
    y = _last(x, axes)
    while (n := y.shape[-1]) > 1:
        half = n // 2
        paired = y[..., :half] * y[..., half : 2 * half]
        y = concat([paired, y[..., 2 * half :]], axis=-1) if n % 2 else paired
    if not y.shape[-1]:
        y = concat([y, namespace(strip(y)).ones((*y.shape[:-1], 1), dtype=y.dtype)], axis=-1)
    return reshape(y, kept if keepdims else tuple(n for k, n in enumerate(x.shape) if k not in axes))


def _last(x: Array, axes: tuple[int, ...]) -> Array:
    """`x` with the axes given brought to the end and flattened into one."""
    for a in sorted(axes):
        x = moveaxis(x, a - [b < a for b in axes].count(True), -1)
    kept = x.shape[: x.ndim - len(axes)]
    return reshape(x, (*kept, _product(x.shape[len(kept) :])))


def vecdot(a: Array, b: Array, axis: int = -1) -> Array:
    """Inner product along an axis."""
    return sum(a * b, axis)


def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """`log(sum(exp(x)))` over the axes given, written so that nothing overflows."""
    kept = _logsumexp(x, axes=axes_of(x, axis))
    if keepdims:
        return kept
    return reshape(kept, tuple(n for k, n in enumerate(x.shape) if k not in axes_of(x, axis)))


@primitive(lambda y, x, axes: Compose(_sum_map(y, x, axes, True), Scale(exp(x - y))))
def _logsumexp(x: Array, axes: tuple[int, ...]) -> Array:
    xp = namespace(x)
    top = xp.max(x, axis=axes, keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0.0 * xp.ones_like(top))
    return xp.log(xp.sum(xp.exp(x - top), axis=axes, keepdims=True)) + top


# ------------------------------------------------------------------------------------- extrema


def max(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Largest entry over the axes given; among equal ones the first has the whole derivative."""
    return _extremum(x, axis, keepdims, "argmax")


def min(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Smallest entry over the axes given; among equal ones the first has the whole derivative."""
    return _extremum(x, axis, keepdims, "argmin")


def _extremum(x: Array, axis: Axis, keepdims: bool, which: str) -> Array:
    axes = axes_of(x, axis)
    flat = _last(x, axes)
    plain = strip(flat)
    if not plain.shape[-1]:
        raise ValueError(f"{which[3:]} over no entries: shape {x.shape}, axis {axis}")
    xp = namespace(plain)
    place = getattr(xp, which)(plain, axis=-1, keepdims=True)
    chosen = xp.arange(plain.shape[-1], dtype=place.dtype, device=_device(plain)) == place
    y = sum(where(chosen, flat, 0.0), axis=-1)
    return reshape(y, _kept(x.shape, axes) if keepdims else y.shape)


def _device(x: Array) -> Any:
    import array_api_compat

    return array_api_compat.device(x)


def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Index of the largest entry: integers, a constant to every derivative."""
    x = strip(x)
    return namespace(x).argmax(x, axis=axis, keepdims=keepdims)


def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """Index of the smallest entry: integers, a constant to every derivative."""
    x = strip(x)
    return namespace(x).argmin(x, axis=axis, keepdims=keepdims)


# ------------------------------------------------------------------------------------- cumulative


def cumulative_sum(x: Array, axis: int | None = None, include_initial: bool = False) -> Array:
    """Running sum along an axis (None: only for one axis); `include_initial` puts a zero in front."""
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"cumulative_sum needs axis= for an array of {x.ndim} axes")
        axis = 0
    (axis,) = axes_of(x, axis)
    y = _cumulative_sum(x, axis=axis)
    if include_initial:
        zero = 0.0 * expand_dims(strip(x)[(slice(None),) * axis + (0,)], axis)
        y = concat([zero, y], axis)
    return y


def _sum_from_the_end(c: Array, axis: int) -> Array:
    return flip(_cumulative_sum(flip(c, axis), axis=axis), axis)


@primitive(lambda y, x, axis: Linear(lambda t: _cumulative_sum(t, axis=axis), lambda c: _sum_from_the_end(c, axis)))
def _cumulative_sum(x: Array, axis: int) -> Array:
    return namespace(x).cumulative_sum(x, axis=axis)
