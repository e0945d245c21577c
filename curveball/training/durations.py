"""Lengths of time for people."""

from __future__ import annotations


def spoken(seconds: float) -> str:
    """A length of time for people.

    >>> [spoken(x) for x in (5.2, 100.0, 3000.0, 9000.0, 1e6)]
    ['5 s', '100 s', '50 min', '2.5 h', '278 h']
    """
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    if seconds < 5400.0:
        return f"{seconds / 60.0:.0f} min"
    return f"{seconds / 3600.0:.{1 if seconds < 36000.0 else 0}f} h"
