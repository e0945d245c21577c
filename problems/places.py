"""Where data are looked for, and how they get there: the folder given, the user's own, the system's, a download."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from problems.archive import differing, unpack
from problems.errors import ChecksumError, CorruptData, DownloadFailed, MissingData, UnreadableData, readable
from problems.fetch import download
from problems.idx import contents, stored
from problems.sources import Download, Source

DATA_DIR = "MINIGRAD_DATA_DIR"


def data_folder() -> Path:
    """`MINIGRAD_DATA_DIR`, or `curveball` in the user's cache folder."""
    import pooch

    chosen = os.environ.get(DATA_DIR)
    return Path(chosen).expanduser() if chosen else Path(pooch.os_cache("curveball"))


def places(source: Source, folder: Path | None = None) -> list[Path]:
    """The folders where a data set may lie, in the order in which they are asked."""
    return [*([] if folder is None else [folder]), data_folder(), *source.system]


def find(source: Source, folder: Path | None = None) -> Path | None:
    """The first folder that has all files of a data set, or else its archive; None where nothing has it.

    The files may lie in a place itself or in its subfolder `source.inside`. Of an unpacked archive all files must be
    there: CorruptData if some are, rather than data from elsewhere in silence.
    """
    for place in places(source, folder):
        with readable(place):
            if place.is_file():
                raise UnreadableData(f"{place} is a file: give the folder that it lies in")
            for where in (place, place / source.inside):
                if not _missing(source, where):
                    return where
            if source.archive:
                for where in (place / source.inside, *([place] if place == folder else [])):
                    missing = _missing(source, where)
                    if len(missing) < len(source.files):
                        raise CorruptData(
                            f"{where} lacks {', '.join(missing)}: put it there, or remove the folder and fetch the "
                            "data again"
                        )
                if (place / source.archive.name).is_file():
                    return place / source.archive.name
    return None


def _missing(source: Source, folder: Path) -> list[str]:
    names = [file.name for file in source.files]
    if source.archive:
        return [name for name in names if not (folder / name).is_file()]
    return [name for name in names if stored(folder, name) is None]


def obtain(source: Source, folder: Path | None = None, may_download: bool = True) -> Path:
    """The folder with all files of a data set, after unpacking or downloading what is not there yet.

    What is downloaded goes to the folder given, or else the user's own. DataError says what is wrong.
    """
    found = find(source, folder)
    if found is None:
        if not may_download:
            looked = ", ".join(str(place) for place in places(source, folder))
            raise MissingData(f"{source.name} is not in {looked}: curveball data fetch {source.name} downloads it")
        found = _fetch(source, folder or data_folder())
    if source.archive and found.name == source.archive.name:
        verify(found, source.archive)
        return unpack(found, source.inside, {file.name: file.size for file in source.files})
    return found


def _fetch(source: Source, folder: Path) -> Path:
    """Download what is not in a folder yet; return the archive, or the folder of the files."""
    where = folder if source.archive else folder / source.inside
    with readable(where):
        needed = [item for item in source.downloads if stored(where, item.name.removesuffix(".gz")) is None]
    for item in needed:
        try:
            download(item, where, source.inside if source.archive else "")
        except DownloadFailed as error:
            raise DownloadFailed(f"{source.name}: {error}; see {source.homepage}") from None
    return where / source.archive.name if source.archive else where


def verify(path: Path, item: Download) -> None:
    """ChecksumError unless a file is the published one."""
    with readable(path), path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != item.sha256:
        raise ChecksumError(
            f"{path} has the SHA-256 {found}, not the published {item.sha256}: it is cut short or another file; remove "
            "it and fetch the data again"
        )


def compare_checksums(source: Source, where: Path) -> str:
    """Compare files with what was published, as far as can be; say how far. ChecksumError where they differ."""
    if source.archive:
        for folder in (where.parent, where):
            path = folder / source.archive.name
            if path.is_file():
                verify(path, source.archive)
                for name in differing(path, source.inside, [file.name for file in source.files], where):
                    raise ChecksumError(f"{where / name} is not the one in {path}: remove one of them")
                return f"SHA-256 of {path} as published, its files the same as these"
        return f"SHA-256 not compared: {source.archive.name} is not beside the files"
    for file in source.files:
        path = stored(where, file.name) or where / file.name
        found = hashlib.sha256(contents(path, file.size)).hexdigest()
        if found != file.sha256:
            raise ChecksumError(
                f"{path} holds another {file.name}: its contents have the SHA-256 {found}, not {file.sha256}; remove "
                "it and fetch the data again"
            )
    return "SHA-256 of all contents as published"
