"""What can go wrong with data: each error names the file and what to do. All are `DataError`, a ValueError."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path


class DataError(ValueError):
    """A data set that cannot be loaded. The message is one line, whatever characters the name of a file has."""

    def __init__(self, message: str = ""):
        super().__init__("".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message))


class MissingData(DataError):
    """The files are not there, or not all of them."""


class UnreadableData(DataError):
    """A file or folder that cannot be read or written: no permission, a full disk, a file where a folder should be."""


class CorruptData(DataError):
    """A file with wrong contents: truncated, of another size, or with labels out of range."""


class ChecksumError(CorruptData):
    """A file of the right name with another SHA-256 than the published one."""


class UnsafeArchive(CorruptData):
    """An archive with a member that would be written outside its folder, or that is not a plain file."""


class DownloadFailed(DataError):
    """No server sent the file."""


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what the operating system says about reading `path` into an error that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise MissingData(f"{error.filename or path} is not there: give the folder that has it") from None
    except OSError as error:
        todo = "remove that link" if error.errno == errno.ELOOP else "make it readable"
        raise UnreadableData(
            f"{error.filename or path} cannot be read ({_reason(error)}): {todo}, or give another folder"
        ) from None


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing to the folder `path` into an error that names it."""
    try:
        yield
    except OSError as error:
        raise UnreadableData(
            f"{path} cannot be written ({_reason(error)}): give another folder, or set MINIGRAD_DATA_DIR"
        ) from None


def _reason(error: OSError) -> str:
    return str(error.strerror or error)
