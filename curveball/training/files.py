"""Files are written whole or not at all: to a temporary file in the same folder, which is then renamed."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

WRITING = ".writing-"  # how the names of temporary folders begin


def one_line(error: object) -> str:
    """The text of an error, or any other, on one line and not too long.

    >>> one_line("two\\nlines")
    'two lines'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}..."


def is_regular(path: Path) -> bool:
    """Whether this is a file of bytes: not a folder, a device or a pipe. OSError where there is nothing."""
    return stat.S_ISREG(path.stat().st_mode)


def check_writable(folder: Path, names: Iterable[str]) -> None:
    """Check, before the work, that what has the name of a file to be written is a file. ValueError if it is not."""
    try:
        taken = [name for name in names if (folder / name).exists() and not is_regular(folder / name)]
    except OSError as error:  # no permission to look, or a name that is too long
        raise ValueError(
            f"the output folder {folder} cannot be written ({error.strerror}): choose another with --out"
        ) from None
    if taken:
        kind = "a folder" if (folder / taken[0]).is_dir() else "not a regular file"
        raise ValueError(f"{folder / taken[0]} is {kind}: choose another folder for the results with --out")


def write_together(folder: Path, writers: dict[str, Callable[[Path], object]]) -> None:
    """Write several files, all or none: first to a temporary folder, then moved. ValueError where one cannot be."""
    check_writable(folder, writers)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=WRITING) as temporary:
            for name, write in writers.items():
                write_whole(Path(temporary) / name, write)
            for name in writers:
                os.replace(Path(temporary) / name, folder / name)
            _to_disk(folder)
    except OSError as error:
        raise ValueError(
            f"the results cannot be written to {folder} ({one_line(error)}): choose another folder with --out"
        ) from None


def write_whole(path: Path, write: Callable[[Path], object], before: Path | None = None) -> None:
    """Call `write` on a path in a temporary folder next to `path` and move the result to `path`, or leave nothing.

    What was at `path` is kept at `before`, if that is given. When this returns, all is on the disk.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=WRITING) as folder:
        new, old = Path(folder) / path.name, Path(folder) / "before"
        write(new)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(new, 0o666 & ~umask)
        _to_disk(new)
        if before is not None and path.exists():
            try:
                os.link(path, old)  # so that there is a file at `path` at every moment
            except OSError:  # a file system without links
                os.replace(path, old)
            os.replace(old, before)
        os.replace(new, path)
    _to_disk(path.parent)


def _to_disk(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk. Windows has no such call for folders."""
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary folders that killed runs have left. Nobody else may be writing to the folder."""
    for path in folder.glob(f"{WRITING}*"):
        if re.fullmatch(r"\w{8}", path.name.removeprefix(WRITING)):
            shutil.rmtree(path, ignore_errors=True)


def output_folder(path: str | Path) -> Path:
    """Make a folder for results. ValueError where it cannot be written."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"the output folder {path} cannot be written ({reason}): choose another with --out") from None
    return path


def archive_previous(folder: Path, names: Iterable[str]) -> Path:
    """Move the files that exist to a new subfolder, which is returned: `previous`, then `previous-2`, ..."""
    candidates = (folder / (f"previous-{k}" if k > 1 else "previous") for k in itertools.count(1))
    previous = output_folder(next(path for path in candidates if not path.exists()))
    try:
        for name in names:
            if (folder / name).exists():
                (folder / name).replace(previous / name)
    except OSError as error:
        raise ValueError(f"the earlier results cannot be moved to {previous} ({one_line(error)})") from None
    return previous
