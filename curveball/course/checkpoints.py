"""Checkpoints: a reader's answer is compared with what it must be, and the check can fail."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from curveball.course.progress import progress_of


class CheckpointFailed(AssertionError):
    """An answer is not there yet, or differs from what it must be."""

    def _render_traceback_(self) -> list[str]:
        """Jupyter shows the message alone: the reader's mistake is not in this file."""
        return [f"{type(self).__name__}: {self}"]


def checkpoint(label: str, got: Any, expected: Any, likely: str = "", rtol: float = 1e-6, atol: float = 1e-9) -> None:
    """Compare an answer with what it must be; say `passed`, or raise with expected, got and the likely cause.

    `got` is a value or a function without arguments that returns it (so that an exercise that is not yet written, and
    raises, is reported as such); `expected` is a number, an array, a bool or a string, or a dict, list or tuple of
    these. Numbers agree when `|got - expected| <= atol + rtol |expected|`. Arrays that `got` hands to an answer may be
    read-only: an answer that changes them is told so. Raises CheckpointFailed.

    >>> checkpoint("1.1", lambda: 3.0 * 2.0, 6.0)
    checkpoint 1.1: passed
    >>> checkpoint("1.2", 5.0, 6.0, likely="a factor is missing")
    Traceback (most recent call last):
    curveball.course.checkpoints.CheckpointFailed: checkpoint 1.2 is not passed
      expected: 6.0
      got:      5.0
      likely:   a factor is missing
    """
    progress = progress_of(label)
    progress.passed = False
    try:
        value = got() if callable(got) else got
    except NotImplementedError:
        raise CheckpointFailed(
            f"checkpoint {label} is not passed\n  the exercise above is still to be written"
        ) from None
    except Exception as error:
        progress.tried = True
        cause = "an argument is changed in place: make a new array instead" if "read-only" in str(error) else likely
        raise CheckpointFailed(_message(label, expected, f"{type(error).__name__}: {error}", cause)) from error
    progress.tried = True
    if not _agree(value, expected, rtol, atol):
        raise CheckpointFailed(_message(label, expected, _short(value), likely))
    progress.passed = True
    print(f"checkpoint {label}: passed")


def _message(label: str, expected: Any, got: str, likely: str) -> str:
    lines = [f"checkpoint {label} is not passed", f"  expected: {_short(expected)}", f"  got:      {got}"]
    return "\n".join([*lines, f"  likely:   {likely}"] if likely else lines)


def _agree(got: Any, expected: Any, rtol: float, atol: float) -> bool:
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and got.keys() == expected.keys()
            and all(_agree(got[key], expected[key], rtol, atol) for key in expected)
        )
    if isinstance(expected, list | tuple):
        return (
            isinstance(got, list | tuple | np.ndarray)
            and len(got) == len(expected)
            and all(_agree(*pair, rtol, atol) for pair in zip(got, expected, strict=True))
        )
    if isinstance(expected, str | bool | np.bool_):
        return isinstance(got, str | bool | np.bool_) and bool(got == expected)
    if not (array_api_compat.is_array_api_obj(got) or isinstance(got, int | float)) or isinstance(got, bool):
        return False
    got, expected = np.asarray(got), np.asarray(expected)
    return got.shape == expected.shape and bool(np.allclose(got, expected, rtol, atol))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.8g}" if value != int(value if np.isfinite(value) else 1) else repr(value)
    with np.printoptions(precision=6, threshold=20, edgeitems=3, legacy="1.25"):
        text = str(value) if isinstance(value, np.ndarray | np.generic) else repr(value)
    return text if len(text) <= 300 else f"{text[:300]} ..."
