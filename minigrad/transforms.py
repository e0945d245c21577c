"""Gradients and dense derivatives: a few lines each over `linearize`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, Literal

from minigrad.backends import device_of, namespace, shown
from minigrad.linearization import linearize, record
from minigrad.memory import own
from minigrad.ops.axes import integers
from minigrad.ops.shaping import reshape, stack
from minigrad.spec import TreeSpec, name_of
from minigrad.trees import Structure, Tree, tree_flatten, tree_unflatten
from minigrad.variable import Array, strip


def check_function(name: str, f: Any) -> None:
    """TypeError where a transform is given the value of a function instead of the function."""
    if not callable(f):
        raise TypeError(
            f"{name} takes a function, got {type(f).__name__}: {shown(f, 60)}. Write {name}(f)(x), not {name}(f(x))"
        )


def _argument_numbers(name: str, argnums: int | tuple[int, ...]) -> tuple[int, ...]:
    try:
        numbers = integers(shown(argnums) if getattr(argnums, "shape", ()) else argnums, "argnums")
    except TypeError as error:
        raise TypeError(f"{error}. Write {name}(f)(x), not {name}(f, x)") from None
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"argnums={argnums} names an argument twice")
    return numbers


def _of_chosen(
    f: Callable[..., Tree], numbers: tuple[int, ...], args: tuple[Tree, ...], kwargs: dict[str, Any]
) -> tuple[Callable[..., Tree], tuple[Tree, ...]]:
    """`f` as a function of the positional arguments with these numbers, and their values."""
    if len(args) == 1 and numbers == (0,) and not kwargs:
        return f, args
    argnums = numbers if len(numbers) != 1 else numbers[0]
    for k in numbers:
        if not -len(args) <= k < len(args):
            raise TypeError(f"argnums={argnums}: {name_of(f)} was called with {len(args)} positional arguments")
    if len({k % len(args) for k in numbers}) < len(numbers):
        raise ValueError(f"argnums={argnums} names an argument twice, of {len(args)}")

    def function(*some: Tree) -> Tree:
        full = list(args)
        for k, x in zip(numbers, some, strict=True):
            full[k] = x
        return f(*full, **kwargs)

    function.__name__ = name_of(f)
    return function, tuple(args[k] for k in numbers)


def value_and_grad(
    f: Callable[..., Tree], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., tuple[Tree, Tree]]:
    """Return a function that gives `f(w), g` with the gradient `g = df/dw` of a scalar function.

    The gradient has the structure and shapes of argument `argnums` (a tuple of gradients for a tuple). With `has_aux`,
    `f` returns `(value, aux)`, and the result is `(value, aux), g`. TypeError where the value is not a scalar.

    >>> value, gradient = value_and_grad(lambda w: w[0] ** 2 * w[1])([3.0, 2.0])
    >>> float(value), [float(g) for g in gradient]
    (18.0, [12.0, 9.0])
    """
    check_function("grad", f)
    several = isinstance(argnums, tuple | list)
    numbers = _argument_numbers("grad", argnums)

    def value_and_gradient(*args: Tree, **kwargs: Any) -> tuple[Tree, Tree]:
        function, chosen = _of_chosen(f, numbers, args, kwargs)
        inputs = TreeSpec.of_arguments(chosen, function)
        J, aux = record(function, inputs, has_aux)
        y = J.codomain.build(own(J.codomain.leaves, inputs.leaves))
        if getattr(y, "shape", None) != ():
            returned = f"shape {y.shape}" if hasattr(y, "shape") else type(y).__name__
            raise TypeError(
                f"the gradient needs a scalar function; {name_of(f)} returned {returned}. Take the mean or the sum of "
                "it, or use minigrad.jacobian or minigrad.vjp; return further results as aux, with has_aux=True"
            )
        gradient = J.pull(1.0)
        if several and len(numbers) == 1:
            gradient = (gradient,)
        return ((y, aux), gradient) if has_aux else (y, gradient)

    value_and_gradient.__name__ = f"value_and_grad({name_of(f)})"
    return value_and_gradient


def grad(f: Callable[..., Tree], argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable[..., Tree]:
    """Return the gradient of a scalar function, as `value_and_grad` does, without the value.

    >>> float(grad(lambda x: x**3)(2.0))
    12.0
    """
    both = value_and_grad(f, argnums, has_aux)

    def gradient(*args: Tree, **kwargs: Any) -> Tree:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    gradient.__name__ = f"grad({name_of(f)})"
    return gradient


def jacobian(
    f: Callable[..., Tree],
    mode: Literal["forward", "reverse"] | None = None,
    argnums: int | tuple[int, ...] = 0,
) -> Callable[..., Tree]:
    """Return the dense Jacobian of a function in argument `argnums`, entry `[out..., in...] = d f_out / d w_in`.

    For pytrees: for each output leaf, a tree like the argument; for a tuple `argnums`, a tuple with one for each.
    `mode` is "forward" (one push per input entry), "reverse" (one pull per output entry), or None, whichever needs
    fewer sweeps.

    >>> import numpy as np
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    >>> [float(d) for d in jacobian(lambda x, y: x * y, argnums=(0, 1))(2.0, 3.0)]
    [3.0, 2.0]
    """
    check_function("jacobian", f)
    if mode is not None and not isinstance(mode, str):
        raise TypeError(f"jacobian: mode must be a string or None; got {shown(mode, 60)}. Write jacobian(f)(x)")
    if mode not in (None, "forward", "reverse"):
        raise ValueError(f"jacobian: mode must be 'forward', 'reverse' or None; got {mode!r}")
    several = isinstance(argnums, tuple | list)
    numbers = _argument_numbers("jacobian", argnums)

    def dense(*args: Tree, **kwargs: Any) -> Tree:
        function, chosen = _of_chosen(f, numbers, args, kwargs)
        _, J = linearize(function, *chosen)
        inputs, outputs, out_structure = J.domain.leaves, J.codomain.leaves, J.codomain.structure
        n_in, n_out = sum(prod(x.shape) for x in inputs), sum(prod(y.shape) for y in outputs)
        if mode == "forward" or (mode is None and n_in < n_out):
            blocks = _forward_blocks(lambda v: J.push(*J.domain.arguments(v)), inputs, outputs)
        else:
            blocks = _reverse_blocks(J.pull, inputs, outputs, out_structure)
        rows = [tree_unflatten(J.domain.structure, row) for row in blocks]
        if several and len(numbers) == 1:
            rows = [(row,) for row in rows]
        return tree_unflatten(out_structure, rows)

    dense.__name__ = f"jacobian({name_of(f)})"
    return dense


def _units(leaves: list[Array]) -> Iterator[tuple[int, list[Array]]]:
    """Yield the leaf number and the unit trees, entry by entry."""
    zeros = [namespace(strip(x)).zeros_like(strip(x)) for x in leaves]
    for k, zero in enumerate(zeros):
        xp = namespace(zero)
        size = prod(zero.shape)
        for i in range(size):
            unit = xp.reshape(xp.astype(xp.arange(size, device=device_of(zero)) == i, zero.dtype), zero.shape)
            yield k, [*zeros[:k], unit, *zeros[k + 1 :]]


def _forward_blocks(
    push: Callable[[list[Array]], Tree], inputs: list[Array], outputs: list[Array]
) -> list[list[Array]]:
    columns: list[list[list[Array]]] = [[[] for _ in inputs] for _ in outputs]
    for k, unit in _units(inputs):
        for row, y_dot in zip(columns, tree_flatten(push(unit))[0], strict=True):
            row[k].append(y_dot)
    return [
        [_join(block, -1, (*y.shape, *x.shape), x, y) for block, x in zip(row, inputs, strict=True)]
        for row, y in zip(columns, outputs, strict=True)
    ]


def _reverse_blocks(
    pull: Callable[[Tree], Tree], inputs: list[Array], outputs: list[Array], structure: Structure
) -> list[list[Array]]:
    rows: list[list[list[Array]]] = [[[] for _ in inputs] for _ in outputs]
    for k, unit in _units(outputs):
        for block, x_bar in zip(rows[k], tree_flatten(pull(tree_unflatten(structure, unit)))[0], strict=True):
            block.append(x_bar)
    return [
        [_join(block, 0, (*y.shape, *x.shape), x, y) for block, x in zip(row, inputs, strict=True)]
        for row, y in zip(rows, outputs, strict=True)
    ]


def _join(parts: list[Array], axis: int, shape: tuple[int, ...], x: Array, y: Array) -> Array:
    if not parts:
        return namespace(strip(y)).zeros(shape, dtype=strip(y).dtype)
    return reshape(stack(parts, axis=axis), shape)


def hessian(
    f: Callable[..., Array],
    mode: Literal["forward-over-reverse", "reverse-over-reverse"] = "forward-over-reverse",
    argnums: int | tuple[int, ...] = 0,
) -> Callable[..., Tree]:
    """Return the dense Hessian of a scalar function in argument `argnums`: the Jacobian of its gradient.

    For pytrees: a tree of trees; for a tuple `argnums`, a tuple of tuples of them. `mode` is "forward-over-reverse" or
    "reverse-over-reverse"; they agree.

    >>> import numpy as np
    >>> hessian(lambda w: w[0] ** 2 * w[1])(np.array([3.0, 2.0]))
    array([[4., 6.],
           [6., 0.]])
    """
    check_function("hessian", f)
    if not isinstance(mode, str):
        raise TypeError(
            f"hessian: mode must be a string; got {shown(mode, 60)}. Write hessian(f)(x), not hessian(f, x)"
        )
    if mode not in ("forward-over-reverse", "reverse-over-reverse"):
        raise ValueError(f"hessian: mode must be one of 'forward-over-reverse', 'reverse-over-reverse'; got {mode!r}")
    dense = jacobian(grad(f, argnums), "forward" if mode == "forward-over-reverse" else "reverse", argnums)
    dense.__name__ = f"hessian({name_of(f)})"
    return dense
