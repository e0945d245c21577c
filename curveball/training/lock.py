"""One process at a time trains in a folder: the system's lock on a file, which ends with the process that holds it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    with contextlib.suppress(ModuleNotFoundError):  # a browser's Python has none
        import fcntl

NAME = ".lock"
UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # file systems without locks
TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
FAR = 2**30  # Windows keeps others from reading what is locked: a byte past the end is


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. ValueError names the process that has it; that of a dead process is taken over.

    Where a file system has no locks, nothing is locked.
    """
    path = folder / NAME
    handle = _acquire(path)
    with contextlib.suppress(OSError):  # a full disk: the lock holds, only the number is not known
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
    try:
        yield
    finally:
        if sys.platform == "win32":  # which removes no open files
            os.close(handle)
        with contextlib.suppress(OSError):
            path.unlink()
        if sys.platform != "win32":
            os.close(handle)


def _acquire(path: Path) -> int:
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise ValueError(
                f"the output folder {path.parent} cannot be written ({error.strerror}): choose another with --out"
            ) from None
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                text = os.read(handle, 20).decode(errors="replace").strip()
                os.close(handle)
                who = f"the process {text}" if text.isdecimal() else "another process"
                what = f"{who} is writing to {path.parent}: wait for it, or choose another folder with --out"
                raise ValueError(what if error.errno in TAKEN else f"{path} cannot be locked ({error})") from None
        with contextlib.suppress(OSError):  # the one before may have removed the file since it was opened
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock an open file, or raise OSError at once."""
    if sys.platform == "win32":
        os.lseek(handle, FAR, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
    elif "fcntl" in sys.modules:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
