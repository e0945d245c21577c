"""Smooth elementwise operations. The derivative of each is "scale by a coefficient": one line above its value."""

from __future__ import annotations

import math

from minigrad.backends import backend_of, namespace
from minigrad.linear_maps import NEGATE, LinearMap, Scale
from minigrad.ops.broadcasting import broadcast, scale
from minigrad.ops.piecewise import floor_divide, where
from minigrad.primitives import primitive
from minigrad.variable import Array, strip

__all__ = [
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "divide",
    "erf",
    "exp",
    "expm1",
    "hypot",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "multiply",
    "negative",
    "positive",
    "pow",
    "reciprocal",
    "remainder",
    "sigmoid",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
]  # fmt: skip

# ------------------------------------------------------------------------------------- arithmetic


@primitive(lambda y, a, b: broadcast(a, y), lambda y, a, b: broadcast(b, y))
def add(a: Array, b: Array) -> Array:
    """`a + b`, elementwise."""
    return a + b


@primitive(
    lambda y, a, b: broadcast(a, y),
    lambda y, a, b: NEGATE if b.shape == y.shape else scale(-1.0, b, y),
)
def subtract(a: Array, b: Array) -> Array:
    """`a - b`, elementwise."""
    return a - b


@primitive(lambda y, a, b: scale(b, a, y), lambda y, a, b: scale(a, b, y))
def multiply(a: Array, b: Array) -> Array:
    """`a b`, elementwise."""
    return a * b


def _inverse(b: Array) -> Array:
    try:
        return 1.0 / b
    except ZeroDivisionError:  # a Python number: for arrays NumPy warns
        return math.copysign(math.inf, b)


@primitive(lambda y, a, b: scale(_inverse(b), a, y), lambda y, a, b: scale(-y / b, b, y))
def divide(a: Array, b: Array) -> Array:
    """`a / b`, elementwise."""
    return a / b


@primitive(lambda y, x: NEGATE)
def negative(x: Array) -> Array:
    """`-x`, elementwise."""
    return -x


def positive(x: Array) -> Array:
    """`x` itself."""
    namespace(x)  # TypeError for a list
    return x


@primitive(lambda y, a, b: broadcast(a, y), lambda y, a, b: scale(-floor_divide(a, b), b, y))
def remainder(a: Array, b: Array) -> Array:
    """`a - floor(a / b) b`; the jumps have no derivative."""
    return a % b


@primitive(lambda y, x: Scale(2.0 * x))
def square(x: Array) -> Array:
    """`x^2`, elementwise."""
    return x * x


@primitive(lambda y, x: Scale(-square(y)))
def reciprocal(x: Array) -> Array:
    """`1 / x`, elementwise."""
    return 1.0 / x


@primitive(lambda y, x: Scale(0.5 / y))
def sqrt(x: Array) -> Array:
    """`x^(1/2)`, elementwise, for `x >= 0`; the slope at 0 is infinite."""
    return namespace(x).sqrt(x)


def pow(x: Array, p: Array) -> Array:
    """`x ** p`, elementwise; at `x = 0` the derivative in `p` is 0."""
    if not isinstance(p, int | float) or hasattr(p, "dtype"):
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
    zero = strip(x) == 0.0  # there y may be infinite
    if isinstance(x, int | float):
        return scale(where(zero, 0.0, y) * (math.log(x) if x > 0.0 else 0.0 if zero else math.nan), p, y)
    return scale(where(zero, 0.0, y) * log(where(zero, 1.0, x)), p, y)


@primitive(_pow_in_base, _pow_in_exponent)
def _pow(x: Array, p: Array) -> Array:
    return x**p


# ------------------------------------------------------------------------------------- exponentials and logarithms


@primitive(lambda y, x: Scale(y))
def exp(x: Array) -> Array:
    """`exp(x)`, elementwise."""
    return namespace(x).exp(x)


@primitive(lambda y, x: Scale(y + 1.0))
def expm1(x: Array) -> Array:
    """`exp(x) - 1`, elementwise, exact for small `x`."""
    return namespace(x).expm1(x)


@primitive(lambda y, x: Scale(1.0 / x))
def log(x: Array) -> Array:
    """Natural logarithm of `x > 0`, elementwise."""
    return namespace(x).log(x)


@primitive(lambda y, x: Scale(1.0 / (1.0 + x)))
def log1p(x: Array) -> Array:
    """`log(1 + x)`, elementwise, exact for small `x`."""
    return namespace(x).log1p(x)


@primitive(lambda y, x: Scale((1.0 / math.log(2.0)) / x))
def log2(x: Array) -> Array:
    """Logarithm to base 2 of `x > 0`, elementwise."""
    return namespace(x).log2(x)


@primitive(lambda y, x: Scale((1.0 / math.log(10.0)) / x))
def log10(x: Array) -> Array:
    """Logarithm to base 10 of `x > 0`, elementwise."""
    return namespace(x).log10(x)


@primitive(
    lambda y, a, b: scale(sigmoid(a - b), a, y),  # type: ignore[has-type]  # as for sin
    lambda y, a, b: scale(sigmoid(b - a), b, y),  # type: ignore[has-type]
)
def logaddexp(a: Array, b: Array) -> Array:
    """`log(exp(a) + exp(b))`, elementwise, written so that nothing overflows."""
    return namespace(a, b).logaddexp(a, b)


# ------------------------------------------------------------------------------------- trigonometric and hyperbolic


@primitive(lambda y, x: Scale(cos(x)))  # type: ignore[has-type]  # cos is typed below, by sin
def sin(x: Array) -> Array:
    """`sin(x)`, elementwise, in radians."""
    return namespace(x).sin(x)


@primitive(lambda y, x: Scale(-sin(x)))
def cos(x: Array) -> Array:
    """`cos(x)`, elementwise, in radians."""
    return namespace(x).cos(x)


@primitive(lambda y, x: Scale(1.0 + square(y)))
def tan(x: Array) -> Array:
    """`tan(x)`, elementwise, in radians."""
    return namespace(x).tan(x)


@primitive(lambda y, x: Scale(1.0 / sqrt(1.0 - square(x))))
def asin(x: Array) -> Array:
    """The angle in [-pi/2, pi/2] with sine `x`, elementwise, for `x` in [-1, 1]."""
    return namespace(x).asin(x)


@primitive(lambda y, x: Scale(-1.0 / sqrt(1.0 - square(x))))
def acos(x: Array) -> Array:
    """The angle in [0, pi] with cosine `x`, elementwise, for `x` in [-1, 1]."""
    return namespace(x).acos(x)


@primitive(lambda y, x: Scale(1.0 / (1.0 + square(x))))
def atan(x: Array) -> Array:
    """The angle in (-pi/2, pi/2) with tangent `x`, elementwise."""
    return namespace(x).atan(x)


def _by_square(x: Array, a: Array, b: Array) -> Array:
    """`x / (a^2 + b^2)`, 0 at `a = b = 0`, written so that nothing overflows."""
    r = _one_for_zero(hypot(a, b))
    return x / r / r


def _one_for_zero(r: Array) -> Array:
    return where(strip(r) == 0.0, 1.0, r)


@primitive(lambda y, a, b: scale(_by_square(b, a, b), a, y), lambda y, a, b: scale(-_by_square(a, a, b), b, y))
def atan2(a: Array, b: Array) -> Array:
    """The angle in [-pi, pi] of the point with coordinates `(b, a)`, elementwise: `atan(a / b)` for `b > 0`.

    At the jump `a = b = 0` its derivatives are 0.
    """
    return namespace(a, b).atan2(a, b)


@primitive(lambda y, a, b: scale(a / _one_for_zero(y), a, y), lambda y, a, b: scale(b / _one_for_zero(y), b, y))
def hypot(a: Array, b: Array) -> Array:
    """`(a^2 + b^2)^(1/2)`, elementwise, written so that nothing overflows; slopes 0 at `a = b = 0`, as `abs` has."""
    return namespace(a, b).hypot(a, b)


@primitive(lambda y, x: Scale(cosh(x)))  # type: ignore[has-type]  # as for sin
def sinh(x: Array) -> Array:
    """`(exp(x) - exp(-x)) / 2`, elementwise."""
    return namespace(x).sinh(x)


@primitive(lambda y, x: Scale(sinh(x)))
def cosh(x: Array) -> Array:
    """`(exp(x) + exp(-x)) / 2`, elementwise."""
    return namespace(x).cosh(x)


@primitive(lambda y, x: Scale(1.0 - square(y)))
def tanh(x: Array) -> Array:
    """`sinh(x) / cosh(x)`, elementwise."""
    return namespace(x).tanh(x)


@primitive(lambda y, x: Scale(1.0 / sqrt(square(x) + 1.0)))
def asinh(x: Array) -> Array:
    """The inverse of `sinh`, elementwise: `log(x + (x^2 + 1)^(1/2))`."""
    return namespace(x).asinh(x)


@primitive(lambda y, x: Scale(1.0 / sqrt(square(x) - 1.0)))
def acosh(x: Array) -> Array:
    """The inverse of `cosh`, elementwise, for `x >= 1`: `log(x + (x^2 - 1)^(1/2))`."""
    return namespace(x).acosh(x)


@primitive(lambda y, x: Scale(1.0 / (1.0 - square(x))))
def atanh(x: Array) -> Array:
    """The inverse of `tanh`, elementwise, for `x` in (-1, 1): `log((1 + x) / (1 - x)) / 2`."""
    return namespace(x).atanh(x)


# ------------------------------------------------------------------------------------- activations


@primitive(lambda y, x: Scale(y * sigmoid(-x)))  # type: ignore[has-type]  # as for sin
def sigmoid(x: Array) -> Array:
    """`1 / (1 + exp(-x))`, elementwise, written so that nothing overflows and small values keep their digits."""
    xp = namespace(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0.0, xp.ones_like(e), e) / (1.0 + e)


@primitive(lambda y, x: Scale(sigmoid(x)))
def softplus(x: Array) -> Array:
    """`log(1 + exp(x))`, elementwise, written so that nothing overflows."""
    xp = namespace(x)
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(-xp.abs(x)))


@primitive(lambda y, x: Scale((2.0 / math.sqrt(math.pi)) * exp(-square(x))))
def erf(x: Array) -> Array:
    """Error function `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `x`, elementwise."""
    return backend_of(x).erf(x)
