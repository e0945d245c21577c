"""Where data are looked for, and how they get there: the folder given, the user's own, the system's, a download."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from problems.data.archive import differing, unpack
from problems.data.download import download
from problems.data.errors import ChecksumError, CorruptData, DownloadFailed, MissingData, UnreadableData, readable
from problems.data.idx import contents, stored
from problems.data.sources import Download, Source

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
    there: CorruptData if some are, rather than data from elsewhere in silence. So too if one has another size.
    """
    for place in places(source, folder):
        with readable(place):
            if place.is_file():
                if place != folder and os.environ.get(DATA_DIR) and place == data_folder():
                    raise UnreadableData(f"{DATA_DIR} is {place}, which is a file: set it to a folder")
                raise UnreadableData(f"{place} is a file: give the folder that it lies in")
            for where in (place, place / source.inside):
                if not _missing(source, where):
                    _check_sizes(source, where)
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


def _check_sizes(source: Source, where: Path) -> None:
    """CorruptData, as when they are read, unless all files have their sizes."""
    for file in source.files:
        path = where / file.name if source.archive else stored(where, file.name) or where / file.name
        size = _length(path)
        if size != file.size and source.archive:
            raise CorruptData(
                f"{path} has {size:,} bytes, not {file.size:,}: it is cut short or another file; remove the folder "
                f"{where} and fetch the data again"
            )
        if size != file.size:
            contents(path, file.size)  # gzip's word alone is not enough: there may be several parts


def _length(path: Path) -> int:
    """The bytes that a file holds; of a .gz, as its last four bytes have it."""
    size = path.stat().st_size
    if path.suffix != ".gz" or size < 4:
        return size
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")


def _begun(source: Source, folder: Path | None) -> Path | None:
    """Where a folder given has some, not all, of the files that come one by one: nothing from elsewhere will do."""
    if folder is None or source.archive:
        return None
    with readable(folder):
        lacking = {where: len(_missing(source, where)) for where in (folder, folder / source.inside)}
    if 0 in lacking.values():
        return None
    return next((where for where, count in lacking.items() if count < len(source.files)), None)


def obtain(source: Source, folder: Path | None = None, may_download: bool = True, may_add: bool = True) -> Path:
    """The folder with all files of a data set, after unpacking or downloading what is not there yet.

    What is downloaded goes to the folder given, or else the user's own; files of the user's own in the folder given are
    added to only if that is allowed. DataError says what is wrong.
    """
    begun = _begun(source, folder)
    if begun is not None:
        if not may_download or (begun == folder and not may_add):
            raise CorruptData(
                f"{begun} lacks {', '.join(_missing(source, begun))}: put it there, or curveball data fetch "
                f"{source.name} --folder {folder} downloads it"
            )
        return _fetch(source, begun)
    found = find(source, folder)
    if found is None:
        if not may_download:
            looked = ", ".join(str(place) for place in places(source, folder))
            raise MissingData(
                f"{source.name} is not in {looked}: curveball data fetch {source.name} downloads it"
                f"{_other_form(source, folder)}"
            )
        target = folder or data_folder()
        try:
            found = _fetch(source, target if source.archive else target / source.inside)
        except DownloadFailed as error:
            package = f"; Debian's package {source.package} has all of it" if source.package else ""
            raise DownloadFailed(f"{error}{package}{_other_form(source, folder)}") from None
    if source.archive and found.name == source.archive.name:
        verify(found, source.archive)
        return unpack(found, source.inside, {file.name: file.size for file in source.files})
    return found


def _other_form(source: Source, folder: Path | None) -> str:
    """A word on the pickled form, where that is what somebody has."""
    for place in places(source, folder):
        for where in (place, place / source.pickled) if source.pickled else ():
            if where.name == source.pickled and where.is_dir():
                return f"; {where} is the pickled form, which is never read: the binary version is needed"
    return ""


def _fetch(source: Source, where: Path) -> Path:
    """Download what is not in a folder yet; return the archive, or the folder of the files."""
    with readable(where):
        needed = [item for item in source.downloads if stored(where, item.name.removesuffix(".gz")) is None]
    for k, item in enumerate(needed):
        try:
            download(item, where, source.inside if source.archive else "")
        except DownloadFailed as error:
            others = ", ".join(other.name for other in needed[k + 1 :])
            more = f"; missing like it: {others}" if others else ""
            raise DownloadFailed(f"{source.name}: {error}{more}; see {source.homepage}") from None
    if source.archive:
        return where / source.archive.name
    with readable(where):
        _check_sizes(source, where)  # those that were there before, too
    return where


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
                    raise ChecksumError(
                        f"{where / name} is not the one in {path}: remove the folder {where} and fetch the data again"
                    )
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
