"""Files that are there plain or with .gz: finding them, and reading no more of them than there should be."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from problems.data.errors import CorruptData, readable

AGAIN = "remove it and fetch the data again"


def stored(folder: Path, name: str) -> Path | None:
    """The file of this name, plain or with .gz, if it is there."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def contents(path: Path, size: int) -> bytes:
    """The bytes of a file, unpacked, which must be `size` many."""
    with readable(path):
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                data = file.read(size + 1)  # no more: a small .gz may hold very much
        except (gzip.BadGzipFile, zlib.error) as error:
            raise CorruptData(f"{path} is not a gzip file, or is damaged ({error}): {AGAIN}") from None
        except EOFError:
            raise CorruptData(f"{path} is cut short: {AGAIN}") from None
    if len(data) != size:
        found = f"more than {size:,}" if len(data) > size else f"{len(data):,}"
        raise CorruptData(f"{path} holds {found} bytes, not {size:,}: it is cut short or another file; {AGAIN}")
    return data
