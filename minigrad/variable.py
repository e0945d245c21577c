"""The traced array: what a function sees in place of its argument while its derivative is taken.

A `Variable` holds its value (`primal`), the open transform it belongs to (`trace`), and its `source`: where the
derivatives that are taken from it start. On a tape that is its row, in a push it is its tangent. The operators of a
variable are operations of minigrad: `minigrad/ops/operators.py` sets them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import prod
from types import ModuleType
from typing import Any, ClassVar, NoReturn

import numpy
from array_api_compat import device as device_of

from minigrad.numpy_names import STANDARD, instead_of

Array = Any  # an array of some backend, or a Variable that stands for one


class Variable:
    """An array under differentiation; made by `linearize`, `jvp`, `grad`, ..., never by hand."""

    __slots__ = ("level", "primal", "source", "trace")
    __array_priority__ = 1000.0  # let our reflected operators answer those of an array
    __pandas_priority__ = 5000  # and those of a column
    __hash__ = None  # type: ignore[assignment]  # like arrays, which compare elementwise
    _functions: ClassVar[ModuleType]  # what variables answer when they are asked for their functions: minigrad

    def __init__(self, primal: Array, trace: Any, source: Any):
        self.primal = primal
        self.trace = trace
        self.level = trace.level
        self.source = source

    # What can be asked of an array without differentiating it.
    @property
    def shape(self) -> tuple[int, ...]:
        return self.primal.shape

    @property
    def dtype(self) -> Any:
        return self.primal.dtype

    @property
    def ndim(self) -> int:
        return self.primal.ndim

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def device(self) -> Any:
        return device_of(strip(self))

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return self._functions

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d array")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        x: Any = self  # its operators are set later
        return (x[i] for i in range(len(self)))

    def __copy__(self) -> Variable:
        return self  # nothing can change it

    def __deepcopy__(self, memo: Any) -> Variable:
        return self

    def __format__(self, spec: str) -> str:
        return format(strip(self), spec) if spec else repr(self)

    def __repr__(self) -> str:
        return f"Variable({self.primal!r}, level={self.level})"

    # What would silently lose the derivative.
    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "in-place assignment x[index] = value cannot be differentiated: "
            "write x = minigrad.index_update(x, index, value), or index_add to add"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Answer the operators of NumPy arrays (`array * variable`), and NumPy functions that minigrad has too."""
        name = STANDARD.get(ufunc.__name__, ufunc.__name__)
        if method != "__call__" or kwargs or name not in self._functions.__all__:
            return self._refuse_function(f"numpy.{ufunc.__name__}")
        return getattr(self._functions, name)(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        self._refuse_function(f"{function.__module__ or 'numpy'}.{function.__name__}")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        if sys._getframe(1).f_code.co_name == "_matmul_dispatch":
            # SciPy's sparse matrices ask in this way who answers A @ x: an array that holds the object says, it does.
            answer = numpy.empty((), dtype=object)
            answer[()] = self
            return answer
        advice = "Join a list of variables with minigrad.stack, replace entries with minigrad.index_update, use "
        return self._refuse("a conversion to a NumPy array", f"{advice}minigrad's functions on the value itself")

    def __float__(self) -> float:
        self._refuse(
            "float(), or assignment into a plain array (see minigrad.index_update, minigrad.stack),",
            "Use minigrad.sin for math.sin, and so on,",
        )

    def __int__(self) -> int:
        self._refuse("int()")

    def __index__(self) -> int:
        self._refuse("use as an index")

    def __complex__(self) -> complex:
        self._refuse("complex()")

    def __bool__(self) -> bool:
        self._refuse("bool()")

    def item(self) -> float:
        self._refuse(".item()")

    def tolist(self) -> list[Any]:
        self._refuse(".tolist()")

    def __reduce__(self) -> NoReturn:
        self._refuse("pickling")

    def _refuse_function(self, name: str) -> NoReturn:
        instead = instead_of(name.split(".")[-1], self._functions)
        self._refuse(name, f"Write {instead}" if instead else "minigrad has no such function: use those that it has")

    def _refuse(self, what: str, advice: str = "Use minigrad's functions on the value itself") -> NoReturn:
        raise TypeError(
            f"{what} of a traced value: its derivative is being taken, and it would be lost. {advice} "
            "(comparisons such as x > 0 give plain booleans), return the value as aux "
            "(has_aux=True), or take minigrad.stop_gradient(x) where no derivative is wanted"
        )


def strip(x: Any) -> Any:
    """Return the plain array inside a variable of any depth; anything else as it is."""
    while x.__class__ is Variable:
        x = x.primal
    return x
