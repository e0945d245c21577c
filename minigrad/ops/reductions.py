"""Reductions over axes: means, products, extrema; running sums and products."""

from __future__ import annotations

import math
from math import prod as _product
from typing import Any

from minigrad.backends import device_of, is_floating, namespace
from minigrad.linear_maps import Compose, Linear, Scale
from minigrad.ops.axes import Axis, Shape, axes_of, axis_index, dropped_shape, kept_shape, one_axis
from minigrad.ops.broadcasting import broadcast_to, sum, sum_map
from minigrad.ops.dtypes import astype
from minigrad.ops.elementwise import exp, sqrt, square
from minigrad.ops.piecewise import where
from minigrad.ops.shaping import concat, expand_dims, flip, pad, permute_dims, reshape
from minigrad.primitives import primitive
from minigrad.variable import Array, strip

__all__ = [
    "cumulative_prod", "cumulative_sum", "diff", "logsumexp", "max", "mean", "min", "prod", "std", "var",
]  # fmt: skip

# ------------------------------------------------------------------------------------- made of sums


def mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Arithmetic mean over the axes given (None: all); nan over none."""
    n = _count(x, axis)
    return sum(x, axis, keepdims) * _over(n)


def var(x: Array, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """Variance over the axes given: sum of the squared deviations, divided by `n - correction`."""
    deviations = x - mean(x, axis, keepdims=True)
    return sum(square(deviations), axis, keepdims) * _over(_count(x, axis) - correction)


def std(x: Array, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Array:
    """Standard deviation, the root of `var`."""
    return sqrt(var(x, axis, correction, keepdims))


def _count(x: Array, axis: Axis) -> int:
    return _product([x.shape[a] for a in axes_of(x, axis)])


def _over(n: float) -> float:
    return 1.0 / float(n) if n else float("nan")


def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """`log(sum(exp(x)))` over the axes given, written so that nothing overflows."""
    axes = axes_of(x, axis)
    y = _logsumexp(x, axes=axes)
    return y if keepdims else reshape(y, dropped_shape(x.shape, axes))


@primitive(lambda y, x, axes: Compose(sum_map(y, x, axes, True), Scale(exp(x - y))))
def _logsumexp(x: Array, axes: Shape) -> Array:
    xp = namespace(x)
    if 0 in (x.shape[k] for k in axes):  # the logarithm of an empty sum
        return xp.full(kept_shape(x.shape, axes), -math.inf, dtype=x.dtype, device=device_of(x))
    top = xp.max(x, axis=axes, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return xp.log(xp.sum(xp.exp(x - top), axis=axes, keepdims=True)) + top


# ------------------------------------------------------------------------------------- products


def prod(x: Array, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None) -> Array:
    """Product over the axes given, by halving: its derivatives are exact where factors are zero, to any order.

    The factors are taken in another dtype where one is given; integers in that of their sum.
    """
    x = _factors(x, dtype)
    axes = axes_of(x, axis)
    y = _flat_last(x, axes)
    while (n := y.shape[-1]) > 1:
        half = n // 2
        paired = y[..., :half] * y[..., half : 2 * half]
        y = concat([paired, y[..., 2 * half :]], axis=-1) if n % 2 else paired
    if not y.shape[-1]:
        y = namespace(strip(y)).ones((*y.shape[:-1], 1), dtype=y.dtype, device=device_of(strip(y)))
    return reshape(y, kept_shape(x.shape, axes) if keepdims else dropped_shape(x.shape, axes))


def _factors(x: Array, dtype: Any) -> Array:
    """The factors of a product: short integers in the dtype in which the library sums them."""
    if dtype is None and not is_floating(plain := strip(x)):
        xp = namespace(plain)
        dtype = xp.sum(xp.zeros(1, dtype=plain.dtype, device=device_of(plain))).dtype
    return x if dtype is None else astype(x, dtype, copy=False)


def _flat_last(x: Array, axes: Shape) -> Array:
    """`x` with the axes given brought to the end, in order, and flattened into one."""
    axes = tuple(sorted(axes))
    kept = tuple(k for k in range(x.ndim) if k not in axes)
    x = permute_dims(x, kept + axes)
    return reshape(x, (*x.shape[: len(kept)], _product(x.shape[len(kept) :])))


# ------------------------------------------------------------------------------------- extrema


def max(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Largest entry over the axes given; among equal ones the first has the whole derivative."""
    return _extremum_over(x, axis, keepdims, "max")


def min(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Smallest entry over the axes given; among equal ones the first has the whole derivative."""
    return _extremum_over(x, axis, keepdims, "min")


def _extremum_over(x: Array, axis: Axis, keepdims: bool, which: str) -> Array:
    axes = axes_of(x, axis)
    flat = _flat_last(x, axes)
    if not flat.shape[-1]:
        raise ValueError(f"{which} over no entries: shape {x.shape}, axis {axis}")
    return reshape(_extremum(flat, which=which), (kept_shape if keepdims else dropped_shape)(x.shape, axes))


def _chosen(y: Array, x: Array, which: str) -> Linear:
    """Take the entry chosen out of each row, and put its cotangent back there: `t -> sum(t where chosen)`."""
    x = strip(x)
    xp = namespace(x)
    place = getattr(xp, "arg" + which)(x, axis=-1, keepdims=True)
    chosen = xp.arange(x.shape[-1], dtype=place.dtype, device=device_of(x)) == place
    shape = x.shape

    def pull(c: Array) -> Array:
        return where(chosen, broadcast_to(expand_dims(c, -1), shape), 0.0)

    return Linear(lambda t: sum(where(chosen, t, 0.0), axis=-1), pull)


@primitive(_chosen)
def _extremum(x: Array, which: str) -> Array:
    return getattr(namespace(x), which)(x, axis=-1)


# ------------------------------------------------------------------------------------- running


def cumulative_sum(x: Array, axis: int | None = None, include_initial: bool = False, *, dtype: Any = None) -> Array:
    """Running sum along an axis (None: the only one), in another dtype where one is given.

    `include_initial` puts a zero in front.
    """
    if dtype is not None:
        y = cumulative_sum(astype(x, dtype, copy=False), axis, include_initial)
        return astype(y, dtype, copy=False)  # libraries widen sums of short integers
    axis = one_axis("cumulative_sum", x, axis)
    y = _cumulative_sum(x, axis=axis)
    return pad(y, tuple((int(k == axis), 0) for k in range(x.ndim))) if include_initial else y


def _sum_from_the_end(c: Array, axis: int) -> Array:
    return flip(_cumulative_sum(flip(c, axis), axis=axis), axis)


def _cumulative_sum_map(y: Array, x: Array, axis: int) -> Linear:
    return Linear(lambda t: _cumulative_sum(t, axis=axis), lambda c: _sum_from_the_end(c, axis))


@primitive(_cumulative_sum_map)
def _cumulative_sum(x: Array, axis: int) -> Array:
    return namespace(x).cumulative_sum(x, axis=axis)


def cumulative_prod(x: Array, axis: int | None = None, include_initial: bool = False, *, dtype: Any = None) -> Array:
    """Running product along an axis, by doubling: its derivatives are exact where factors are zero, to any order."""
    x = _factors(x, dtype)
    axis = one_axis("cumulative_prod", x, axis)
    plain = strip(x)
    first = tuple(1 if k == axis else n for k, n in enumerate(x.shape))
    one = namespace(plain).ones(first, dtype=x.dtype, device=device_of(plain))
    shift = 1
    while shift < x.shape[axis]:
        head, tail = x[axis_index(axis, slice(shift))], x[axis_index(axis, slice(shift, None))]
        x = concat([head, tail * x[axis_index(axis, slice(-shift))]], axis)
        shift *= 2
    return concat([one, x], axis) if include_initial else x


def diff(x: Array, axis: int = -1, n: int = 1, *, prepend: Array | None = None, append: Array | None = None) -> Array:
    """Differences of neighbours along an axis, `n` times; `prepend` and `append` are joined to `x` first."""
    axis = one_axis("diff", x, axis)
    parts = [part for part in (prepend, x, append) if part is not None]
    x = concat(parts, axis) if len(parts) > 1 else x
    if n < 0:
        raise ValueError(f"diff: n must be at least 0; got {n}")
    for _ in range(n):
        x = x[axis_index(axis, slice(1, None))] - x[axis_index(axis, slice(-1))]
    return x
