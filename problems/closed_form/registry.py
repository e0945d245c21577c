"""The closed-form problems known by name."""

from __future__ import annotations

from problems.protocol import ClosedForm
from problems.registry import Registry

PROBLEMS: Registry[ClosedForm] = Registry("closed-form problem")


def register(name: str, problem: ClosedForm) -> None:
    """Put a problem into `PROBLEMS`. ValueError if the name is taken.

    `problems.closed_form.least_squares.problem` does the same for one formula. It need not be a problem's own `name`:
    several settings of one problem may be registered.

    >>> from problems.closed_form.quadratic import Quadratic
    >>> register("plane", Quadratic((0.0, 0.0)))
    >>> PROBLEMS.pop("plane").spectrum
    (0.0, 0.0)
    """
    PROBLEMS.add(name, problem)


def get(name: str) -> ClosedForm:
    """The problem of that name. ValueError lists the names if there is none.

    >>> get("Misra1a").minimum
    0.12455138894
    """
    return PROBLEMS.find(name)


def names() -> tuple[str, ...]:
    """The names of all closed-form problems, sorted.

    >>> "beale" in names()
    True
    """
    return PROBLEMS.names()
