"""Checks of hyper-parameters, numbers or arrays with one number per run: a ValueError says what is out of range."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from numbers import Integral

import numpy as np

import minigrad as mg
from curveball.solvers.base import Number
from minigrad import Array

LARGEST_COUNT = 2**63 - 1


def _check(name: str, value: Number | str, wanted: str, fits: Callable[[Number], Array]) -> None:
    """ValueError unless `fits`, called with the number or with the array on the host, is true of all."""
    if isinstance(value, str):
        good = False
    elif hasattr(value, "shape"):
        value = mg.to_numpy(value)
        good = bool((fits(value) & (abs(value) < math.inf)).all())
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        good = number and fits(value) and abs(value) <= sys.float_info.max
    if not good:
        raise ValueError(f"{name} must be {wanted}; got {_shown(value)}")


def _shown(value: object) -> str:
    """In one line: arrays have several, and a number may have any number of digits."""
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return f"one of {value.bit_length()} bits"
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:80]}..."


def check_finite(name: str, value: Number | str, or_word: str = "") -> None:
    """`or_word`: the word that may stand in its place."""
    if isinstance(value, str) and value == or_word:
        return
    _check(name, value, f"a finite number, {or_word} or none" if or_word else "a finite number", lambda x: x == x)


def check_positive(name: str, value: Number) -> None:
    _check(name, value, "a positive number", lambda x: x > 0.0)


def check_nonnegative(name: str, value: Number) -> None:
    _check(name, value, "zero or a positive number", lambda x: x >= 0.0)


def check_fraction(name: str, value: Number) -> None:
    _check(name, value, "a number in [0, 1)", lambda x: (x >= 0.0) & (x < 1.0))


def check_count(name: str, value: object, or_none: bool = False) -> None:
    if or_none and value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or not 1 <= int(value) <= LARGEST_COUNT:
        wanted = "a whole number of at least 1" + (", or None" if or_none else "")
        raise ValueError(f"{name} must be {wanted}; got {_shown(value)}")


def check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be true or false; got {_shown(value)}")


def check_per_run(solver: object, value: Array) -> None:
    """ValueError for a hyper-parameter that is an array, but has not one number for each run of the loss."""
    for name, number in vars(solver).items():
        shape = getattr(number, "shape", ())
        if shape and tuple(shape) != tuple(value.shape):
            raise ValueError(
                f"{name} has shape {tuple(shape)}, and the loss has shape {tuple(value.shape)}: give one number, or "
                "one for each run, with a loss under minigrad.independent_runs"
            )
