"""Downloading: one server after the other, resuming where the last try stopped; only a file with its SHA-256 is kept.

Bytes are written to a hidden `.NAME.HASH.part` in the same folder. Only the whole file, checked, gets its name. If a
part was of another file, one more download starts from the beginning.
Of several processes that want one file, one downloads it and the others wait for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path

from minigrad.extras import from_extra
from problems.data.errors import DownloadFailed, writable
from problems.data.network_errors import reason, without_password
from problems.data.progress import alone, progress_bar
from problems.data.sources import Download

MIRROR = "MINIGRAD_DATA_MIRROR"  # the address of a folder with the files, asked first
TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces
TRIES = 10  # of one server that breaks off again and again
PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before it is asked again: twice as long each time
PIECE = 1 << 14  # bytes; at most this much is lost when a connection breaks


def download(item: Download, folder: Path, unpacked: str = "") -> Path:
    """Download a file into a folder and return its path.

    DownloadFailed says what every server answered and where to put the file, or the folder `unpacked` that it contains.
    """
    with from_extra("data"):  # before a folder is made
        import requests  # noqa: F401
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    part = folder / f".{item.name}.{item.sha256[:8]}.part"
    mirror = os.environ.get(MIRROR)
    urls = (f"{mirror.rstrip('/')}/{item.name}", *item.urls) if mirror else item.urls
    answers = []
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder / f".{item.name}.lock", f"waiting for another process, which downloads {item.name}"):
            if _is_published(folder / item.name, item):
                return folder / item.name
            for url in urls:
                answer = _try(url, item, part)
                if answer is None:
                    os.replace(part, folder / item.name)
                    return folder / item.name
                answers.append(f"{without_password(url)}: {answer}")
    for path in new:
        with contextlib.suppress(OSError):  # a folder with a part in it stays
            path.rmdir()
    alternative = f", or the unpacked folder {unpacked}," if unpacked else ""
    kept = f"; {_size(part):,} bytes are kept, and the next try goes on from there" if _size(part) else ""
    raise DownloadFailed(
        f"{item.name} cannot be downloaded ({'; '.join(answers)}): put it ({item.size:,} bytes, SHA-256 {item.sha256})"
        f"{alternative} into {folder}, or set {MIRROR} to the address of a folder that has it{kept}"
    )


def _try(url: str, item: Download, part: Path) -> str | None:
    """Ask one server until the part is the file (None), no more bytes come, or it broke off too often (the reason)."""
    from_before = _size(part) > 0
    breaks = 0
    while True:
        kept = _size(part)
        try:
            _complete(url, item, part)
        except _Refused as refused:
            if _size(part) <= kept:
                return str(refused)
            breaks += 1  # some bytes came before: resume after them
            if breaks == TRIES:
                return f"{refused}, {TRIES} times"
            time.sleep(min(PAUSE * 2 ** (breaks - 1), LONGEST_PAUSE))
            continue
        if _is_published(part, item):
            return None
        part.unlink()
        if not from_before:
            return "what it sends has another SHA-256"
        from_before = False  # the part may have been of another file: start again


class _Refused(Exception):
    """A server that did not send the whole file."""


def _complete(url: str, item: Download, part: Path) -> None:
    """Bring the part to the size of the file."""
    import requests  # here, so that importing problems stays quick

    kept = _size(part)
    try:
        if kept > item.size or (kept < item.size and not _receive(url, item, part, kept)):
            _receive(url, item, part, 0)
    except (requests.RequestException, UnicodeError) as error:  # the other: a password of letters it cannot send
        raise _Refused(reason(error)) from None


def _receive(url: str, item: Download, part: Path, kept: int) -> bool:
    """Write the file from byte `kept` on, or all of it if the server starts over; False if it has no such byte."""
    import requests

    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={kept}-"} if kept else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if kept and response.status_code == 416:
            return False
        response.raise_for_status()
        start = kept if response.headers.get("Content-Range", "").startswith(f"bytes {kept}-") else 0
        coming = response.headers.get("Content-Length")
        if coming is not None and start + int(coming) != item.size:
            raise _Refused(f"it has {start + int(coming):,} bytes, not {item.size:,}")
        bar = progress_bar(item.size, item.name, "B", initial=start, unit_scale=True)
        with part.open("ab" if start else "wb") as file, bar:
            for piece in response.iter_content(PIECE):
                if file.tell() + len(piece) > item.size:
                    part.unlink()
                    raise _Refused(f"it sends more than {item.size:,} bytes")
                file.write(piece)
                bar.update(len(piece))
    if _size(part) < item.size:
        raise _Refused(f"it sent {_size(part):,} bytes, not {item.size:,}")
    return True


def _is_published(path: Path, item: Download) -> bool:
    """Whether a file is there and has the published SHA-256."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == item.sha256


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
