"""Is there a folder, and can its files be opened? Asked before they are, so that an error names the folder itself."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from problems.data.errors import CorruptData


def is_folder(path: Path) -> bool:
    """Whether there is a folder, whose files can then be opened. CorruptData for a link to nothing."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise dead_link(path) from None
        return False
    if not path.is_dir():
        return False
    check_open(path)
    return True


def check_open(folder: str | Path) -> None:
    """PermissionError with the folder's name where its files cannot be opened; `os.scandir` tells the rest."""
    if not os.access(folder, os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def dead_link(path: str | Path) -> CorruptData:
    """What is said of a link to nothing."""
    return CorruptData(f"{path} is a link to {os.readlink(path)}, which is not there: mend or remove it")
