"""The physics-informed problems known by name."""

from __future__ import annotations

from problems.physics_informed.collocation import Collocation
from problems.registry import Registry

PROBLEMS: Registry[Collocation] = Registry("physics-informed problem")


def register(name: str, problem: Collocation) -> None:
    """Put a problem into `PROBLEMS`. ValueError if the name is taken.

    >>> from problems.physics_informed.poisson_1d import Poisson1D
    >>> register("slow-wave", Poisson1D(waves=1))
    >>> PROBLEMS.pop("slow-wave").waves
    1
    """
    PROBLEMS.add(name, problem)


def get(name: str) -> Collocation:
    """The problem of that name. ValueError lists the names if there is none.

    >>> get("heat").name
    'heat'
    """
    return PROBLEMS.find(name)


def names() -> tuple[str, ...]:
    """The names of all physics-informed problems, sorted.

    >>> "burgers" in names()
    True
    """
    return PROBLEMS.names()
