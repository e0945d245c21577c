"""Who reads a cache? A reader holds a shared lock on its file of pixels, for as long as it has that mapped.

The system opens the lock when the process ends, however it ends. Where there are no such locks, on Windows and on some
file systems, readers are not known: then nothing is taken for unread.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    with contextlib.suppress(ModuleNotFoundError):  # a browser's Python has none
        import fcntl


def hold(file: IO[bytes]) -> None:
    """Be a reader of an open file until it and what is mapped from it are closed. Waits while another is in `unread`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "example.pixels"
    ...     _ = path.write_bytes(b"pixels")
    ...     with path.open("rb") as file, unread(path) as nobody:
    ...         print(nobody)
    True
    """
    if sys.platform != "win32" and "fcntl" in sys.modules:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_SH)


@contextlib.contextmanager
def unread(path: Path) -> Iterator[bool]:
    """Whether a file has no reader, in this process or another; within, none begins.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "example.pixels"
    ...     _ = path.write_bytes(b"pixels")
    ...     with path.open("rb") as file:
    ...         hold(file)
    ...         with unread(path) as nobody:
    ...             print(nobody)
    False
    """
    with path.open("r+b") as file:
        nobody = False
        if sys.platform != "win32" and "fcntl" in sys.modules:
            with contextlib.suppress(OSError):  # it has a reader, or its file system has no locks
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                nobody = True
        yield nobody
