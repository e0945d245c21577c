"""Elementwise operations in pieces: choices between arrays, and functions that are constant between their jumps.

At a kink one side is taken, the same in both directions of the sweep: the first of equal entries in `maximum` and
`minimum`, so `clip` has slope 1 at its bounds; `abs` and `relu` have slope 0 at 0. At a jump the derivative is 0.
"""

from __future__ import annotations

import math

from minigrad.backends import SCALARS, backend_of, device_of, is_floating, namespace
from minigrad.linear_maps import Linear, LinearMap, Scale
from minigrad.ops.axes import check_arrays
from minigrad.ops.broadcasting import broadcast_to, scale, sum_to
from minigrad.ops.dtypes import astype
from minigrad.primitives import primitive
from minigrad.variable import Array, strip

__all__ = [
    "abs", "ceil", "clip", "copysign", "floor", "floor_divide", "maximum", "minimum", "relu", "round", "sign", "trunc",
    "where",
]  # fmt: skip


def _mask(condition: Array, y: Array) -> Array:
    """A comparison as numbers 0 and 1 of the dtype of `y`: a constant to every derivative."""
    return namespace(condition).astype(condition, strip(y).dtype)


# ------------------------------------------------------------------------------------- one argument


@primitive(lambda y, x: Scale(sign(x)))
def abs(x: Array) -> Array:
    """The size of `x`, elementwise; slope 0 at 0."""
    return namespace(x).abs(x)


@primitive(lambda y, x: Scale(backend_of(strip(y)).relu_slope(strip(y))))
def relu(x: Array) -> Array:
    """`max(x, 0)`; slope 0 at 0."""
    return backend_of(x).maximum(x, 0.0)


# ------------------------------------------------------------------------------------- choices


@primitive(
    lambda y, a, b: scale(_mask(strip(a) >= strip(b), y), a, y),
    lambda y, a, b: scale(_mask(~(strip(a) >= strip(b)), y), b, y),
)
def maximum(a: Array, b: Array) -> Array:
    """The larger of two arrays, elementwise; the first where they are equal."""
    return backend_of(a, b).maximum(a, b)


@primitive(
    lambda y, a, b: scale(_mask(strip(a) <= strip(b), y), a, y),
    lambda y, a, b: scale(_mask(~(strip(a) <= strip(b)), y), b, y),
)
def minimum(a: Array, b: Array) -> Array:
    """The smaller of two arrays, elementwise; the first where they are equal."""
    return backend_of(a, b).minimum(a, b)


def clip(x: Array, min: Array | None = None, max: Array | None = None) -> Array:
    """`x` kept between `min` and `max`, in the dtype of `x`; slope 1 at the bounds."""
    namespace(x)  # TypeError for a list
    if min is not None:
        x = maximum(x, _bound(min, x))
    return x if max is None else minimum(x, _bound(max, x))


def _bound(bound: Array, x: Array) -> Array:
    """A bound in the dtype of `x`: float64 would make float64 of float32."""
    if hasattr(x, "dtype") and getattr(bound, "dtype", x.dtype) != x.dtype and is_floating(strip(x)):
        return astype(bound, x.dtype)
    return bound


def where(condition: Array, a: Array, b: Array) -> Array:
    """`a` where the condition holds, `b` elsewhere. The side not taken has derivative 0, also where it is infinite.

    But if its own operations have an infinite or nan derivative, the product of that with 0 is nan: guard their
    argument, as in `where(x > 0, log(where(x > 0, x, 1.0)), 0.0)`.
    A condition of numbers holds where they are not 0.
    """
    condition = strip(condition)
    if not hasattr(condition, "dtype"):
        if not isinstance(condition, SCALARS):
            check_arrays("where: condition", condition)
        condition = namespace(strip(a), strip(b)).asarray(bool(condition))
    elif "bool" not in str(condition.dtype):
        condition = condition != 0
    return _where(a, b, condition=condition)


def _select(condition: Array, x: Array, y: Array) -> LinearMap:
    shape, wide = x.shape, y.shape
    return Linear(
        lambda t: broadcast_to(where(condition, t, 0.0), wide), lambda c: sum_to(where(condition, c, 0.0), shape)
    )


@primitive(
    lambda y, a, b, condition: _select(condition, a, y),
    lambda y, a, b, condition: _select(~condition, b, y),
)
def _where(a: Array, b: Array, condition: Array) -> Array:
    return namespace(a, b, condition).where(condition, a, b)


# ------------------------------------------------------------------------------------- piecewise constant


def sign(x: Array) -> Array:
    """Sign of `x`; its derivative is 0 everywhere."""
    x = strip(x)
    backend = backend_of(x)
    return backend.sign(x if hasattr(x, "dtype") else backend.xp.asarray(x)[()])


def copysign(a: Array, b: Array) -> Array:
    """`abs(a)` with the sign of `b`; the derivative in `b` is 0, and the slope at `a = 0` too."""
    b = strip(b)
    xp = namespace(strip(a), b)
    if not hasattr(b, "dtype"):
        size = abs(a)
        return -size if math.copysign(1.0, b) < 0.0 else size
    if not hasattr(a, "dtype"):
        a = xp.asarray(float(a), dtype=b.dtype, device=device_of(b))
    size = abs(a)
    return where(xp.signbit(b), -size, size)


def floor_divide(a: Array, b: Array) -> Array:
    """Largest integer not above `a / b`; its derivative is 0 everywhere."""
    a, b = strip(a), strip(b)
    namespace(a, b)  # TypeError for lists, and for arrays of two libraries
    return a // b


def floor(x: Array) -> Array:
    """Largest integer not above `x`; its derivative is 0 everywhere."""
    x = strip(x)
    return namespace(x).floor(x)


def ceil(x: Array) -> Array:
    """Smallest integer not below `x`; its derivative is 0 everywhere."""
    x = strip(x)
    return namespace(x).ceil(x)


def round(x: Array) -> Array:
    """Nearest integer; its derivative is 0 everywhere."""
    x = strip(x)
    return namespace(x).round(x)


def trunc(x: Array) -> Array:
    """Nearest integer towards 0; its derivative is 0 everywhere."""
    x = strip(x)
    return namespace(x).trunc(x)
