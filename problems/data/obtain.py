"""How data get to a folder: they are found, or unpacked, or downloaded."""

from __future__ import annotations

from pathlib import Path

from problems.data.archive import unpack
from problems.data.checksums import verify, verify_files
from problems.data.download import download
from problems.data.errors import CorruptData, DownloadFailed, MissingData, readable
from problems.data.gzipped import stored
from problems.data.locate import check_sizes, data_folder, find, missing_files, search_folders
from problems.data.sources import Source


def obtain(source: Source, folder: Path | None = None, may_download: bool = True, may_add: bool = True) -> Path:
    """The folder with all files of a data set, after unpacking or downloading what is missing.

    Downloads go to the folder given, or to the user's own. If the folder given has some files already, the others are
    downloaded into it only with `may_add`. DataError says what is wrong; a file that has changed is refused.
    """
    found = _find_or_fetch(source, folder, may_download, may_add)
    archive = source.archive
    unpacked = archive is not None and found.name == archive.name
    if archive is not None and unpacked:
        verify(found, archive)
        found = unpack(found, source.inside, {file.name: file.size for file in source.files})
    verify_files(source, found, unpacked)
    return found


def _find_or_fetch(source: Source, folder: Path | None, may_download: bool, may_add: bool) -> Path:
    """The folder of the files, or else the archive."""
    incomplete = _incomplete(source, folder)
    if incomplete is not None:
        if not may_download or (incomplete == folder and not may_add):
            raise CorruptData(
                f"{incomplete} lacks {', '.join(missing_files(source, incomplete))}: put it there, or curveball data "
                f"fetch {source.name} --folder {folder} downloads it"
            )
        return _fetch(source, incomplete)
    found = find(source, folder)
    if found is None:
        if not may_download:
            searched = ", ".join(str(base) for base in search_folders(source, folder))
            raise MissingData(
                f"{source.name} is not in {searched}: curveball data fetch {source.name} downloads it"
                f"{_pickled_form(source, folder)}"
            )
        target = folder or data_folder()
        try:
            found = _fetch(source, target if source.archive else target / source.inside)
        except DownloadFailed as error:
            package = f"; Debian's package {source.package} has all of it" if source.package else ""
            raise DownloadFailed(f"{error}{package}{_pickled_form(source, folder)}") from None
    return found


def _incomplete(source: Source, folder: Path | None) -> Path | None:
    """The folder given, or its subfolder, if it has some but not all of the files that are published one by one."""
    if folder is None or source.archive:
        return None
    with readable(folder):
        lacking = {where: len(missing_files(source, where)) for where in (folder, folder / source.inside)}
    if 0 in lacking.values():
        return None
    return next((where for where, count in lacking.items() if count < len(source.files)), None)


def _fetch(source: Source, where: Path) -> Path:
    """Download what is missing in a folder; return the archive, or the folder of the files."""
    with readable(where):
        needed = [item for item in source.downloads if stored(where, item.name.removesuffix(".gz")) is None]
    for k, item in enumerate(needed):
        try:
            download(item, where, source.inside if source.archive else "")
        except DownloadFailed as error:
            others = ", ".join(other.name for other in needed[k + 1 :])
            more = f"; also missing: {others}" if others else ""
            raise DownloadFailed(f"{source.name}: {error}{more}; see {source.homepage}") from None
    if source.archive:
        return where / source.archive.name
    with readable(where):
        check_sizes(source, where)  # of those that were there before, too
    return where


def _pickled_form(source: Source, folder: Path | None) -> str:
    """A note for an error, if the pickled form of the data is there instead."""
    for base in search_folders(source, folder):
        for where in (base, base / source.pickled) if source.pickled else ():
            if where.name == source.pickled and where.is_dir():
                return f"; {where} is the pickled form, which is never read: the binary version is needed"
    return ""
