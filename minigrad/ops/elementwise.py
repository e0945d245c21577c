"""Elementwise operations. The derivative of each is "scale by a coefficient": one line above its value.

At a kink one side is taken, the same in both directions of the sweep: the first of equal entries in `maximum` and
`minimum`, so `clip` has slope 1 at its bounds; `abs` and `relu` have slope 0 at 0.
"""

from __future__ import annotations

import math

from minigrad.backends import backend_of, namespace
from minigrad.linear_maps import IDENTITY, NEGATE, Linear, LinearMap, Scale
from minigrad.ops.broadcasting import broadcast_to, sum_to
from minigrad.primitives import primitive
from minigrad.variable import Array, strip


def scale(k: Array, x: Array, y: Array) -> LinearMap:
    """The map `t -> k t` for an argument `x` that was broadcast to the shape of `y`."""
    shape, wide = x.shape, y.shape
    if shape == wide:
        return Scale(k)
    return Linear(lambda t: broadcast_to(k * t, wide), lambda c: sum_to(k * c, shape))


def broadcast(x: Array, y: Array) -> LinearMap:
    """The map `t -> t` for an argument `x` that was broadcast to the shape of `y`."""
    shape, wide = x.shape, y.shape
    if shape == wide:
        return IDENTITY
    return Linear(lambda t: broadcast_to(t, wide), lambda c: sum_to(c, shape))


def _mask(condition: Array, y: Array) -> Array:
    """A comparison as numbers 0 and 1 of the dtype of `y`: a constant to every derivative."""
    return namespace(condition).astype(condition, strip(y).dtype)


# ------------------------------------------------------------------------------------- arithmetic


@primitive(lambda y, a, b: broadcast(a, y), lambda y, a, b: broadcast(b, y))
def add(a: Array, b: Array) -> Array:
    return a + b


@primitive(
    lambda y, a, b: broadcast(a, y),
    lambda y, a, b: NEGATE if b.shape == y.shape else scale(-1.0, b, y),
)
def subtract(a: Array, b: Array) -> Array:
    return a - b


@primitive(lambda y, a, b: scale(b, a, y), lambda y, a, b: scale(a, b, y))
def multiply(a: Array, b: Array) -> Array:
    return a * b


@primitive(lambda y, a, b: scale(1.0 / b, a, y), lambda y, a, b: scale(-y / b, b, y))
def divide(a: Array, b: Array) -> Array:
    return a / b


@primitive(lambda y, x: NEGATE)
def negative(x: Array) -> Array:
    return -x


def positive(x: Array) -> Array:
    return x


@primitive(lambda y, a, b: broadcast(a, y), lambda y, a, b: scale(-floor_divide(a, b), b, y))
def remainder(a: Array, b: Array) -> Array:
    """`a - floor(a / b) b`; the jumps have no derivative."""
    return a % b


@primitive(lambda y, x: Scale(2.0 * x))
def square(x: Array) -> Array:
    return x * x


@primitive(lambda y, x: Scale(-square(y)))
def reciprocal(x: Array) -> Array:
    return 1.0 / x


@primitive(lambda y, x: Scale(0.5 / y))
def sqrt(x: Array) -> Array:
    return namespace(x).sqrt(x)


def pow(x: Array, p: Array) -> Array:
    """`x ** p`, elementwise; at `x = 0` the derivative in `p` is 0."""
    if not isinstance(p, int | float):
        return _pow(x, p)
    if isinstance(x, int | float):
        return x**p
    return square(x) if p == 2 else _pow_constant(x, p=p)


@primitive(lambda y, x, p: Scale(p * pow(x, p - 1.0) if p else 0.0 * x))
def _pow_constant(x: Array, p: float) -> Array:
    return x**p


def _pow_in_base(y: Array, x: Array, p: Array) -> LinearMap:
    constant = (strip(x) == 0.0) & (strip(p) == 0.0)  # 0 ** 0 is 1, and 0 * 0 ** -1 would be nan
    return scale(p * pow(x, where(constant, 1.0, p - 1.0)), x, y)


def _pow_in_exponent(y: Array, x: Array, p: Array) -> LinearMap:
    if isinstance(x, int | float):
        return scale(y * math.log(x) if x else 0.0 * y, p, y)
    return scale(y * log(where(strip(x) == 0.0, 1.0, x)), p, y)


@primitive(_pow_in_base, _pow_in_exponent)
def _pow(x: Array, p: Array) -> Array:
    return x**p


@primitive(lambda y, x: Scale(sign(x)))
def abs(x: Array) -> Array:
    return namespace(x).abs(x)


# ------------------------------------------------------------------------------------- exponentials and logarithms


@primitive(lambda y, x: Scale(y))
def exp(x: Array) -> Array:
    return namespace(x).exp(x)


@primitive(lambda y, x: Scale(y + 1.0))
def expm1(x: Array) -> Array:
    return namespace(x).expm1(x)


@primitive(lambda y, x: Scale(1.0 / x))
def log(x: Array) -> Array:
    return namespace(x).log(x)


@primitive(lambda y, x: Scale(1.0 / (1.0 + x)))
def log1p(x: Array) -> Array:
    return namespace(x).log1p(x)


@primitive(lambda y, x: Scale((1.0 / math.log(2.0)) / x))
def log2(x: Array) -> Array:
    return namespace(x).log2(x)


@primitive(lambda y, x: Scale((1.0 / math.log(10.0)) / x))
def log10(x: Array) -> Array:
    return namespace(x).log10(x)


@primitive(lambda y, a, b: scale(sigmoid(a - b), a, y), lambda y, a, b: scale(sigmoid(b - a), b, y))
def logaddexp(a: Array, b: Array) -> Array:
    return namespace(a, b).logaddexp(a, b)


# ------------------------------------------------------------------------------------- trigonometric and hyperbolic


@primitive(lambda y, x: Scale(cos(x)))
def sin(x: Array) -> Array:
    return namespace(x).sin(x)


@primitive(lambda y, x: Scale(-sin(x)))
def cos(x: Array) -> Array:
    return namespace(x).cos(x)


@primitive(lambda y, x: Scale(1.0 + square(y)))
def tan(x: Array) -> Array:
    return namespace(x).tan(x)


@primitive(lambda y, x: Scale(1.0 / sqrt(1.0 - square(x))))
def asin(x: Array) -> Array:
    return namespace(x).asin(x)


@primitive(lambda y, x: Scale(-1.0 / sqrt(1.0 - square(x))))
def acos(x: Array) -> Array:
    return namespace(x).acos(x)


@primitive(lambda y, x: Scale(1.0 / (1.0 + square(x))))
def atan(x: Array) -> Array:
    return namespace(x).atan(x)


@primitive(
    lambda y, a, b: scale(b / (square(a) + square(b)), a, y),
    lambda y, a, b: scale(-a / (square(a) + square(b)), b, y),
)
def atan2(a: Array, b: Array) -> Array:
    return namespace(a, b).atan2(a, b)


@primitive(lambda y, a, b: scale(a / y, a, y), lambda y, a, b: scale(b / y, b, y))
def hypot(a: Array, b: Array) -> Array:
    return namespace(a, b).hypot(a, b)


@primitive(lambda y, x: Scale(cosh(x)))
def sinh(x: Array) -> Array:
    return namespace(x).sinh(x)


@primitive(lambda y, x: Scale(sinh(x)))
def cosh(x: Array) -> Array:
    return namespace(x).cosh(x)


@primitive(lambda y, x: Scale(1.0 - square(y)))
def tanh(x: Array) -> Array:
    return namespace(x).tanh(x)


@primitive(lambda y, x: Scale(1.0 / sqrt(square(x) + 1.0)))
def asinh(x: Array) -> Array:
    return namespace(x).asinh(x)


@primitive(lambda y, x: Scale(1.0 / sqrt(square(x) - 1.0)))
def acosh(x: Array) -> Array:
    return namespace(x).acosh(x)


@primitive(lambda y, x: Scale(1.0 / (1.0 - square(x))))
def atanh(x: Array) -> Array:
    return namespace(x).atanh(x)


# ------------------------------------------------------------------------------------- activations


@primitive(lambda y, x: Scale(y * sigmoid(-x)))
def sigmoid(x: Array) -> Array:
    """`1 / (1 + exp(-x))`, written so that nothing overflows and small values keep their digits."""
    xp = namespace(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0.0, xp.ones_like(e), e) / (1.0 + e)


@primitive(lambda y, x: Scale(sigmoid(x)))
def softplus(x: Array) -> Array:
    """`log(1 + exp(x))`, written so that nothing overflows."""
    xp = namespace(x)
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


@primitive(lambda y, x: Scale(_mask(strip(y) > 0.0, y)))
def relu(x: Array) -> Array:
    """`max(x, 0)`; slope 0 at 0."""
    return namespace(x).maximum(x, 0.0)


@primitive(lambda y, x: Scale((2.0 / math.sqrt(math.pi)) * exp(-square(x))))
def erf(x: Array) -> Array:
    """Error function `2/sqrt(pi) * integral of exp(-t^2) from 0 to x`."""
    return backend_of(x).erf(x)


# ------------------------------------------------------------------------------------- choices


@primitive(
    lambda y, a, b: scale(_mask(strip(a) >= strip(b), y), a, y),
    lambda y, a, b: scale(_mask(~(strip(a) >= strip(b)), y), b, y),
)
def maximum(a: Array, b: Array) -> Array:
    """The larger of two arrays, elementwise; the first where they are equal."""
    return namespace(a, b).maximum(a, b)


@primitive(
    lambda y, a, b: scale(_mask(strip(a) <= strip(b), y), a, y),
    lambda y, a, b: scale(_mask(~(strip(a) <= strip(b)), y), b, y),
)
def minimum(a: Array, b: Array) -> Array:
    """The smaller of two arrays, elementwise; the first where they are equal."""
    return namespace(a, b).minimum(a, b)


def clip(x: Array, min: Array | None = None, max: Array | None = None) -> Array:
    """`x` kept between `min` and `max`; slope 1 at the bounds."""
    if min is not None:
        x = maximum(x, min)
    return x if max is None else minimum(x, max)


def where(condition: Array, a: Array, b: Array) -> Array:
    """`a` where the condition holds, `b` elsewhere. The side not taken has derivative 0, also where it is infinite.

    (A side that is nan has coefficients that are nan further up: guard the argument, `log(where(x > 0, x, 1.0))`.)
    A condition of numbers holds where they are not 0.
    """
    condition = strip(condition)
    if not hasattr(condition, "dtype"):
        condition = namespace(*(x for x in map(strip, (a, b)) if hasattr(x, "dtype"))).asarray(bool(condition))
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
    return backend_of(x).sign(x)


def copysign(a: Array, b: Array) -> Array:
    """`abs(a)` with the sign of `b`, in which its derivative is 0."""
    below = namespace(strip(b)).signbit(strip(b))
    size = abs(a)
    return where(below, -size, size)


def floor_divide(a: Array, b: Array) -> Array:
    """Largest integer not above `a / b`; its derivative is 0 everywhere."""
    return strip(a) // strip(b)


def floor(x: Array) -> Array:
    """Largest integer below; its derivative is 0 everywhere."""
    x = strip(x)
    return namespace(x).floor(x)


def ceil(x: Array) -> Array:
    """Smallest integer above; its derivative is 0 everywhere."""
    x = strip(x)
    return namespace(x).ceil(x)


def round(x: Array) -> Array:
    """Nearest integer; its derivative is 0 everywhere."""
    x = strip(x)
    return namespace(x).round(x)
