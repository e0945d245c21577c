"""Where data are looked for: the folder given, the user's own, then those of the system's packages."""

from __future__ import annotations

import os
from pathlib import Path

from minigrad.extras import from_extra
from problems.data.errors import CorruptData, UnreadableData, readable
from problems.data.gzipped import contents, stored
from problems.data.sources import Source

DATA_DIR = "MINIGRAD_DATA_DIR"


def data_folder() -> Path:
    """`MINIGRAD_DATA_DIR`, or `curveball` in the user's cache folder."""
    chosen = os.environ.get(DATA_DIR)
    if chosen:
        return Path(chosen).expanduser()
    with from_extra("data"):  # here, so that importing problems stays quick
        import platformdirs
    return platformdirs.user_cache_path("curveball")


def search_folders(source: Source, folder: Path | None = None) -> list[Path]:
    """The folders where a data set is looked for, in this order."""
    return [*([] if folder is None else [folder]), data_folder(), *source.system]


def find(source: Source, folder: Path | None = None) -> Path | None:
    """The first folder that has all files of a data set, or else its archive; None if there is neither.

    The files may be in a folder itself or in its subfolder `source.inside`. CorruptData if a folder has some files of
    an unpacked archive but not all, or a file of another size: data from another folder are not taken instead.
    """
    for base in search_folders(source, folder):
        with readable(base):
            if base.is_file():
                if base != folder and os.environ.get(DATA_DIR) and base == data_folder():
                    raise UnreadableData(f"{DATA_DIR} is {base}, which is a file: set it to a folder")
                raise UnreadableData(f"{base} is a file: give the folder that it lies in")
            for where in (base, base / source.inside):
                if not missing_files(source, where):
                    check_sizes(source, where)
                    return where
            if source.archive:
                for where in (base / source.inside, *([base] if base == folder else [])):
                    missing = missing_files(source, where)
                    if len(missing) < len(source.files):
                        raise CorruptData(
                            f"{where} lacks {', '.join(missing)}: put it there, or remove the folder and fetch the "
                            "data again"
                        )
                if (base / source.archive.name).is_file():
                    return base / source.archive.name
    return None


def missing_files(source: Source, folder: Path) -> list[str]:
    """The names of the files that a folder does not have."""
    names = [file.name for file in source.files]
    if source.archive:
        return [name for name in names if not (folder / name).is_file()]
    return [name for name in names if stored(folder, name) is None]


def check_sizes(source: Source, where: Path) -> None:
    """CorruptData unless all files have their sizes, with the message that reading them would give."""
    for file in source.files:
        path = where / file.name if source.archive else stored(where, file.name) or where / file.name
        size = _length(path)
        if size != file.size and source.archive:
            raise CorruptData(
                f"{path} has {size:,} bytes, not {file.size:,}: it is cut short or another file; remove the folder "
                f"{where} and fetch the data again"
            )
        if size != file.size:
            contents(path, file.size)  # a .gz of several parts ends with the length of its last part only


def _length(path: Path) -> int:
    """The number of bytes in a file; for a .gz, what its last four bytes say."""
    size = path.stat().st_size
    if path.suffix != ".gz" or size < 4:
        return size
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")
