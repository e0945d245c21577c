r"""Functions at points, with their first and second derivatives: what a differential equation asks of a network.

A `Jet` holds, for a function `u` of coordinates `x_1, ..., x_d`, the arrays

    u,      (du/dx_1, ..., du/dx_p),      (d^2u/dx_1^2, ..., d^2u/dx_s^2),      s <= p <= d,

and the rules of calculus make jets of sums, products and functions of jets:

    (u v)'' = u'' v + 2 u' v' + u v'',        f(u)' = f'(u) u',        f(u)'' = f''(u) u'^2 + f'(u) u''

This is forward mode to second order, written with minigrad's operations: what is computed so is itself differentiated
by the parameters. Of two jets one may be constant: `minigrad.multiply` and `add` take both, where an operator of
array-api-strict refuses a variable on its right. `minigrad.jvp` of a `minigrad.jvp` gives the same numbers, and
computes the values again for every direction. There are no mixed derivatives, as none of the equations here has any.
Griewank and Walther, Evaluating Derivatives (2008), chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import minigrad as mg
from minigrad import Array


@dataclass(frozen=True)
class Jet:
    """A function at points, its derivatives by the first few coordinates, and its second derivatives by some of these.

    >>> import numpy as np
    >>> (x,) = coordinates(np.array([[0.5], [2.0]]))
    >>> u = x * x * x - 1.0
    >>> u.value.tolist(), u.first[0].tolist(), u.second[0].tolist()
    ([-0.875, 7.0], [0.75, 12.0], [3.0, 12.0])
    """

    value: Array
    first: tuple[Array, ...] = ()
    second: tuple[Array, ...] = ()

    def linear(self, change: Callable[[Array], Array]) -> Jet:
        """The jet of a linear function of `u`: `change` of every array."""
        return Jet(change(self.value), tuple(map(change, self.first)), tuple(map(change, self.second)))

    def chain(self, f: Array, slope: Array, curvature: Array) -> Jet:
        """The jet of `f(u)`, given `f`, `f'` and `f''` at the values of `u`."""
        firsts = tuple(slope * u_x for u_x in self.first)
        pairs = zip(self.first, self.second, strict=False)  # there may be fewer second derivatives
        return Jet(f, firsts, tuple(curvature * (u_x * u_x) + slope * u_xx for u_x, u_xx in pairs))

    def __add__(self, other: Jet | Array) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value + other, self.first, self.second)
        return Jet(
            mg.add(self.value, other.value),
            tuple(mg.add(u_x, v_x) for u_x, v_x in zip(self.first, other.first, strict=True)),
            tuple(mg.add(u_xx, v_xx) for u_xx, v_xx in zip(self.second, other.second, strict=True)),
        )

    def __mul__(self, other: Jet | Array) -> Jet:
        if not isinstance(other, Jet):
            return self.linear(lambda a: mg.multiply(other, a))
        u, v, times = self.value, other.value, mg.multiply
        slopes = list(zip(self.first, other.first, strict=True))
        curvatures = zip(slopes, self.second, other.second, strict=False)
        return Jet(
            times(u, v),
            tuple(mg.add(times(u_x, v), times(u, v_x)) for u_x, v_x in slopes),
            tuple(
                mg.add(times(u_xx, v) + 2.0 * times(u_x, v_x), times(u, v_xx)) for (u_x, v_x), u_xx, v_xx in curvatures
            ),
        )

    def __neg__(self) -> Jet:
        return self * -1.0

    def __sub__(self, other: Jet | Array) -> Jet:
        return self + -other

    def __rsub__(self, other: Array) -> Jet:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __truediv__(self, other: Jet) -> Jet:
        return self * (1.0 / other)

    def __rtruediv__(self, other: Array) -> Jet:
        one_over = 1.0 / self.value
        square = one_over * one_over
        return self.chain(one_over, -square, 2.0 * square * one_over) * other


def coordinates(points: Array, first: int | None = None, second: int | None = None) -> tuple[Jet, ...]:
    """The coordinates of points (..., d) as d jets (...).

    They have derivatives by the `first` first coordinates and second ones by the `second` first; None means all.

    >>> import numpy as np
    >>> x, t = coordinates(np.ones((5, 2)), second=1)
    >>> len(t.first), len(t.second), t.value.shape
    (2, 1, (5,))
    """
    d = points.shape[-1]
    zero = mg.zeros_like(points[..., 0])
    one = mg.ones_like(zero)
    firsts, seconds = d if first is None else first, d if second is None else second
    return tuple(
        Jet(points[..., k], tuple(one if i == k else zero for i in range(firsts)), (zero,) * seconds) for k in range(d)
    )


def sin(u: Jet) -> Jet:
    """The jet of `sin(u)`."""
    s = mg.sin(u.value)
    return u.chain(s, mg.cos(u.value), -s)


def cos(u: Jet) -> Jet:
    """The jet of `cos(u)`."""
    c = mg.cos(u.value)
    return u.chain(c, -mg.sin(u.value), -c)


def exp(u: Jet) -> Jet:
    """The jet of `exp(u)`."""
    e = mg.exp(u.value)
    return u.chain(e, e, e)


def sqrt(u: Jet) -> Jet:
    """The jet of the square root of `u`, which must be positive where there are derivatives."""
    root = mg.sqrt(u.value)
    if not u.first:
        return Jet(root)
    slope = 0.5 / root
    return u.chain(root, slope, -0.5 * slope / u.value)


def asinh(u: Jet) -> Jet:
    """The jet of the inverse hyperbolic sine of `u`."""
    slope = 1.0 / mg.sqrt(1.0 + u.value * u.value)
    return u.chain(mg.asinh(u.value), slope, -u.value * slope * slope * slope)


def tanh(u: Jet) -> Jet:
    """The jet of `tanh(u)`."""
    t = mg.tanh(u.value)
    slope = 1.0 - t * t
    return u.chain(t, slope, -2.0 * (t * slope))
