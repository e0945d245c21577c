"""Solvers by name, as the command line writes them: `curveball`, `sgd:lr=0.1,momentum=0.95`, `adam:lr=0.003`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from curveball.solvers.adam import Adam
from curveball.solvers.curve_ball import CurveBall
from curveball.solvers.sgd import SGD

SOLVERS: dict[str, Any] = {"curveball": CurveBall, "sgd": SGD, "adam": Adam}


def solver_from(text: str) -> Any:
    """Make a solver from its name and options. ValueError lists the names, or the options, that there are.

    >>> solver_from("sgd:lr=0.1,momentum=0.95")
    SGD(lr=0.1, momentum=0.95, weight_decay=0.0)
    """
    name, _, rest = text.partition(":")
    if name not in SOLVERS:
        raise ValueError(f"unknown solver {name!r}: there are {', '.join(sorted(SOLVERS))}")
    kind = SOLVERS[name]
    known = [field.name for field in fields(kind)]
    options: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if key not in known or not equals:
            raise ValueError(
                f"solver {text!r}: {part!r} is not an option of {name}: write {name}:KEY=VALUE,... "
                f"with the keys {', '.join(known)}"
            )
        options[key] = _value(text, key, value)
    return kind(**options)


def _value(text: str, key: str, value: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return words[value.lower()]
    for convert in (int, float):
        try:
            return convert(value)
        except ValueError:
            continue
    raise ValueError(f"solver {text!r}: {key} must be a number, true, false or none; got {value!r}")
