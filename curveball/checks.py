"""Hyper-parameters are numbers, or arrays with one number per run; one clear error for those out of range."""

from __future__ import annotations

from typing import Any

import minigrad as mg


def _all(condition: Any) -> bool:
    return bool(mg.to_numpy(condition).all()) if hasattr(condition, "shape") else bool(condition)


def check_positive(name: str, value: Any) -> None:
    if not _all(value > 0.0):
        raise ValueError(f"{name} must be positive; got {value!r}")


def check_nonnegative(name: str, value: Any) -> None:
    if not _all(value >= 0.0):
        raise ValueError(f"{name} must be zero or positive; got {value!r}")


def check_fraction(name: str, value: Any) -> None:
    if not (_all(value >= 0.0) and _all(value < 1.0)):
        raise ValueError(f"{name} must be in [0, 1); got {value!r}")
