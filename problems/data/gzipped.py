"""Files that may be gzipped: finding them, plain or with .gz, and reading their contents of a known size."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from problems.data.errors import CorruptData, readable

AGAIN = "remove it and fetch the data again"


def stored(folder: Path, name: str) -> Path | None:
    """The path of a file, plain or with .gz; None if it is not there."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def contents(path: Path, size: int) -> bytes:
    """The unpacked bytes of a file. CorruptData unless there are `size` of them."""
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
