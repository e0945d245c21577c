"""A function of one example, applied to each of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.backends import namespace, shown
from minigrad.ops.axes import axes_of, axis_index
from minigrad.ops.shaping import stack
from minigrad.spec import name_of
from minigrad.trees import Tree, tree_flatten, tree_map, tree_paths, tree_unflatten
from minigrad.variable import Array, strip

Axes = int | None | tuple[int | None, ...]


def vmap(f: Callable[..., Tree], in_axes: Axes = 0, out_axes: int = 0) -> Callable[..., Tree]:
    """Return a function that applies `f` to each example and stacks the results: `y_i = f(x_i)`.

    `in_axes` says which axis of the arguments counts the examples: one number for all, or a tuple with one for each;
    None for an argument that each example gets whole, as keyword arguments are. It holds for all arrays of a tree.
    Results are stacked along axis `out_axes`. It is a loop in Python, one call of `f` per example, and can be
    differentiated; a function written for a whole batch is faster.

    ValueError for arrays with different numbers of examples, or none; TypeError where `in_axes` does not fit.
    The name and the arguments are JAX's.

    >>> import numpy as np
    >>> from minigrad import grad
    >>> error = lambda w, x, y: (w @ x - y) ** 2
    >>> vmap(grad(error), (None, 0, 0))(np.array([1.0, 2.0]), np.eye(2), np.zeros(2))
    array([[2., 0.],
           [0., 4.]])
    """
    if not callable(f):
        raise TypeError(f"vmap takes a function, got {type(f).__name__}: write vmap(f)(xs), not vmap(f(xs))")
    for axis in (*(in_axes if isinstance(in_axes, tuple | list) else (in_axes,)), out_axes or 0):
        if axis is not None and (isinstance(axis, bool) or not isinstance(axis, int)):
            raise TypeError(f"vmap: axes are integers, or None in in_axes; got {shown(axis)}")
    if out_axes is None:
        raise TypeError("vmap: out_axes must be an integer: results are stacked along it")

    def mapped(*args: Tree, **kwargs: Any) -> Tree:
        axes = tuple(in_axes) if isinstance(in_axes, tuple | list) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise TypeError(
                f"vmap: in_axes has {len(axes)} entries; {name_of(f)} was called with {len(args)} arguments"
            )
        n = _examples(f, args, axes)
        results = []
        for i in range(n):
            chosen = (x if axis is None else _example(x, axis, i) for x, axis in zip(args, axes, strict=True))
            results.append(tree_flatten(f(*chosen, **kwargs)))
        structure = results[0][1]
        for i, (_, other) in enumerate(results):
            if other != structure:
                raise TypeError(f"vmap: {name_of(f)} returned another structure for example {i} than for example 0")
        like = tree_flatten((args, kwargs))[0]
        stacked = (_stacked(list(column), out_axes, like) for column in zip(*(r[0] for r in results), strict=True))
        return tree_unflatten(structure, stacked)

    mapped.__name__ = f"vmap({name_of(f)})"
    return mapped


def _examples(f: Callable[..., Tree], args: tuple[Tree, ...], axes: tuple[int | None, ...]) -> int:
    """How many there are."""
    found: dict[str, int] = {}
    for k, (tree, axis) in enumerate(zip(args, axes, strict=True)):
        if axis is None:
            continue
        leaves, structure = tree_flatten(tree)
        for x, path in zip(leaves, tree_paths(structure), strict=True):
            (a,) = axes_of(x, axis, f"vmap: argument {k}{path} of {name_of(f)}: axis")
            found[f"argument {k}{path}"] = x.shape[a]
    if not found:
        raise ValueError(f"vmap: no argument of {name_of(f)} has examples: in_axes names none, or there are no arrays")
    first, n = next(iter(found.items()))
    for name, other in found.items():
        if other != n:
            raise ValueError(f"vmap: {first} of {name_of(f)} has {n} examples, {name} has {other}")
    if not n:
        raise ValueError(f"vmap: {first} of {name_of(f)} has no examples: the shape of a result is not known")
    return n


def _example(tree: Tree, axis: int, i: int) -> Tree:
    return tree_map(lambda x: x[axis_index(axis % x.ndim, i)], tree)


def _stacked(column: list[Array], axis: int, like: list[Array]) -> Array:
    if not any(hasattr(strip(x), "shape") for x in column):  # numbers of Python
        return namespace(*(strip(x) for x in like if hasattr(strip(x), "shape"))).asarray(column)
    return stack(column, axis=axis)
