"""A line to standard error, which never ends a run: not where the disk is full, nor where the stream is closed."""

from __future__ import annotations

import contextlib
import sys


def say(text: str) -> None:
    """Print a line to standard error, if that is possible."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)
