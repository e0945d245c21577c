"""Hyper-parameters are numbers, or arrays with one number per run; one clear error for those out of range."""

from __future__ import annotations

import math
from typing import Any

import minigrad as mg


def _check(name: str, value: Any, wanted: str, fits: Any) -> None:
    """ValueError unless `fits`, asked of the number or of the array on the host, is true of all."""
    if hasattr(value, "shape"):
        value = mg.to_numpy(value)
        good = bool((fits(value) & (abs(value) < math.inf)).all())
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        good = number and fits(value) and math.isfinite(value)
    if not good:
        raise ValueError(f"{name} must be {wanted}; got {value!r}")


def check_finite(name: str, value: Any) -> None:
    _check(name, value, "a finite number", lambda x: x == x)


def check_positive(name: str, value: Any) -> None:
    _check(name, value, "a positive number", lambda x: x > 0.0)


def check_nonnegative(name: str, value: Any) -> None:
    _check(name, value, "zero or a positive number", lambda x: x >= 0.0)


def check_fraction(name: str, value: Any) -> None:
    _check(name, value, "a number in [0, 1)", lambda x: (x >= 0.0) & (x < 1.0))
