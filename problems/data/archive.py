"""Unpacking: only the files that are expected, none outside their folder, and all of them or none.

Members are written one by one to a hidden folder, under the names expected, never the archive's. One renaming at the
end gives the folder its name, so an interrupted unpacking leaves nothing that looks like the data.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from problems.data.errors import CorruptData, UnsafeArchive, readable, writable


def unpack(archive: Path, inside: str, sizes: dict[str, int]) -> Path:
    """Unpack `inside/NAME` for every name in `sizes` into the archive's folder, and return the folder `inside`.

    UnsafeArchive if any member is a link or a device, or has an absolute path or one with `..`. CorruptData for a file
    that is missing or of another size, or an archive cut short.
    """
    target = archive.parent / inside
    with writable(archive.parent):
        hidden = Path(tempfile.mkdtemp(prefix=f".{inside}-", dir=archive.parent))
        try:
            _write(archive, inside, sizes, hidden)
            umask = os.umask(0)
            os.umask(umask)
            hidden.chmod(0o777 & ~umask)
            _rename(hidden, target, sizes)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)  # already gone if it was renamed
    return target


def _rename(hidden: Path, target: Path, sizes: dict[str, int]) -> None:
    try:
        hidden.rename(target)
    except OSError:
        if not all((target / name).is_file() for name in sizes):  # else another process was faster
            raise


def _write(archive: Path, inside: str, sizes: dict[str, int], folder: Path) -> None:
    wanted = {f"{inside}/{name}": name for name in sizes}
    try:
        with gzip.open(archive) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                path = _checked(archive, member)
                name = wanted.pop(path, None)
                if name is None:
                    continue
                source = tar.extractfile(member)
                if source is None or member.size != sizes[name]:
                    raise CorruptData(
                        f"{archive}: {path} has {member.size:,} bytes, not {sizes[name]:,}: it is another archive; "
                        "remove it and fetch the data again"
                    )
                with source, (folder / name).open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
            while file.read(1 << 20):  # to the end, where gzip's own checksum is
                pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorruptData(f"{archive} is cut short or damaged ({error}): remove it and fetch the data again") from None
    if wanted:
        raise CorruptData(f"{archive} has no {', '.join(wanted)}: remove it and fetch the data again")


def _checked(archive: Path, member: tarfile.TarInfo) -> str:
    """The member's path, if it stays in its folder and is a plain file or folder."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
        kind = "leads outside its folder" if path.is_absolute() or ".." in path.parts else "is a link or a device"
        raise UnsafeArchive(
            f"{archive}: the member {member.name!r} {kind}; nothing was unpacked: remove the archive and fetch the "
            "data again"
        )
    return str(path)


def differing(archive: Path, inside: str, names: list[str], folder: Path) -> Iterator[str]:
    """The names of files that differ between a folder and the archive, which has the published checksum."""
    with readable(folder), tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            path = PurePosixPath(member.name)
            source = tar.extractfile(member)
            if source is None or path.parent.name != inside or path.name not in names:
                continue
            with source, (folder / path.name).open("rb") as file:
                if hashlib.file_digest(source, "sha256").digest() != hashlib.file_digest(file, "sha256").digest():  # type: ignore[arg-type]
                    yield path.name
