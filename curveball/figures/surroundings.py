"""Where this runs: in a notebook, on a terminal, or in neither."""

from __future__ import annotations

import contextlib
import sys


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


def on_terminal() -> bool:
    """Whether standard error, which is there for what changes, is a terminal."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return bool(sys.stderr.isatty())
    return False
