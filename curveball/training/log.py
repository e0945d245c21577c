"""What is reported while a network trains: lines of JSON in a file, a progress bar, and the user's callback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from curveball.training.files import write_whole
from curveball.training.run import Record

Callback = Callable[[Record], object]
SHOWN = ("loss", "error", "rho", "beta", "lam")  # at the end of the progress bar


class Log:
    """A file of JSON lines, or nothing. A resumed run keeps the lines up to its last epoch, and drops the rest."""

    def __init__(self, folder: Path | None, epochs: int):
        self._file = None
        if folder is not None:
            path = folder / "log.jsonl"
            write_whole(path, lambda temporary: temporary.write_text(_until_epoch(path, epochs) if epochs else ""))
            self._file = path.open("a")

    def write(self, record: Record) -> None:
        """Append a line. ValueError if it cannot, as on a full disk."""
        if self._file is not None:
            try:
                self._file.write(json.dumps(record) + "\n")
                self._file.flush()
            except OSError as error:
                raise ValueError(
                    f"the log {self._file.name} cannot be written ({error.strerror}): fix this, then continue with "
                    "--resume"
                ) from None

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # every record was flushed, or reported as an error
                self._file.close()


def _until_epoch(path: Path, epoch: int) -> str:
    """The lines of a log up to the record of an epoch."""
    kept = []
    for line in path.read_text().splitlines(keepends=True) if path.exists() else []:
        kept.append(line)
        if '"kind": "epoch"' in line and json.loads(line)["epoch"] == epoch:
            return "".join(kept)
    return ""  # the log is of another run, or lost: the checkpoint has all that is needed


class Reporter:
    """Passes each record on: to the log, to the progress bar, and to the callback."""

    def __init__(self, log: Log, bar: tqdm, callback: Callback | None):
        self._log, self._bar, self._callback = log, bar, callback

    def step(self, record: Record) -> None:
        """Report a logged step. What the callback raises goes through."""
        self._log.write({"kind": "step", **record})
        self._bar.set_postfix({key: f"{record[key]:.3g}" for key in SHOWN if key in record}, refresh=False)
        self._call("step", record)

    def epoch(self, record: Record, save: Callable[[], None]) -> None:
        """Log an epoch, save its checkpoint, then call the callback, so that raising there loses nothing."""
        self._log.write({"kind": "epoch", **record})
        save()
        self._call("epoch", record)

    def stopped(self, reason: str) -> None:
        """Log why the run ended early."""
        self._log.write({"kind": "stopped", "reason": reason})

    def advance(self) -> None:
        """Move the bar by a step, logged or not."""
        self._bar.update()

    def _call(self, kind: str, record: Record) -> None:
        if self._callback is not None:
            self._callback({"kind": kind, **record})
