"""Solvers by name, as the command line writes them: `curveball`, `sgd:lr=0.1,momentum=0.95`, `adam:lr=0.003`.

A solver's own file gives it its name, with `@register("name")`. This file imports none of them: the package
`curveball.solvers` does, when any of it is imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import Field, fields, is_dataclass
from typing import Any, TypeVar

from curveball.solvers.base import Solver

SOLVERS: dict[str, type[Any]] = {}
NUMBER = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|nan)", re.IGNORECASE)
LARGEST = 1e300  # no option needs more, and squares of larger numbers overflow in any type
EXACT = 2**53  # up to here floats hold every whole number
_Kind = TypeVar("_Kind", bound=type[Any])


def register(name: str) -> Callable[[_Kind], _Kind]:
    """Give a solver, a dataclass, its name on the command line. ValueError where another has it.

    >>> from curveball.solvers.sgd import SGD
    >>> register("sgd")(SGD) is SGD  # again: nothing changes
    True
    """

    def put(kind: _Kind) -> _Kind:
        if name in SOLVERS and SOLVERS[name].__qualname__ != kind.__qualname__:
            raise ValueError(f"there is a solver {name!r} already, {SOLVERS[name].__qualname__}: choose another name")
        SOLVERS[name] = kind
        return kind

    return put


def solver_names() -> list[str]:
    """Return the names that `solver_from` knows.

    >>> "curveball" in solver_names()
    True
    """
    return sorted(SOLVERS)


def solver_from(text: str) -> Solver:
    """Make a solver from its name and options. ValueError lists the names, or the options, that there are.

    >>> solver_from("sgd:lr=0.1,momentum=0.95")
    SGD(lr=0.1, momentum=0.95, weight_decay=0.0, nesterov=False)
    """
    name, _, rest = text.partition(":")
    if name not in SOLVERS:
        raise ValueError(f"unknown solver {name!r}: there are {', '.join(solver_names())}")
    return solver_of(SOLVERS[name], name, rest)


def solver_of(kind: type[Any], name: str, options: str = "") -> Any:
    """Make a solver of a class, a dataclass, from options as text. ValueError lists the options that there are.

    >>> from curveball.solvers.sgd import SGD
    >>> solver_of(SGD, "mine", "lr=0.5")
    SGD(lr=0.5, momentum=0.9, weight_decay=0.0, nesterov=False)
    """
    if not is_dataclass(kind):
        raise ValueError(f"solver {_short(name)} must be a dataclass of hyper-parameters: decorate it with @dataclass")
    text = f"{name}:{options}" if options else name
    known = {field.name: field for field in fields(kind)}
    found: dict[str, Any] = {}
    for part in filter(None, options.split(",")):
        key, equals, value = part.partition("=")
        if key not in known or not equals:
            raise ValueError(
                f"solver {text!r}: {part!r} is not an option of {name}: write {name}:KEY=VALUE,... "
                f"with the keys {', '.join(known)}"
            )
        if key in found:
            raise ValueError(f"solver {_short(text)}: {key} is given twice: give it once")
        found[key] = _value(text, known[key], value)
    return kind(**found)


def _value(text: str, field: Field[Any], value: str) -> Any:
    """The value of an option: a word where it may be one; else a number, true, false or none."""
    words = {"true": True, "false": False, "none": None}
    if isinstance(field.default, str):
        return words.get(value.lower(), value)
    if "str" in re.findall(r"\w+", str(field.type)) and value.lower() != "none" and not NUMBER.fullmatch(value):
        return value  # the solver knows its words
    if value.lower() in words:
        found = words[value.lower()]
        if isinstance(found, bool) and not isinstance(field.default, bool):
            raise ValueError(f"solver {_short(text)}: {field.name} must be a number or none; got {value!r}")
        return found
    shown = value if len(value) <= 40 else f"{value[:40]}..."
    if isinstance(field.default, bool):
        raise ValueError(f"solver {_short(text)}: {field.name} must be true or false; got {shown!r}")
    if not NUMBER.fullmatch(value):
        raise ValueError(f"solver {_short(text)}: {field.name} must be a number, true, false or none; got {shown!r}")
    number = float(value)
    if abs(number) > LARGEST and value.lstrip("+-").lower() not in ("inf", "nan"):
        raise ValueError(f"solver {_short(text)}: {field.name} is too large a number; got {shown!r}")
    return int(value) if value.lstrip("+-").isdecimal() and number <= EXACT else number


def _short(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}...")
