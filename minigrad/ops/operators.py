"""The operators of variables: each is the operation of that name."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from minigrad.backends import families
from minigrad.numpy_names import instead_of_method, methods_elsewhere
from minigrad.ops import elementwise, indexing, piecewise, products, shaping
from minigrad.variable import Array, Variable, strip


class _Missing:
    """A method that other arrays have: AttributeError says what is written instead.

    A descriptor, as `__getattr__` would slow down every attribute of a variable.
    """

    def __init__(self, name: str, instead: str):
        self.name = name
        self.instead = instead

    def __get__(self, x: Variable | None, owner: type) -> NoReturn:
        says = f"a traced value x has no attribute {self.name!r}: write {self.instead}"
        raise AttributeError(says, name=self.name, obj=x)


def _reflected(operation: Callable[[Array, Array], Array]) -> Callable[[Variable, Array], Array]:
    return lambda self, other: operation(other, self)


def _comparison(name: str) -> Callable[[Variable, Array], Array]:
    """Comparisons give plain booleans, of plain values: ordinary `if` and `while` work."""
    return lambda self, other: getattr(strip(self), name)(strip(other))


def set_operators(namespace: ModuleType) -> None:
    """Give variables their operators, the properties that are operations, and the namespace of their functions."""
    v: Any = Variable
    v._functions = families[Variable] = namespace
    for name, operation in (
        ("add", elementwise.add),
        ("sub", elementwise.subtract),
        ("mul", elementwise.multiply),
        ("truediv", elementwise.divide),
        ("pow", elementwise.pow),
        ("mod", elementwise.remainder),
        ("floordiv", piecewise.floor_divide),
        ("matmul", products.matmul),
    ):
        setattr(v, f"__{name}__", operation)
        setattr(v, f"__r{name}__", _reflected(operation))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(v, f"__{name}__", _comparison(f"__{name}__"))
    for name in methods_elsewhere(namespace):
        if not hasattr(v, name):
            setattr(v, name, _Missing(name, instead_of_method(name, namespace)))
    v.__neg__ = elementwise.negative
    v.__pos__ = elementwise.positive
    v.__abs__ = piecewise.abs
    v.__getitem__ = indexing.getitem
    v.T = property(shaping.matrix_transpose)
    v.mT = property(shaping.matrix_transpose)
