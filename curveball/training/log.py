"""What is reported while a network trains: lines of JSON in a file, progress on the screen, and the user's callback."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from curveball.training.files import archive_previous, is_regular, one_line
from curveball.training.progress import Progress
from curveball.training.run import Record

Callback = Callable[[Record], object]
NAME = "log.jsonl"


class Log:
    """A file of JSON lines, or nothing without a folder.

    A checkpoint keeps the log's `mark`: its length and its SHA-256. A resumed run reads the log up to the mark, and
    drops the rest.
    """

    def __init__(self, folder: Path | None):
        self._path = None if folder is None else folder / NAME
        self._file: BinaryIO | None = None
        self._length, self._hash = 0, hashlib.sha256()

    @property
    def mark(self) -> Record:
        """What a checkpoint must know to find the lines written so far again."""
        return {"bytes": self._length, "sha256": self._hash.hexdigest()}

    @property
    def kept(self) -> bool:
        """Whether there are lines of this run already."""
        return self._length > 0

    def read(self, mark: Record) -> list[Record] | None:
        """The records up to a mark, and keep them; None where the log is gone, or is not the one that was marked.

        ValueError where it cannot be read.
        """
        if self._path is None or not self._path.exists():
            return None
        try:
            if not is_regular(self._path):
                raise OSError("not a regular file")
            with self._path.open("rb") as file:
                content = file.read(mark["bytes"])
        except OSError as error:
            raise ValueError(
                f"the log {self._path} cannot be read ({one_line(error.strerror or error)}): fix this, then continue "
                "with --resume"
            ) from None
        found = hashlib.sha256(content)
        if len(content) != mark["bytes"] or found.hexdigest() != mark["sha256"]:
            return None
        self._length, self._hash = len(content), found
        return [json.loads(line) for line in content.splitlines()]

    def open(self) -> None:
        """Begin to write: after the lines that were read, or a new file. A log of another run is moved away."""
        if self._path is None:
            return
        if not self._length and self._path.exists():
            archive_previous(self._path.parent, [NAME])
        try:
            self._file = self._path.open("ab")
            self._file.truncate(self._length)
        except OSError as error:
            raise self._cannot(error) from None

    def write(self, record: Record) -> None:
        """Append a line. ValueError if it cannot, as on a full disk."""
        if self._file is None:
            return
        line = (json.dumps(record) + "\n").encode()
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            raise self._cannot(error) from None
        self._length += len(line)
        self._hash.update(line)

    def to_disk(self) -> None:
        """Wait until all lines are on the disk: a checkpoint may not know of lines that are lost with the power."""
        if self._file is not None:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._cannot(error) from None

    def _cannot(self, error: OSError) -> ValueError:
        name: Any = self._path if self._file is None else self._file.name
        return ValueError(f"the log {name} cannot be written ({error.strerror}): fix this, then continue with --resume")

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # every record was flushed, or reported as an error
                self._file.close()


class Reporter:
    """Passes each record on: to the log, to the screen, and to the callback."""

    def __init__(self, log: Log, progress: Progress, callback: Callback | None):
        self._log, self._progress, self._callback = log, progress, callback

    def step(self, record: Record) -> None:
        """Report a logged step. What the callback raises goes through."""
        self._log.write({"kind": "step", **record})
        self._progress.step(record)
        self._call("step", record)

    def epoch(self, record: Record, save: Callable[[], None]) -> None:
        """Log an epoch, save its checkpoint, then call the callback, so that raising there loses nothing."""
        self._log.write({"kind": "epoch", **record})
        save()
        self._progress.epoch(record)
        self._call("epoch", record)

    def stopped(self, reason: str) -> None:
        """Log why the run ended early."""
        self._log.write({"kind": "stopped", "reason": reason})

    def advance(self) -> None:
        """Count a step, logged or not."""
        self._progress.advance()

    def _call(self, kind: str, record: Record) -> None:
        if self._callback is not None:
            self._callback({"kind": kind, **record})
