"""How an operation is defined: its value, and the linear maps that are its derivative, once per array argument."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from minigrad.backends import families, family, mixed_backends
from minigrad.linear_maps import Edges, LinearMap, Together
from minigrad.variable import Variable

P = ParamSpec("P")
R = TypeVar("R")
Rule = Callable[..., LinearMap]  # (y, *args, **params) -> the map from the argument's tangent to the output's
IndexedRule = Callable[..., LinearMap]  # (i, y, *args, **params) -> the map of argument i
JointRule = Callable[..., LinearMap | None]  # (which, y, *args, **params) -> the map of these arguments, or None


def primitive(
    *rules: Rule | None, each: IndexedRule | None = None, together: JointRule | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    r"""Make an operation differentiable by stating its derivative as linear maps.

    `@primitive(rule_0, rule_1, ...)` decorates a function of plain arrays. `rule_i(y, *args, **params)` returns the
    `LinearMap` from the tangent of positional argument `i` to the tangent of the output `y`:

        y_dot = sum_i  rule_i(y, ...)(x_dot_i),        x_bar_i = rule_i(y, ...).T(y_bar).

    A rule calls minigrad's own operations on `y` and the arguments, so that it can be differentiated again.
    Keyword arguments are parameters: never differentiated. A rule may be None or left out: to differentiate in that
    argument is a NotImplementedError. With any number of arrays, `each(i, y, *args, **params)` is the rule of all.

    `together(which, y, *args, **params)`, if given, returns the maps of several arguments as one: `Linear(push, pull)`
    with `push(*x_dots) -> y_dot` and `pull(y_bar) -> (x_bar, ...)` for the arguments with the numbers `which`, or None.
    It saves passes over memory and changes no result. It meets plain arrays alone, so it may call their library.

    Radul et al., "You Only Linearize Once", POPL 2023: derivatives are linear maps, and reverse mode their transpose.

    >>> import minigrad as mg
    >>> @mg.primitive(lambda y, x: mg.Scale(2.0 * x))
    ... def square(x):
    ...     return x * x
    >>> float(mg.grad(square)(3.0))
    6.0
    """

    def decorate(*values: Any, **params: Any) -> Any:
        if len(values) != 1 or params or not callable(values[0]):
            raise TypeError(
                "primitive was used without its rules: write @minigrad.primitive(rule_0, rule_1, ...), one per array "
                "argument, or @minigrad.primitive() for an operation that has no derivative"
            )
        return _bind(values[0], rules, each, together)

    return decorate


def _bind(
    value: Callable[P, R], rules: tuple[Rule | None, ...], each: IndexedRule | None, together: JointRule | None
) -> Callable[P, R]:
    name = value.__name__.removeprefix("_")

    @functools.wraps(value)
    def apply(*args: Any, **params: Any) -> Any:
        for key, x in params.items():
            if x.__class__ is Variable:
                raise TypeError(f"{name}: {key}= is a traced value: what is differentiated is passed by position")
        # The operation belongs to the highest level among its arguments; lower levels are constants to it.
        level = 0
        for x in args:
            if x.__class__ is Variable:
                if x.level > level:
                    level, trace = x.level, x.trace
            elif x.__class__ not in families:
                check_kind(name, args, x)
        if not level:
            return value(*args, **params)
        if not trace.open:
            raise RuntimeError(outlived(name))

        active = []
        primals = []
        nested = False  # is a variable of a lower level among the primals?
        for i, x in enumerate(args):
            if x.__class__ is Variable:
                if x.level == level:
                    active.append((i, x.source))
                    x = x.primal
                if x.__class__ is Variable:
                    nested = True
            elif (other := families[x.__class__]) is not None and other is not trace.namespace:
                raise TypeError(f"{name}: argument {i}: {mixed_backends(trace.namespace, other)}")
            primals.append(x)
        y = apply(*primals, **params) if nested else value(*primals, **params)
        edges: Edges = []
        for i, source in active:
            if each is not None:
                linear_map = each(i, y, *primals, **params)
            elif i < len(rules) and (rule := rules[i]) is not None:
                linear_map = rule(y, *primals, **params)
            else:
                raise NotImplementedError(without_rule(name, i))
            if not isinstance(linear_map, LinearMap):
                raise TypeError(no_linear_map(name, i, linear_map))
            edges.append((source, linear_map))
        if together is not None and not nested:
            at_once = together(tuple([i for i, _ in active]), y, *primals, **params)
            if at_once is not None:
                edges = Together(edges, at_once)
        return trace.record(y, edges)

    return cast("Callable[P, R]", apply)


def check_kind(name: str, args: tuple[Any, ...], x: Any) -> None:
    """Check an argument of a type not met before: an array, and no list, whose `*` and `+` mean other things."""
    try:
        family(x)
    except TypeError as error:
        i = next(k for k, other in enumerate(args) if other is x)
        raise TypeError(f"{name}: argument {i}: {error}") from None


def outlived(name: str) -> str:
    return (
        f"{name}: a variable outlived its transform: it was kept from a call of linearize, grad, jvp, ... that has "
        "returned. Return what you need from the function, with has_aux=True if it is not to be differentiated"
    )


def no_linear_map(name: str, i: int, given: Any) -> str:
    return (
        f"{name}: the rule of argument {i} returned {type(given).__name__}, it must return a linear map: "
        "minigrad.Scale(k) for the derivative k of an elementwise operation, or minigrad.Linear(push, pull)"
    )


def without_rule(name: str, i: int) -> str:
    return (
        f"{name} has no derivative in its argument {i}: state its linear map, "
        f"@minigrad.primitive(rule_0, rule_1, ...), or pass minigrad.stop_gradient(x) where none is wanted"
    )
