"""The linear maps that derivatives are made of: each applies to a tangent, its transpose to a cotangent.

Every kind satisfies `<u, m(t)> = <m.T(u), t>`. They are applied with operators and minigrad's own functions, so that a
map whose coefficients are variables of another transform is itself differentiated.
"""

from __future__ import annotations

from collections.abc import Callable

from minigrad.variable import Array


class LinearMap:
    """A linear function of an array: `m(t)` applies it, `m.T(c)` applies its transpose.

    Subclasses define `push` (apply) and `pull` (apply the transpose).

    >>> m = Scale(3.0)
    >>> m(2.0), m.T(2.0)
    (6.0, 6.0)
    """

    __slots__ = ()

    def push(self, t: Array) -> Array:
        """Apply the map to a tangent."""
        raise NotImplementedError

    def pull(self, c: Array) -> Array:
        """Apply the transpose to a cotangent."""
        raise NotImplementedError

    def __call__(self, *t: Array) -> Array:
        return self.push(*t)

    @property
    def T(self) -> LinearMap:
        """The transpose, itself a linear map."""
        return Transpose(self)


class Transpose(LinearMap):
    """The transpose of another map."""

    __slots__ = ("of",)

    def __init__(self, of: LinearMap):
        self.of = of

    def push(self, t: Array) -> Array:
        return self.of.pull(t)

    def pull(self, c: Array) -> Array:
        return self.of.push(c)

    @property
    def T(self) -> LinearMap:
        return self.of


class Scale(LinearMap):
    """Multiply elementwise: `t -> k t`, its own transpose. `k` is an array of the same shape, or a number."""

    __slots__ = ("k",)

    def __init__(self, k: Array):
        self.k = k

    def push(self, t: Array) -> Array:
        return self.k * t

    pull = push  # type: ignore[assignment]  # mypy counts the argument's name as part of the type


class Identity(LinearMap):
    """`t -> t`."""

    __slots__ = ()

    def push(self, t: Array) -> Array:
        return t

    pull = push  # type: ignore[assignment]  # as in Scale


class Negate(LinearMap):
    """`t -> -t`."""

    __slots__ = ()

    def push(self, t: Array) -> Array:
        return -t

    pull = push  # type: ignore[assignment]  # as in Scale


class Linear(LinearMap):
    """A linear operation and its transpose, each given as a function: slices and pads, gathers and scatters, ..."""

    __slots__ = ("pull", "push")

    def __init__(self, push: Callable[[Array], Array], pull: Callable[[Array], Array]):
        self.push = push  # type: ignore[method-assign, assignment]  # the functions stand in for methods
        self.pull = pull  # type: ignore[method-assign, assignment]


class Compose(LinearMap):
    """`t -> a(b(t))`."""

    __slots__ = ("a", "b")

    def __init__(self, a: LinearMap, b: LinearMap):
        self.a = a
        self.b = b

    def push(self, t: Array) -> Array:
        return self.a.push(self.b.push(t))

    def pull(self, c: Array) -> Array:
        return self.b.pull(self.a.pull(c))


IDENTITY = Identity()
NEGATE = Negate()
