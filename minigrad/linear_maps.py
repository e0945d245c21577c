"""The linear maps that derivatives are made of: each applies to a tangent, its transpose to a cotangent.

Every kind `m` satisfies `<u, m t> = <m^T u, t>`. They are applied with operators and minigrad's own functions, so
that a map whose coefficients are variables of another transform is itself differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minigrad.variable import Array, Variable


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

    def __init__(self, push: Callable[..., Array], pull: Callable[..., Array]):
        self.push = push  # type: ignore[method-assign]  # the functions stand in for methods
        self.pull = pull  # type: ignore[method-assign]


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


Edges = list[tuple[Any, LinearMap]]  # of an operation: for each argument its source, and the map from there


class Together(Edges):
    """Edges whose maps can be applied all at once to plain arrays, in fewer passes over memory than one by one.

    `at_once(*tangents)` is the sum of the maps, `at_once.T(cotangent)` the tuple of their transposes. Each map is there
    too: for variables, which differentiate it.
    """

    __slots__ = ("at_once",)

    def __init__(self, edges: Edges, at_once: LinearMap):
        super().__init__(edges)
        self.at_once = at_once

    def push(self, tangents: list[Array]) -> Array:
        """The tangent of the output."""
        if not any(t.__class__ is Variable for t in tangents):
            return self.at_once.push(*tangents)
        y_dot, *terms = (linear_map.push(t) for (_, linear_map), t in zip(self, tangents, strict=True))
        for term in terms:
            y_dot = y_dot + term
        return y_dot

    def pull(self, cotangent: Array) -> Sequence[Array]:
        """The cotangents of the arguments, in the order of the edges."""
        if cotangent.__class__ is not Variable:
            return self.at_once.pull(cotangent)
        return [linear_map.pull(cotangent) for _, linear_map in self]


IDENTITY = Identity()
NEGATE = Negate()
