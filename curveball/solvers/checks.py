"""Checks of hyper-parameters, numbers or arrays with one number per run: a ValueError says what is out of range."""

from __future__ import annotations

import math
from collections.abc import Callable

import minigrad as mg
from curveball.solvers.base import Number
from minigrad import Array


def _check(name: str, value: Number, wanted: str, fits: Callable[[Number], Array]) -> None:
    """ValueError unless `fits`, called with the number or with the array on the host, is true of all."""
    if hasattr(value, "shape"):
        value = mg.to_numpy(value)
        good = bool((fits(value) & (abs(value) < math.inf)).all())
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        good = number and fits(value) and math.isfinite(value)
    if not good:
        raise ValueError(f"{name} must be {wanted}; got {value!r}")


def check_finite(name: str, value: Number) -> None:
    _check(name, value, "a finite number", lambda x: x == x)


def check_positive(name: str, value: Number) -> None:
    _check(name, value, "a positive number", lambda x: x > 0.0)


def check_nonnegative(name: str, value: Number) -> None:
    _check(name, value, "zero or a positive number", lambda x: x >= 0.0)


def check_fraction(name: str, value: Number) -> None:
    _check(name, value, "a number in [0, 1)", lambda x: (x >= 0.0) & (x < 1.0))
