"""What the functions of this folder are called with: whole numbers, and random generators or their seeds."""

from __future__ import annotations

import operator

import numpy as np

Random = int | np.random.Generator


def check_count(name: str, value: int, least: int, most: int | None = None, why: str = "") -> int:
    """A whole number in a range; TypeError or ValueError name it.

    >>> check_count("probes", 0, least=2)
    Traceback (most recent call last):
        ...
    ValueError: probes must be at least 2; got 0
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number; got {value!r:.60}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}; got {number}")
    if most is not None and number > most:
        raise ValueError(f"{name} must be at most {most}{why}; got {number}")
    return number


def generator(rng: Random) -> np.random.Generator:
    """The generator given, or a new one with the seed given.

    >>> generator(3).integers(10) == np.random.default_rng(3).integers(10)
    np.True_
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise TypeError(f"rng must be a seed or a numpy.random.Generator; got {rng!r:.60}") from None
