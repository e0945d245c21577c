"""The two kinds of open transform: one that keeps a tape, and one that pushes tangents and keeps nothing.

Each has a level, and an operation belongs to the highest level among its arguments: variables of lower levels are
constants to it. That alone keeps nested derivatives separate, so that there is no perturbation confusion.
"""

from __future__ import annotations

from itertools import count

from minigrad.backends import Namespace
from minigrad.linear_maps import Edges, Together
from minigrad.variable import Array, Variable

_levels = count(1)  # opened later means higher: a later transform is inside the earlier ones, or independent of them


class Trace:
    """One open transform: what its variables belong to."""

    __slots__ = ("level", "namespace", "open")

    def __init__(self, namespace: Namespace):
        self.level = next(_levels)
        self.namespace = namespace
        self.open = True

    def record(self, y: Array, edges: Edges) -> Variable:
        """Return the output of an operation as a variable, given its value and its linear maps."""
        raise NotImplementedError


class Tape(Trace):
    """Keeps the linear maps, one row per operation in evaluation order; the source of a variable is its row."""

    __slots__ = ("rows",)

    def __init__(self, namespace: Namespace):
        super().__init__(namespace)
        self.rows: list[Edges] = []

    def record(self, y: Array, edges: Edges) -> Variable:
        rows = self.rows
        rows.append(edges)
        return Variable(y, self, len(rows) - 1)


class Push(Trace):
    """Pushes tangents forward as the function runs; the source of a variable is its tangent."""

    __slots__ = ()

    def record(self, y: Array, edges: Edges) -> Variable:
        if edges.__class__ is Together:
            return Variable(y, self, edges.push([tangent for tangent, _ in edges]))
        tangent, linear_map = edges[0]
        y_dot = linear_map.push(tangent)
        for tangent, linear_map in edges[1:]:
            y_dot = y_dot + linear_map.push(tangent)
        return Variable(y, self, y_dot)
