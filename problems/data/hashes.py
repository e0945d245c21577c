"""SHA-256 of files, computed once for each change of a file.

What was found is kept in the user's data folder, in `.checksums.json`: path -> size, times of change, SHA-256. Where it
cannot be read or written, files are hashed each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

from problems.data.gzipped import contents
from problems.data.locate import data_folder

NAME = ".checksums.json"


class Hashes:
    """What is known of files, and what is found out while it is used."""

    def __init__(self) -> None:
        self.file = data_folder() / NAME
        self.known = _read(self.file)
        self.new = False

    def before(self, path: Path) -> str | None:
        """The SHA-256 that a file had when it was read before, if it was."""
        entry = self.known.get(_key(path))
        return str(entry[-1]) if entry else None

    def now(self, path: Path, size: int) -> str:
        """The SHA-256 of a file's contents, unpacked; CorruptData unless they have that size."""
        entry = self.known.get(_key(path))
        if entry and entry[:-1] == _state(path):
            return str(entry[-1])
        return hashlib.sha256(contents(path, size)).hexdigest()

    def keep(self, path: Path, sha256: str) -> None:
        """Remember what a file has now."""
        entry: list[int | str] = [*_state(path), sha256]
        self.new |= self.known.get(_key(path)) != entry
        self.known[_key(path)] = entry

    def save(self) -> None:
        """Write what is new, if it can be written; files that are gone are forgotten."""
        if not self.new:
            return
        known = _read(self.file) | self.known  # with what another process has written meanwhile
        text = json.dumps({path: entry for path, entry in known.items() if os.path.exists(path)}, indent=1)
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.file.parent, prefix=NAME)
            try:
                with open(handle, "w", encoding="utf-8") as file:
                    file.write(text)
                os.replace(name, self.file)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise


def _key(path: Path) -> str:
    return str(path.resolve())


def _state(path: Path) -> list[int]:
    """What changes whenever a file does."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _read(file: Path) -> dict[str, list[int | str]]:
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        return {path: entry for path, entry in known.items() if len(entry) == 4 and len(entry[3]) == 64}
    except (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError):
        return {}
