"""Files are written whole or not at all: to a temporary file in the same folder, which is then renamed."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def check_writable(folder: Path, names: Iterable[str]) -> None:
    """Check, before the work, that no folder has the name of a file to be written. ValueError if one has."""
    try:
        taken = [name for name in names if (folder / name).is_dir()]
    except OSError as error:  # no permission to look, or a name that is too long
        raise ValueError(
            f"the output folder {folder} cannot be written ({error.strerror}): choose another with --out"
        ) from None
    if taken:
        raise ValueError(f"{folder / taken[0]} is a folder: choose another folder for the results with --out")


def write_together(folder: Path, writers: dict[str, Callable[[Path], object]]) -> None:
    """Write several files, all or none: first to a temporary folder, then moved. ValueError where one cannot be."""
    check_writable(folder, writers)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as temporary:
        try:
            for name, write in writers.items():
                write_whole(Path(temporary) / name, write)
            for name in writers:
                os.replace(Path(temporary) / name, folder / name)
        except OSError as error:
            raise ValueError(
                f"the results cannot be written to {folder} ({error}): choose another folder with --out"
            ) from None


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` on a temporary path in the same folder and move the result to `path`, or leave nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    try:
        write(Path(name))
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


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


def archive_previous(folder: Path, names: Iterable[str]) -> None:
    """Move the files that exist to a new subfolder: `previous`, then `previous-2`, ..."""
    candidates = (folder / (f"previous-{k}" if k > 1 else "previous") for k in itertools.count(1))
    previous = output_folder(next(path for path in candidates if not path.exists()))
    for name in names:
        if (folder / name).exists():
            (folder / name).replace(previous / name)
