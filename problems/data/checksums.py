"""Are the files those that were published? SHA-256 of archives and of contents."""

from __future__ import annotations

import hashlib
from pathlib import Path

from problems.data.archive import differing
from problems.data.errors import ChecksumError, readable
from problems.data.gzipped import contents, stored
from problems.data.hashes import Hashes
from problems.data.sources import Download, File, Source


def verify(path: Path, item: Download) -> None:
    """ChecksumError unless a file is the published one."""
    with readable(path), path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != item.sha256:
        raise ChecksumError(
            f"{path} has the SHA-256 {found}, not the published {item.sha256}: it is cut short or another file; remove "
            "it and fetch the data again"
        )


def verify_files(source: Source, where: Path, unpacked: bool = False) -> None:
    """ChecksumError names a file in a folder that is not the published one; each is hashed once for every change.

    Of an archive only the whole has a published checksum: its files are compared with it when they are first read, if
    it is there, and later with what they were then. `unpacked`: they come from the archive just now.
    """
    hashes = Hashes()
    paths = [
        where / file.name if source.archive else stored(where, file.name) or where / file.name for file in source.files
    ]
    with readable(where):
        if source.archive and not unpacked and not all(map(hashes.before, paths)):
            compare_checksums(source, where)
        for file, path in zip(source.files, paths, strict=True):
            found, before = hashes.now(path, file.size), None if unpacked else hashes.before(path)
            if file.sha256 and found != file.sha256:
                raise ChecksumError(_another(path, file, found))
            if not file.sha256 and before and found != before:
                raise ChecksumError(
                    f"{path} has changed since it was first read: its SHA-256 was {before} and is {found}; remove the "
                    f"folder {where} and fetch the data again, or, if the change was meant, remove {hashes.file}"
                )
            hashes.keep(path, found)
    hashes.save()


def compare_checksums(source: Source, where: Path) -> str:
    """Compare the files in a folder with those published; say what was compared. ChecksumError if they differ."""
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
        return f"SHA-256 not compared: {source.archive.name} is not in the folder of the files, nor in the one above"
    for file in source.files:
        path = stored(where, file.name) or where / file.name
        found = hashlib.sha256(contents(path, file.size)).hexdigest()
        if found != file.sha256:
            raise ChecksumError(_another(path, file, found))
    return "SHA-256 of all contents as published"


def _another(path: Path, file: File, found: str) -> str:
    return (
        f"{path} holds another {file.name}: its contents have the SHA-256 {found}, not {file.sha256}; remove it and "
        "fetch the data again"
    )
