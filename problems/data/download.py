"""Downloading: one server after the other, resuming where the last try stopped; only a file with its SHA-256 is kept.

Bytes are written to a hidden `.NAME.HASH.part` in the same folder. Pooch checks the whole file and gives it its name,
so a file of that name is always complete. If a part was of another file, one more download starts from the beginning.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from problems.data.errors import DownloadFailed, writable
from problems.data.sources import Download

MIRROR = "MINIGRAD_DATA_MIRROR"  # the address of a folder with the files, asked first
TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces
PIECE = 1 << 14  # bytes; at most this much is lost when a connection breaks


def download(item: Download, folder: Path, unpacked: str = "") -> Path:
    """Download a file into a folder and return its path.

    DownloadFailed says what every server answered and where to put the file, or the folder `unpacked` that it contains.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{item.name}.{item.sha256[:8]}.part"
    mirror = os.environ.get(MIRROR)
    urls = (f"{mirror.rstrip('/')}/{item.name}", *item.urls) if mirror else item.urls
    reasons = []
    for url in urls:
        reason = _try(url, item, folder, part)
        if reason is None:
            return folder / item.name
        reasons.append(f"{url}: {reason}")
    for path in new:
        with contextlib.suppress(OSError):  # a folder with a part in it stays
            path.rmdir()
    alternative = f", or the unpacked folder {unpacked}," if unpacked else ""
    kept = f"; {_size(part):,} bytes are kept, and the next try goes on from there" if _size(part) else ""
    raise DownloadFailed(
        f"{item.name} cannot be downloaded ({'; '.join(reasons)}): put it ({item.size:,} bytes, SHA-256 {item.sha256})"
        f"{alternative} into {folder}, or set {MIRROR} to the address of a folder that has it{kept}"
    )


def _try(url: str, item: Download, folder: Path, part: Path) -> str | None:
    """Ask one server until the file is complete (None) or no more bytes come (the reason)."""
    import pooch

    from_before = _size(part) > 0
    with writable(folder), _silent(pooch.get_logger()):
        while True:
            kept = _size(part)
            try:
                pooch.retrieve(url, f"sha256:{item.sha256}", item.name, folder, downloader=_Resuming(item, part))
                return None
            except _Refused as reason:
                if _size(part) <= kept:
                    return str(reason)
                # Some bytes came before the connection broke: resume after them.
            except ValueError:  # raised by Pooch for another SHA-256
                if not from_before:
                    return "what it sends has another SHA-256"
                from_before = False  # the part may have been of another file; Pooch removed it: start again


class _Refused(Exception):
    """A server that did not send the whole file."""


class _Resuming:
    """A downloader for Pooch that resumes after the part that is there."""

    def __init__(self, item: Download, part: Path):
        self.item, self.part = item, part

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        import requests

        kept = _size(self.part)
        try:
            if kept > self.item.size or (kept < self.item.size and not self._receive(url, kept)):
                self._receive(url, 0)
        except requests.RequestException as error:
            raise _Refused(_reason(error)) from None
        os.replace(self.part, output_file)

    def _receive(self, url: str, kept: int) -> bool:
        """Write the file from byte `kept` on, or all of it if the server starts over; False if it has no such byte."""
        import requests
        from tqdm import tqdm

        size = self.item.size
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={kept}-"} if kept else {})}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if kept and response.status_code == 416:
                return False
            response.raise_for_status()
            start = kept if response.headers.get("Content-Range", "").startswith(f"bytes {kept}-") else 0
            coming = response.headers.get("Content-Length")
            if coming is not None and start + int(coming) != size:
                raise _Refused(f"it has {start + int(coming):,} bytes, not {size:,}")
            bar = tqdm(total=size, initial=start, desc=self.item.name, unit="B", unit_scale=True, disable=None)
            with self.part.open("ab" if start else "wb") as file, bar:
                for piece in response.iter_content(PIECE):
                    if file.tell() + len(piece) > size:
                        self.part.unlink()
                        raise _Refused(f"it sends more than {size:,} bytes")
                    file.write(piece)
                    bar.update(len(piece))
        if _size(self.part) < size:
            raise _Refused(f"it sent {_size(self.part):,} bytes, not {size:,}")
        return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _reason(error: Exception) -> str:
    """A short description of an error of `requests`."""
    import requests

    response = getattr(error, "response", None)
    if isinstance(error, requests.HTTPError) and response is not None:
        return f"{response.status_code} {response.reason}"
    for kind, words in (
        (requests.Timeout, "no answer in time"),
        (requests.exceptions.ChunkedEncodingError, "the connection broke"),
        (requests.exceptions.SSLError, "no trusted connection"),
        (requests.ConnectionError, "no connection"),
    ):
        if isinstance(error, kind):
            return words
    return str(error)


@contextlib.contextmanager
def _silent(logger: Any) -> Iterator[None]:
    """No log lines of Pooch while the progress bar is drawn."""
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
