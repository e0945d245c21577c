"""Runs drawn while they train: in a notebook as a figure, on a terminal with characters."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Protocol

from curveball.figures.surroundings import in_notebook, on_terminal
from curveball.training.log import Callback
from curveball.training.run import Record, Run
from curveball.training.say import say

SHOWN = (("loss", "step"), ("validation_error", "step"))
INTERVAL = 0.5  # seconds between two pictures at least
SHARE = 0.1  # of the time, at most, goes into drawing
MOST = 4000  # steps of a run that are kept: then every other one is dropped


class Screen(Protocol):
    """Where a picture is drawn, and drawn anew."""

    def show(self, runs: Sequence[Run]) -> None:
        """Draw the runs in place of what was there."""

    def close(self) -> None:
        """The last picture stays."""


class LivePlot:
    """Draw runs while they train; `watch` gives the callback of each.

    screen:  where; by default the notebook, or the terminal of standard error. Where there is neither, nothing is
             drawn, and a line says so

    Besides the first and the last picture, at most a tenth of the time goes into drawing. A terminal that is closed
    ends no run.

    >>> class Counter:
    ...     shown = 0
    ...     def show(self, runs): self.shown += 1
    ...     def close(self): pass
    >>> counter = Counter()
    >>> with LivePlot(counter) as live:
    ...     live.watch("SGD")({"kind": "step", "step": 1, "loss": 2.0})
    >>> counter.shown
    2
    """

    def __init__(self, screen: Screen | None = None):
        self._screen = screen or find_screen()
        self._runs: list[Run] = []
        self._next = 0.0

    def watch(self, name: str, seed: int = 0) -> Callback:
        """The callback for a run of this name, to give to `train`; runs of the same name are seeds of one solver."""
        run = Run(name, None)
        self._runs.append(run)
        every = 1

        def callback(record: Record) -> None:
            nonlocal every
            kept = {key: value for key, value in record.items() if key in ("step", "epoch", "seconds", *_KEYS)}
            if record["kind"] == "epoch":
                run.epochs.append(kept)
            elif record["step"] % every == 0 or not run.steps:
                run.steps.append(kept)
                if len(run.steps) > MOST:
                    every *= 2
                    del run.steps[1::2]
            self._draw(time.perf_counter())

        return callback

    def _draw(self, now: float) -> None:
        if now < self._next or self._screen is None:
            return
        with contextlib.suppress(OSError, ValueError):  # of a terminal that is gone
            self._screen.show(self._runs)
        done = time.perf_counter()
        self._next = done + max(INTERVAL, (done - now) / SHARE)

    def __enter__(self) -> LivePlot:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._screen is not None:
            self._next = 0.0
            if self._runs:
                self._draw(time.perf_counter())
            with contextlib.suppress(OSError, ValueError):
                self._screen.close()


_KEYS = {y for y, _ in SHOWN}


def find_screen() -> Screen | None:
    """The notebook or the terminal that this runs in; without either, None, and a line that says so."""
    if in_notebook():
        from curveball.figures.notebook_screen import NotebookScreen

        return NotebookScreen(SHOWN)
    if on_terminal():
        from curveball.figures.terminal_screen import TerminalScreen

        return TerminalScreen(SHOWN)
    say("curveball: there is no notebook and no terminal to draw in while it trains: curveball plot draws the log")
    return None
