"""The arguments and results of a transform: trees, checked for their structure, shapes and dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.backends import (
    Namespace,
    backend_for,
    device_of,
    family,
    is_floating,
    mixed_backends,
    numpy_namespace,
    shown,
)
from minigrad.memory import copied
from minigrad.ops.dtypes import astype
from minigrad.primitives import outlived
from minigrad.trace import Trace
from minigrad.trees import LEAF, Structure, Tree, leaves_like, tree_flatten, tree_paths, tree_unflatten
from minigrad.variable import Array, Variable, strip


class TreeSpec:
    """The arrays of a tree and its structure: checks other trees against it, and makes trees like it.

    A tree is like it if it has the same structure, and its arrays the same shapes and dtypes.
    """

    __slots__ = ("leaves", "namespace", "single", "structure")

    def __init__(self, leaves: list[Array], structure: Structure, namespace: Namespace, single: bool = True):
        self.leaves = leaves
        self.structure = structure
        self.namespace = namespace
        self.single = single  # arguments only: one argument stands for itself, several make a tuple

    @classmethod
    def of_arguments(cls, arguments: tuple[Tree, ...], f: Callable[..., Tree]) -> TreeSpec:
        """Check the primals of a transform: floating-point arrays of one backend, or Python floats."""
        if not callable(f):
            raise TypeError(
                f"expected a function, got {type(f).__name__}: {shown(f, 60)}. Give f itself, not its value f(x)"
            )
        single = len(arguments) == 1
        leaves, structure = tree_flatten(arguments[0] if single else arguments)
        xp = None
        for k, x in enumerate(leaves):
            try:
                other = family(strip(x))
            except TypeError as error:
                raise TypeError(f"{argument_name(structure, k, single)} of {name_of(f)}: {error}") from None
            if not is_floating(strip(x)):
                raise TypeError(
                    f"{argument_name(structure, k, single)} of {name_of(f)} is not floating-point (it is "
                    f"{getattr(x, 'dtype', type(x).__name__)}): derivatives need real floating-point numbers; "
                    "write 3.0 for 3, or convert with minigrad.astype(x, minigrad.float64)"
                )
            if other is None or other is xp:
                continue
            if xp is not None:
                raise TypeError(f"{argument_name(structure, k, single)} of {name_of(f)}: {mixed_backends(xp, other)}")
            xp = other
        if xp is None:
            xp = numpy_namespace
        arrays = [x for x in leaves if x.__class__ is not float]
        if xp is not numpy_namespace:
            backend_for(xp).check([strip(x) for x in arrays])
        if len(arrays) < len(leaves):  # Python floats take the dtype of the arrays
            dtype = xp.result_type(*(x.dtype for x in arrays)) if arrays else xp.float64
            device = device_of(strip(arrays[0])) if arrays else None
            leaves = [xp.asarray(x, dtype=dtype, device=device)[()] if x.__class__ is float else x for x in leaves]
        return cls(leaves, structure, xp, single)

    @property
    def is_list_of_numbers(self) -> bool:
        """Whether an argument is a list of numbers, which beginners take for an array."""
        trees = [self.structure] if self.single else self.structure[2]
        numbers = all(x.shape == () for x in self.leaves)
        return numbers and any(isinstance(tree, tuple) and tree[0] is list and set(tree[2]) == {LEAF} for tree in trees)

    def arguments(self, leaves: list[Array]) -> tuple[Tree, ...]:
        """Put leaves together as the arguments of the function."""
        tree = tree_unflatten(self.structure, leaves)
        return (tree,) if self.single else tree

    def read_outputs(self, y: Tree, trace: Trace, f: Callable[..., Tree]) -> tuple[TreeSpec, list[Any]]:
        """Take a function's outputs out of a finished trace: their values, and their sources (None for constants)."""
        leaves, structure = tree_flatten(y)
        sources: list[Any] = []
        values = []
        for k, x in enumerate(leaves):
            if x.__class__ is Variable and x.trace is trace:
                if not is_floating(strip(x)):
                    check_real(x.dtype, f"output{tree_paths(structure)[k]} of {name_of(f)}")
                sources.append(x.source)
                values.append(x.primal)
                continue
            if x.__class__ is Variable and not x.trace.open:
                raise RuntimeError(outlived(f"output{tree_paths(structure)[k]} of {name_of(f)}"))
            try:
                xp = family(strip(x))
            except TypeError as error:
                raise TypeError(
                    f"output{tree_paths(structure)[k]} of {name_of(f)}: {error}. Return what is not to be "
                    "differentiated as aux, with has_aux=True"
                ) from None
            sources.append(None)
            if xp is None:
                dtype = self.namespace.zeros(()).dtype  # named, else JAX leaves it open
                x = self.namespace.full((), float(x), dtype=dtype)
            values.append(copied(x))
        if self.namespace is not numpy_namespace:
            backend_for(self.namespace).check([strip(x) for x in values])
        return TreeSpec(values, structure, self.namespace), sources

    def read_arguments(self, given: tuple[Tree, ...], where: str, what: str) -> list[Array]:
        """Check one tree per argument against the primals; return the leaves."""
        if self.single:
            if len(given) != 1:
                raise TypeError(f"{where}: expected one {what}, got {len(given)}")
            return self.read(given[0], where, what)
        return self.read(given, where, what)

    def read(self, tree: Tree, where: str, what: str) -> list[Array]:
        """Check a tree against this one, leaf by leaf; return its leaves in the dtypes of this one."""
        leaves = leaves_like(self.structure, tree, f"{where}: the {what}")
        for k, (x, like) in enumerate(zip(leaves, self.leaves, strict=True)):
            if x.__class__ is like.__class__ and x.shape == like.shape and x.dtype == like.dtype:
                continue
            leaves[k] = self._convert(x, like, f"{where}: the {what}{tree_paths(self.structure)[k]}")
        return leaves

    def _convert(self, x: Array, like: Array, what: str) -> Array:
        try:
            other = family(strip(x))
        except TypeError as error:
            raise TypeError(f"{what}: {error}") from None
        if other is None:
            # filled there: a number copied to a device would wait, and cannot be part of a recorded program
            x = self.namespace.full((), float(x), dtype=like.dtype, device=device_of(strip(like)))
        elif other is not self.namespace:
            raise TypeError(f"{what}: {mixed_backends(self.namespace, other)}")
        if x.shape != like.shape:
            raise ValueError(f"{what} has shape {x.shape}; it must have the shape {like.shape} of what it belongs to")
        if x.dtype != like.dtype:
            check_real(x.dtype, what)
            x = astype(x, like.dtype)
        return x

    def build(self, leaves: list[Array]) -> Tree:
        """Make a tree of this structure, zeros for None, in the dtypes of this one."""
        if self.structure is LEAF and leaves[0] is not None and leaves[0].dtype == self.leaves[0].dtype:
            return leaves[0]
        done = []
        for x, like in zip(leaves, self.leaves, strict=True):
            if x is None:
                x = self.namespace.zeros_like(strip(like))
            elif x.dtype != like.dtype:
                check_real(x.dtype, "a derivative")
                x = astype(x, like.dtype)
            done.append(x)
        return tree_unflatten(self.structure, done)


def check_real(dtype: Any, what: str) -> None:
    """TypeError for complex numbers: as real ones they would lose a part."""
    if "complex" in str(dtype):
        raise TypeError(f"{what} is {dtype}: derivatives need real numbers; take the real and imaginary parts apart")


def argument_name(structure: Structure, k: int, single: bool) -> str:
    """Name a leaf of the arguments: `argument 0`, or `argument 0['w'][1]`."""
    path = tree_paths(structure)[k]
    return f"argument 0{path}" if single else f"argument {path[1:].replace(']', '', 1)}"


def name_of(f: Any) -> str:
    return getattr(f, "__name__", type(f).__name__)
