"""Progress bars: on a terminal only, and never a reason to stop."""

from __future__ import annotations

import sys
from typing import Any


def progress_bar(total: int, what: str, unit: str, **options: Any) -> Any:
    """A bar of tqdm that is silent where standard error is no terminal, or is closed.

    >>> with progress_bar(3, "images", "image") as bar:
    ...     bar.update(3)
    """
    from tqdm import tqdm  # here, so that importing problems stays quick

    on_terminal = sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()
    return tqdm(total=total, desc=what, unit=unit, disable=not on_terminal, **options)
