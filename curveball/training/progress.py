"""What a person sees while a network trains: a bar on a terminal, elsewhere a line for each epoch.

It goes to standard error, and whatever is wrong with that never ends a run.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from tqdm import tqdm

from curveball.training.run import Record
from curveball.training.say import say

SHOWN = ("loss", "error", "rho", "beta", "lam")  # at the end of the bar


class _Forgiving:
    """Standard error, but writing never fails."""

    def __init__(self, stream: Any):
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Progress:
    """The progress of one run: its name, its epochs, its steps and how many of them are done."""

    def __init__(self, name: str, epochs: int, steps: int, done: int, quiet: bool):
        self._name, self._epochs, self._quiet = name, epochs, quiet
        self._bar: tqdm | None = None
        if not quiet and _is_terminal():
            self._bar = tqdm(
                total=steps, initial=done, desc=name, file=_Forgiving(sys.stderr),
                unit="step", mininterval=0.2, leave=True, ncols=120,
            )  # fmt: skip

    def step(self, record: Record) -> None:
        """Show the numbers of a logged step."""
        if self._bar is not None:
            shown = {key: f"{record[key]:.3g}" for key in SHOWN if key in record}
            self._bar.set_postfix(shown, refresh=False)

    def advance(self) -> None:
        """Count a step."""
        if self._bar is not None:
            self._bar.update()

    def epoch(self, record: Record) -> None:
        """Where there is no bar, print a line."""
        if self._bar is None and not self._quiet:
            say(
                f"{self._name}: epoch {record['epoch']} of {self._epochs}, "
                f"training loss {record['train_loss']:.4g}, error {100.0 * record['train_error']:.2f}%; "
                f"validation loss {record['validation_loss']:.4g}, error {100.0 * record['validation_error']:.2f}%; "
                f"{record['seconds']:.1f} s"
            )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()


def _is_terminal() -> bool:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return bool(sys.stderr.isatty())
    return False
