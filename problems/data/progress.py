"""For work that takes long: a progress bar, on a terminal only, and one process at a time."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minigrad.extras import from_extra


def progress_bar(total: int, what: str, unit: str, **options: Any) -> Any:
    """A bar of tqdm that is silent where standard error is no terminal, or is closed.

    >>> with progress_bar(3, "images", "image") as bar:
    ...     bar.update(3)
    """
    from tqdm import tqdm  # here, so that importing problems stays quick

    return tqdm(total=total, desc=what, unit=unit, disable=not _on_terminal(), **options)


def announce(text: str) -> None:
    """Say something on standard error, if that can be written: before work that takes long, or much of a disk."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def alone(lock: Path, while_waiting: str) -> Iterator[None]:
    """Let one process at a time do the work within; the others wait, and say so on a terminal.

    The file of the lock is removed afterwards. If a process is killed, the system opens its lock.

    >>> with alone(Path("example.lock"), "waiting"):
    ...     Path("example.lock").exists()
    True
    >>> Path("example.lock").exists()
    False
    """
    with from_extra("data"):  # here, so that importing problems stays quick
        from filelock import FileLock, Timeout

    own = FileLock(lock, is_singleton=False)
    try:
        own.acquire(timeout=0)
    except Timeout:
        if _on_terminal():
            print(while_waiting, file=sys.stderr, flush=True)
        own.acquire(poll_interval=0.05)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # before it is opened: nobody else can have a new one
            lock.unlink()
        own.release()


def _on_terminal() -> bool:
    return sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()
